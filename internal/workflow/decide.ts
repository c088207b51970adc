// What a command does to a workflow: the events that follow from it, or a refusal. Pure: state, command and facts in, events out.
// 1. A repeated command changes nothing and is no error: running or finished answers as the first time.
// 2. A report about an attempt that is not under way any more is dropped: its place in history is taken.

import { create } from "@bufbuild/protobuf";
import type { Again, Event } from "../gen/holdfast/v1/event_pb.ts";
import { AgainSchema, AttemptOutcome, DeferReason, Resolution, WorkflowOutcome } from "../gen/holdfast/v1/event_pb.ts";
import { assertNever } from "../base/assert.ts";
import { HoldfastError } from "../base/errors.ts";
import { placeOf, taskAt, unitName } from "./blueprint.ts";
import type { Command } from "./commands.ts";
import { decideApprove } from "./approval.ts";
import { decideEnd, endWith } from "./attempt-end.ts";
import { awaitedBySaid, completionReceived, reportByWord } from "./completion.ts";
import { isPastBudget } from "./budget.ts";
import { decideJudge } from "./gates.ts";
import { caused, happened } from "./events.ts";
import type { Facts } from "./facts.ts";
import { completeReport, failReport } from "./person.ts";
import { isReasonToRetry } from "./reopen.ts";
import { decideSignal } from "./signals.ts";
import { hasStalled } from "./stall.ts";
import type { WorkflowState } from "./state.ts";
import { isGivenUp, isPartOpen } from "./target-parts.ts";
import { TaskState } from "./task-state.ts";

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
      return decideApprove(state, command, facts);
    case "signal":
      return decideSignal(state, command, facts);
    case "completion":
      return decideCompletion(state, command, facts);
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
  const { again = exhaustedStage(state), reason, round = state.retries + 2 } = command;
  if (round < state.retries + 2) return [];
  if (round > state.retries + 2)
    throw new HoldfastError("FAILED_PRECONDITION", `workflow ${id} is in round ${state.retries + 1}; the next one is ${state.retries + 2}`);
  if (state.life.kind === "submitted")
    throw new HoldfastError("FAILED_PRECONDITION", `workflow ${id} was not executed yet; execute it with "holdfast exec ${id}"`);
  if (state.life.kind === "expired")
    throw new HoldfastError("FAILED_PRECONDITION", `workflow ${id} has expired and never ran; submit it again`);
  if (state.life.kind === "executing" && !isStill(state)) {
    throw new HoldfastError("FAILED_PRECONDITION", `workflow ${id} is still under way; wait for its end, or cancel it first`);
  }
  if (again === undefined && !hasRetriable(state))
    throw new HoldfastError(
      "FAILED_PRECONDITION",
      `workflow ${id} has nothing to retry: no task failed, is unknown, or never started; "--task", "--stage" or "--all" runs again what succeeded`,
    );
  checkNamed(state, again);
  return [caused(command.by, "workflowRetried", { reason, round, ...(again === undefined ? {} : { again }) })];
}

/** What handles an end that did not come has nothing to do, also where a round names it. */
function checkNamed(state: WorkflowState, again: Again | undefined): void {
  if (again?.kind.case !== "task") return;
  const { stage, action, ordinal } = placeOf(state.blueprint, again.kind.value);
  const { first, end } = action.alternatives;
  const wasRun = stage.actions.slice(first, end).some(({ index }) => state.tasks.get(taskAt(stage, ordinal, index)) !== TaskState.SKIPPED);
  if (action.part === "main" || wasRun) return;
  throw new HoldfastError(
    "FAILED_PRECONDITION",
    `${taskText(state, again.kind.value)} was skipped: what it is there for did not happen; name an action whose end it handles`,
  );
}

/** True when an executing workflow stands still: it waits for a person, or holds unknown tasks while nothing runs. */
function isStill(state: WorkflowState): boolean {
  if (hasStalled(state)) return true;
  const run = state.stageRun;
  const isQuiet = state.running.size === 0 && state.backoff.size === 0 && !state.isCancelRequested;
  return isQuiet && run !== undefined && state.tasks.count(run.stage.index, TaskState.UNKNOWN) > 0;
}

/** A stage that failed though all of it ended well, for its `until` was not true: all of it runs again. One whose list was refused did not run. */
function exhaustedStage(state: WorkflowState): Again | undefined {
  const stage = state.blueprint.stages.find(({ index, repeat }) => repeat !== undefined && state.stageResults[index] === "failed");
  const isRefused = stage?.list !== undefined && stage.list.items === undefined;
  const isWhole = stage !== undefined && !isRefused && state.stageNotes.has(stage.index);
  return isWhole ? create(AgainSchema, { kind: { case: "stage", value: stage.index } }) : undefined;
}

function hasRetriable(state: WorkflowState): boolean {
  return state.tasks.states.some((_, task) => isReasonToRetry(state, task));
}

function decideResolve(state: WorkflowState, command: CommandOf<"resolveTask">): readonly Event[] {
  const { task, resolution, reason, by } = command;
  const what = taskText(state, task);
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

/** A task, for people. */
function taskText({ blueprint }: WorkflowState, task: number): string {
  const { stage, action, ordinal } = placeOf(blueprint, task);
  const name = unitName(blueprint, stage, ordinal);
  return `task ${stage.name}/${action.name}${name === "" ? "" : ` on ${stage.isOverTargets ? "target" : "item"} "${name}"`}`;
}

/** May the attempt begin to change something? Not in a freeze, nor past the budget, nor against the locks of others. */
function decideApply(state: WorkflowState, command: CommandOf<"startApply">, facts: Facts): readonly Event[] {
  const { task, attempt, before } = command;
  if (!isUnderWay(state, command)) return [];
  const ended = (outcome: AttemptOutcome, deferredFor: DeferReason): readonly Event[] => [
    happened("attemptEnded", { task, attempt, outcome, before, deferredFor }),
  ];
  const said = reportByWord(state, task, facts);
  if (said !== undefined) return endWith(state, said, facts);
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

/** What is said of an attempt that awaits it ends it; what comes earlier is kept until its own work has ended. */
function decideCompletion(state: WorkflowState, command: CommandOf<"completion">, facts: Facts): readonly Event[] {
  const received = completionReceived(state, command, facts);
  if (received === undefined) return [];
  if (!state.awaiting.has(command.said.task)) return [received];
  return [received, ...endWith(state, awaitedBySaid(state, command.said, facts), facts)];
}

/** A person's word ends the attempt that awaits it: the event bears the person's name. */
function decidePerson(state: WorkflowState, command: CommandOf<"complete"> | CommandOf<"fail">, facts: Facts): readonly Event[] {
  const report = command.kind === "complete" ? completeReport(state, command, facts) : failReport(state, command, facts);
  return report === undefined ? [] : decideEnd(state, report, facts).map((event) => ({ ...event, by: command.by }));
}
