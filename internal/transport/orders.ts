// What the service tells the shim: four lines of shell assignments that its `eval` reads. Values are quoted exactly, byte for byte.
// 1. Values travel on stdin, never in an argument list: `ps` at either end shows neither the environment nor the command before it runs.
// 2. Nothing unquoted comes from outside: names and keys are parsed here, numbers are formatted here.

import { createHash } from "node:crypto";
import { assert } from "../base/assert.ts";
import { HoldfastError } from "../base/errors.ts";
import {
  COMMAND_ORDERS_BYTES_MAX,
  COMMAND_STDIN_BYTES_MAX,
  HEARTBEAT_LOOKS,
  SHIM_ANSWER_MARGIN_MS,
  TASK_KEY_LENGTH_MAX,
} from "../base/limits.ts";
import type { RunRef } from "../engine/ports.ts";
import type { ShimOp } from "./shim.ts";

/** What one call of the shim is to do. */
export interface Orders {
  readonly op: ShimOp;
  /** Where run directories are; empty: the far end's own place. */
  readonly base: string;
  /** Absent for `once` and `sweep`. */
  readonly run?: RunRef;
  /** Lets a run start that `look` called absent before; see the shim's invariant 3. */
  readonly fence: number;
  readonly timeoutMs: number;
  readonly graceMs: number;
  /** The longest that the command may print nothing; undefined: no bound. */
  readonly heartbeatMs: number | undefined;
  readonly outputBytesMax: number;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Empty: the home directory. */
  readonly cwd: string;
  readonly stdin: Uint8Array;
  /** For `stop`: what the run's status will say. */
  readonly mark: "cancel" | "timeout";
  /** For `sweep`. */
  readonly ageS: number;
}

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const TASK_KEY = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;
/** Variables that some shells let nobody set. */
const ENV_READ_ONLY = new Set(["_", "BASHOPTS", "BASH_VERSINFO", "EUID", "PPID", "SHELLOPTS", "UID"]);

/** The bytes that follow the shim's "ready". Throws INVALID_ARGUMENT for what cannot be said to a process: NUL bytes, names of variables. */
export function encodeOrders(orders: Orders): Uint8Array {
  const { run } = orders;
  const settings = {
    op: orders.op,
    base: orders.base,
    key: run === undefined ? "" : runPath(run.taskKey),
    n: String(run?.attempt ?? 0),
    fence: String(orders.fence),
    time: (Math.max(1, Math.ceil(orders.timeoutMs)) / 1_000).toFixed(3),
    secs: String(Math.ceil(orders.timeoutMs / 1_000)),
    pulse: orders.heartbeatMs === undefined ? "" : (orders.heartbeatMs / HEARTBEAT_LOOKS / 1_000).toFixed(3),
    grace: (orders.graceMs / 1_000).toFixed(3),
    graces: String(Math.ceil(orders.graceMs / 1_000)),
    max: String(orders.outputBytesMax),
    in: String(orders.stdin.length),
    cwd: orders.cwd,
    mark: orders.mark,
    age: String(orders.ageS),
    dir: "",
  };
  const lines = [
    Object.entries(settings)
      .map(([name, value]) => `hf_${name}=${quote(value, name)}`)
      .join(" "),
    `set -- ${orders.argv.map((value, i) => quote(value, `argv[${i}]`)).join(" ")}`,
    envLine(orders.env),
    "go",
  ];
  const text = Buffer.from(`${lines.join("\n")}\n`);
  if (text.length > COMMAND_ORDERS_BYTES_MAX) {
    throw new HoldfastError(
      "RESOURCE_EXHAUSTED",
      `command: arguments and environment are ${text.length} bytes, at most ${COMMAND_ORDERS_BYTES_MAX} are allowed; pass large input by stdin`,
    );
  }
  if (orders.stdin.length > COMMAND_STDIN_BYTES_MAX) {
    throw new HoldfastError(
      "RESOURCE_EXHAUSTED",
      `command: stdin is ${orders.stdin.length} bytes, at most ${COMMAND_STDIN_BYTES_MAX} are allowed`,
    );
  }
  return orders.stdin.length === 0 ? text : Buffer.concat([text, orders.stdin]);
}

/** How long a call with these orders may take: the far end keeps the command's own time; beyond this it has lost its way. */
export function callTimes(
  orders: Orders,
  { graceMs }: { readonly graceMs: number },
): { readonly endsWithInput: boolean; readonly answerMs: number; readonly endMs: number } {
  const endMs = 2 * graceMs + SHIM_ANSWER_MARGIN_MS;
  return { endsWithInput: orders.op === "once", answerMs: orders.timeoutMs + endMs, endMs };
}

/** Where a task's runs are, below the base: sharded, so that no directory grows beyond what a sweep can walk. */
export function runPath(taskKey: string): string {
  if (!TASK_KEY.test(taskKey) || taskKey.length > TASK_KEY_LENGTH_MAX) {
    throw new HoldfastError(
      "INVALID_ARGUMENT",
      `task key: not safe as a file name: expected at most ${TASK_KEY_LENGTH_MAX} of A-Z a-z 0-9 . _ - and no leading dot`,
    );
  }
  return `${createHash("sha256").update(taskKey).digest("hex").slice(0, 2)}/${taskKey}`;
}

function envLine(env: Readonly<Record<string, string>>): string {
  const parts = Object.entries(env).map(([name, value]) => {
    if (!ENV_NAME.test(name) || ENV_READ_ONLY.has(name)) {
      throw new HoldfastError(
        "INVALID_ARGUMENT",
        `environment: ${JSON.stringify(name)} cannot be set: expected a name of letters, digits and "_" that the shell leaves free`,
      );
    }
    return `${name}=${quote(value, `environment variable ${name}`)}`;
  });
  return parts.length === 0 ? ":" : `export ${parts.join(" ")}`;
}

/** One line of shell that yields exactly this text: a newline is put in from the shim's own variable. */
function quote(value: string, what: string): string {
  if (value.includes("\0"))
    throw new HoldfastError("INVALID_ARGUMENT", `${what}: holds a NUL byte, which no process can be given; remove it, or pass it by stdin`);
  return quoteShell(value).replaceAll("\n", `'"$hf_nl"'`);
}

/** Single-quotes a text for any Bourne-like shell. */
export function quoteShell(value: string): string {
  assert(!value.includes("\0"), "shell text has no NUL");
  return `'${value.replaceAll("'", `'\\''`)}'`;
}
