// Completions from outside: whoever works on what an attempt handed out says by the attempt's token how it came out.
// 1. It is in the journal before it is acknowledged. What was acknowledged ends the attempt, however its own work ends: it counts for more than a
//    lost answer, a restart or a freeze.
// 2. The same answer again changes nothing and is no error; another one, and one for an attempt that ended without, is refused.

import { create } from "@bufbuild/protobuf";
import { HoldfastError } from "../base/errors.ts";
import { COMPLETIONS_EARLY_BYTES_MAX, SIGNAL_BYTES_MAX } from "../base/limits.ts";
import type { Awaited, CompletionReceived, Event } from "../gen/holdfast/v1/event_pb.ts";
import { AttemptOutcome, AwaitedSchema, Mode } from "../gen/holdfast/v1/event_pb.ts";
import { placeOf } from "./blueprint.ts";
import type { AttemptReport, Command } from "./commands.ts";
import type { Remembered, Said } from "./completion-box.ts";
import { saidDigest } from "./completion-box.ts";
import { endDetail } from "./end-detail.ts";
import { happened } from "./events.ts";
import type { Facts } from "./facts.ts";
import { taskName } from "./outside-holds.ts";
import { signalBytes } from "./signal-box.ts";
import type { RunningTask, WorkflowState } from "./state.ts";
import { TaskState } from "./task-state.ts";

/** What an attempt awaits when its own work is done. */
export const COMPLETION: Awaited = create(AwaitedSchema, { kind: { case: "completion", value: {} } });

/** The event of a completion; undefined where the same was said before. Throws HoldfastError where it is refused. */
export function completionReceived(
  state: WorkflowState,
  command: Extract<Command, { kind: "completion" }>,
  facts: Pick<Facts, "detail">,
): Event | undefined {
  const { said } = command;
  const { task, attempt, failed, reason, data } = said;
  const known = state.completions.of(said);
  if (known?.digest === saidDigest(said)) return undefined;
  if (known !== undefined) throw otherAnswer(state, said, known);
  if (state.running.get(task)?.attempt !== attempt) throw tooLate(state, said, facts);
  checkRoom(state, said);
  return happened("completionReceived", { task, attempt, failed, reason, data });
}

/** CompletionReceived. */
export function receiveCompletion(state: WorkflowState, received: CompletionReceived): void {
  state.completions.receive(received, state.awaiting.has(received.task));
}

/** True when the attempt does not end with its report: it has handed out its token, and awaits what is said by it. */
export function awaitsCompletion(state: WorkflowState, report: AttemptReport, running: RunningTask): boolean {
  const { completion } = placeOf(state.blueprint, report.task).action;
  if (completion === undefined || state.blueprint.mode === Mode.PLAN || state.awaiting.has(report.task)) return false;
  const hasRun = running.before !== undefined || report.isRead === true;
  return hasRun && (isDone(report.outcome) || report.outcome === AttemptOutcome.UNKNOWN);
}

/** True when an attempt under way may have handed out its token, and nothing was said by it yet. */
export function hasTokenOut({ blueprint, running, completions }: WorkflowState): boolean {
  if (blueprint.mode === Mode.PLAN) return false;
  for (const task of running.keys())
    if (placeOf(blueprint, task).action.completion !== undefined && completions.early(task) === undefined) return true;
  return false;
}

/** The report of an attempt by what was said of it. `own` is what its own work came to; undefined: it did not end. */
export function saidReport(
  state: WorkflowState,
  { said, own }: { readonly said: Said; readonly own: AttemptReport | undefined },
  facts: Pick<Facts, "detail" | "nowMs">,
): AttemptReport {
  const { task, attempt, failed, reason, data } = said;
  const running = state.running.get(task);
  const done = own !== undefined && isDone(own.outcome) ? own : undefined;
  const { before = running?.before ?? "", after = "" } = done ?? {};
  const error = failed ? `it failed outside: ${reason}` : "";
  const ending = { error, nowMs: facts.nowMs, startedAtMs: running?.startedAtMs ?? 0, completion: failed ? {} : { data } };
  const detail = endDetail({ task, attempt, begun: own?.detail }, ending);
  const good = done?.outcome ?? (running?.before === undefined ? AttemptOutcome.UNCHANGED : AttemptOutcome.CHANGED);
  return { task, attempt, outcome: failed ? AttemptOutcome.FAILED : good, before, after, error, isRetryable: true, ...detail };
}

/** What a completion makes of an attempt whose own work does not go on: it was not begun, or nobody knows how it ended. */
export function reportByWord(state: WorkflowState, task: number, facts: Pick<Facts, "detail" | "nowMs">): AttemptReport | undefined {
  const said = state.completions.early(task);
  return said === undefined ? undefined : saidReport(state, { said, own: undefined }, facts);
}

/** The report of an attempt that awaits a completion, by what was said of it. */
export function awaitedBySaid(state: WorkflowState, said: Said, facts: Pick<Facts, "detail" | "nowMs">): AttemptReport {
  const { task, attempt } = said;
  const begun = facts.detail(task);
  const detail = begun?.attempt === attempt ? begun : undefined;
  const own = { task, attempt, ...state.awaiting.get(task).done, error: "", isRetryable: false, detail, detailCrc: 0 };
  return saidReport(state, { said, own }, facts);
}

function isDone(outcome: AttemptOutcome): boolean {
  return outcome === AttemptOutcome.CHANGED || outcome === AttemptOutcome.UNCHANGED;
}

function checkRoom(state: WorkflowState, { task, data }: Said): void {
  const bytes = signalBytes(data);
  if (bytes > SIGNAL_BYTES_MAX)
    throw new HoldfastError("INVALID_ARGUMENT", `data: it has ${bytes} bytes as JSON, at most ${SIGNAL_BYTES_MAX} are taken`);
  if (state.awaiting.has(task) || state.completions.earlyBytes + bytes <= COMPLETIONS_EARLY_BYTES_MAX) return;
  throw new HoldfastError(
    "RESOURCE_EXHAUSTED",
    `${state.completions.earlyBytes} bytes of completions wait for their attempts to end, at most ${COMPLETIONS_EARLY_BYTES_MAX} are kept; send it again in a moment`,
  );
}

function otherAnswer(state: WorkflowState, { task, attempt }: Said, known: Remembered): HoldfastError {
  const before = known.failed ? "it was said before that it failed" : "it was completed before, with other data";
  return new HoldfastError("ALREADY_EXISTS", `attempt ${attempt} of ${taskName(state, task)}: ${before}; the first answer stands`);
}

function tooLate(state: WorkflowState, { task, attempt }: Said, facts: Pick<Facts, "detail">): HoldfastError {
  const place = `attempt ${attempt} of ${taskName(state, task)}`;
  const last = state.tasks.attempts[task] ?? 0;
  if (attempt > last)
    return new HoldfastError(
      "FAILED_PRECONDITION",
      `${place} has not begun: it was put off, or the journal was brought back from a backup; nothing awaits this`,
    );
  const detail = facts.detail(task);
  const error = detail?.attempt === attempt ? detail.error : "";
  const why = attempt < last ? `attempt ${last} came after it` : error === "" ? "it ended without" : error;
  const now = attempt === last && state.tasks.get(task) === TaskState.UNKNOWN ? "; the task is unknown and waits for a person" : "";
  return new HoldfastError("FAILED_PRECONDITION", `${place} is over: ${why}${now}; this comes too late and changes nothing`);
}
