// The Transport port, for both kinds of targets: picks the way to a target, runs and looks there, and keeps run directories from piling up.
// 1. It holds no state that a crash could lose: what it remembers are open connections and when it last swept.
// 2. `close` stops the ssh masters that it started and its own waiting; commands at targets go on (H11).

import { HoldfastError } from "../base/errors.ts";
import { RUN_DIRECTORIES_SWEPT_MAX, RUN_SWEEP_PERIOD_MS } from "../base/limits.ts";
import type { Clock, Pace, Transport } from "../engine/ports.ts";
import { Become } from "../gen/holdfast/v1/workflow_pb.ts";
import type { Target } from "../gen/holdfast/v1/workflow_pb.ts";
import type { Far } from "./far.ts";
import { createLocal } from "./local.ts";
import { lookAt, runAt, sweepOrders } from "./runs.ts";
import type { RunPorts } from "./runs.ts";
import { createSsh } from "./ssh.ts";

/** What the transport needs; every option is the caller's to choose. */
export interface TransportOptions {
  /** Where statuses of local runs are kept: a directory inside the service's data directory, absolute. */
  readonly stateDir: string;
  /** Where the sockets of ssh masters are: private, and short, for socket paths are bounded to about 100 bytes. Absolute. */
  readonly controlDir: string;
  readonly clock: Clock;
  /** Paces commands over ssh per host. */
  readonly pace: Pace;
  /** The service's environment: local commands inherit PATH, HOME and LANG of it, the ssh client all of it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Told of what goes wrong beside a command, such as a sweep that failed. */
  readonly log: (line: string) => void;
  /** How long a process group has between TERM and KILL. */
  readonly graceMs: number;
  readonly ssh: {
    readonly connectTimeoutMs: number;
    /** A connection that is silent for three of these is given up. */
    readonly aliveIntervalMs: number;
    /** How long an idle connection is kept open. */
    readonly idleMs: number;
  };
}

/** Makes the transport; `close` ends its connections, not what runs at targets. */
export function createTransport(options: TransportOptions): Transport & { close(): Promise<void> } {
  const closing = new AbortController();
  const ports: RunPorts = { clock: options.clock, graceMs: options.graceMs, closed: closing.signal };
  const local = createLocal(options);
  const ssh = createSsh(options);
  const sweeper = createSweeper(ports, options.log);
  const farOf = (target: Target): Far => {
    const connection = target.connection;
    const become = connection?.become ?? Become.UNSPECIFIED;
    const kind = connection?.kind;
    if (kind?.case === "ssh") return ssh.far({ target: target.name, connection: kind.value, become });
    if (kind?.case === "local") return local({ place: `target "${target.name}"`, root: kind.value.root, become });
    throw new HoldfastError("INVALID_ARGUMENT", `target "${target.name}": has no connection; give it "local" or "ssh" in the inventory`);
  };
  return {
    async run(target, command) {
      const far = farOf(target);
      const result = await runAt(far, command, ports);
      if (command.run !== undefined && result.kind === "exited") sweeper(far);
      return result;
    },
    async look(target, look) {
      return lookAt(farOf(target), look, ports);
    },
    async close() {
      closing.abort();
      await ssh.close();
    },
  };
}

/** Sweeps a place's old run directories, at most once a period, beside whatever else goes on. */
function createSweeper(ports: RunPorts, log: (line: string) => void): (far: Far) => void {
  const sweptAtMs = new Map<string, number>();
  return (far) => {
    const nowMs = ports.clock.monotonicMs();
    const lastMs = sweptAtMs.get(far.origin);
    if (ports.closed.aborted || (lastMs !== undefined && nowMs - lastMs < RUN_SWEEP_PERIOD_MS)) return;
    sweptAtMs.set(far.origin, nowMs);
    const orders = sweepOrders(far, { graceMs: ports.graceMs, timeoutMs: RUN_SWEEP_PERIOD_MS, countMax: RUN_DIRECTORIES_SWEPT_MAX });
    void far.call(orders, { isControl: true, signal: ports.closed }).then(
      (result) => {
        if (result.kind === "lost") log(`${far.place}: could not remove old run directories: ${result.message}`);
      },
      (error: unknown) => log(`${far.place}: could not remove old run directories: ${String(error)}`),
    );
  };
}
