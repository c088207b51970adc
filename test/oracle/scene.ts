// What the oracle knows at one instant, and the questions it asks of it. Nothing is kept that can be counted anew: every answer is a loop
// over all tasks or targets.

import type { ActionPlan, Plan, StagePlan, WorkflowPlan } from "./plan.ts";
import { ITEM_FIRST, isItem, needsOf, siteOf } from "./plan.ts";
import type { LimitStart, Rules } from "./rules.ts";
import { budgetOf, wavesOf } from "./rules.ts";

/** How a task ended for good. */
export type Ending = "CHANGED" | "UNCHANGED" | "SKIPPED" | "FAILED" | "UNREACHABLE" | "UNKNOWN" | "CANCELLED";

/** A task. */
export interface TaskScene {
  readonly stage: number;
  readonly action: number;
  /** -1 in a stage that runs once. */
  readonly target: number;
  readonly plan: ActionPlan;
  /** Attempts that count. */
  attempts: number;
  /** Those of them before the iteration under way. */
  attemptsBefore: number;
  /** Iterations that came to a good end. */
  iterations: number;
  /** How it had ended in the iteration of its stage before the one under way. */
  endingBefore: Ending | undefined;
  /** True once a `set` has brought about what it wants. */
  isDone: boolean;
  running: { readonly phase: "look" | "work"; readonly dueMs: number } | undefined;
  ending: Ending | undefined;
  /** The how-manieth end of any task it was; 0: it has not ended. */
  endedAs: number;
  /** It was skipped by an early finish, not by its condition. */
  isFinishSkip: boolean;
  retryAtMs: number | undefined;
  /** When it asked for locks that it did not get. */
  isDeferred: boolean;
  /** True while it holds the slots of its limits. */
  holdsSlots: boolean;
  /** True once it took the tokens of its limits: an attempt that is tried again belongs to the start of its task. */
  hasTaken: boolean;
  /** The attempt that took them. */
  takenBy: number;
}

/** What a target of a workflow did in the stage under way. */
export interface TargetScene {
  readonly stage: number;
  readonly target: number;
  readonly begunAtMs: number;
  hasChanged: boolean;
}

/** A workflow. */
export interface WorkflowScene {
  readonly index: number;
  readonly plan: WorkflowPlan;
  readonly tasks: readonly TaskScene[];
  readonly begun: TargetScene[];
  isExecuted: boolean;
  hadBreak: boolean;
  pausedAtMs: number | undefined;
  /** The stage under way, or the last one; -1: none yet. */
  stage: number;
  isStageOpen: boolean;
  /** The wave under way, or the last one; -1: none yet in this stage. */
  wave: number;
  isWaveOpen: boolean;
  waveEndedAtMs: number;
  /** Iterations of the stage under way that came to their end. */
  iterations: number;
  /** When the first wave of the iteration under way may begin. */
  opensAtMs: number;
  /** The first attempts of targets, in each stage. */
  rateStarts: { readonly stage: number; readonly target: number; readonly atMs: number }[];
  /** Stages that ended well. */
  readonly done: Set<number>;
  /** Targets that were left between their first change and their last action when a round ended. */
  readonly halfWay: { readonly stage: number; readonly target: number }[];
  wasRetried: boolean;
  /** The stage whose `until` was not true after its last iteration. */
  exhausted: number | undefined;
  /** When anything of it happened last. */
  movedAtMs: number;
  end: "SUCCEEDED" | "FAILED" | "CANCELLED" | undefined;
  /** When it was cancelled, in this round. */
  cancelledAtMs: number | undefined;
  /** How an action finished it early; the first decides. */
  finished: "SUCCEEDED" | "FAILED" | undefined;
  /** Since when it waits for limits, whichever task for whichever; Infinity: it does not. */
  waitsSinceMs: number;
}

/** Who waits for which locks, the first who asked first. */
export interface LockWait {
  readonly workflow: number;
  readonly target: number;
  readonly keys: readonly string[];
}

/** All of it. */
export interface Scene {
  readonly plan: Plan;
  readonly rules: Rules;
  readonly workflows: readonly WorkflowScene[];
  /** Starts under each limit's key, in order. */
  readonly limitStarts: Map<string, (LimitStart & { readonly by: TaskScene })[]>;
  readonly lockWaits: LockWait[];
  /** Keys, and who holds them as `workflow/target`. */
  readonly locks: Map<string, string>;
  /** Tasks that waited for limits alone when the instant before was over, the first who came first, and the keys that held them back. */
  waiting: ReadonlyMap<TaskScene, readonly string[]>;
  /** Since when each of them does. */
  waitsSince: ReadonlyMap<TaskScene, number>;
  nowMs: number;
}

/** The beginning. */
export function openScene(plan: Plan, rules: Rules): Scene {
  const workflows = plan.workflows.map((workflow, index): WorkflowScene => {
    return {
      index,
      plan: workflow,
      tasks: workflow.stages.flatMap((stage, position) => tasksOf(plan, stage, position)),
      begun: [],
      isExecuted: false,
      hadBreak: false,
      pausedAtMs: undefined,
      stage: -1,
      isStageOpen: false,
      wave: -1,
      isWaveOpen: false,
      waveEndedAtMs: 0,
      iterations: 0,
      opensAtMs: 0,
      rateStarts: [],
      done: new Set(),
      halfWay: [],
      wasRetried: false,
      cancelledAtMs: undefined,
      exhausted: undefined,
      movedAtMs: -1,
      end: undefined,
      finished: undefined,
      waitsSinceMs: Infinity,
    };
  });
  return {
    plan,
    rules,
    workflows,
    limitStarts: new Map(),
    lockWaits: [],
    locks: new Map(),
    waiting: new Map(),
    waitsSince: new Map(),
    nowMs: 0,
  };
}

function tasksOf(plan: Plan, stage: StagePlan, position: number): TaskScene[] {
  const targets = targetsOf(plan, stage);
  return targets.flatMap((target) =>
    stage.actions.map((action, index) => {
      return {
        stage: position,
        action: index,
        target,
        plan: action,
        attempts: 0,
        attemptsBefore: 0,
        iterations: 0,
        endingBefore: undefined,
        isDone: false,
        running: undefined,
        ending: undefined,
        endedAs: 0,
        isFinishSkip: false,
        retryAtMs: undefined,
        isDeferred: false,
        holdsSlots: false,
        hasTaken: false,
        takenBy: 0,
      };
    }),
  );
}

/** The targets of a stage, in order. */
export function targetsOf(plan: Plan, stage: StagePlan): readonly number[] {
  if (stage.list !== undefined) return Array.from({ length: stage.list.items }, (_, index) => ITEM_FIRST + index);
  return stage.isOver ? Array.from({ length: plan.targets }, (_, index) => index) : [-1];
}

/** The stage under way. */
export function stageOf(workflow: WorkflowScene): StagePlan {
  const stage = workflow.plan.stages[workflow.stage];
  if (stage === undefined) throw new Error("no stage is under way");
  return stage;
}

/** The tasks of a target in the stage under way. */
export function tasksAt(workflow: WorkflowScene, target: number): readonly TaskScene[] {
  return workflow.tasks.filter((task) => task.stage === workflow.stage && task.target === target);
}

/** The targets of the wave under way. */
export function waveTargets(scene: Scene, workflow: WorkflowScene): readonly number[] {
  const stage = stageOf(workflow);
  const targets = targetsOf(scene.plan, stage);
  const sizes = wavesOf(scene.rules, stage, targets.length);
  const first = sizes.slice(0, workflow.wave).reduce((sum, size) => sum + size, 0);
  return targets.slice(first, first + (sizes[workflow.wave] ?? 0));
}

export function hasBegun(workflow: WorkflowScene, target: number): boolean {
  return workflow.begun.some((begun) => begun.stage === workflow.stage && begun.target === target);
}

export function hasFailed(workflow: WorkflowScene, target: number): boolean {
  return tasksAt(workflow, target).some(isFailure);
}

export function isFailure({ ending }: TaskScene): boolean {
  return ending === "FAILED" || ending === "UNREACHABLE";
}

/** True when the target takes nothing more in the stage, and nobody has to say anything. */
export function hasEnded(workflow: WorkflowScene, target: number): boolean {
  return hasEndedIn(workflow, { stage: workflow.stage, target });
}

export function hasEndedIn(workflow: WorkflowScene, at: { readonly stage: number; readonly target: number }): boolean {
  const tasks = workflow.tasks.filter(({ stage, target }) => stage === at.stage && target === at.target);
  if (tasks.some(({ running, ending }) => running !== undefined || ending === "UNKNOWN")) return false;
  return tasks.some(isFailure) || tasks.every(({ ending }) => ending !== undefined);
}

/** When tasks that wait for another attempt, or iteration, may begin with it. */
export function backoffOf(workflow: WorkflowScene): readonly number[] {
  const open = workflow.tasks.filter(
    ({ stage, target, ending }) => stage === workflow.stage && ending === undefined && !hasFailed(workflow, target),
  );
  return open.flatMap(({ retryAtMs }) => retryAtMs ?? []);
}

/** For another iteration of its stage, or another round. */
export function openAgain(task: TaskScene): void {
  const endingBefore = task.ending ?? task.endingBefore;
  Object.assign(task, { ending: undefined, retryAtMs: undefined, isDeferred: false, holdsSlots: false, hasTaken: false });
  Object.assign(task, { attemptsBefore: task.attempts, iterations: 0, endingBefore });
}

export function inFlight(workflow: WorkflowScene): readonly number[] {
  const begun = workflow.begun.filter(({ stage }) => stage === workflow.stage).map(({ target }) => target);
  return begun.filter((target) => !hasEnded(workflow, target) && !isHeld(workflow, target));
}

/** True when nothing of the target runs or may run before a person has said what became of a task. */
export function isHeld(workflow: WorkflowScene, target: number): boolean {
  const tasks = tasksAt(workflow, target);
  if (!tasks.some(({ ending }) => ending === "UNKNOWN")) return false;
  return hasFailed(workflow, target) ? tasks.every(({ running }) => running === undefined) : tasks.every((task) => !canGoOn(tasks, task));
}

function canGoOn(tasks: readonly TaskScene[], task: TaskScene): boolean {
  if (task.running !== undefined) return true;
  if (task.ending !== undefined) return false;
  const needed = needsOf(task.plan, task.action).map((position) => tasks.find(({ action }) => action === position));
  return needed.every((other) => other !== undefined && (other.ending === undefined ? canGoOn(tasks, other) : other.ending !== "UNKNOWN"));
}

/** From the first change until the last action has ended, and while the last word is a bad one, over all stages. */
export function isAtRisk({ rules }: Scene, workflow: WorkflowScene, target: number): boolean {
  if (isItem(target)) return false;
  const now = workflow.begun.find((begun) => begun.stage === workflow.stage && begun.target === target);
  if (now?.hasChanged === true && !hasEnded(workflow, target)) return true;
  if (workflow.halfWay.some((left) => left.target === target && !hasEndedIn(workflow, left))) return true;
  const ended = workflow.tasks
    .filter((task) => task.target === target)
    .map(({ stage, ending, endingBefore, endedAs }) => ({ stage, ending: ending ?? endingBefore, endedAs }))
    .filter(({ ending }) => ending !== undefined);
  // What a cancel ended says nothing of the target.
  const said = ended.filter(({ ending }) => ending !== "CANCELLED");
  const words = said.filter(({ stage, ending }) => ending !== "SKIPPED" || (rules.isSkippingAWord && isAllEnded(workflow, target, stage)));
  const last = words.toSorted((a, b) => a.endedAs - b.endedAs).at(-1);
  return words.some(
    ({ stage, ending }) => stage === last?.stage && (ending === "FAILED" || ending === "UNREACHABLE" || ending === "UNKNOWN"),
  );
}

/** True when all of the target's tasks in the stage came to an end, in this iteration or in the one before. */
function isAllEnded(workflow: WorkflowScene, target: number, stage: number): boolean {
  const own = workflow.tasks.filter((task) => task.target === target && task.stage === stage);
  return own.every(({ ending, endingBefore }) => (ending ?? endingBefore) !== undefined);
}

/** True when more targets failed in the stage than may. */
export function isStopped(scene: Scene, workflow: WorkflowScene): boolean {
  const failed = targetsOf(scene.plan, stageOf(workflow)).filter((target) => hasFailed(workflow, target));
  return isPast(scene, workflow, failed.length);
}

/** True when no further target is begun: too many failed, or may turn out to have failed when a person says what became of them. */
export function isAtStop(scene: Scene, workflow: WorkflowScene): boolean {
  const targets = targetsOf(scene.plan, stageOf(workflow));
  const unknown = (target: number): number => tasksAt(workflow, target).filter(({ ending }) => ending === "UNKNOWN").length;
  const bad = targets.map((target) => {
    const failed = hasFailed(workflow, target) ? 1 : 0;
    return scene.rules.isUnknownCountedTwice ? failed + unknown(target) : Math.min(1, failed + unknown(target));
  });
  return isPast(
    scene,
    workflow,
    bad.reduce((sum, count) => sum + count, 0),
  );
}

function isPast(scene: Scene, workflow: WorkflowScene, count: number): boolean {
  const stage = stageOf(workflow);
  const budget = budgetOf(scene.rules, stage.isOver ? stage.maxFailures : undefined, targetsOf(scene.plan, stage).length);
  return count > (budget ?? 0) + scene.rules.failuresMore;
}

/** True when there is room at risk for one more target. */
export function hasRoomAtRisk(scene: Scene, workflow: WorkflowScene, target: number): boolean {
  const stage = stageOf(workflow);
  const targets = targetsOf(scene.plan, stage);
  const max = stage.isOver ? budgetOf(scene.rules, stage.maxAtRisk, targets.length) : undefined;
  if (max === undefined || isAtRisk(scene, workflow, target)) return true;
  const all = targets.filter((other) => isAtRisk(scene, workflow, other) || inFlight(workflow).includes(other));
  return all.length < max + scene.rules.atRiskMore;
}

/** True when all that the task needs has ended well or was skipped. */
export function areNeedsMet(scene: Scene, workflow: WorkflowScene, task: TaskScene): boolean {
  const others = tasksAt(workflow, task.target);
  return needsOf(task.plan, task.action).every((position) => {
    const ending = others.find(({ action }) => action === position)?.ending;
    return ending === "CHANGED" || ending === "UNCHANGED" || (ending === "SKIPPED" && scene.rules.isSkippedGood);
  });
}

/** What the task's condition says. */
export function isWanted(workflow: WorkflowScene, task: TaskScene): boolean {
  const [first] = needsOf(task.plan, task.action);
  if (task.plan.when === undefined) return true;
  if (task.plan.when === "no" || first === undefined) return task.plan.when !== "no";
  const before = tasksAt(workflow, task.target).find(({ action }) => action === first);
  return (before?.ending === "CHANGED") === (task.plan.when === "changed");
}

/** The locks that a target takes before its first change in the stage. */
export function locksOf(workflow: WorkflowScene, target: number): readonly string[] {
  if (target < 0 || isItem(target)) return [];
  const { lock } = stageOf(workflow);
  const own = `target:${target}`;
  return lock === undefined ? [own] : [own, lock === "all" ? "lock:all" : `lock:${siteOf(target)}`];
}

/** True when nobody else holds any of them. */
export function areFree(scene: Scene, keys: readonly string[], holder: string): boolean {
  return keys.every((key) => !scene.rules.isLockKept || (scene.locks.get(key) ?? holder) === holder);
}
