// The life of a command at a target, whatever leads there: run it, look for it, end it, and find the way again when the way is lost.
// 1. `unreachable` and `unbegun` are said only when nothing was started and nothing will be; `cancelled` and `timed-out` only when the group is
//    known to be gone.
// 2. A run that is lost with its connection is looked for until its time is over; what nobody could see by then is `unknown`.
// 3. A fence is raised by looking only. This life may pass the fences of its own looks, a late message of an earlier life may not.

import { assertNever } from "../base/assert.ts";
import {
  CANCEL_REACH_MS_MAX,
  RECONNECT_BACKOFF_MS_MAX,
  RECONNECT_BACKOFF_MS_MIN,
  RUN_DIRECTORY_AGE_S_MAX,
  SHIM_FENCES_MAX,
} from "../base/limits.ts";
import type { Clock, HostCommand, HostLook, HostResult, RunRef, Silence } from "../engine/ports.ts";
import type { Far } from "./far.ts";
import { encodeOrders } from "./orders.ts";
import type { Orders } from "./orders.ts";
import type { Reply } from "./reply.ts";

/** What a run needs beside its target. */
export interface RunPorts {
  readonly clock: Clock;
  readonly graceMs: number;
  /** Aborts when the transport is closed. */
  readonly closed: AbortSignal;
}

type LookOptions = Pick<HostCommand, "timeoutMs" | "outputBytesMax" | "signal"> & { readonly run: RunRef };

/** Runs a command; see Transport.run. Throws INVALID_ARGUMENT for a command that cannot be said to a process. */
export async function runAt(far: Far, command: HostCommand, ports: RunPorts): Promise<HostResult> {
  const deadlineMs = ports.clock.monotonicMs() + command.timeoutMs;
  let orders = commandOrders(far, command, ports);
  encodeOrders(orders);
  if (command.signal.aborted) return { kind: "unbegun" };
  const refusal = await far.refusal();
  if (refusal !== undefined) return { kind: "unreachable", message: `${far.place}: ${refusal}` };
  for (let fences = 0; fences < SHIM_FENCES_MAX; fences += 1) {
    const timeoutMs = deadlineMs - ports.clock.monotonicMs();
    if (timeoutMs <= 0)
      return { kind: "unreachable", message: `${far.place}: no room for another command in ${command.timeoutMs} ms; nothing was started` };
    orders = { ...orders, timeoutMs };
    const result = await far.call(orders, { isControl: false, signal: command.signal, mayBegin: command.mayBegin });
    if (result.kind === "reply" && result.reply.kind === "voided") {
      orders = { ...orders, fence: result.reply.fence };
      continue;
    }
    if (result.kind === "reply") return hostResult(result.reply, { far, command });
    if (!result.isSent)
      return result.kind === "aborted" ? { kind: "unbegun" } : { kind: "unreachable", message: `${far.place}: ${result.message}` };
    if (command.run === undefined) return lostOnce(result, far);
    const look = { ...command, run: command.run };
    if (result.kind === "aborted") return cancelAt(far, look, ports);
    const found = await findAt(far, look, { ports, deadlineMs });
    return isAbsent(found) ? neverSeen(far, found, result) : settled(found, { far, look });
  }
  return {
    kind: "unknown",
    message: `${far.place}: the run was looked for again and again while it should start; is the same service running twice?`,
  };
}

/** Looks for a run of a former life; see Transport.look. */
export async function lookAt(far: Far, look: LookOptions, ports: RunPorts): Promise<HostLook> {
  const deadlineMs = ports.clock.monotonicMs() + look.timeoutMs;
  const found = await findAt(far, look, { ports, deadlineMs });
  return isAbsent(found) ? { kind: "absent" } : settled(found, { far, look });
}

/** What a shim said when it was asked for a run, and in which boot of its machine. */
interface Answer<R extends Reply = Reply> {
  readonly isReply: true;
  readonly reply: R;
  readonly boot: string;
}

type Absent = Extract<Reply, { readonly kind: "absent" }>;
type Found = HostResult | Answer;

function isAbsent(found: Found): found is Answer<Absent> {
  return "isReply" in found && found.reply.kind === "absent";
}

/** Waits for the run, over as many connections as it takes, and ends it when its time is over. */
async function findAt(
  far: Far,
  look: LookOptions,
  { ports, deadlineMs }: { readonly ports: RunPorts; readonly deadlineMs: number },
): Promise<Found> {
  const { clock } = ports;
  const orders = lookOrders(far, look, ports);
  for (let backoffMs = RECONNECT_BACKOFF_MS_MIN; ; backoffMs = Math.min(2 * backoffMs, RECONNECT_BACKOFF_MS_MAX)) {
    const timeoutMs = Math.max(0, deadlineMs - clock.monotonicMs());
    const result = await far.call({ ...orders, timeoutMs }, { isControl: false, signal: look.signal });
    if (result.kind === "aborted") return cancelAt(far, look, ports);
    if (result.kind === "reply") {
      const { reply, boot } = result;
      return reply.kind === "held" ? endAt(far, look, { ports, mark: "timeout" }) : { isReply: true, reply, boot };
    }
    const isOver = clock.monotonicMs() + backoffMs >= deadlineMs + ports.graceMs;
    if (isOver || result.isHopeless === true || !far.isRemote || ports.closed.aborted) {
      return {
        kind: "unknown",
        message: `${far.place}: cannot be reached to see how the run ended (${result.message}); look there, then "holdfast resolve"`,
      };
    }
    await pause(clock, { delayMs: backoffMs, signal: AbortSignal.any([look.signal, ports.closed]) });
  }
}

async function cancelAt(far: Far, look: LookOptions, ports: RunPorts): Promise<HostResult> {
  const found = await endAt(far, look, { ports, mark: "cancel" });
  if (isAbsent(found) || ("isReply" in found && found.reply.kind === "died")) return { kind: "cancelled" };
  return settled(found, { far, look });
}

/** Ends the run's process group, trying to reach the target for a bounded time. */
async function endAt(
  far: Far,
  look: LookOptions,
  { ports, mark }: { readonly ports: RunPorts; readonly mark: Orders["mark"] },
): Promise<Found> {
  const { clock } = ports;
  const deadlineMs = clock.monotonicMs() + CANCEL_REACH_MS_MAX;
  const orders: Orders = { ...lookOrders(far, look, ports), op: "stop", mark, timeoutMs: 2 * ports.graceMs };
  for (let backoffMs = RECONNECT_BACKOFF_MS_MIN; ; backoffMs = Math.min(2 * backoffMs, RECONNECT_BACKOFF_MS_MAX)) {
    const result = await far.call(orders, { isControl: true, signal: ports.closed });
    if (result.kind === "reply") return { isReply: true, reply: result.reply, boot: result.boot };
    const isOver = clock.monotonicMs() + backoffMs >= deadlineMs;
    if (isOver || result.kind === "aborted" || result.isHopeless === true || !far.isRemote) {
      const why = result.kind === "lost" ? result.message : "the service is going down";
      return {
        kind: "unknown",
        message: `${far.place}: cannot be reached to end the run (${why}); it goes on there until its own timeout`,
      };
    }
    await pause(clock, { delayMs: backoffMs, signal: ports.closed });
  }
}

/** What a run came to that was found. */
function settled(found: Found, { far, look }: { readonly far: Far; readonly look: LookOptions }): HostResult {
  return "isReply" in found ? hostResult(found.reply, { far, command: look }) : found;
}

/** What a run came to whose connection was lost after its orders had been sent, and of which nobody found anything then. */
function neverSeen(far: Far, found: Answer<Absent>, lost: { readonly message: string; readonly boot: string }): HostResult {
  if (found.reply.hasBegun) return diedResult(far);
  // A machine that went down may have lost the mark of a command that had begun: the mark is not synced.
  if (lost.boot === "" || found.boot !== lost.boot) return rebootedResult(far);
  return {
    kind: "unreachable",
    message: `${far.place}: the connection was lost before the command began, nothing was started: ${lost.message}`,
  };
}

function lostOnce(result: { readonly kind: "lost"; readonly message: string } | { readonly kind: "aborted" }, far: Far): HostResult {
  if (result.kind === "aborted")
    return { kind: "unknown", message: `${far.place}: was told to end a read-only command and did not answer` };
  return { kind: "unreachable", message: `${far.place}: the connection was lost during a read-only command: ${result.message}` };
}

function hostResult(
  reply: Reply,
  { far, command }: { readonly far: Far; readonly command: Pick<HostCommand, "outputBytesMax"> },
): HostResult {
  switch (reply.kind) {
    case "exited":
    case "timed-out": {
      const bytesMax = command.outputBytesMax;
      const stdout = reply.stdout.subarray(0, bytesMax);
      const stderr = reply.stderr.subarray(Math.max(0, reply.stderr.length - bytesMax));
      const isTruncated = stdout.length < reply.stdout.length || stderr.length < reply.stderr.length;
      return reply.kind === "exited"
        ? { kind: "exited", status: reply.status, stdout, stderr, isTruncated }
        : { kind: "timed-out", stdout, stderr, ...silenceOf(reply.status) };
    }
    case "cancelled":
      return { kind: "cancelled" };
    case "held":
      return {
        kind: "unreachable",
        message: `${far.place}: another run of this task still goes on there; nothing was started. Wait for it, or cancel it`,
      };
    case "missing":
      return {
        kind: "unreachable",
        message: `${far.place}: ${JSON.stringify(reply.tool)} is not in its PATH; install it there (commands need sh, coreutils, flock and setsid)`,
      };
    case "failed":
      return { kind: "unreachable", message: `${far.place}: the shim ${reply.message}; is its disk full, or the directory not its own?` };
    case "stuck":
      return {
        kind: "unknown",
        message: `${far.place}: a process of the command did not end after SIGKILL; it keeps the task's lock until it does`,
      };
    case "died":
      return diedResult(far);
    case "absent":
    case "voided":
    case "swept":
      return { kind: "unknown", message: `${far.place}: the shim gave an answer to another question (${reply.kind})` };
    default:
      return assertNever(reply);
  }
}

/** A command that was ended for its silence left, as its status, 1, or 2 and how many seconds after its start it was last heard. */
function silenceOf(status: number): { readonly silence?: Silence } {
  return status === 0 ? {} : { silence: { heardAfterS: status === 1 ? undefined : status - 2 } };
}

function diedResult(far: Far): HostResult {
  return {
    kind: "unknown",
    message: `${far.place}: the run had begun and left no status: its machine went down, or its shim was killed; look there, then "holdfast resolve"`,
  };
}

function rebootedResult(far: Far): HostResult {
  const found = `${far.place}: the connection was lost, and its machine was started anew since, or does not say so`;
  return { kind: "unknown", message: `${found}: whether the command had begun nobody can say; look there, then "holdfast resolve"` };
}

function commandOrders(far: Far, command: HostCommand, { graceMs }: RunPorts): Orders {
  const { run, cwd = "", stdin = new Uint8Array() } = command;
  const env = run === undefined ? command.env : { ...command.env, HOLDFAST_TASK_KEY: run.taskKey };
  const orders = {
    ...blankOrders(far, { graceMs }),
    timeoutMs: command.timeoutMs,
    heartbeatMs: command.heartbeatMs,
    outputBytesMax: command.outputBytesMax,
    argv: command.argv,
    env,
    stdin,
  };
  const isInside = cwd === "" || cwd.startsWith("/") || far.cwd === "";
  const place = { cwd: isInside ? cwd || far.cwd : `${far.cwd}/${cwd}` };
  return run === undefined ? { ...orders, ...place, op: "once" } : { ...orders, ...place, op: "run", run };
}

function lookOrders(far: Far, look: LookOptions, { graceMs }: RunPorts): Orders {
  return { ...blankOrders(far, { graceMs }), op: "look", run: look.run, timeoutMs: look.timeoutMs, outputBytesMax: look.outputBytesMax };
}

/** Orders to remove what old runs left behind. */
export function sweepOrders(
  far: Far,
  { graceMs, timeoutMs, countMax }: { readonly graceMs: number; readonly timeoutMs: number; readonly countMax: number },
): Orders {
  return { ...blankOrders(far, { graceMs }), op: "sweep", timeoutMs, outputBytesMax: countMax };
}

function blankOrders(far: Far, { graceMs }: { readonly graceMs: number }): Orders {
  const none = { argv: [], env: {}, cwd: "", stdin: new Uint8Array(), mark: "cancel" } as const;
  return {
    ...none,
    op: "look",
    base: far.base,
    fence: 0,
    timeoutMs: 0,
    graceMs,
    heartbeatMs: undefined,
    outputBytesMax: 0,
    ageS: RUN_DIRECTORY_AGE_S_MAX,
  };
}

function pause(clock: Clock, { delayMs, signal }: { readonly delayMs: number; readonly signal: AbortSignal }): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.after(delayMs, end);
    signal.addEventListener("abort", end);
  });
}
