// The state of one workflow: the fold of its events (apply.ts), read by everything that decides.
// 1. Only apply.ts changes it. It holds no output of any task: those stay in the store (H9).
// 2. What is derived (queues, counters, sets) is kept by the fold, so that a turn never scans all tasks.

import { present } from "../base/assert.ts";
import { timeMs } from "../base/ids.ts";
import type { JsonObject } from "../base/json.ts";
import type { TimeMs } from "../base/ids.ts";
import type { FinishDecided, WorkflowOutcome, WorkflowSubmitted } from "../gen/holdfast/v1/event_pb.ts";
import type { Verdict } from "../gen/holdfast/v1/policy_pb.ts";
import type { Value } from "@bufbuild/protobuf/wkt";
import { AwaitingTable } from "./awaiting-table.ts";
import type { Blueprint, StagePlan } from "./blueprint.ts";
import { makeBlueprint } from "./blueprint.ts";
import type { FreezeFact } from "./facts.ts";
import type { GateHeld } from "./gates.ts";
import type { Generation } from "./generation.ts";
import { firstGeneration } from "./generation.ts";
import type { NeedAnswer } from "./needs.ts";
import { Parking } from "./parking.ts";
import { SignalBox } from "./signal-box.ts";
import { CompletionBox } from "./completion-box.ts";
import { DueQueue, WorkQueue } from "./queues.ts";
import type { Restoration } from "./restored-doubt.ts";
import { Schedule } from "./schedule.ts";
import { TaskTable, stageFinder } from "./task-state.ts";

/** A task under way. */
export interface RunningTask {
  readonly attempt: number;
  readonly startedAtMs: TimeMs;
  /** The number of the event that started it: it runs only once that event is on disk. */
  readonly startSeq: number;
  /** Present after ApplyStarted: what the check found. */
  before?: string;
  /** The other side's ID, after AttemptPrepared. */
  remoteId: string;
}

/** How the life of a workflow stands; phases (status.ts) follow from it and from what its tasks do. */
export type Life =
  | { readonly kind: "submitted" }
  | { readonly kind: "executing" }
  | { readonly kind: "expired"; readonly atMs: TimeMs }
  | {
      readonly kind: "ended";
      readonly atMs: TimeMs;
      readonly outcome: WorkflowOutcome;
      readonly error: string;
      readonly output: Value | undefined;
    };

/** How far the stage under way is. */
export interface StageRun {
  readonly stage: StagePlan;
  /** Which iteration of its `repeat`, from 1. */
  readonly iteration: number;
  /** Position of the wave under way; -1: none yet. */
  wave: number;
  /** True between WaveStarted and WaveEnded. */
  isInWave: boolean;
  /** The first target of the wave that is neither begun nor done; the wave's end: there is none. */
  nextOrdinal: number;
  /** Targets of the wave that have not ended. */
  openInWave: number;
  /** When the next wave may start. */
  resumeAtMs: number;
  /** When the stage's time is over; Infinity: never. */
  readonly deadlineMs: number;
  /** True once the stage's time, or the workflow's, was over. */
  isOverdue: boolean;
  /** Targets in flight: admitted, not ended, not held. */
  readonly inFlight: Set<number>;
  /** How many of those in flight, and of those that gave up their place, are not at risk: each keeps room to become so. */
  roomKept: number;
  /** Targets of the wave that are at risk from before and not begun yet: they need no room. */
  readonly atRiskToBegin: Set<number>;
  /** Targets held by an unknown task with nothing else running. */
  readonly held: Set<number>;
  /** Targets that were held, or gave up their place while they wait for locks, and wait to be admitted again. */
  readonly returning: Set<number>;
  /** Those of them that gave up their place. */
  readonly yielded: Set<number>;
  /** Targets that have failed or were unreachable in this stage. */
  readonly failed: Set<number>;
  /** Tasks of stages with something to undo that began to change their target. */
  readonly touched: Set<number>;
  /** True once the targets of a failed wave that had ended were opened again to be undone. */
  isRecalled: boolean;
  /** True once too many have failed, and those under way were stopped. */
  hasStopped: boolean;
  /** Targets under way that were stopped because too many others failed. */
  readonly stopped: Set<number>;
  /** Targets whose main actions have ended, in stages with parts that handle that: it is known which of these are run. */
  readonly judged: Set<number>;
  /** Tasks of targets in flight that may start. */
  readonly ready: WorkQueue;
  /** What needs of all targets of an earlier stage came to, by the position of the first task: a cache. */
  readonly earlierAnswers: Map<number, NeedAnswer>;
  /** Tasks that wait for their target's locks, in the order in which they began to. */
  readonly waitingForLock: Set<number>;
  /** How many of them wait for locks that come free by themselves, as of an event: a cache (stall.ts). */
  lockWaits: { readonly seq: number; readonly count: number } | undefined;
  /** Tasks that a freeze ended, or kept from changing something; they keep their target's locks and their own limits. */
  readonly waitingForThaw: Set<number>;
}

/** How a stage ended. */
export type StageResult = "pending" | "running" | "succeeded" | "failed" | "skipped";

/** A person who approved the workflow's digest. */
export interface Approver {
  readonly by: string;
  readonly roles: readonly string[];
  readonly atMs: TimeMs;
  readonly reason: string;
}

/** The state of one workflow. */
export interface WorkflowState {
  /** It changes in one thing alone: the lists of its stages become known. */
  blueprint: Blueprint;
  readonly submitted: WorkflowSubmitted;
  readonly submittedBy: string;
  readonly submittedAtMs: TimeMs;
  readonly expiresAtMs: TimeMs;
  /** The number of the last event. */
  seq: number;
  /** The time of the last event. */
  lastAtMs: TimeMs;
  life: Life;
  executedAtMs: TimeMs | undefined;
  generation: Generation;
  isPaused: boolean;
  isCancelRequested: boolean;
  /** When the workflow's time is over; Infinity: never. */
  deadlineMs: number;
  /** The deadline that passed last since it was executed or retried: of the workflow, or of a stage by its position; undefined: none. */
  overdue: number | "workflow" | undefined;
  /** Present: an action finished it early. The first of them decided, and of the target of each of them no further main action begins. */
  finish: { readonly decided: FinishDecided; readonly tasks: Set<number> } | undefined;
  retries: number;
  /** True once the gate of exec has let it through; a Retry is judged again. */
  isAdmitted: boolean;
  /** Present while a gate holds it. */
  gateHeld: GateHeld | undefined;
  /** The last verdict that was not a plain yes. */
  lastVerdict: Verdict | undefined;
  /** Rules of the task gate that held a task of the wave under way: each is journaled once. */
  readonly heldRules: Set<string>;
  /** Attempts that rules of the task gate allowed. */
  tasksAllowed: number;
  readonly approvers: Approver[];
  /** What freezes do to it, as it took note of them. */
  freeze: FreezeFact | undefined;
  /** The last time that the journal was brought back from a backup; undefined: it never was. */
  restored: Restoration | undefined;
  /** Tasks in flight that something outside holds back: no part of the fold. */
  readonly parking: Parking;
  /** First tasks of targets that were not begun because something outside holds them back: no part of the fold. */
  readonly entrance: Parking;
  readonly tasks: TaskTable;
  readonly running: Map<number, RunningTask>;
  /** Those of the running tasks of which nothing runs: they await something. */
  readonly awaiting: AwaitingTable;
  /** Signals that no attempt has had yet, and the keys of all. */
  readonly signals: SignalBox;
  readonly completions: CompletionBox;
  /** The workflow's variables. */
  vars: JsonObject;
  /** Tasks between two attempts, by when the next one is due. */
  readonly backoff: DueQueue;
  /** First start of tasks whose total time is bounded and that have not ended. */
  readonly firstStartMs: Map<number, TimeMs>;
  /** Which iteration of its `repeat` a task is at, of those beyond the first. */
  readonly iterations: Map<number, number>;
  /** When tasks that are bounded from the moment they may start must have ended. */
  readonly schedule: Schedule;
  stageRun: StageRun | undefined;
  readonly stageResults: StageResult[];
  /** Why stages were skipped, by position. */
  readonly stageNotes: Map<number, string>;
  /** How many waves of each stage have begun. */
  readonly wavesBegun: number[];
  /** Risk flags by target. */
  readonly risk: Uint8Array;
  targetsAtRisk: number;
  /** Names of failed targets by stage, kept while they hold: a cache that follows from the tasks and may be dropped. */
  readonly failedTargets: Map<number, { readonly version: number; readonly names: readonly string[] }>;
}

/** The state after the first event of a workflow, or before anything was done in a later generation of it. */
export function initialState(
  submitted: WorkflowSubmitted,
  recorded: { readonly by: string; readonly atMs: TimeMs },
  generation = firstGeneration(),
): WorkflowState {
  const blueprint = makeBlueprint(submitted);
  const { stages } = blueprint;
  const widths = stages.map((stage) => ({ tasks: stage.width * stage.actions.length }));
  return {
    blueprint,
    submitted,
    submittedBy: recorded.by,
    submittedAtMs: recorded.atMs,
    expiresAtMs: timeMs(recorded.atMs + submitted.expiresAfterMs),
    seq: 1,
    lastAtMs: recorded.atMs,
    life: { kind: "submitted" },
    executedAtMs: undefined,
    generation,
    isPaused: false,
    isCancelRequested: false,
    deadlineMs: Infinity,
    overdue: undefined,
    finish: undefined,
    retries: 0,
    isAdmitted: false,
    gateHeld: undefined,
    lastVerdict: submitted.verdict,
    heldRules: new Set(),
    tasksAllowed: 0,
    approvers: [],
    freeze: undefined,
    restored: undefined,
    parking: new Parking(),
    entrance: new Parking(),
    tasks: new TaskTable(blueprint.tasks, widths, { stageOf: stageFinder(stages), attemptBase: generation.attemptBase }),
    running: new Map(),
    awaiting: new AwaitingTable(),
    signals: new SignalBox(),
    completions: new CompletionBox(),
    vars: blueprint.vars,
    backoff: new DueQueue(),
    firstStartMs: new Map(),
    iterations: new Map(),
    schedule: new Schedule(),
    stageRun: undefined,
    stageResults: stages.map(() => "pending"),
    stageNotes: new Map(),
    wavesBegun: stages.map(() => 0),
    risk: new Uint8Array(blueprint.targets.length),
    targetsAtRisk: 0,
    failedTargets: new Map(),
  };
}

/** The progress of a stage at its start. */
export function startStage(stage: StagePlan, atMs: TimeMs): StageRun {
  return beginStage(stage, { iteration: 1, resumeAtMs: 0, deadlineMs: atMs + stage.deadlineMs });
}

/** The progress of a stage at the start of an iteration: its deadline is one for all of them. */
export function beginStage(stage: StagePlan, at: Pick<StageRun, "iteration" | "resumeAtMs" | "deadlineMs">): StageRun {
  return {
    stage,
    ...at,
    wave: -1,
    isInWave: false,
    nextOrdinal: 0,
    openInWave: 0,
    isOverdue: false,
    inFlight: new Set(),
    roomKept: 0,
    atRiskToBegin: new Set(),
    held: new Set(),
    returning: new Set(),
    yielded: new Set(),
    failed: new Set(),
    touched: new Set(),
    isRecalled: false,
    hasStopped: false,
    stopped: new Set(),
    judged: new Set(),
    ready: new WorkQueue(),
    earlierAnswers: new Map(),
    waitingForLock: new Set(),
    lockWaits: undefined,
    waitingForThaw: new Set(),
  };
}

/** The progress of the stage under way. */
export function stageRunOf(state: WorkflowState): StageRun {
  return present(state.stageRun, "the stage under way");
}

/** The position after the last target of the wave under way; 0 before the first wave. */
export function waveEnd(run: StageRun): number {
  const { first, count } = run.stage.waves[run.wave] ?? { first: 0, count: 0 };
  return first + count;
}
