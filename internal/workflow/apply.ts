// The fold: how each event changes the state of a workflow. Nothing else changes it.
// 1. It reads no clock and decides nothing: times, verdicts and targets are in the events (H4).
// 2. An event that cannot follow the state is a bug or a damaged journal, and asserts.

import { assert, assertNever, present } from "../base/assert.ts";
import type { TimeMs } from "../base/ids.ts";
import type { Event, StageEnded, StageSkipped, WaveEnded, WaveStarted, WorkflowEnded } from "../gen/holdfast/v1/event_pb.ts";
import { SkipReason, WorkflowOutcome } from "../gen/holdfast/v1/event_pb.ts";
import { awaitOutside, endAttempt, resolveTask, runningTask, settleUnstarted, startApply, startAttempt } from "./apply-task.ts";
import type { EventKind } from "./events.ts";
import { closeOpenTasks, closeStage, repeatStage, retryWorkflow } from "./reopen.ts";
import { receiveCompletion } from "./completion.ts";
import { continueWorkflow } from "./continuing.ts";
import { passDeadline } from "./deadlines.ts";
import { finishEarly } from "./finishing.ts";
import { notedFreeze } from "./freeze-note.ts";
import { freezeList } from "./list-expanding.ts";
import { restoreWorkflow } from "./restored-doubt.ts";
import { receiveSignal } from "./signals.ts";
import { takeVerdict } from "./gates.ts";
import type { WorkflowState } from "./state.ts";
import { initialState, stageRunOf, startStage } from "./state.ts";
import { isTargetDone, passBegun, scheduleFirst } from "./target-run.ts";
import { TaskState } from "./task-state.ts";

/** Makes the state of a workflow from its first event. */
export function foldFirst(event: Event, atMs: TimeMs): WorkflowState {
  assert(event.kind.case === "workflowSubmitted", "a workflow's first event is WorkflowSubmitted");
  return initialState(event.kind.value, { by: event.by, atMs });
}

/**
 * True for an event that can be folded in: it is the next one, or begins a generation, which needs nothing of what came before. A cut goes frame by
 * frame: until it has come to its end, what is left of a generation that is not kept follows on nothing, and is passed over.
 */
export function follows({ seq }: WorkflowState, { kind }: Event, number: number): boolean {
  return number === seq + 1 || (number > seq && kind.case === "continuedAsNew");
}

/** Folds one more event into the state. */
export function applyEvent(state: WorkflowState, event: Event, atMs: TimeMs): void {
  const kind = event.kind;
  assert(kind.case !== undefined, "an event says what happened");
  state.seq += 1;
  state.lastAtMs = atMs;
  applyKind(state, kind, { by: event.by, atMs });
}

function applyKind(state: WorkflowState, kind: EventKind, { by, atMs }: { readonly by: string; readonly atMs: TimeMs }): void {
  switch (kind.case) {
    case "workflowSubmitted":
      return assert(false, "a workflow is submitted once");
    case "workflowExecuted":
    case "workflowExpired":
    case "workflowRetried":
    case "workflowEnded":
    case "cancelRequested":
    case "workflowPaused":
    case "workflowUnpaused":
    case "continuedAsNew":
      return applyToLife(state, kind, { by, atMs });
    case "stageStarted":
    case "stageEnded":
    case "stageRepeated":
    case "stageSkipped":
    case "listExpanded":
      return applyToStage(state, kind, atMs);
    case "waveStarted":
      return startWave(state, kind.value);
    case "waveEnded":
      return endWave(state, kind.value, atMs);
    case "attemptStarted":
      return startAttempt(state, kind.value, atMs);
    case "applyStarted":
      return startApply(state, kind.value);
    case "attemptPrepared":
      runningTask(state, kind.value).remoteId = kind.value.remoteId;
      return;
    case "attemptInDoubt":
      return assert(runningTask(state, kind.value).before !== undefined, "only an attempt that had begun to apply is in doubt");
    case "attemptEnded":
      return endAttempt(state, kind.value, atMs);
    case "attemptAwaits":
      return awaitOutside(state, kind.value, atMs);
    case "taskSkipped":
      return settleUnstarted(state, kind.value.task, kind.value.reason === SkipReason.NEED ? TaskState.SKIPPED_AFTER : TaskState.SKIPPED);
    case "taskRefused":
      state.generation.attemptLast = Math.max(state.generation.attemptLast, kind.value.attempt);
      return settleUnstarted(state, kind.value.task, TaskState.FAILED);
    case "taskResolved":
      return resolveTask(state, kind.value);
    case "verdictGiven":
      return takeVerdict(state, kind.value);
    case "workflowRestored":
      return restoreWorkflow(state, kind.value);
    case "finishDecided":
      return finishEarly(state, kind.value);
    case "approvalGiven":
    case "freezeBegan":
    case "freezeEnded":
    case "signalReceived":
    case "completionReceived":
    case "deadlinePassed":
      return applyFromOutside(state, { kind, by, atMs });
    default:
      return assertNever(kind);
  }
}

type StageName = "stageStarted" | "stageEnded" | "stageRepeated" | "stageSkipped" | "listExpanded";

function applyToStage(state: WorkflowState, kind: Extract<EventKind, { case: StageName }>, atMs: TimeMs): void {
  switch (kind.case) {
    case "stageStarted":
      return beginStage(state, kind.value.stage, atMs);
    case "stageEnded":
      return endStage(state, kind.value);
    case "stageRepeated":
      return repeatStage(state, kind.value, atMs);
    case "stageSkipped":
      return skipStage(state, kind.value);
    case "listExpanded":
      return freezeList(state, kind.value);
    default:
      return assertNever(kind);
  }
}

type FromOutside = Extract<
  EventKind,
  { case: "approvalGiven" | "freezeBegan" | "freezeEnded" | "signalReceived" | "completionReceived" | "deadlinePassed" }
>;

function applyFromOutside(state: WorkflowState, at: { readonly kind: FromOutside; readonly by: string; readonly atMs: TimeMs }): void {
  const { kind, by, atMs } = at;
  switch (kind.case) {
    case "approvalGiven":
      state.approvers.push({ by, roles: kind.value.roles, atMs, reason: kind.value.reason });
      return;
    case "freezeBegan":
      state.freeze = notedFreeze(kind.value);
      return;
    case "freezeEnded":
      state.freeze = undefined;
      return;
    case "signalReceived":
      return receiveSignal(state, kind.value);
    case "completionReceived":
      return receiveCompletion(state, kind.value);
    case "deadlinePassed":
      return passDeadline(state, kind.value);
    default:
      return assertNever(kind);
  }
}

type LifeName =
  | "workflowExecuted"
  | "workflowExpired"
  | "workflowRetried"
  | "workflowEnded"
  | "cancelRequested"
  | "workflowPaused"
  | "workflowUnpaused"
  | "continuedAsNew";

function applyToLife(
  state: WorkflowState,
  kind: Extract<EventKind, { case: LifeName }>,
  { by, atMs }: { readonly by: string; readonly atMs: TimeMs },
): void {
  switch (kind.case) {
    case "workflowExecuted":
      state.life = { kind: "executing" };
      state.executedAtMs = atMs;
      state.generation.executedBy = by;
      state.deadlineMs = atMs + state.blueprint.deadlineMs;
      return;
    case "workflowExpired":
      state.life = { kind: "expired", atMs };
      return closeOpenTasks(state, TaskState.SKIPPED_AFTER);
    case "workflowRetried":
      state.deadlineMs = atMs + state.blueprint.deadlineMs;
      return retryWorkflow(state, kind.value.again);
    case "workflowEnded":
      return endLife(state, kind.value, atMs);
    case "cancelRequested":
      state.isCancelRequested = true;
      return;
    case "workflowPaused":
      state.isPaused = true;
      return;
    case "workflowUnpaused":
      state.isPaused = false;
      return;
    case "continuedAsNew":
      return continueWorkflow(state, kind.value, atMs);
    default:
      return assertNever(kind);
  }
}

function endLife(state: WorkflowState, ended: WorkflowEnded, atMs: TimeMs): void {
  state.life = { kind: "ended", atMs, outcome: ended.outcome, error: ended.error, output: ended.output };
  state.isPaused = false;
  state.gateHeld = undefined;
  state.freeze = undefined;
  if (state.stageRun !== undefined) state.stageResults[state.stageRun.stage.index] = "failed";
  closeOpenTasks(state, ended.outcome === WorkflowOutcome.CANCELLED ? TaskState.CANCELLED : TaskState.SKIPPED_AFTER);
  state.stageRun = undefined;
}

function beginStage(state: WorkflowState, index: number, atMs: TimeMs): void {
  state.stageRun = startStage(present(state.blueprint.stages[index], "the stage that starts"), atMs);
  state.stageResults[index] = "running";
  state.gateHeld = undefined;
}

/** Nothing more comes of what is open in a stage that failed: later stages may run all the same, and see it so. */
function endStage(state: WorkflowState, { stage, succeeded, error }: StageEnded): void {
  if (error !== "") state.stageNotes.set(stage, error);
  state.stageResults[stage] = succeeded ? "succeeded" : "failed";
  if (!succeeded) closeStage(state, stage);
  state.stageRun = undefined;
}

function skipStage(state: WorkflowState, { stage, reason }: StageSkipped): void {
  state.stageResults[stage] = "skipped";
  state.stageNotes.set(stage, reason);
  closeStage(state, stage);
}

function startWave(state: WorkflowState, wave: WaveStarted): void {
  const run = stageRunOf(state);
  run.wave = wave.wave;
  run.isInWave = true;
  run.nextOrdinal = wave.first;
  run.openInWave = 0;
  run.atRiskToBegin.clear();
  for (let ordinal = wave.first; ordinal < wave.first + wave.count; ordinal++) {
    if (isTargetDone(state, run.stage, ordinal)) continue;
    run.openInWave += 1;
    if (run.stage.isOverTargets && state.risk[ordinal] !== 0) run.atRiskToBegin.add(ordinal);
  }
  passBegun(state, run);
  if (!run.stage.isOverTargets) scheduleFirst(state, run);
  state.wavesBegun[wave.stage] = wave.wave + 1;
  state.gateHeld = undefined;
  state.heldRules.clear();
}

function endWave(state: WorkflowState, wave: WaveEnded, atMs: TimeMs): void {
  const run = stageRunOf(state);
  run.isInWave = false;
  run.resumeAtMs = atMs + wave.pauseMs;
}

/** The time of the state's end; undefined while it is open. */
export function endedAtMs(state: WorkflowState): TimeMs | undefined {
  return state.life.kind === "ended" || state.life.kind === "expired" ? state.life.atMs : undefined;
}
