// Attempts that await something while nothing of them runs at any host, and how they end.
// 1. What is awaited is in the journal with every expression evaluated, so a restart needs nothing special and time does not drift.
// 2. The core itself ends them: what was awaited came, the time is over, or the workflow is being ended. A pause or a freeze does not keep
//    them from ending, for that starts nothing.

import { create } from "@bufbuild/protobuf";
import { assert, assertNever } from "../base/assert.ts";
import type { TimeMs } from "../base/ids.ts";
import { timeMs } from "../base/ids.ts";
import type { JsonValue } from "../base/json.ts";
import { AWAIT_MS_MAX } from "../base/limits.ts";
import type { AttemptAwaits, AttemptEnded, Awaited, Event } from "../gen/holdfast/v1/event_pb.ts";
import { AttemptOutcome } from "../gen/holdfast/v1/event_pb.ts";
import { AttemptDetailSchema } from "../gen/holdfast/v1/status_pb.ts";
import { placeOf } from "./blueprint.ts";
import type { AttemptReport } from "./commands.ts";
import { deadlineText, isOverdueHere } from "./deadlines.ts";
import { encodeDetail } from "./detail-codec.ts";
import { happened } from "./events.ts";
import type { Facts } from "./facts.ts";
import type { RunningTask, WorkflowState } from "./state.ts";
import { jsonToValue } from "./value-json.ts";

/** The event by which an attempt awaits something from now on. */
export function attemptAwaits(
  state: WorkflowState,
  at: { readonly task: number; readonly running: RunningTask; readonly awaited: Awaited },
): Event {
  const { task, running, awaited } = at;
  return happened("attemptAwaits", { task, attempt: running.attempt, awaited, endsMs: BigInt(awaitEndsMs(state, task, running)) });
}

/** When the time of an attempt that awaits is over; 0: never. */
function awaitEndsMs(state: WorkflowState, task: number, { startedAtMs }: RunningTask): number {
  const { action } = placeOf(state.blueprint, task);
  const firstMs = state.firstStartMs.get(task) ?? startedAtMs;
  const ownMs = action.timeoutMs >= AWAIT_MS_MAX ? Infinity : startedAtMs + action.timeoutMs;
  const endsMs = Math.min(ownMs, firstMs + action.totalTimeoutMs, state.schedule.endsMs(task));
  return endsMs === Infinity ? 0 : endsMs;
}

/** AttemptAwaits. */
export function beginAwaiting(state: WorkflowState, { task, attempt, awaited, endsMs }: AttemptAwaits, atMs: TimeMs): void {
  assert(awaited !== undefined && state.running.get(task)?.attempt === attempt, "what awaits is an attempt under way");
  state.awaiting.add(task, { attempt, awaited, sinceMs: atMs, endsMs: endsMs === 0n ? undefined : timeMs(Number(endsMs)) });
}

/** AttemptEnded: a signal that it ended with is no other's. */
export function stopAwaiting(state: WorkflowState, { task, outcome, iteration }: AttemptEnded): void {
  if (!state.awaiting.has(task)) return;
  const { kind } = state.awaiting.get(task).awaited;
  state.awaiting.delete(task);
  const hasCome = outcome === AttemptOutcome.UNCHANGED || iteration > 0;
  if (kind.case === "signal" && hasCome) state.signals.take(kind.value.name);
}

/** The end of an attempt that awaits, where it is time for one; undefined: none ends now. */
export function nextAwaited(state: WorkflowState, facts: Facts): Ended | undefined {
  const stopped = state.isCancelRequested ? state.awaiting.first() : firstOverdue(state);
  if (stopped !== undefined) return awaitedReport(state, { task: stopped, facts }, stop(state));
  for (const [name, task] of state.awaiting.signals()) {
    const data = state.signals.oldest(name);
    if (data !== undefined) return awaitedReport(state, { task, facts }, { outcome: AttemptOutcome.UNCHANGED, output: data });
  }
  const due = state.awaiting.due();
  if (due === undefined || due.atMs > facts.nowMs) return undefined;
  return awaitedReport(state, { task: due.task, facts }, endDue(state, due.task, facts));
}

/** Those that handle the end of a target await what they await: few, and passed over. */
function firstOverdue(state: WorkflowState): number | undefined {
  if (state.stageRun?.isOverdue !== true) return undefined;
  for (const task of state.awaiting.tasks()) if (isOverdueHere(state, placeOf(state.blueprint, task).action)) return task;
  return undefined;
}

/** What ends an attempt that awaits. */
export type Ended = Pick<
  AttemptReport,
  "task" | "attempt" | "outcome" | "before" | "after" | "error" | "isRetryable" | "isTimedOut" | "detail" | "detailCrc"
>;

/** How it ends. */
interface Ending {
  readonly outcome: AttemptOutcome;
  readonly error?: string;
  /** Its time was over. */
  readonly isTimedOut?: boolean;
  readonly output?: JsonValue;
}

function stop(state: WorkflowState): Ending {
  if (state.isCancelRequested) return { outcome: AttemptOutcome.CANCELLED };
  return { outcome: AttemptOutcome.FAILED, error: `it was ended: ${deadlineText(state)}` };
}

/** A moment has come, or the time for something else is over. */
function endDue(state: WorkflowState, task: number, { nowMs }: Pick<Facts, "nowMs">): Ending {
  const { awaited, endsMs } = state.awaiting.get(task);
  const { kind } = awaited;
  switch (kind.case) {
    case "moment":
      if (endsMs !== undefined && endsMs < Number(kind.value.atMs)) return timedOut(state, task);
      return { outcome: AttemptOutcome.UNCHANGED, output: { waited_ms: Math.max(0, nowMs - startOf(state, task)) } };
    case "signal":
    case "person":
    case undefined:
      return timedOut(state, task);
    default:
      return assertNever(kind);
  }
}

function timedOut(state: WorkflowState, task: number): Ending {
  const { action } = placeOf(state.blueprint, task);
  const endsMs = state.awaiting.get(task).endsMs ?? 0;
  const isTotal = endsMs - startOf(state, task) < action.timeoutMs;
  const bound = endsMs === state.schedule.endsMs(task) ? "`schedule_timeout`" : isTotal ? "`total_timeout`" : "`timeout`";
  return { outcome: AttemptOutcome.FAILED, isTimedOut: true, error: `what it awaits did not come within its ${bound}` };
}

function startOf(state: WorkflowState, task: number): number {
  return state.running.get(task)?.startedAtMs ?? 0;
}

/** The report of an attempt that the core itself ends: its input is what was noted when it began to await. */
export function awaitedReport(
  state: WorkflowState,
  at: { readonly task: number; readonly facts: Facts },
  { outcome, error = "", isTimedOut = false, output }: Ending,
): Ended {
  const { task, facts } = at;
  const { attempt } = state.awaiting.get(task);
  const before = facts.detail(task);
  const input = before?.attempt === attempt ? before.input : undefined;
  const detail = create(AttemptDetailSchema, {
    task,
    attempt,
    error,
    startedAtMs: BigInt(startOf(state, task)),
    endedAtMs: BigInt(facts.nowMs),
    ...(input === undefined ? {} : { input }),
    ...(output === undefined ? {} : { output: jsonToValue(output) }),
  });
  const { crc } = encodeDetail(detail);
  const isRetryable = outcome === AttemptOutcome.FAILED;
  return { task, attempt, outcome, before: "", after: "", error, isRetryable, isTimedOut, detail, detailCrc: crc };
}
