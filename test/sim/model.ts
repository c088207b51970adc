// What must be true of every workflow, said a second time and naively: it reads the journal's events and nothing of the core's state.
// 1. Each rule of a rollout is a checker with a name; the simulator asks all of them after every event.
// 2. An event costs the same however many tasks there are.

import { Mode, WorkflowOutcome } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { ContinuedAsNew, Event, WorkflowRetried, WorkflowSubmitted } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { columnsOf, stagesOf } from "../../internal/expr/workflow-parts.ts";
import type { Column, Part } from "../../internal/expr/workflow-parts.ts";
import type { Action, Stage } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import { generationsWanted } from "./random-endless.ts";
import { ModelRollout } from "./model-rollout.ts";
import { ModelCompletions } from "./model-completions.ts";
import { ModelSignals } from "./model-signals.ts";
import { isOpenStanding } from "./model-tasks.ts";
import type { ModelTask } from "./model-tasks.ts";

/** One workflow as the model sees it. */
export class Model {
  readonly id: string;
  readonly submitted: WorkflowSubmitted;
  readonly submittedBy: string;
  readonly isPlan: boolean;
  readonly targets: readonly string[];
  /** All stages, each with all of its actions, in the order of their positions. */
  readonly stages: readonly Stage[];
  readonly stageParts: readonly Part[];
  readonly columns: readonly (readonly Column[])[];
  life: "submitted" | "executing" | "ended" = "submitted";
  isPaused = false;
  isCancelled = false;
  /** True while it keeps what it holds: it was paused when a stage failed. */
  #keepsLocks = false;
  /** How often it ended, was retried, or repeated a stage: it holds nothing then. */
  endings = 0;
  /** How many events it has seen. */
  seq = 1;
  /** The generation under way, and the highest number of an attempt in those before it. */
  generation = 1;
  attemptBase = 0;
  #attemptLast = 0;
  #rollout: ModelRollout;
  readonly #signals: ModelSignals;
  readonly #completions: ModelCompletions;
  #ordinals: Map<string, number> | undefined;

  constructor(submitted: WorkflowSubmitted, by = "") {
    this.id = submitted.id;
    this.submitted = submitted;
    this.submittedBy = by;
    this.isPlan = submitted.mode === Mode.PLAN;
    this.targets = submitted.targets.map((target) => target.name);
    const all = submitted.definition === undefined ? [] : stagesOf(submitted.definition);
    this.stages = all.map(({ stage }) => ({
      ...stage,
      actions: columnsOf(stage).map(({ name, action, way }) => ({ ...action, ...wayOf(way), name })),
    }));
    this.stageParts = all.map(({ part }) => part);
    this.columns = all.map(({ stage }) => columnsOf(stage));
    this.#rollout = new ModelRollout(this);
    const rule = (name: string, holds: boolean): void => this.#rollout.rule(name, holds);
    this.#signals = new ModelSignals(rule);
    this.#completions = new ModelCompletions(rule);
  }

  get tasks(): readonly ModelTask[] {
    return this.#rollout.tasks.all;
  }

  /** The stage under way; -1: none. */
  get stage(): number {
    return this.#rollout.stageRun?.index ?? -1;
  }

  /** Takes an event in, at a time of the guard's clock; throws a Violation when it may not happen. */
  take({ kind }: Event, atMs: number): void {
    this.seq += 1;
    this.#signals.take(kind, this.#usesOf(kind));
    const isAwaited = kind.case === "attemptEnded" && this.#completions.isAwaited(kind.value.task);
    this.#completions.take(kind, this.#attemptOf(kind));
    if (kind.case === "attemptStarted" || kind.case === "taskRefused") this.#attemptLast = Math.max(this.#attemptLast, kind.value.attempt);
    switch (kind.case) {
      case "workflowExecuted":
        this.#rollout.rule("exec once", this.life === "submitted");
        this.life = "executing";
        return;
      case "workflowPaused":
      case "workflowUnpaused":
        this.isPaused = kind.case === "workflowPaused";
        return;
      case "cancelRequested":
        this.isCancelled = true;
        return;
      case "stageStarted":
        this.#keepsLocks = false;
        return this.#rollout.startStage(kind.value.stage);
      case "waveStarted":
        return this.#rollout.startWave(kind.value, atMs);
      case "waveEnded":
        // Without a pause there is nothing to wait for, also where a reboot set the clock back.
        return this.#rollout.endWave(kind.value.pauseMs === 0 ? 0 : atMs + kind.value.pauseMs);
      case "stageEnded":
        this.#keepsLocks = this.isPaused && !kind.value.succeeded;
        return this.#rollout.endStage(kind.value);
      case "stageSkipped":
        return this.#rollout.skipStage(kind.value.stage);
      case "finishDecided":
        return this.#rollout.finish(kind.value.task, kind.value.outcome === WorkflowOutcome.SUCCEEDED);
      case "listExpanded":
        return this.#rollout.expand(kind.value);
      case "deadlinePassed":
        return this.#rollout.passDeadline(kind.value.stage);
      case "stageRepeated":
        this.endings += 1;
        return this.#rollout.repeatStage(kind.value.stage, { iteration: kind.value.iteration, nextAtMs: atMs + kind.value.afterMs });
      case "workflowRetried":
        return this.#retry(kind.value);
      case "workflowExpired":
        this.#rollout.rule("only what was never executed expires", this.life === "submitted");
        this.life = "ended";
        return this.#rollout.close("after");
      case "workflowEnded":
        return this.#end(kind.value.outcome);
      case "continuedAsNew":
        return this.#continue(kind.value);
      default:
        return this.#rollout.takeTask(kind, isAwaited);
    }
  }

  isOverTargets(stage: number): boolean {
    return this.stages[stage]?.over?.kind.case === "targets";
  }

  /** A label of a task's target; empty where it has no target. */
  label(task: ModelTask, label: string): string {
    return this.isOverTargets(task.stage) ? (this.submitted.targets[task.target]?.labels[label] ?? "") : "";
  }

  /** What people call the target or the item of a task; empty: it has none. */
  unitName({ stage, target }: ModelTask): string {
    return this.isOverTargets(stage) ? (this.targets[target] ?? "") : (this.#rollout.lists.of(stage)?.[target] ?? "");
  }

  /** How many items a stage over a list has; undefined: it has no list, or it is not known. */
  itemsOf(stage: number): number | undefined {
    return this.#rollout.lists.of(stage)?.length;
  }

  uses(task: ModelTask): string {
    return this.#rollout.action(task)?.uses ?? "";
  }

  #usesOf(kind: Event["kind"]): string {
    const task = kind.case === "attemptEnded" ? this.tasks[kind.value.task] : undefined;
    return task === undefined ? "" : this.uses(task);
  }

  #attemptOf({ case: name, value }: Event["kind"]): number {
    const task = name === "completionReceived" ? this.tasks[value.task] : undefined;
    return task?.standing === "running" ? task.attempt : 0;
  }

  get targetsAtRisk(): number {
    return this.#rollout.risk.size;
  }

  get unknown(): readonly number[] {
    return [...this.#rollout.tasks.unknown];
  }

  /** Tasks of stages over lists: some of them are none, once the list is known. */
  get listTasks(): number {
    return this.tasks.filter(({ stage }) => this.stages[stage]?.over?.kind.case === "list").length;
  }

  get openTasks(): number {
    return this.#rollout.tasks.open;
  }

  /** Targets that an apply of the stage under way began to change, and that are not done. */
  get underChange(): ReadonlySet<number> {
    return this.#rollout.stageRun !== undefined && this.isOverTargets(this.stage) ? this.#rollout.stageRun.underChange : NO_TARGETS;
  }

  /** The position of a target by its name; -1: it has none of that name. */
  ordinal(name: string): number {
    this.#ordinals ??= new Map(this.targets.map((target, ordinal) => [target, ordinal]));
    return this.#ordinals.get(name) ?? -1;
  }

  /** True when something of the target is open in any stage: only then may it hold locks. */
  mayLock(target: number): boolean {
    if (this.life !== "executing" || this.isPlan) return false;
    return this.#keepsLocks || this.stages.some((_, stage) => this.isOverTargets(stage) && !this.#rollout.tasks.isDone(stage, target));
  }

  /** True when nothing of the target is open in the stage under way. */
  isDone(target: number): boolean {
    return this.#rollout.stageRun?.isDone(target) ?? true;
  }

  /** True for a task of a target that had ended with it, and was opened again to be undone. */
  hasLeftBefore({ stage, target, action }: ModelTask): boolean {
    const isUndo = this.columns[stage]?.[action]?.part === "undo";
    return this.stage === stage && !isUndo && this.#rollout.stageRun?.recalled.has(target) === true;
  }

  /** The tasks of a target in the stage under way. */
  ofTarget(target: number): readonly ModelTask[] {
    return this.#rollout.tasks.of(this.stage, target);
  }

  /** The position of a task. */
  indexOf({ stage, target, action }: Pick<ModelTask, "stage" | "target" | "action">): number {
    return this.#rollout.tasks.at(stage, target, action);
  }

  get waveTargets(): readonly number[] {
    return this.#rollout.stageRun?.waveTargets ?? [];
  }

  #retry({ again }: WorkflowRetried): void {
    this.#rollout.rule("nothing runs when it is retried", this.#rollout.tasks.running === 0);
    this.endings += 1;
    this.#keepsLocks = false;
    this.life = "executing";
    this.isPaused = false;
    this.isCancelled = false;
    this.#rollout.reopenAll(again);
  }

  /** What the keys of its tasks end with. */
  get keyEnd(): string {
    return this.generation === 1 ? "" : `.g${this.generation}`;
  }

  /** Where it would end well, all begins anew. */
  #continue({ generation, seq, attemptBase }: ContinuedAsNew): void {
    const { tasks } = this.#rollout;
    const { while: condition = "" } = this.submitted.definition?.continueAsNew ?? {};
    this.#rollout.rule("a generation begins as the one after another", generation === this.generation + 1 && Number(seq) === this.seq);
    this.#rollout.rule("a generation begins where the workflow would end well", this.#mayContinue && this.#rollout.openWanted === 0);
    this.#rollout.rule("a generation begins while it is wanted", condition !== "" && this.generation < generationsWanted(condition));
    this.#rollout.rule("nothing runs or is unknown at the end", tasks.running === 0 && tasks.unknown.size === 0);
    this.#rollout.rule("attempts are numbered on", attemptBase === this.#attemptLast);
    this.generation = generation;
    this.attemptBase = attemptBase;
    this.endings += 1;
    this.#keepsLocks = false;
    this.#rollout = new ModelRollout(this, attemptBase);
  }

  get #mayContinue(): boolean {
    return (
      this.life === "executing" &&
      !this.isPlan &&
      !this.isPaused &&
      !this.isCancelled &&
      this.#rollout.finished === undefined &&
      this.stage === -1
    );
  }

  #end(outcome: WorkflowOutcome): void {
    const { tasks } = this.#rollout;
    this.endings += 1;
    this.#rollout.rule("nothing runs at the end", tasks.running === 0);
    const isCancelled = outcome === WorkflowOutcome.CANCELLED;
    this.#rollout.rule("a cancelled workflow ends so, and no other", isCancelled === this.isCancelled);
    if (!isCancelled) this.#rollout.rule("no task is unknown at the end", tasks.unknown.size === 0);
    this.#rollout.rule("what was finished as failed fails", outcome !== WorkflowOutcome.SUCCEEDED || this.#rollout.finished !== "failed");
    if (outcome === WorkflowOutcome.SUCCEEDED)
      this.#rollout.rule("nothing is open after success, but what handles another end", this.#rollout.openWanted === 0);
    const { while: condition = "" } = this.submitted.definition?.continueAsNew ?? {};
    if (outcome === WorkflowOutcome.SUCCEEDED && !this.isPlan && this.#rollout.finished === undefined && condition !== "")
      this.#rollout.rule("it ends well when it is not wanted any more", this.generation >= generationsWanted(condition));
    this.life = "ended";
    this.isPaused = false;
    this.#rollout.close(isCancelled ? "cancelled" : "after");
  }
}

/** True while something may still come of the task. */
export function isOpenTask({ standing }: ModelTask): boolean {
  return isOpenStanding(standing);
}

const NO_TARGETS: ReadonlySet<number> = new Set();

/** How it is done, over what its action says. */
function wayOf({ uses, with: args, retry, timeout, totalTimeout }: Column["way"]): Partial<Action> {
  return {
    uses,
    ...(args === undefined ? {} : { with: args }),
    ...(retry === undefined ? {} : { retry }),
    ...(timeout === undefined ? {} : { timeout }),
    ...(totalTimeout === undefined ? {} : { totalTimeout }),
  };
}
