// Attempts that await something while nothing of them runs at any host, and how they end.
// 1. What is awaited is in the journal with every expression evaluated, so a restart needs nothing special and time does not drift.
// 2. The core itself ends them: what was awaited came, the time is over, or the workflow is being ended. A pause or a freeze does not keep
//    them from ending, for that starts nothing.

import { assert, assertNever } from "../base/assert.ts";
import type { TimeMs } from "../base/ids.ts";
import { timeMs } from "../base/ids.ts";
import type { JsonValue } from "../base/json.ts";
import { durationText } from "../base/duration.ts";
import { AWAIT_MS_MAX } from "../base/limits.ts";
import type { AttemptAwaits, AttemptEnded, Awaited, Event } from "../gen/holdfast/v1/event_pb.ts";
import { AttemptOutcome } from "../gen/holdfast/v1/event_pb.ts";
import { placeOf } from "./blueprint.ts";
import type { AttemptReport } from "./commands.ts";
import { deadlineText, isOverdueHere } from "./deadlines.ts";
import { endDetail } from "./end-detail.ts";
import { happened } from "./events.ts";
import type { Facts } from "./facts.ts";
import type { RunningTask, WorkflowState } from "./state.ts";

/** The event by which an attempt awaits something from now on. */
export function attemptAwaits(
  state: WorkflowState,
  at: { readonly report: AttemptReport; readonly running: RunningTask; readonly awaited: Awaited; readonly nowMs: TimeMs },
): Event {
  const { report, running, awaited, nowMs } = at;
  const { task, attempt, outcome, before, after } = report;
  const { completion, timeoutMs } = placeOf(state.blueprint, task).action;
  const isCompletion = awaited.kind.case === "completion";
  // Its `timeout` is of its own work, which is over.
  const timeMs = timeoutMs >= AWAIT_MS_MAX ? Infinity : timeoutMs;
  const ownMs = isCompletion ? nowMs + (completion?.withinMs ?? 0) : running.startedAtMs + timeMs;
  const endsMs = BigInt(awaitEndsMs(state, { task, running, ownMs }));
  return happened("attemptAwaits", { task, attempt, awaited, endsMs, ...(isCompletion ? { outcome, before, after } : {}) });
}

/** When the time of an attempt that awaits is over; 0: never. */
function awaitEndsMs(state: WorkflowState, at: { readonly task: number; readonly running: RunningTask; readonly ownMs: number }): number {
  const { task, running, ownMs } = at;
  const { action } = placeOf(state.blueprint, task);
  const firstMs = state.firstStartMs.get(task) ?? running.startedAtMs;
  const endsMs = Math.min(ownMs, firstMs + action.totalTimeoutMs, state.schedule.endsMs(task));
  return endsMs === Infinity ? 0 : endsMs;
}

/** AttemptAwaits. */
export function beginAwaiting(state: WorkflowState, begun: AttemptAwaits, atMs: TimeMs): void {
  const { task, attempt, awaited, endsMs, outcome, before, after } = begun;
  assert(awaited !== undefined && state.running.get(task)?.attempt === attempt, "what awaits is an attempt under way");
  const ends = endsMs === 0n ? undefined : timeMs(Number(endsMs));
  state.awaiting.add(task, { attempt, awaited, sinceMs: atMs, endsMs: ends, done: { outcome, before, after } });
}

/** AttemptEnded: a signal that it ended with is no other's. */
export function stopAwaiting(state: WorkflowState, { task, outcome, iteration }: AttemptEnded): void {
  state.completions.end(task);
  if (!state.awaiting.has(task)) return;
  const { kind } = state.awaiting.get(task).awaited;
  state.awaiting.delete(task);
  const hasCome = outcome === AttemptOutcome.UNCHANGED || iteration > 0;
  if (kind.case === "signal" && hasCome) state.signals.take(kind.value.name);
}

/** The end of an attempt that awaits, where it is time for one; undefined: none ends now. */
export function nextAwaited(state: WorkflowState, facts: Facts): Ended | undefined {
  if (state.awaiting.size === 0) return undefined;
  const stopped = state.isCancelRequested ? state.awaiting.first() : firstOverdue(state);
  if (stopped !== undefined) return awaitedReport(state, { task: stopped, facts }, stop(state, stopped));
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

/** What was handed out may be done outside all the same. */
function stop(state: WorkflowState, task: number): Ending {
  const why = state.isCancelRequested ? "it was cancelled" : deadlineText(state);
  if (mayBeDoneOutside(state, task)) return { outcome: AttemptOutcome.UNKNOWN, error: `its completion was awaited no longer: ${why}` };
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
    case "completion":
      return missing(state, task);
    case "signal":
    case "person":
    case undefined:
      return timedOut(state, task);
    default:
      return assertNever(kind);
  }
}

/** Nothing was said in time of what was handed out. */
function missing(state: WorkflowState, task: number): Ending {
  const { completion } = placeOf(state.blueprint, task).action;
  const { sinceMs, endsMs = 0 } = state.awaiting.get(task);
  const isOwn = endsMs === sinceMs + (completion?.withinMs ?? 0);
  const bound = isOwn
    ? durationText(endsMs - sinceMs)
    : endsMs === state.schedule.endsMs(task)
      ? "its `schedule_timeout`"
      : "its `total_timeout`";
  const outcome = mayBeDoneOutside(state, task) ? AttemptOutcome.UNKNOWN : AttemptOutcome.FAILED;
  return { outcome, isTimedOut: true, error: `no completion came within ${bound}` };
}

/** True for what was handed out, or may have been, and may be done though nothing was said. */
function mayBeDoneOutside(state: WorkflowState, task: number): boolean {
  const { awaited, done } = state.awaiting.get(task);
  if (awaited.kind.case !== "completion") return false;
  return done.outcome === AttemptOutcome.UNKNOWN || placeOf(state.blueprint, task).action.completion?.isFailedWithout !== true;
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
  const { attempt, awaited, done } = state.awaiting.get(task);
  const known = facts.detail(task);
  const begun = known?.attempt === attempt ? known : undefined;
  // Nobody knew how its own work had ended, and that is still the reason.
  const why = [begun?.error ?? "", error].filter((text) => text !== "").join("; ");
  const ending = { error: why, nowMs: facts.nowMs, startedAtMs: startOf(state, task), output };
  const isCompletion = awaited.kind.case === "completion";
  const detail = endDetail({ task, attempt, begun }, isCompletion ? { ...ending, completion: {} } : ending);
  const { before, after } = done;
  return { task, attempt, outcome, before, after, error: why, isRetryable: outcome === AttemptOutcome.FAILED, isTimedOut, ...detail };
}
