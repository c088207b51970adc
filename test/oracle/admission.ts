// Who may start now, by waves, budgets, rates, limits, locks and priorities: each question asked anew of everything.

import type { LimitPlan } from "./plan.ts";
import { isItem, siteOf, targetName } from "./plan.ts";
import { limitOpensMs, rateIntervalMs } from "./rules.ts";
import type { LockWait, Scene, TaskScene, WorkflowScene } from "./scene.ts";
import * as ask from "./scene.ts";

/** The tasks of the wave whose turn has come. */
export function candidates(scene: Scene, workflow: WorkflowScene): readonly TaskScene[] {
  if (workflow.end !== undefined || !workflow.isStageOpen || !workflow.isWaveOpen || isPaused(scene, workflow)) return [];
  if (workflow.cancelledAtMs !== undefined && scene.rules.isCancelKept) return [];
  if (ask.isStopped(scene, workflow)) return [];
  return ask
    .waveTargets(scene, workflow)
    .flatMap((target) => ask.tasksAt(workflow, target))
    .filter((task) => hasItsTurn(scene, workflow, task));
}

function hasItsTurn(scene: Scene, workflow: WorkflowScene, task: TaskScene): boolean {
  if (task.ending !== undefined || task.running !== undefined) return false;
  if (ask.hasFailed(workflow, task.target) || !ask.areNeedsMet(scene, workflow, task)) return false;
  return ask.hasBegun(workflow, task.target) || mayBegin(scene, workflow, task.target);
}

/** True when the rules allow the task to start now. */
function canStart(scene: Scene, workflow: WorkflowScene, task: TaskScene): boolean {
  if (!ask.isWanted(workflow, task) || scene.nowMs < startOpensMs(scene, workflow, task)) return false;
  if (task.isDeferred && mustWait(scene, workflow, task.target)) return false;
  return (
    task.holdsSlots || limitsOf(scene, task).every((limit) => !isFull(scene, limit, task) && !isOvertaken(scene, workflow, limit, task))
  );
}

/** The tasks that may start now. */
export function readyTasks(scene: Scene, workflow: WorkflowScene): readonly TaskScene[] {
  return candidates(scene, workflow).filter((task) => canStart(scene, workflow, task));
}

/** True when the docs leave open whether the task starts now, or waits for others that stand before it. */
export function mayWait(scene: Scene, workflow: WorkflowScene, task: TaskScene): boolean {
  return (
    isBehind(scene, workflow, task) ||
    isQueued(scene, workflow, task) ||
    (task.isDeferred && waitsBefore(scene, workflow, task.target).length > 0)
  );
}

/** A target is begun by its first action; whether a later one may go first while something holds that one back, the docs leave open. */
export function isBehind(scene: Scene, workflow: WorkflowScene, task: TaskScene): boolean {
  if (ask.hasBegun(workflow, task.target)) return false;
  return ask.tasksAt(workflow, task.target).find((other) => hasItsTurn(scene, workflow, other)) !== task;
}

/** True when others that stand before it wait for one of its limits: whether it may go while they cannot, the docs leave open. */
function isQueued(scene: Scene, workflow: WorkflowScene, task: TaskScene): boolean {
  if (task.hasTaken) return false;
  const keys = limitsOf(scene, task).map((limit) => keyOf(scene, limit, task));
  if (keys.length === 0) return false;
  const known = [...scene.waiting.keys()];
  const stands = (other: TaskScene): boolean => {
    const others = scene.workflows.find(({ tasks }) => tasks.includes(other));
    if (others !== undefined && others !== workflow && scene.rules.isLineOfWorkflows) return isInFront(others, workflow);
    if (!scene.waiting.has(task)) return true;
    const [since, otherSince] = [scene.waitsSince.get(task) ?? Infinity, scene.waitsSince.get(other) ?? Infinity];
    // Of targets of one workflow that were begun and came in one instant, either may stand before.
    const isTie = others === workflow && otherSince === since && [task, other].every(({ target }) => ask.hasBegun(workflow, target));
    return isTie || (known.includes(other) && known.indexOf(other) < known.indexOf(task));
  };
  const waiting = [...waitForLimits(scene)].flatMap(([other, closed]) => (closed.length > 0 && other !== task ? [other] : []));
  return waiting.some((other) => limitsOf(scene, other).some((limit) => keys.includes(keyOf(scene, limit, other))) && stands(other));
}

/** True when the one workflow may stand before the other in a line: of those that came in one instant, either. A rate is waited for as well. */
function isInFront(one: WorkflowScene, other: WorkflowScene): boolean {
  if (one.plan.priority !== other.plan.priority) return one.plan.priority > other.plan.priority;
  return one.waitsSinceMs <= other.waitsSinceMs || (one.isStageOpen && ask.stageOf(one).rate !== undefined);
}

/** True when the workflow waited for another limit than those of the task. */
export function waitsElsewhere(scene: Scene, workflow: WorkflowScene, task: TaskScene): boolean {
  const own = limitsOf(scene, task).map((limit) => keyOf(scene, limit, task));
  return workflow.tasks.some((other) => (scene.waiting.get(other) ?? []).some((key) => !own.includes(key)));
}

/** Before time passes: who waits for limits, and since when. */
export function noteWaiting(scene: Scene): void {
  scene.waitsSince = new Map([...scene.waiting.keys()].map((task) => [task, scene.waitsSince.get(task) ?? scene.nowMs]));
  for (const workflow of scene.workflows) {
    const isWaiting = workflow.tasks.some((task) => (scene.waiting.get(task) ?? []).length > 0);
    workflow.waitsSinceMs = isWaiting ? Math.min(workflow.waitsSinceMs, scene.nowMs) : Infinity;
  }
}

/** True when a workflow of larger priority stands in the line of the limit since an earlier instant, and could start now. */
function isOvertaken(scene: Scene, workflow: WorkflowScene, limit: LimitPlan, task: TaskScene): boolean {
  const key = keyOf(scene, limit, task);
  const above = scene.workflows.filter((other) => (other.plan.priority - workflow.plan.priority) * scene.rules.priorityWeight > 0);
  return above.some((other) => readyTasks(scene, other).some((rival) => !rival.isDeferred && isInLine(scene, rival, key)));
}

/** True when the task surely stood in the line of the key when the instant before was over. */
function isInLine(scene: Scene, task: TaskScene, key: string): boolean {
  const closed = scene.waiting.get(task) ?? [];
  if (!scene.rules.isLineOfFirst) return closed.includes(key);
  if (closed[0] !== key) return false;
  // A line may hold it back where the limit itself does not.
  const keys = limitsOf(scene, task).map((limit) => keyOf(scene, limit, task));
  const others = [...scene.waiting].filter(([other]) => other !== task).flatMap(([, all]) => all);
  return !keys.slice(0, keys.indexOf(key)).some((before) => others.includes(before));
}

/** The tasks that nothing but limits holds back, or a line before one; the first who came first, and the keys that are closed to them. */
export function waitForLimits(scene: Scene): ReadonlyMap<TaskScene, readonly string[]> {
  const free: Scene = { ...scene, plan: { ...scene.plan, limits: [] } };
  const waiting = new Map<TaskScene, readonly string[]>();
  for (const workflow of scene.workflows) {
    for (const task of readyTasks(free, workflow)) {
      const limits = limitsOf(scene, task);
      const closed = limits.filter((limit) => isFull(scene, limit, task) || isClosed(scene, limit, task));
      if (limits.length > 0)
        waiting.set(
          task,
          closed.map((limit) => keyOf(scene, limit, task)),
        );
    }
  }
  const before = [...scene.waiting.keys()].filter((task) => waiting.has(task));
  return new Map([...before, ...waiting.keys()].map((task) => [task, waiting.get(task) ?? []]));
}

function isClosed(scene: Scene, limit: LimitPlan, task: TaskScene): boolean {
  return limitOpensMs(scene.rules, limit, askedOf(scene, limit, task)) > scene.nowMs;
}

/** True when a task could start but for locks and limits that come free without a person. */
export function waitsOutside(scene: Scene, workflow: WorkflowScene): boolean {
  const free: Scene = { ...scene, plan: { ...scene.plan, limits: [] }, lockWaits: [], rules: { ...scene.rules, isLockKept: false } };
  return readyTasks(free, workflow).some((task) => !task.isDeferred || !waitsForOwnHeld(scene, workflow, task.target));
}

/** True when another target of the workflow has one of its locks, of which nobody can say whether it was done. */
function waitsForOwnHeld(scene: Scene, workflow: WorkflowScene, target: number): boolean {
  const held = new Set(ask.waveTargets(scene, workflow).filter((other) => other !== target && ask.isHeld(workflow, other)));
  const holders = ask.locksOf(workflow, target).map((key) => scene.locks.get(key));
  return [...held].some((other) => holders.includes(holderOf(workflow, other)));
}

/** When delays, rates and limits open for the task, as far as they are known now. */
export function startOpensMs(scene: Scene, workflow: WorkflowScene, task: TaskScene): number {
  let atMs = task.retryAtMs ?? 0;
  const counts = !hasStarted(workflow, task.target) || (scene.rules.rateCountsRetries && task.retryAtMs !== undefined);
  if (counts) atMs = Math.max(atMs, rateOpensMs(workflow));
  if (task.hasTaken) return atMs;
  for (const limit of limitsOf(scene, task)) {
    const opensMs = limitOpensMs(scene.rules, limit, askedOf(scene, limit, task));
    if (opensMs > scene.nowMs) atMs = Math.max(atMs, opensMs);
  }
  return atMs;
}

export function rateOpensMs(workflow: WorkflowScene): number {
  const stage = ask.stageOf(workflow);
  const starts = workflow.rateStarts.filter((start) => start.stage === workflow.stage);
  return stage.isOver ? starts.reduce((latest, { atMs }) => Math.max(latest, atMs + rateIntervalMs(stage)), 0) : 0;
}

/** The rate counts targets by their first attempt: what was only skipped costs nothing. */
export function hasStarted(workflow: WorkflowScene, target: number): boolean {
  return workflow.rateStarts.some((start) => start.stage === workflow.stage && start.target === target);
}

function mayBegin(scene: Scene, workflow: WorkflowScene, target: number): boolean {
  const stage = ask.stageOf(workflow);
  const parallel = stage.isOver ? stage.parallel + scene.rules.parallelMore : 1;
  if (ask.isAtStop(scene, workflow)) return false;
  return ask.inFlight(workflow).length < parallel && ask.hasRoomAtRisk(scene, workflow, target);
}

/** The limits of the policy that are for this task. */
export function limitsOf(scene: Scene, task: TaskScene): readonly LimitPlan[] {
  return scene.plan.limits.filter(
    (limit) =>
      limit.uses === task.plan.uses && ((task.target >= 0 && !isItem(task.target)) || (limit.keyBy === "all" && limit.each === undefined)),
  );
}

export function keyOf(scene: Scene, limit: LimitPlan, task: TaskScene): string {
  return `${scene.plan.limits.indexOf(limit)} ${limit.keyBy === "all" ? "all" : siteOf(task.target)}`;
}

export function eachOf(limit: LimitPlan, task: TaskScene): string {
  return limit.each === undefined ? "" : siteOf(task.target);
}

export function askedOf(scene: Scene, limit: LimitPlan, task: TaskScene) {
  return { starts: scene.limitStarts.get(keyOf(scene, limit, task)) ?? [], each: eachOf(limit, task), nowMs: scene.nowMs };
}

function isFull(scene: Scene, limit: LimitPlan, task: TaskScene): boolean {
  if (limit.concurrency === undefined) return false;
  const key = keyOf(scene, limit, task);
  const holders = scene.workflows
    .flatMap(({ tasks }) => tasks)
    .filter((other) => other.holdsSlots && limitsOf(scene, other).includes(limit) && keyOf(scene, limit, other) === key);
  return holders.length >= limit.concurrency + scene.rules.slotsMore;
}

export function holderOf(workflow: WorkflowScene, target: number): string {
  return `${workflow.index}/${target}`;
}

/** Who comes before this target for one of the keys that it wants: by priority, or because it asked first. */
export function waitsBefore(scene: Scene, workflow: WorkflowScene, target: number): readonly LockWait[] {
  const keys = ask.locksOf(workflow, target);
  if (keys.every((key) => scene.locks.get(key) === holderOf(workflow, target))) return [];
  const own = scene.lockWaits.findIndex((wait) => wait.workflow === workflow.index && wait.target === target);
  return scene.lockWaits.filter((wait, index) => {
    const above = (scene.workflows[wait.workflow]?.plan.priority ?? 0) - workflow.plan.priority;
    const isBefore = above > 0 || own < 0 || index < own;
    return isBefore && wait.keys.some((key) => keys.includes(key));
  });
}

/** True when a lock is held, or somebody who asked earlier could go now. */
export function mustWait(scene: Scene, workflow: WorkflowScene, target: number): boolean {
  if (!ask.areFree(scene, ask.locksOf(workflow, target), holderOf(workflow, target))) return true;
  // Whether a larger priority or who asked first decides, the docs leave open: who is behind in neither is held back.
  const own = scene.lockWaits.findIndex((wait) => wait.workflow === workflow.index && wait.target === target);
  return waitsBefore(scene, workflow, target).some((wait) => {
    const isBelow = (scene.workflows[wait.workflow]?.plan.priority ?? 0) < workflow.plan.priority;
    const isLater = own >= 0 && scene.lockWaits.indexOf(wait) > own;
    return !isBelow && !isLater && ask.areFree(scene, wait.keys, `${wait.workflow}/${wait.target}`);
  });
}

export function isPaused(scene: Scene, workflow: WorkflowScene): boolean {
  return scene.rules.isPausedKept && workflow.pausedAtMs !== undefined;
}

/** A task as people read it. */
export function nameOf(task: TaskScene): string {
  return `s${task.stage}/a${task.action}${task.target < 0 ? "" : `@${targetName(task.target)}`}`;
}
