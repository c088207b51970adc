// Where a workflow stands, as people and clients see it: phase, counts, stages, and why it stands still. Constant time: no task is scanned.
// 1. WAITING means that only a person can move it: tasks are unknown, or await people, or room at risk is used up, and nothing runs or will start by itself.

import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { WorkflowOutcome } from "../gen/holdfast/v1/event_pb.ts";
import type { StageStatus, WorkflowStatus } from "../gen/holdfast/v1/status_pb.ts";
import { HoldKind, Phase, StagePhase } from "../gen/holdfast/v1/status_pb.ts";
import { assertNever } from "../base/assert.ts";
import { endedAtMs } from "./apply.ts";
import { finishOf } from "./early-finish.ts";
import type { StagePlan } from "./blueprint.ts";
import { workflowHolds } from "./holds.ts";
import { hasStalled, willMove } from "./stall.ts";
import type { StageResult, WorkflowState } from "./state.ts";

/** The phase of a workflow. */
export function phaseOf(state: WorkflowState): Phase {
  switch (state.life.kind) {
    case "submitted":
      return Phase.SUBMITTED;
    case "expired":
      return Phase.EXPIRED;
    case "ended":
      return endPhase(state.life.outcome);
    case "executing":
      if (state.isCancelRequested) return Phase.RUNNING;
      if (isFrozen(state)) return Phase.FROZEN;
      if (state.isPaused) return Phase.PAUSED;
      return hasStalled(state) || awaitsPeople(state) ? Phase.WAITING : Phase.RUNNING;
    default:
      return assertNever(state.life);
  }
}

/** True when all that goes on is that people are awaited: what a freeze put off, or holds back, goes on by its thaw. */
function awaitsPeople(state: WorkflowState): boolean {
  const { awaiting, running, stageRun, parking, entrance } = state;
  if (awaiting.people === 0 || running.size > awaiting.people || stageRun === undefined) return false;
  if (stageRun.waitingForThaw.size > 0 || parking.hasKind(HoldKind.FREEZE) || entrance.hasKind(HoldKind.FREEZE)) return false;
  return !willMove(state, stageRun);
}

/** True when a freeze stops all of it, or all that is left to do. A frozen workflow has not ended, and goes on after the thaw. */
function isFrozen(state: WorkflowState): boolean {
  const { freeze, running, parking, entrance, stageRun } = state;
  if (freeze === undefined || freeze.isWhole) return freeze !== undefined;
  return stageRun !== undefined && running.size === 0 && parking.size + entrance.size > 0 && !willMove(state, stageRun);
}

/** True when nothing more happens to the workflow by itself: it has ended, or waits for a person. */
export function isStill(phase: Phase): boolean {
  return isEnded(phase) || phase === Phase.WAITING;
}

/** True when the workflow has ended. */
export function isEnded(phase: Phase): boolean {
  return phase === Phase.SUCCEEDED || phase === Phase.FAILED || phase === Phase.CANCELLED || phase === Phase.EXPIRED;
}

/** The whole of a workflow in one small message, and in literals: protobuf's `create` allocates three times as much for so many fields. */
export function statusOf(state: WorkflowState): WorkflowStatus {
  const { blueprint, submitted, stageRun } = state;
  const ended = endedAtMs(state);
  const output = state.life.kind === "ended" ? state.life.output : undefined;
  const finish = finishOf(state);
  return {
    $typeName: "holdfast.v1.WorkflowStatus",
    id: blueprint.id,
    name: blueprint.name,
    namespace: blueprint.namespace,
    key: blueprint.key,
    phase: phaseOf(state),
    counts: { $typeName: "holdfast.v1.TaskCounts", ...state.tasks.totalCounts() },
    stages: blueprint.stages.map((stage) => stageStatus(state, stage)),
    stage: stageRun?.stage.name ?? "",
    targets: blueprint.targets.length,
    targetsAtRisk: state.targetsAtRisk,
    targetsInFlight: stageRun?.stage.isOverTargets === true ? stageRun.inFlight.size : 0,
    digest: submitted.digest,
    mode: submitted.mode,
    submittedAt: timestampFromMs(state.submittedAtMs),
    ...(state.executedAtMs === undefined ? {} : { executedAt: timestampFromMs(state.executedAtMs) }),
    ...(ended === undefined ? {} : { endedAt: timestampFromMs(ended) }),
    ...(state.life.kind === "submitted" ? { expiresAt: timestampFromMs(state.expiresAtMs) } : {}),
    ...(output === undefined ? {} : { output }),
    error: state.life.kind === "ended" ? state.life.error : "",
    waitingFor: [...workflowHolds(state)],
    annotations: { ...blueprint.annotations },
    priority: submitted.priority,
    submittedBy: state.submittedBy,
    seq: BigInt(state.seq),
    retries: state.retries,
    policies: [...submitted.policies],
    ...(state.lastVerdict === undefined ? {} : { verdict: state.lastVerdict }),
    tasksAllowed: state.tasksAllowed,
    ...(finish === undefined ? {} : { finish }),
    generation: state.generation.number,
  };
}

function endPhase(outcome: WorkflowOutcome): Phase {
  if (outcome === WorkflowOutcome.SUCCEEDED) return Phase.SUCCEEDED;
  return outcome === WorkflowOutcome.CANCELLED ? Phase.CANCELLED : Phase.FAILED;
}

function stageStatus(state: WorkflowState, stage: StagePlan): StageStatus {
  const run = state.stageRun?.stage === stage ? state.stageRun : undefined;
  const isBetweenWaves = run !== undefined && !run.isInWave && run.wave >= 0 && run.resumeAtMs > 0;
  return {
    $typeName: "holdfast.v1.StageStatus",
    name: stage.name,
    phase: stagePhase(state.stageResults[stage.index] ?? "pending"),
    counts: { $typeName: "holdfast.v1.TaskCounts", ...state.tasks.stageCounts(stage.index) },
    targets: stage.isOverTargets ? stage.width : 0,
    wave: stage.isOverTargets || stage.list !== undefined ? (state.wavesBegun[stage.index] ?? 0) : 0,
    waves: stage.isOverTargets || stage.list?.items !== undefined ? stage.waves.length : 0,
    items: stage.list?.items?.length ?? 0,
    ...(isBetweenWaves ? { nextWaveAt: timestampFromMs(run.resumeAtMs) } : {}),
    annotations: { ...stage.annotations },
    note: state.stageNotes.get(stage.index) ?? "",
  };
}

function stagePhase(result: StageResult): StagePhase {
  switch (result) {
    case "pending":
      return StagePhase.PENDING;
    case "running":
      return StagePhase.RUNNING;
    case "succeeded":
      return StagePhase.SUCCEEDED;
    case "failed":
      return StagePhase.FAILED;
    case "skipped":
      return StagePhase.SKIPPED;
    default:
      return assertNever(result);
  }
}
