// Why a workflow or one of its targets stands where it stands: which rule, wave, lock, room or person it waits for, and what to do next.
// 1. Derived from the state, never stored. It names at most NAMES_MAX things and costs constant time, but for the search of a target.

import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Hold } from "../gen/holdfast/v1/status_pb.ts";
import { HoldKind, HoldSchema } from "../gen/holdfast/v1/status_pb.ts";
import { awaitHold, awaitHolds } from "./await-holds.ts";
import type { StagePlan } from "./blueprint.ts";
import { placeOf, taskAt, unitName } from "./blueprint.ts";
import { isPastBudget, isUncertain } from "./budget.ts";
import { deadlineText } from "./deadlines.ts";
import type { Facts } from "./facts.ts";
import { freezeHolds, gateHolds, parkedHold, parkedHolds } from "./outside-holds.ts";
import { hasRoomAtRisk, isOutOfRoom } from "./room-at-risk.ts";
import type { StageRun, WorkflowState } from "./state.ts";
import { TaskState, isSettled } from "./task-state.ts";

/** How many names a reason shows. */
const NAMES_MAX = 20;

/** Reasons of the whole workflow that are reasons of each of its targets too. */
const OVERALL: ReadonlySet<HoldKind> = new Set([HoldKind.PAUSE, HoldKind.CANCEL, HoldKind.FREEZE]);

/** Why the workflow as a whole stands still; empty while it moves by itself. */
export function workflowHolds(state: WorkflowState): readonly Hold[] {
  const { id } = state.blueprint;
  if (state.life.kind === "submitted") {
    return [hold(HoldKind.EXEC, `it was submitted and not executed; "holdfast exec ${id}" starts it`, { untilMs: state.expiresAtMs })];
  }
  if (state.life.kind !== "executing") return [];
  const run = state.stageRun;
  const holds: Hold[] = [];
  if (state.isCancelRequested)
    holds.push(hold(HoldKind.CANCEL, `it is being cancelled; ${state.running.size} running attempts are being ended`));
  else if (state.isPaused) holds.push(hold(HoldKind.PAUSE, `a person paused it; "holdfast unpause ${id}" lets it go on`));
  holds.push(...freezeHolds(state), ...gateHolds(state));
  if (run === undefined) return holds;
  holds.push(...unknownHolds(state, run), ...stageHolds(state, run), ...parkedHolds(state), ...awaitHolds(state));
  return holds;
}

function unknownHolds(state: WorkflowState, run: StageRun): readonly Hold[] {
  const unknown = state.tasks.count(run.stage.index, TaskState.UNKNOWN);
  if (unknown === 0) return [];
  const names = firstOf(run.held).map((ordinal) => targetName(state, run.stage, ordinal));
  const next = `look at the target, then "holdfast resolve ${state.blueprint.id} …"`;
  return [
    hold(HoldKind.UNKNOWN, `${unknown} tasks of stage "${run.stage.name}" are unknown: nobody can say whether they were done; ${next}`, {
      names,
    }),
  ];
}

function stageHolds(state: WorkflowState, run: StageRun): readonly Hold[] {
  const holds: Hold[] = [];
  const { stage } = run;
  if (isOutOfRoom(state, run) && !hasRoomByItself(state, run)) {
    const names = firstOf([...firstOf(run.failed), ...firstOf(run.held)]).map((ordinal) => targetName(state, stage, ordinal));
    holds.push(hold(HoldKind.AT_RISK, `no further target is begun: ${roomText(state, run)}`, { names }));
  }
  if (run.waitingForLock.size > 0) {
    const names = firstOf(run.waitingForLock).map((task) => taskTarget(state, task));
    holds.push(
      hold(
        HoldKind.LOCK,
        `${run.waitingForLock.size === 1 ? "1 target waits" : `${run.waitingForLock.size} targets wait`} for locks that others hold; they are taken in turn`,
        { names },
      ),
    );
  }
  if (!run.isInWave && run.wave < 0 && run.resumeAtMs > 0 && state.gateHeld === undefined) {
    const message = `iteration ${run.iteration} of stage "${stage.name}" begins after a pause, for \`until\` was not true after the one before`;
    holds.push(hold(HoldKind.WAVE, message, { untilMs: run.resumeAtMs }));
  }
  if (!run.isInWave && run.wave >= 0 && state.gateHeld === undefined) {
    holds.push(
      hold(
        HoldKind.WAVE,
        `wave ${run.wave + 1} of ${stage.waves.length} of stage "${stage.name}" has ended; the next one starts after the pause`,
        { untilMs: run.resumeAtMs },
      ),
    );
  }
  const due = state.backoff.peek();
  if (due !== undefined && state.running.size === 0) {
    holds.push(
      hold(HoldKind.RETRY, `${state.backoff.size} tasks wait for their next attempt`, {
        untilMs: due.atMs,
        names: [taskTarget(state, due.task)],
      }),
    );
  }
  return holds;
}

/** True when room at risk is taken by targets in flight alone: they give it back as they end well. */
function hasRoomByItself(state: WorkflowState, run: StageRun): boolean {
  const begun = run.inFlight.size + run.yielded.size;
  return begun > 0 && state.targetsAtRisk + run.roomKept === begun;
}

/** What has taken the room at risk, and how to make more. */
function roomText(state: WorkflowState, run: StageRun): string {
  const { id } = state.blueprint;
  const { name, atRiskMax } = run.stage;
  const max = `max_at_risk of stage "${name}" is ${atRiskMax}`;
  if (atRiskMax === 0) return `${max}; "holdfast cancel ${id}", and submit it again with room for targets at risk`;
  const inFlight = run.roomKept === 0 ? "" : `, ${run.roomKept} more are in flight`;
  const next = `"holdfast retry ${id}" runs again what failed, "holdfast resolve ${id} …" settles what is unknown; where neither makes room, "holdfast cancel ${id}", and submit it again with more`;
  return `${state.targetsAtRisk} targets are at risk${inFlight}, ${max}; ${next}`;
}

/** What a reason may look up. */
export interface HoldFacts extends Pick<Facts, "detail"> {
  /** Who holds the task's locks, for people; empty: nobody else. */
  lockHolders(task: number): string;
}

/** Why one target stands where it stands, for the stage under way or the first one that is not done with it. */
export function targetHolds(state: WorkflowState, ordinal: number, facts: HoldFacts): readonly Hold[] {
  const overall = workflowHolds(state);
  if (state.life.kind === "submitted") return overall;
  if (state.life.kind !== "executing")
    return [hold(HoldKind.ENDED, `the workflow has ended; "holdfast tasks ${state.blueprint.id}" shows how`)];
  const run = state.stageRun;
  const stage = run?.stage ?? state.blueprint.stages.find((candidate) => candidate.isOverTargets);
  if (run === undefined || stage === undefined) return overall;
  if (!run.stage.isOverTargets)
    return [
      hold(
        HoldKind.ORDER,
        `stage "${run.stage.name}", which runs ${run.stage.list === undefined ? "once" : "over a list"}, is under way; stages run in order`,
      ),
      ...overall,
    ];
  return [...gateHolds(state), targetHold(state, run, { ordinal, facts }), ...overall.filter(({ kind }) => OVERALL.has(kind))];
}

function targetHold(state: WorkflowState, run: StageRun, at: { readonly ordinal: number; readonly facts: HoldFacts }): Hold {
  const { stage } = run;
  const { ordinal, facts } = at;
  const open = stage.actions.find((action) => !isSettled(state.tasks.get(taskAt(stage, ordinal, action.index))));
  if (open === undefined) return hold(HoldKind.ENDED, `stage "${stage.name}" is done with it`);
  const task = taskAt(stage, ordinal, open.index);
  const what = `${stage.name}/${open.name}`;
  switch (state.tasks.get(task)) {
    case TaskState.RUNNING:
      if (state.awaiting.has(task)) return awaitHold(state, task);
      return hold(HoldKind.RUNNING, `${what} is running, attempt ${state.tasks.begunOf(task)}`);
    case TaskState.UNKNOWN:
      return hold(
        HoldKind.UNKNOWN,
        `${what} is unknown: nobody can say whether it was done; look at the target, then "holdfast resolve ${state.blueprint.id} …"${attemptError(state, task, facts)}`,
      );
    case TaskState.BACKOFF:
      return (
        parkedHold(state, task) ?? hold(HoldKind.RETRY, `${what} waits for its next attempt`, { untilMs: state.backoff.dueAtMs(task) ?? 0 })
      );
    case TaskState.DEFERRED:
      if (run.waitingForLock.has(task) && !state.parking.has(task)) {
        const holders = facts.lockHolders(task);
        return hold(HoldKind.LOCK, `${what} waits for locks of the target${holders === "" ? "" : `: ${holders}`}; they are taken in turn`);
      }
      return parkedHold(state, task) ?? pendingHold(state, run, { ordinal, what });
    default:
      return parkedHold(state, task) ?? pendingHold(state, run, { ordinal, what });
  }
}

/** What the attempt that left a task unknown said of it. */
function attemptError(state: WorkflowState, task: number, facts: Pick<Facts, "detail">): string {
  const detail = facts.detail(task);
  return detail === undefined || detail.error === "" || detail.attempt !== state.tasks.attempts[task]
    ? ""
    : `; its attempt said: ${detail.error}`;
}

function pendingHold(state: WorkflowState, run: StageRun, at: { readonly ordinal: number; readonly what: string }): Hold {
  const { stage } = run;
  const wave = stage.waves.findIndex(({ first, count }) => at.ordinal >= first && at.ordinal < first + count);
  if (run.isOverdue && !run.inFlight.has(at.ordinal) && !run.returning.has(at.ordinal))
    return hold(HoldKind.ENDED, `${deadlineText(state)}: nothing more starts`);
  if (isPastBudget(run) && !run.inFlight.has(at.ordinal) && !run.returning.has(at.ordinal))
    return hold(
      HoldKind.ENDED,
      `${run.failed.size} targets of stage "${stage.name}" failed, max_failures is ${stage.failuresMax}: nothing more starts`,
    );
  if (wave > run.wave)
    return hold(HoldKind.WAVE, `it belongs to wave ${wave + 1} of ${stage.waves.length}; wave ${run.wave + 1} is under way`);
  if (run.inFlight.has(at.ordinal)) return hold(HoldKind.ORDER, `${at.what} waits for the actions before it`);
  if (isUncertain(state, run) && !run.returning.has(at.ordinal))
    return hold(
      HoldKind.UNKNOWN,
      `no further target is begun: failed and unknown targets together are more than max_failures (${stage.failuresMax})`,
    );
  if (!hasRoomAtRisk(state, run) && state.risk[at.ordinal] === 0)
    return hold(HoldKind.AT_RISK, `${at.what} waits for room: ${roomText(state, run)}`);
  return hold(HoldKind.PARALLEL, `${run.inFlight.size} targets are in flight, parallel is ${stage.parallel}`);
}

/** The first few of a collection, which may be large. */
function firstOf(set: Iterable<number>): readonly number[] {
  const first: number[] = [];
  for (const item of set) {
    if (first.length === NAMES_MAX) break;
    first.push(item);
  }
  return first;
}

function taskTarget(state: WorkflowState, task: number): string {
  const { stage, ordinal } = placeOf(state.blueprint, task);
  return targetName(state, stage, ordinal);
}

function targetName(state: WorkflowState, stage: StagePlan, ordinal: number): string {
  const name = unitName(state.blueprint, stage, ordinal);
  return name === "" ? `stage ${stage.name}` : name;
}

function hold(kind: HoldKind, message: string, extra: { readonly names?: readonly string[]; readonly untilMs?: number } = {}): Hold {
  const until = extra.untilMs === undefined ? {} : { until: timestampFromMs(extra.untilMs) };
  return create(HoldSchema, { kind, message, names: [...(extra.names ?? [])], ...until });
}
