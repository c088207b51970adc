// What tests of the shim itself share: the shells that it must run under, the programs that it is made of, and orders for it.

import { spawnSync } from "node:child_process";
import type { Orders } from "../../internal/transport/orders.ts";
import { SHIM_HAND } from "../../internal/transport/shim-hand.ts";
import { SHIM, SHIM_INNER } from "../../internal/transport/shim.ts";

/** The shells of those that this machine has. */
export const SHELLS = [
  { name: "dash", file: "dash", args: [] },
  { name: "bash as sh", file: "bash", args: ["--posix"] },
  { name: "busybox sh", file: "busybox", args: ["sh"] },
].filter(({ file }) => spawnSync(file, ["-c", ":"]).error === undefined);

/** What stands behind a shell's `-c`. */
export const PROGRAMS = [SHIM, "holdfast", SHIM_INNER, SHIM_HAND];

/** A run of `true`, but for the changes; its state is below the directory. */
export function orderIn(dir: string, changes: Partial<Orders>): Orders {
  return {
    op: "run",
    base: `${dir}/runs`,
    fence: 0,
    timeoutMs: 10_000,
    graceMs: 200,
    heartbeatMs: undefined,
    outputBytesMax: 10_000,
    argv: ["true"],
    env: {},
    cwd: "",
    stdin: new Uint8Array(),
    mark: "cancel",
    ageS: 0,
    ...changes,
  };
}
