// Targets on the service's own host: the shim is a child process in a session of its own, which outlives the service.
// 1. A root that is missing is an error of the target, never a command in some other directory.
// 2. Run directories lie in the service's data directory; commands that sudo runs have their own, owned by root.

import { stat } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { LOCAL_COMMANDS_MAX } from "../base/limits.ts";
import type { Clock } from "../engine/ports.ts";
import { Become } from "../gen/holdfast/v1/workflow_pb.ts";
import { connectionFault } from "./connection-fault.ts";
import { exchange } from "./exchange.ts";
import type { Far } from "./far.ts";
import { callTimes, encodeOrders } from "./orders.ts";
import { SHIM, SHIM_INNER } from "./shim.ts";
import { Slots } from "./slots.ts";

/** What all local targets share. */
export interface LocalPorts {
  readonly stateDir: string;
  readonly clock: Clock;
  /** The service's environment; commands inherit PATH, HOME and LANG of it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly graceMs: number;
}

/** Makes places on the service's own host; they share one bound on commands at a time. */
export function createLocal(
  ports: LocalPorts,
): (target: { readonly place: string; readonly root: string; readonly become: Become }) => Far {
  const slots = new Slots(LOCAL_COMMANDS_MAX);
  const env = inherited(ports.env);
  return ({ place, root, become }) => {
    const hasSudo = become === Become.SUDO;
    const base = `${ports.stateDir}/${hasSudo ? "runs-sudo" : "runs"}`;
    const shell = ["/bin/sh", "-c", SHIM, "holdfast", SHIM_INNER] as const;
    const [file, ...args] = hasSudo ? (["sudo", "-n", "-H", "--", ...shell] as const) : shell;
    return {
      place,
      origin: base,
      base,
      cwd: root,
      isRemote: false,
      refusal: () => refusal(root),
      async call(orders, { isControl, signal, mayBegin }) {
        const bytes = encodeOrders(orders);
        if (!isControl && !(await slots.take(signal))) return { kind: "aborted", isSent: false };
        const call = {
          process: () => ({ file, args, env }),
          orders: bytes,
          isKilledWhenAbandoned: false,
          outputBytesMax: orders.outputBytesMax,
          ...callTimes(orders, ports),
        };
        const onClose = isControl ? () => undefined : () => slots.release();
        const result = await exchange(call, { clock: ports.clock, onClose, signal, mayBegin });
        if (result.kind !== "lost" || result.isSent || !hasSudo) return result;
        return { ...result, ...connectionFault(result.message, { host: "the service's own host", port: 0, knownHosts: "" }) };
      },
    };
  };
}

/** The variables that a command at home inherits. */
function inherited(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of ["PATH", "HOME", "LANG"]) {
    const value = env[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}

async function refusal(root: string): Promise<string | undefined> {
  if (root === "") return undefined;
  if (!isAbsolute(root))
    return `its root ${JSON.stringify(root)} is not an absolute path; correct "connection.local.root" in the inventory`;
  const found = await stat(root).catch(() => undefined);
  if (found?.isDirectory() === true) return undefined;
  return `its root ${JSON.stringify(root)} ${found === undefined ? "does not exist or cannot be read" : "is not a directory"}; create it, or correct "connection.local.root" in the inventory`;
}
