// How an attempt ends, or begins to await something: what its report, its action's `set`, `repeat` and `retry`, and the state make of it.
// 1. What is evaluated or drawn for it is in the event that says the end (or, of an early finish, the one after it): a replay decides nothing again (H4).
// 2. A report about an attempt that is not under way any more is dropped: its place in history is taken.

import { create } from "@bufbuild/protobuf";
import { ERROR_MESSAGE_LENGTH_MAX } from "../base/limits.ts";
import type { Event } from "../gen/holdfast/v1/event_pb.ts";
import { AttemptOutcome, DeferReason } from "../gen/holdfast/v1/event_pb.ts";
import { AttemptDetailSchema } from "../gen/holdfast/v1/status_pb.ts";
import { attemptAwaits } from "./awaiting.ts";
import { placeOf } from "./blueprint.ts";
import type { AttemptReport } from "./commands.ts";
import { COMPLETION, awaitsCompletion, saidReport } from "./completion.ts";
import { deadlineText, isOverdueHere } from "./deadlines.ts";
import { encodeDetail } from "./detail-codec.ts";
import { happened } from "./events.ts";
import type { Facts } from "./facts.ts";
import type { ParamValues } from "./params.ts";
import { judgeIteration } from "./repeat.ts";
import type { IterationEnd } from "./repeat.ts";
import { isTriedAgain, retryDelayMs } from "./retry.ts";
import type { WorkflowState } from "./state.ts";
import { isGivenUp } from "./target-parts.ts";
import { attemptSet } from "./vars.ts";

/** The end of an attempt, or the beginning of its awaiting something. */
export function decideEnd(state: WorkflowState, own: AttemptReport, facts: Facts): readonly Event[] {
  const running = state.running.get(own.task);
  if (running?.attempt !== own.attempt) return [];
  const said = state.completions.early(own.task);
  if (said !== undefined) return endWith(state, saidReport(state, { said, own }, facts), facts);
  const awaited = own.awaited ?? (awaitsCompletion(state, own, running) ? COMPLETION : undefined);
  if (awaited === undefined) return endWith(state, own, facts);
  if (own.detail !== undefined) facts.keep(own.detail);
  return [attemptAwaits(state, { report: own, running, awaited, nowMs: facts.nowMs })];
}

/** The end of an attempt by this report. */
export function endWith(state: WorkflowState, report: AttemptReport, facts: Facts): readonly Event[] {
  const { set, error } = attemptSet(state, report, facts);
  if (error !== undefined) return ended(state, { report: failedReport(report, error) }, facts);
  // What an iteration has set stays set, also when it was the last one and has failed the action.
  const { error: untilError, ...end } = judgeIteration(state, { report, set }, facts);
  return ended(state, { report: untilError === undefined ? report : failedReport(report, untilError), set, end }, facts);
}

/** What is being cancelled is finished by nothing else. */
function ended(state: WorkflowState, end: Ended, facts: Facts): readonly Event[] {
  const { finish } = end.report;
  return [attemptEnded(state, end, facts), ...(finish === undefined || state.isCancelRequested ? [] : [happened("finishDecided", finish)])];
}

/** What it did is done; trying again would do its work twice. */
function failedReport(report: AttemptReport, error: string): AttemptReport {
  const { task, attempt } = report;
  const detail = report.detail === undefined ? create(AttemptDetailSchema, { task, attempt, error }) : { ...report.detail, error };
  const { finish: _, ...rest } = report;
  return { ...rest, outcome: AttemptOutcome.FAILED, error, isRetryable: false, detail, detailCrc: encodeDetail(detail).crc };
}

/** What the event of an end is made of. */
interface Ended {
  readonly report: AttemptReport;
  readonly set?: ParamValues | undefined;
  readonly end?: Omit<IterationEnd, "error">;
}

function attemptEnded(state: WorkflowState, { report, set, end = {} }: Ended, facts: Facts): Event {
  const { task, attempt, before, after, detailCrc, deferredFor = DeferReason.UNSPECIFIED } = report;
  if (report.detail !== undefined) facts.keep(report.detail);
  // Nobody asked for it: a task that ended so would leave what needs it waiting for ever.
  const isUnasked = report.outcome === AttemptOutcome.CANCELLED && !state.isCancelRequested;
  const outcome = isUnasked ? AttemptOutcome.FAILED : report.outcome;
  const hasFailed = outcome === AttemptOutcome.FAILED || outcome === AttemptOutcome.UNREACHABLE;
  const retryAfterMs = hasFailed ? retryAfter(state, { report, facts }) : undefined;
  const error = (isUnasked && report.error === "" ? unaskedText(state) : report.error).slice(0, ERROR_MESSAGE_LENGTH_MAX);
  return happened("attemptEnded", {
    task,
    attempt,
    outcome,
    before,
    after,
    error,
    detailCrc,
    deferredFor,
    ...end,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(set === undefined ? {} : { set }),
  });
}

function unaskedText(state: WorkflowState): string {
  return state.stageRun?.isOverdue === true ? `it was ended: ${deadlineText(state)}` : "it was ended, and nobody had asked for it";
}

function retryAfter(state: WorkflowState, at: { readonly report: AttemptReport; readonly facts: Facts }): number | undefined {
  const { report, facts } = at;
  const place = placeOf(state.blueprint, report.task);
  const { action } = place;
  const isStopped =
    state.isCancelRequested || isOverdueHere(state, action) || (state.stageRun !== undefined && isGivenUp(state, state.stageRun, place));
  if (!report.isRetryable || isStopped) return undefined;
  const failed = report.attempt - (state.tasks.forgiven[report.task] ?? 0);
  const { outcome, isTimedOut = false } = report;
  if (failed >= action.retry.attempts || !isTriedAgain(action.retry, { outcome, isTimedOut })) return undefined;
  const delayMs = retryDelayMs(action.retry, failed, facts.fraction());
  const endsMs = Math.min((state.firstStartMs.get(report.task) ?? facts.nowMs) + action.totalTimeoutMs, state.schedule.endsMs(report.task));
  return facts.nowMs + delayMs >= endsMs ? undefined : delayMs;
}
