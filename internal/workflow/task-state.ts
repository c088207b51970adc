// Where each task stands: one byte and two small counters a task, so that a million tasks cost a few megabytes (H9).
// 1. The counts of a stage always equal what a scan of its tasks would give.

import type { TaskCounts } from "../gen/holdfast/v1/status_pb.ts";
import { TaskOutcome, TaskOutcomeSchema } from "../gen/holdfast/v1/status_pb.ts";
import { assert, present } from "../base/assert.ts";

/** Where a task can stand. The numbers live in memory only. */
export const TaskState = {
  /** Waits for its turn: for its target, or for actions before it. */
  PENDING: 0,
  /** May start as soon as there is room. */
  READY: 1,
  RUNNING: 2,
  /** Between two attempts. */
  BACKOFF: 3,
  /** Found something to change, and waits for its target's lock. */
  DEFERRED: 4,
  UNCHANGED: 5,
  CHANGED: 6,
  FAILED: 7,
  UNREACHABLE: 8,
  /** Held for a person. */
  UNKNOWN: 9,
  /** Its `when` was false, or a plan could not know. */
  SKIPPED: 10,
  /** Not started because its target, stage or workflow failed before. Retry starts it. */
  SKIPPED_AFTER: 11,
  CANCELLED: 12,
  /** Not started because an action finished the workflow early. Retry starts it, where something is to be retried. */
  SKIPPED_FINISH: 13,
  /** No item of its stage's list needs it: it is counted nowhere. */
  ABSENT: 14,
} as const;

/** One of the values of TaskState. */
export type TaskState = (typeof TaskState)[keyof typeof TaskState];

const STATES = 15;

/** True when nothing more happens to the task by itself. UNKNOWN waits for a person. */
export function isSettled(state: number): boolean {
  return state >= TaskState.UNCHANGED && state !== TaskState.UNKNOWN;
}

/** True when it was let start and does not run: it waits for its turn, a moment, locks or a thaw. */
export function isWaiting(state: number): boolean {
  return state === TaskState.READY || state === TaskState.DEFERRED || state === TaskState.BACKOFF;
}

/** True when actions that need the task may start; nothing is needed of what is absent. */
export function isGood(state: number): boolean {
  return state === TaskState.UNCHANGED || state === TaskState.CHANGED || state === TaskState.SKIPPED || state === TaskState.ABSENT;
}

/** True when the target failed by it. */
export function isFailure(state: number): boolean {
  return state === TaskState.FAILED || state === TaskState.UNREACHABLE;
}

/** True for what was not done, and will not be, because of something else than its own `when`. */
export function isClosed(state: number): boolean {
  return state === TaskState.SKIPPED_AFTER || state === TaskState.SKIPPED_FINISH || state === TaskState.CANCELLED;
}

/** True when Retry opens it again: it failed, was unknown or never started. */
export function isRetriable(state: number): boolean {
  return !isGood(state) && state !== TaskState.RUNNING;
}

/** Finds the stage of a task. */
export function stageFinder(stages: readonly { readonly firstTask: number }[]): (task: number) => number {
  const first = stages.map((stage) => stage.firstTask);
  return (task) => {
    let stage = first.length - 1;
    while (stage > 0 && (first[stage] ?? 0) > task) stage -= 1;
    return stage;
  };
}

/** The states and attempts of all tasks of a workflow, and how many stand where in each stage. */
export class TaskTable {
  readonly states: Uint8Array;
  /** The number of each task's last attempt; over all generations. */
  readonly attempts: Uint16Array | Uint32Array;
  /** Attempts that no longer count against the retry rule, because a person asked for a fresh start. */
  readonly forgiven: Uint16Array | Uint32Array;
  /** Tasks of stages with something to undo that a freeze ended after they had begun to change something: such an attempt counts no try. */
  readonly halfDone = new Set<number>();
  readonly #attemptBase: number;
  /** How often each task was run again after a good end; undefined while none was, as in most workflows. */
  #reruns: Uint16Array | undefined;
  readonly #stageOf: (task: number) => number;
  readonly #counts: Int32Array;
  /** How often a task of each stage has begun or ceased to be a failure: tells whether a list of failed targets still holds. */
  readonly #failureChanges: Int32Array;

  constructor(
    tasks: number,
    stages: readonly { readonly tasks: number }[],
    options: { readonly stageOf: (task: number) => number; readonly attemptBase: number },
  ) {
    const { stageOf, attemptBase } = options;
    this.states = new Uint8Array(tasks);
    this.#attemptBase = attemptBase;
    this.attempts = attemptBase === 0 ? new Uint16Array(tasks) : new Uint32Array(tasks).fill(attemptBase);
    this.forgiven = this.attempts.slice();
    this.#stageOf = stageOf;
    this.#counts = new Int32Array(stages.length * STATES);
    this.#failureChanges = new Int32Array(stages.length);
    for (const [index, stage] of stages.entries()) this.#counts[index * STATES + TaskState.PENDING] = stage.tasks;
  }

  /** How many attempts it made since it last began afresh: those that count. */
  triesOf(task: number): number {
    return (this.attempts[task] ?? 0) - (this.forgiven[task] ?? 0);
  }

  /** How many attempts it has begun in this generation. */
  begunOf(task: number): number {
    return (this.attempts[task] ?? 0) - this.#attemptBase;
  }

  /** Which run of the task this is, from 1: a good end is the end of a run, a failure is not. */
  runOf(task: number): number {
    return (this.#reruns?.[task] ?? 0) + 1;
  }

  /** The task runs again though it had come to a good end. */
  beginRun(task: number): void {
    this.#reruns ??= new Uint16Array(this.states.length);
    this.#reruns[task] = (this.#reruns[task] ?? 0) + 1;
  }

  get(task: number): number {
    return present(this.states[task], "a task's state");
  }

  set(task: number, state: TaskState): void {
    const before = this.get(task);
    const stage = this.#stageOf(task);
    const base = stage * STATES;
    assert((this.#counts[base + before] ?? 0) > 0, "a stage's count of tasks is never negative");
    this.#counts[base + before] = (this.#counts[base + before] ?? 0) - 1;
    this.#counts[base + state] = (this.#counts[base + state] ?? 0) + 1;
    this.states[task] = state;
    if (isFailure(before) || isFailure(state)) this.#failureChanges[stage] = (this.#failureChanges[stage] ?? 0) + 1;
  }

  /** A number that changes whenever the failed tasks of a stage do. */
  failureVersion(stage: number): number {
    return this.#failureChanges[stage] ?? 0;
  }

  /** How many tasks of a stage stand there. */
  count(stage: number, state: TaskState): number {
    return this.#counts[stage * STATES + state] ?? 0;
  }

  /** The counts of one stage, as status shows them. */
  stageCounts(stage: number): TaskNumbers {
    return countTasks((state) => this.count(stage, state));
  }

  /** The counts of all stages. */
  totalCounts(): TaskNumbers {
    const stages = this.#counts.length / STATES;
    return countTasks((state) => {
      let sum = 0;
      for (let stage = 0; stage < stages; stage++) sum += this.count(stage, state);
      return sum;
    });
  }
}

/** The fields of TaskCounts without the message around them. */
export type TaskNumbers = Omit<TaskCounts, "$typeName" | "$unknown">;

function countTasks(count: (state: TaskState) => number): TaskNumbers {
  const changed = count(TaskState.CHANGED);
  const unchanged = count(TaskState.UNCHANGED);
  const numbers = {
    succeeded: changed + unchanged,
    changed,
    unchanged,
    failed: count(TaskState.FAILED),
    unknown: count(TaskState.UNKNOWN),
    unreachable: count(TaskState.UNREACHABLE),
    skipped: count(TaskState.SKIPPED) + count(TaskState.SKIPPED_AFTER) + count(TaskState.SKIPPED_FINISH),
    running: count(TaskState.RUNNING),
    waiting: count(TaskState.PENDING) + count(TaskState.READY) + count(TaskState.BACKOFF) + count(TaskState.DEFERRED),
    cancelled: count(TaskState.CANCELLED),
  };
  const { succeeded, failed, unknown, unreachable, skipped, running, waiting, cancelled } = numbers;
  return { tasks: succeeded + failed + unknown + unreachable + skipped + running + waiting + cancelled, ...numbers };
}

/** What status and lists call the state. */
export function outcomeOf(state: number): TaskOutcome {
  switch (state) {
    case TaskState.PENDING:
    case TaskState.READY:
    case TaskState.BACKOFF:
    case TaskState.DEFERRED:
      return TaskOutcome.WAITING;
    case TaskState.RUNNING:
      return TaskOutcome.RUNNING;
    case TaskState.UNCHANGED:
    case TaskState.CHANGED:
      return TaskOutcome.SUCCEEDED;
    case TaskState.FAILED:
      return TaskOutcome.FAILED;
    case TaskState.UNREACHABLE:
      return TaskOutcome.UNREACHABLE;
    case TaskState.UNKNOWN:
      return TaskOutcome.UNKNOWN;
    case TaskState.CANCELLED:
      return TaskOutcome.CANCELLED;
    default:
      return TaskOutcome.SKIPPED;
  }
}

/** The outcome as expressions and JSON write it, without prefix: `SUCCEEDED`. */
export function outcomeName(outcome: TaskOutcome): string {
  return TaskOutcomeSchema.value[outcome]?.localName ?? "UNSPECIFIED";
}
