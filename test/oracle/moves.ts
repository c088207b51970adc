// What may happen next, by the rules alone: all moves that are due or admissible at this instant, found by asking every task, every time.
// 1. What is admissible happens: an instant is over when there is no move left. So the oracle knows both too early and too late.
// 2. Among several the rules leave the choice open; the oracle takes the one that the service took.

import {
  candidates,
  hasStarted,
  holderOf,
  isBehind,
  isPaused,
  limitsOf,
  mayWait,
  mustWait,
  nameOf,
  rateOpensMs,
  readyTasks,
  waitsBefore,
  waitsElsewhere,
} from "./admission.ts";
import { giveBackLimits, returnLimits, takeLimits } from "./limit-starts.ts";
import type { RepeatPlan } from "./plan.ts";
import { cancelMoves, cancelledEnd } from "./cancelling.ts";
import { release, stopWaiting } from "./limit-release.ts";
import { forgetHalfWay, retryMoves } from "./rounds.ts";
import { isDoneBefore, turnOf } from "./plan.ts";
import { retryDelayMs, wavesOf } from "./rules.ts";
import type { Ending, Scene, TaskScene, WorkflowScene } from "./scene.ts";
import * as ask from "./scene.ts";

/** Something that may happen now. */
export interface Move {
  readonly text: string;
  readonly make: () => void;
  /** True: the docs do not say whether it happens now or later. */
  readonly isOpen?: boolean;
}

/** Everything that may happen at this instant. */
export function movesOf(scene: Scene): readonly Move[] {
  return scene.workflows.flatMap((workflow) => {
    const own = workflow.end === undefined ? workflowMoves(scene, workflow) : [];
    return [...own, ...retryMoves(scene, workflow)].map((move) => ({ ...move, make: () => make(scene, workflow, move) }));
  });
}

function make({ nowMs }: Scene, workflow: WorkflowScene, move: Move): void {
  move.make();
  workflow.movedAtMs = nowMs;
}

function workflowMoves(scene: Scene, workflow: WorkflowScene): readonly Move[] {
  const name = `w${workflow.index}`;
  if (!workflow.isExecuted)
    return scene.nowMs < workflow.plan.execAtMs ? [] : [{ text: `${name} exec`, make: () => void (workflow.isExecuted = true) }];
  if (workflow.cancelledAtMs !== undefined && scene.rules.isCancelKept)
    return [...breakMoves(scene, workflow), ...endMoves(scene, workflow), ...cancelledEnd(scene, workflow)];
  const own = isPaused(scene, workflow) ? [] : workflow.isStageOpen ? stageMoves(scene, workflow) : nextStage(scene, workflow);
  return [...cancelMoves(scene, workflow), ...breakMoves(scene, workflow), ...endMoves(scene, workflow), ...own];
}

/** A person pauses it, and lets it go on. */
function breakMoves({ nowMs }: Scene, workflow: WorkflowScene): readonly Move[] {
  const { break: rest, execAtMs } = workflow.plan;
  if (rest === undefined || (workflow.hadBreak && workflow.pausedAtMs === undefined)) return [];
  const beginMs = execAtMs + rest.afterMs;
  if (!workflow.hadBreak && nowMs === beginMs)
    return [{ text: `w${workflow.index} pause`, make: () => Object.assign(workflow, { hadBreak: true, pausedAtMs: nowMs }) }];
  if (workflow.hadBreak && nowMs >= beginMs + rest.forMs)
    return [{ text: `w${workflow.index} unpause`, make: () => Object.assign(workflow, { pausedAtMs: undefined }) }];
  return [];
}

function nextStage(scene: Scene, workflow: WorkflowScene): readonly Move[] {
  const next = workflow.plan.stages.findIndex((_, stage) => !workflow.done.has(stage));
  const { list } = workflow.plan.stages[next] ?? {};
  const isRefused = list !== undefined && list.items > list.max + scene.rules.itemsMore;
  const end = workflow.finished ?? (next < 0 ? "SUCCEEDED" : isRefused ? "FAILED" : undefined);
  if (end !== undefined) return [{ text: `w${workflow.index} ends ${end}`, make: () => void (workflow.end = end) }];
  const make = (): void => {
    Object.assign(workflow, { stage: next, isStageOpen: true, wave: -1, isWaveOpen: false, iterations: 0, opensAtMs: 0 });
  };
  return [{ text: `w${workflow.index} stage s${next}`, make }];
}

function stageMoves(scene: Scene, workflow: WorkflowScene): readonly Move[] {
  // What is held is no end: a person has to say first what became of it.
  const runs = workflow.tasks.some(({ running, ending }) => running !== undefined || ending === "UNKNOWN");
  if (ask.isStopped(scene, workflow)) return runs ? [] : [failing(scene, workflow)];
  if (!workflow.isWaveOpen) return betweenWaves(scene, workflow);
  const targets = ask.waveTargets(scene, workflow);
  if (targets.every((target) => ask.hasEnded(workflow, target))) return [waveEnd(scene, workflow)];
  return [...startMoves(scene, workflow), ...skipMoves(scene, workflow)];
}

function startMoves(scene: Scene, workflow: WorkflowScene): readonly Move[] {
  return readyTasks(scene, workflow).map((task) => {
    const text = `w${workflow.index} ${nameOf(task)} starts`;
    return { text, make: () => start(scene, workflow, task), isOpen: mayWait(scene, workflow, task) };
  });
}

function skipMoves(scene: Scene, workflow: WorkflowScene): readonly Move[] {
  return candidates(scene, workflow).flatMap((task) => skip(scene, workflow, task));
}

/** Too much failed: the stage and the workflow end once nothing runs. */
function failing(scene: Scene, workflow: WorkflowScene): Move {
  const name = `w${workflow.index}`;
  const make = (): void => {
    Object.assign(workflow, { isStageOpen: false, end: "FAILED" });
    release(scene, workflow, "all");
  };
  return { text: `${name} ends FAILED`, make };
}

function waveEnd(scene: Scene, workflow: WorkflowScene): Move {
  const make = (): void => {
    Object.assign(workflow, { isWaveOpen: false, waveEndedAtMs: scene.nowMs });
  };
  return { text: `w${workflow.index} wave ${workflow.wave} of s${workflow.stage} ends`, make };
}

function betweenWaves(scene: Scene, workflow: WorkflowScene): readonly Move[] {
  const stage = ask.stageOf(workflow);
  const sizes = wavesOf(scene.rules, stage, ask.targetsOf(scene.plan, stage).length);
  const next = workflow.finished === undefined || !scene.rules.isFinishKept ? nextWave(scene, workflow, sizes.length) : sizes.length;
  const name = `w${workflow.index}`;
  if (next >= sizes.length) return [stageEnd(scene, workflow)];
  if (scene.nowMs < waveOpensMs(scene, workflow)) return [];
  return [
    {
      text: `${name} wave ${next} of s${workflow.stage} with ${sizes[next]}`,
      make: () => void Object.assign(workflow, { wave: next, isWaveOpen: true }),
    },
  ];
}

/** The next wave of which anything is to be done. */
function nextWave(scene: Scene, workflow: WorkflowScene, waves: number): number {
  const isDone = (wave: number): boolean => ask.waveTargets(scene, { ...workflow, wave }).every((target) => ask.hasEnded(workflow, target));
  let wave = workflow.wave + 1;
  while (wave < waves && isDone(wave)) wave += 1;
  return wave;
}

/** The stage has come to its end; or to that of an iteration, and the next begins. */
function stageEnd(scene: Scene, workflow: WorkflowScene): Move {
  const { repeat } = ask.stageOf(workflow);
  const text = `w${workflow.index} stage s${workflow.stage}`;
  const ended: Move = { text: `${text} ends`, make: () => endStage(workflow) };
  if (repeat === undefined || workflow.finished !== undefined) return ended;
  const own = workflow.tasks.filter(({ stage }) => stage === workflow.stage);
  if (repeat.until === "tried-twice" || (repeat.until === "unchanged" && own.every(({ ending }) => ending !== "CHANGED"))) return ended;
  if (workflow.iterations + 1 >= repeat.max + scene.rules.iterationsMore) {
    const failed = failing(scene, workflow);
    const fail = (): void => {
      failed.make();
      workflow.exhausted = workflow.stage;
    };
    return { ...failed, make: fail };
  }
  const make = (): void => {
    forgetHalfWay(workflow);
    for (const task of own) ask.openAgain(task);
    const begun = workflow.begun.filter(({ stage }) => stage !== workflow.stage);
    workflow.begun.splice(0, workflow.begun.length, ...begun);
    workflow.rateStarts = workflow.rateStarts.map((start) => ({ ...start, target: -2 }));
    Object.assign(workflow, { iterations: workflow.iterations + 1, wave: -1, opensAtMs: scene.nowMs + repeat.everyMs });
  };
  return { text: `${text} begins again in ${repeat.everyMs}`, make };
}

function endStage(workflow: WorkflowScene): void {
  workflow.isStageOpen = false;
  workflow.done.add(workflow.stage);
}

/** When the next wave may begin. */
export function waveOpensMs(scene: Scene, workflow: WorkflowScene): number {
  return workflow.wave < 0
    ? workflow.opensAtMs
    : workflow.waveEndedAtMs + Math.floor(ask.stageOf(workflow).pauseMs * scene.rules.pausePart);
}

/** A task that is not wanted is skipped when its turn comes: where it is the target's first, the target is begun by it. */
function skip(scene: Scene, workflow: WorkflowScene, task: TaskScene): readonly Move[] {
  if (ask.isWanted(workflow, task)) return [];
  const make = (): void => {
    begin(scene, workflow, task.target);
    finish(scene, workflow, task, "SKIPPED");
  };
  // Nor do the docs say whether a skip may begin a target that the rate holds back.
  const isHeldBack = !hasStarted(workflow, task.target) && scene.nowMs < rateOpensMs(workflow);
  const isOpen = isHeldBack || isBehind(scene, workflow, task);
  return [{ text: `w${workflow.index} ${nameOf(task)} is skipped`, make, isOpen }];
}

function begin(scene: Scene, workflow: WorkflowScene, target: number): void {
  if (ask.hasBegun(workflow, target)) return;
  workflow.begun.push({ stage: workflow.stage, target, begunAtMs: scene.nowMs, hasChanged: false });
}

function start(scene: Scene, workflow: WorkflowScene, task: TaskScene): void {
  const { nowMs } = scene;
  begin(scene, workflow, task.target);
  const isRetry = scene.rules.rateCountsRetries && task.retryAtMs !== undefined;
  const isCounted = isRetry || !hasStarted(workflow, task.target);
  const isServed = (isCounted && ask.stageOf(workflow).rate !== undefined) || (!task.hasTaken && limitsOf(scene, task).length > 0);
  // Where it waits on it comes last, but keeps its place in the lines of what it did not take.
  if (isServed && !waitsElsewhere(scene, workflow, task)) workflow.waitsSinceMs = Infinity;
  if (isCounted) workflow.rateStarts.push({ stage: task.stage, target: task.target, atMs: nowMs });
  task.attempts += 1;
  if (!task.hasTaken) takeLimits(scene, task);
  task.holdsSlots = true;
  task.retryAtMs = undefined;
  const turn = turnOf(task.plan, { target: task.target, attempt: task.attempts });
  const lookMs = task.plan.uses === "set" ? turn.lookMs : 0;
  if (task.plan.uses === "finish") task.running = { phase: "work", dueMs: nowMs };
  else task.running = task.plan.uses === "probe" ? { phase: "work", dueMs: nowMs + turn.workMs } : { phase: "look", dueMs: nowMs + lookMs };
}

/** What comes of attempts whose look or work is over. */
function endMoves(scene: Scene, workflow: WorkflowScene): readonly Move[] {
  return workflow.tasks.flatMap((task): readonly Move[] => {
    if (task.running === undefined || task.running.dueMs > scene.nowMs) return [];
    return task.running.phase === "look" ? lookEnds(scene, workflow, task) : workEnds(scene, workflow, task);
  });
}

function lookEnds(scene: Scene, workflow: WorkflowScene, task: TaskScene): readonly Move[] {
  const turn = turnOf(task.plan, { target: task.target, attempt: task.attempts });
  const isSet = task.plan.uses === "set";
  if (isSet && turn.ending === "fail-look") return [ends(scene, workflow, task, "UNREACHABLE")];
  if (isSet && (task.isDone || isDoneBefore(task.plan, task.target))) return [ends(scene, workflow, task, "UNCHANGED")];
  if (workflow.cancelledAtMs !== undefined) return [ends(scene, workflow, task, "CANCELLED")];
  if (ask.isStopped(scene, workflow) || ask.hasFailed(workflow, task.target)) return [defers(scene, workflow, task, false)];
  const isHeld = !ask.areFree(scene, ask.locksOf(workflow, task.target), holderOf(workflow, task.target));
  const moves: Move[] = [];
  if (!isHeld && !mustWait(scene, workflow, task.target)) {
    const make = (): void => {
      const begun = workflow.begun.find((other) => other.stage === workflow.stage && other.target === task.target);
      if (begun !== undefined) begun.hasChanged = true;
      for (const key of ask.locksOf(workflow, task.target)) scene.locks.set(key, holderOf(workflow, task.target));
      stopWaiting(scene, workflow, task.target);
      task.isDeferred = false;
      task.running = { phase: "work", dueMs: scene.nowMs + turn.workMs };
    };
    moves.push({ text: `w${workflow.index} ${nameOf(task)} changes`, make });
  }
  if (isHeld || waitsBefore(scene, workflow, task.target).length > 0) moves.push(defers(scene, workflow, task, true));
  return moves;
}

/** How its work ends; that of a cancelled workflow is ended, unless it came to its end by itself in that very instant. */
function workEnds(scene: Scene, workflow: WorkflowScene, task: TaskScene): readonly Move[] {
  const end = endOfWork(scene, workflow, task);
  const { cancelledAtMs } = workflow;
  const { ending } = turnOf(task.plan, { target: task.target, attempt: task.attempts });
  const isEnded = cancelledAtMs !== undefined && (ending === "good" || (task.plan.uses === "set" && ending !== "fail"));
  if (!isEnded || (task.plan.uses !== "set" && task.plan.uses !== "touch")) return [end];
  const cancelled = ends(scene, workflow, task, "CANCELLED");
  return cancelledAtMs === scene.nowMs ? [end, cancelled] : [cancelled];
}

function endOfWork(scene: Scene, workflow: WorkflowScene, task: TaskScene): Move {
  if (task.plan.uses === "finish") return finishes(scene, workflow, task);
  const { ending } = turnOf(task.plan, { target: task.target, attempt: task.attempts });
  const { uses } = task.plan;
  if (uses === "probe" && ending === "fail-look") return ends(scene, workflow, task, "UNREACHABLE");
  if (ending === "fail" || (uses === "touch" && ending === "fail-look")) return ends(scene, workflow, task, "FAILED");
  if (uses === "touch" && ending === "unknown") return ends(scene, workflow, task, "UNKNOWN");
  return ends(scene, workflow, task, uses === "probe" ? "UNCHANGED" : "CHANGED");
}

/** What has begun goes on to its end; nothing else of the stages begins. */
function finishes(scene: Scene, workflow: WorkflowScene, task: TaskScene): Move {
  const isGood = task.plan.finishes === "succeeded";
  const make = (): void => {
    finish(scene, workflow, task, isGood ? "UNCHANGED" : "FAILED");
    if (workflow.cancelledAtMs !== undefined) return;
    workflow.finished ??= isGood ? "SUCCEEDED" : "FAILED";
    for (const other of workflow.tasks) {
      const isOwn = other.stage === workflow.stage && ask.hasBegun(workflow, other.target);
      const isUnbegun = other.ending === undefined && other.running === undefined && other.retryAtMs === undefined && !other.isDeferred;
      const isClosed = isOwn ? other.target === task.target && isUnbegun : scene.rules.isFinishKept;
      if (isClosed && other.ending === undefined) Object.assign(other, { ending: "SKIPPED", isFinishSkip: true });
    }
    if (ask.hasEnded(workflow, task.target)) release(scene, workflow, task.target);
  };
  return { text: `w${workflow.index} ${nameOf(task)} ends ${isGood ? "UNCHANGED" : "FAILED"}`, make };
}

/** An attempt ends, and with it the task, or it is tried again, or its action is repeated. */
function ends(scene: Scene, workflow: WorkflowScene, task: TaskScene, ending: Ending): Move {
  if (ending === "CHANGED" || ending === "UNCHANGED") return iterationEnds(scene, workflow, task, ending);
  const made = task.attempts - (scene.rules.iterationsShareRetries ? 0 : task.attemptsBefore);
  const isOther = task.plan.on !== undefined && task.plan.on.toUpperCase() !== ending && scene.rules.isRetryOnKept;
  // A target that has failed takes nothing more: no further attempt either.
  const isLast = made >= task.plan.attempts || ask.hasFailed(workflow, task.target) || workflow.cancelledAtMs !== undefined;
  const isAgain = (ending === "FAILED" || ending === "UNREACHABLE") && !isLast && !isOther;
  const text = `w${workflow.index} ${nameOf(task)} ends ${ending}`;
  if (!isAgain) return { text, make: () => finish(scene, workflow, task, ending) };
  const delayMs = retryDelayMs(scene.rules, task.plan, made);
  const make = (): void => {
    task.running = undefined;
    task.retryAtMs = scene.nowMs + delayMs;
  };
  return { text: `${text}, again in ${delayMs}`, make };
}

/** A good end: of the action, or of an iteration. */
function iterationEnds(scene: Scene, workflow: WorkflowScene, task: TaskScene, ending: "CHANGED" | "UNCHANGED"): Move {
  const { repeat, uses } = task.plan;
  const note = (): void => {
    task.isDone ||= uses === "set";
    // What only reads has no state to find, and a failure is used: nothing of theirs goes back.
    if (uses === "set" && ending === "UNCHANGED" && !isFailed) giveBackLimits(scene, task);
  };
  const isOver = repeat === undefined || isTrue(repeat, { attempts: task.attempts, ending });
  const isFailed = !isOver && task.iterations + 1 >= repeat.max + scene.rules.iterationsMore;
  const text = `w${workflow.index} ${nameOf(task)} ends ${isFailed ? "FAILED" : ending}`;
  if (isOver || isFailed) {
    const make = (): void => {
      note();
      finish(scene, workflow, task, isFailed ? "FAILED" : ending);
    };
    return { text, make };
  }
  const make = (): void => {
    note();
    returnLimits(scene, task);
    Object.assign(task, { running: undefined, hasTaken: false, iterations: task.iterations + 1, attemptsBefore: task.attempts });
    task.retryAtMs = scene.nowMs + repeat.everyMs;
    if (ask.hasEnded(workflow, task.target)) release(scene, workflow, task.target);
  };
  return { text: `${text}, the next iteration in ${repeat.everyMs}`, make };
}

function isTrue({ until }: RepeatPlan, { attempts, ending }: { readonly attempts: number; readonly ending: Ending }): boolean {
  return (until === "tried-twice" && attempts >= 2) || (until === "unchanged" && ending === "UNCHANGED");
}

/** An attempt that may not change anything now is put off, and does not count. */
function defers(scene: Scene, workflow: WorkflowScene, task: TaskScene, isForLocks: boolean): Move {
  const make = (): void => {
    task.running = undefined;
    giveBackLimits(scene, task);
    task.attempts -= 1;
    task.isDeferred = true;
    if (scene.rules.rateCountsDeferred) forgetStart(workflow, task.target);
    const isWaiting = scene.lockWaits.some((wait) => wait.workflow === workflow.index && wait.target === task.target);
    if (isForLocks && !isWaiting)
      scene.lockWaits.push({ workflow: workflow.index, target: task.target, keys: ask.locksOf(workflow, task.target) });
    if (ask.hasEnded(workflow, task.target)) release(scene, workflow, task.target);
  };
  return { text: `w${workflow.index} ${nameOf(task)} ends DEFERRED`, make };
}

function forgetStart(workflow: WorkflowScene, target: number): void {
  const isTried = ({ attempts, attemptsBefore, iterations, running }: TaskScene): boolean =>
    attempts > attemptsBefore || iterations > 0 || running !== undefined;
  if (ask.tasksAt(workflow, target).some(isTried)) return;
  const isOwn = (start: { readonly stage: number; readonly target: number }): boolean =>
    start.stage === workflow.stage && start.target === target;
  workflow.rateStarts = workflow.rateStarts.map((start) => (isOwn(start) ? { ...start, target: -2 } : start));
}

function finish(scene: Scene, workflow: WorkflowScene, task: TaskScene, ending: Ending): void {
  task.running = undefined;
  task.ending = ending;
  task.endedAs = 1 + Math.max(...workflow.tasks.map(({ endedAs }) => endedAs));
  if (ending !== "UNKNOWN") returnLimits(scene, task);
  if (ask.hasEnded(workflow, task.target)) release(scene, workflow, task.target);
}
