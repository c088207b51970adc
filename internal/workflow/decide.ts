// What a command does to a workflow: the events that follow from it, or a refusal. Pure: state, command and facts in, events out.
// 1. A repeated command changes nothing and is no error: running or finished answers as the first time.
// 2. A report about an attempt that is not under way any more is dropped: its place in history is taken.

import { create } from "@bufbuild/protobuf";
import { AttemptDetailSchema } from "../gen/holdfast/v1/status_pb.ts";
import type { Event } from "../gen/holdfast/v1/event_pb.ts";
import { AttemptOutcome, DeferReason, Resolution, WorkflowOutcome } from "../gen/holdfast/v1/event_pb.ts";
import { assertNever } from "../base/assert.ts";
import { HoldfastError } from "../base/errors.ts";
import { ERROR_MESSAGE_LENGTH_MAX } from "../base/limits.ts";
import { placeOf, targetAt } from "./blueprint.ts";
import type { AttemptReport, Command } from "./commands.ts";
import { decideApprove } from "./approval.ts";
import { attemptAwaits } from "./awaiting.ts";
import { deadlineText, isOverdueHere } from "./deadlines.ts";
import { encodeDetail } from "./detail-codec.ts";
import { isPastBudget } from "./budget.ts";
import { decideJudge } from "./gates.ts";
import { caused, happened } from "./events.ts";
import type { Facts } from "./facts.ts";
import { completeReport, failReport } from "./person.ts";
import { retryDelayMs } from "./retry.ts";
import { isReopened } from "./reopen.ts";
import { decideSignal } from "./signals.ts";
import { hasStalled } from "./stall.ts";
import type { WorkflowState } from "./state.ts";
import { isGivenUp, isPartOpen } from "./target-parts.ts";
import { TaskState, isRetriable } from "./task-state.ts";
import { attemptSet } from "./vars.ts";

/** The events of a command; throws HoldfastError when it is refused. */
export function decide(state: WorkflowState, command: Command, facts: Facts): readonly Event[] {
  switch (command.kind) {
    case "exec":
      return decideExec(state, command, facts);
    case "cancel":
      return decideCancel(state, command);
    case "pause":
      return decidePause(state, command);
    case "unpause":
      return decideUnpause(state, command);
    case "retry":
      return decideRetry(state, command);
    case "resolveTask":
      return decideResolve(state, command);
    case "startApply":
      return decideApply(state, command, facts);
    case "recordPrepared":
      return isUnderWay(state, command)
        ? [happened("attemptPrepared", { task: command.task, attempt: command.attempt, remoteId: command.remoteId })]
        : [];
    case "endAttempt":
      return decideEnd(state, command.report, facts);
    case "judge":
      return decideJudge(state, command, facts);
    case "approve":
      return decideApprove(state, command);
    case "signal":
      return decideSignal(state, command, facts);
    case "complete":
    case "fail":
      return decidePerson(state, command, facts);
    case "recover":
      return [...state.running]
        .filter(([task, running]) => running.before !== undefined && !state.awaiting.has(task))
        .map(([task, { attempt }]) => happened("attemptInDoubt", { task, attempt }));
    case "wake":
      return [];
    default:
      return assertNever(command);
  }
}

/** True while the attempt is the one under way. */
export function isUnderWay(state: WorkflowState, at: { readonly task: number; readonly attempt: number }): boolean {
  return state.running.get(at.task)?.attempt === at.attempt;
}

type CommandOf<K extends Command["kind"]> = Extract<Command, { kind: K }>;

function decideExec(state: WorkflowState, command: CommandOf<"exec">, facts: Facts): readonly Event[] {
  checkDigest(state, command.digest);
  const { id } = state.blueprint;
  if (state.life.kind === "expired" || (state.life.kind === "submitted" && facts.nowMs >= state.expiresAtMs)) {
    throw new HoldfastError("FAILED_PRECONDITION", `workflow ${id} was not executed in time and has expired; submit it again`);
  }
  return state.life.kind === "submitted" ? [caused(command.by, "workflowExecuted", {})] : [];
}

function checkDigest(state: WorkflowState, quoted: string): void {
  if (quoted === "" || quoted === state.submitted.digest) return;
  throw new HoldfastError(
    "FAILED_PRECONDITION",
    `workflow ${state.blueprint.id} has digest ${state.submitted.digest}, another one was quoted; look at it with "holdfast status" before you go on`,
  );
}

function decideCancel(state: WorkflowState, command: CommandOf<"cancel">): readonly Event[] {
  switch (state.life.kind) {
    case "submitted":
      return [
        caused(command.by, "cancelRequested", { reason: command.reason }),
        happened("workflowEnded", { outcome: WorkflowOutcome.CANCELLED }),
      ];
    case "executing":
      return state.isCancelRequested ? [] : [caused(command.by, "cancelRequested", { reason: command.reason })];
    case "expired":
    case "ended":
      return [];
    default:
      return assertNever(state.life);
  }
}

function requireExecuting(state: WorkflowState, verb: string): void {
  if (state.life.kind === "executing") return;
  const found = state.life.kind === "submitted" ? "was not executed yet" : "has ended";
  throw new HoldfastError("FAILED_PRECONDITION", `workflow ${state.blueprint.id} ${found}; it cannot be ${verb}`);
}

function decidePause(state: WorkflowState, command: CommandOf<"pause">): readonly Event[] {
  requireExecuting(state, "paused");
  return state.isPaused ? [] : [caused(command.by, "workflowPaused", { reason: command.reason })];
}

function decideUnpause(state: WorkflowState, command: CommandOf<"unpause">): readonly Event[] {
  requireExecuting(state, "unpaused");
  return state.isPaused ? [caused(command.by, "workflowUnpaused", {})] : [];
}

function decideRetry(state: WorkflowState, command: CommandOf<"retry">): readonly Event[] {
  checkDigest(state, command.digest);
  const { id } = state.blueprint;
  if (state.life.kind === "submitted")
    throw new HoldfastError("FAILED_PRECONDITION", `workflow ${id} was not executed yet; execute it with "holdfast exec ${id}"`);
  if (state.life.kind === "expired")
    throw new HoldfastError("FAILED_PRECONDITION", `workflow ${id} has expired and never ran; submit it again`);
  if (state.life.kind === "executing" && !isStill(state)) {
    throw new HoldfastError("FAILED_PRECONDITION", `workflow ${id} is still under way; wait for its end, or cancel it first`);
  }
  if (!hasRetriable(state))
    throw new HoldfastError("FAILED_PRECONDITION", `workflow ${id} has nothing to retry: no task failed, is unknown, or never started`);
  return [caused(command.by, "workflowRetried", { reason: command.reason })];
}

/** True when an executing workflow stands still: it waits for a person, or holds unknown tasks while nothing runs. */
function isStill(state: WorkflowState): boolean {
  if (hasStalled(state)) return true;
  const run = state.stageRun;
  const isQuiet = state.running.size === 0 && state.backoff.size === 0 && !state.isCancelRequested;
  return isQuiet && run !== undefined && state.tasks.count(run.stage.index, TaskState.UNKNOWN) > 0;
}

function hasRetriable(state: WorkflowState): boolean {
  return state.tasks.states.some((now, task) => isRetriable(now) && isReopened(state, task));
}

function decideResolve(state: WorkflowState, command: CommandOf<"resolveTask">): readonly Event[] {
  const { task, resolution, reason, by } = command;
  const { stage, action, ordinal } = placeOf(state.blueprint, task);
  const on = stage.isOverTargets ? ` on target "${targetAt(state.blueprint, stage, ordinal)?.name ?? ""}"` : "";
  const what = `task ${stage.name}/${action.name}${on}`;
  if (state.tasks.get(task) !== TaskState.UNKNOWN)
    throw new HoldfastError("FAILED_PRECONDITION", `${what} is not held; only an unknown task can be resolved`);
  if (state.life.kind !== "executing" || state.isCancelRequested) {
    throw new HoldfastError(
      "FAILED_PRECONDITION",
      `workflow ${state.blueprint.id} has ended; "holdfast retry ${state.blueprint.id}" runs ${what} again`,
    );
  }
  if (resolution === Resolution.UNSPECIFIED) throw new HoldfastError("INVALID_ARGUMENT", `${what}: say succeeded, failed or run-again`);
  return [caused(by, "taskResolved", { task, resolution, reason })];
}

/** May the attempt begin to change something? Not in a freeze, nor past the budget, nor against the locks of others. */
function decideApply(state: WorkflowState, command: CommandOf<"startApply">, facts: Facts): readonly Event[] {
  const { task, attempt, before } = command;
  if (!isUnderWay(state, command)) return [];
  const ended = (outcome: AttemptOutcome, deferredFor: DeferReason): readonly Event[] => [
    happened("attemptEnded", { task, attempt, outcome, before, deferredFor }),
  ];
  if (state.isCancelRequested) return ended(AttemptOutcome.CANCELLED, DeferReason.UNSPECIFIED);
  if (facts.isFrozen(task)) return ended(AttemptOutcome.DEFERRED, DeferReason.FROZEN);
  const run = state.stageRun;
  const place = placeOf(state.blueprint, task);
  const isStopped =
    run !== undefined && ((place.action.part === "main" && isPastBudget(run)) || isGivenUp(state, run, place) || !isPartOpen(state, place));
  if (isStopped) return ended(AttemptOutcome.DEFERRED, DeferReason.STOPPED);
  if (!facts.canLock(task)) return ended(AttemptOutcome.DEFERRED, DeferReason.LOCK);
  return [happened("applyStarted", { task, attempt, before })];
}

/** The end of an attempt, or the beginning of its awaiting something. */
export function decideEnd(state: WorkflowState, report: AttemptReport, facts: Facts): readonly Event[] {
  const { task, attempt, before, after, detailCrc, deferredFor = DeferReason.UNSPECIFIED } = report;
  const running = state.running.get(task);
  if (running?.attempt !== attempt) return [];
  if (report.detail !== undefined) facts.keep(report.detail);
  if (report.awaited !== undefined) return [attemptAwaits(state, { task, running, awaited: report.awaited })];
  const { set, error: setError } = attemptSet(state, report, facts);
  if (setError !== undefined) return decideEnd(state, failedSet(report, setError), facts);
  // Nobody asked for it: a task that ended so would leave what needs it waiting for ever.
  const isUnasked = report.outcome === AttemptOutcome.CANCELLED && !state.isCancelRequested;
  const outcome = isUnasked ? AttemptOutcome.FAILED : report.outcome;
  const hasFailed = outcome === AttemptOutcome.FAILED || outcome === AttemptOutcome.UNREACHABLE;
  const retryAfterMs = hasFailed ? retryAfter(state, { report, facts }) : undefined;
  const retry = retryAfterMs === undefined ? {} : { retryAfterMs };
  const error = (isUnasked && report.error === "" ? unaskedText(state) : report.error).slice(0, ERROR_MESSAGE_LENGTH_MAX);
  return [
    happened("attemptEnded", {
      task,
      attempt,
      outcome,
      before,
      after,
      error,
      detailCrc,
      deferredFor,
      ...retry,
      ...(set === undefined ? {} : { set }),
    }),
  ];
}

/** A person's word ends the attempt that awaits it: the event bears the person's name. */
function decidePerson(state: WorkflowState, command: CommandOf<"complete"> | CommandOf<"fail">, facts: Facts): readonly Event[] {
  const report = command.kind === "complete" ? completeReport(state, command, facts) : failReport(state, command, facts);
  return report === undefined ? [] : decideEnd(state, report, facts).map((event) => ({ ...event, by: command.by }));
}

/** What it did is done; what it was to set has no value, and trying again would do its work twice. */
function failedSet(report: AttemptReport, error: string): AttemptReport {
  const { task, attempt } = report;
  const detail = report.detail === undefined ? create(AttemptDetailSchema, { task, attempt, error }) : { ...report.detail, error };
  return { ...report, outcome: AttemptOutcome.FAILED, error, isRetryable: false, detail, detailCrc: encodeDetail(detail).crc };
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
  if (failed >= action.retry.attempts) return undefined;
  const delayMs = retryDelayMs(action.retry, failed, facts.fraction());
  const endsMs = (state.firstStartMs.get(report.task) ?? facts.nowMs) + action.totalTimeoutMs;
  return facts.nowMs + delayMs >= endsMs ? undefined : delayMs;
}
