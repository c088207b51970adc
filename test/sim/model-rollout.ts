// How a workflow goes through its stages, as the model sees it: waves, budgets, needs, what is at risk, and where each task stands.
// 1. Each rule has a name; whoever breaks it is told by it.

import { AttemptOutcome, DeferReason, Resolution } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { AttemptEnded, Event } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { Amount, Stage } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import { ModelStage } from "./model-stage.ts";
import { ModelTasks } from "./model-tasks.ts";
import type { ModelTask, Standing } from "./model-tasks.ts";
import { Violation } from "./violation.ts";

/** What the rollout asks of its workflow. */
export interface RolloutOwner {
  readonly id: string;
  readonly isPlan: boolean;
  readonly isCancelled: boolean;
  readonly isPaused: boolean;
  readonly life: "submitted" | "executing" | "ended";
  readonly stages: readonly Stage[];
  readonly targets: readonly string[];
}

/** The rollout of one workflow. */
export class ModelRollout {
  readonly tasks: ModelTasks;
  /** Tasks that a person let run again without knowing whether they had been done. */
  readonly redone = new Set<number>();
  /** Targets at risk, over all stages. */
  readonly risky = new Set<number>();
  stageRun: ModelStage | undefined;
  readonly #owner: RolloutOwner;

  constructor(owner: RolloutOwner) {
    this.#owner = owner;
    this.tasks = new ModelTasks(owner.stages, owner.targets.length);
  }

  /** The stage under way; -1: none. */
  get stage(): number {
    return this.stageRun?.index ?? -1;
  }

  isOverTargets(stage: number): boolean {
    return this.#owner.stages[stage]?.over !== undefined;
  }

  /** True when nothing of the target is open in the stage under way. */
  isDone(target: number): boolean {
    return this.stageRun?.isDone(target) ?? true;
  }

  /** The tasks of a target in the stage under way. */
  ofTarget(target: number): readonly ModelTask[] {
    return this.tasks.of(this.stage, target);
  }

  /** What a task is declared as. */
  action(task: ModelTask) {
    return this.#owner.stages[task.stage]?.actions[task.action];
  }

  /** An event of a task. */
  takeTask(kind: Event["kind"]): void {
    if (kind.case === undefined || !("task" in kind.value)) return;
    const index = kind.value.task;
    const task = this.tasks.all[index];
    if (task === undefined) throw new Violation(`model: task ${index} does not exist`);
    switch (kind.case) {
      case "attemptStarted":
        return this.#startAttempt(index, task, kind.value.attempt);
      case "applyStarted":
        return this.#startApply(task);
      case "attemptEnded":
        return this.#endAttempt(index, task, kind.value);
      case "taskSkipped":
        this.#mayStart(task);
        return this.#settle(index, task, "skipped");
      case "taskRefused":
        this.#mayStart(task);
        return this.#settle(index, task, "failed");
      case "taskResolved":
        this.rule("only unknown tasks are resolved", task.standing === "unknown");
        if (this.stage === task.stage) this.stageRun?.parked.add(task.target);
        if (kind.value.resolution === Resolution.RUN_AGAIN) return this.#reopen(index, task);
        return this.#settle(index, task, kind.value.resolution === Resolution.SUCCEEDED ? "good" : "failed");
      default:
        return;
    }
  }

  startStage(stage: number): void {
    this.rule("stages run one after the other", this.stageRun === undefined && this.#owner.life === "executing" && !this.#owner.isPaused);
    this.rule("stages run in order", this.tasks.openBefore(stage) === 0);
    this.stageRun = new ModelStage(stage, this.tasks);
  }

  startWave({ first, count }: { readonly first: number; readonly count: number }, atMs: number): void {
    const run = this.#run();
    this.rule("waves run one after the other", run.wave === undefined);
    this.rule("a wave waits for its pause", atMs >= run.nextWaveAtMs);
    for (let target = 0; target < first; target++) this.rule("waves run in order", run.isDone(target));
    run.wave = { first, count };
  }

  endWave(nextAtMs: number): void {
    const run = this.#run();
    this.rule(
      "a wave ends when its targets have",
      run.waveTargets.every((target) => run.isDone(target)),
    );
    run.wave = undefined;
    run.nextWaveAtMs = nextAtMs;
  }

  endStage(isSuccess: boolean): void {
    this.rule("a stage fails past its budget only", isSuccess === !this.#isPastBudget());
    this.rule("nothing runs at a stage's end", this.tasks.running === 0);
    this.stageRun = undefined;
  }

  /** Everything that did not end well is open again. */
  reopenAll(): void {
    this.stageRun = undefined;
    for (const [index, task] of this.tasks.all.entries())
      if (task.standing !== "good" && task.standing !== "skipped") this.#reopen(index, task);
  }

  /** What is open stays undone. */
  close(standing: Standing): void {
    this.stageRun = undefined;
    if (this.tasks.open === 0) return;
    for (const [index, task] of this.tasks.all.entries()) if (task.standing === "open") this.tasks.set(index, standing);
  }

  #startAttempt(index: number, task: ModelTask, attempt: number): void {
    this.#mayStart(task);
    this.rule("attempts are numbered without gaps", attempt === task.attempt + 1);
    this.rule("attempts stay within the retry rule", task.tries < Math.max(1, this.action(task)?.retry?.attempts ?? 1));
    this.#set(index, task, "running");
    task.attempt = attempt;
    task.tries += 1;
  }

  #mayStart(task: ModelTask): void {
    this.rule("only what is open starts", task.standing === "open");
    this.rule(
      "nothing starts in a workflow that is not executing, paused or cancelled",
      this.#owner.life === "executing" && !this.#owner.isPaused && !this.#owner.isCancelled,
    );
    this.rule("tasks start in their stage", task.stage === this.stage);
    const run = this.#run();
    this.rule("nothing starts past the budget of failures", !this.#isPastBudget());
    this.rule("a target that failed takes no further tasks", !run.failed.has(task.target));
    const { first = 0, count = 0 } = run.wave ?? {};
    this.rule("targets start in their wave", task.target >= first && task.target < first + count);
    for (const needed of this.#needs(task)) this.rule("needs have ended well", needed.standing === "good" || needed.standing === "skipped");
    if (!run.begun.has(task.target))
      this.rule("no new target past failed and unknown", run.failed.size + this.tasks.unknown.size <= this.#failuresMax());
    const isReturning = run.parked.delete(task.target);
    // Who comes back may have the place of one that waits: which one, nobody can tell from outside.
    const isBack = isReturning || run.waitingForLock.has(task);
    run.begun.add(task.target);
    run.waitingForLock.delete(task);
    run.look(task.target);
    const stage = this.#owner.stages[run.index];
    const parallel = stage?.over === undefined ? 1 : (stage.rollout?.parallel ?? 10);
    if (isBack) run.yieldPlaces(task.target, parallel);
    this.rule("parallel", run.flyingBeside(task.target) + 1 <= parallel);
  }

  #startApply(task: ModelTask): void {
    this.rule("a plan changes nothing", !this.#owner.isPlan);
    this.rule("only what runs applies", task.standing === "running" && !task.isApplying);
    this.rule("no apply begins past the budget of failures", !this.#isPastBudget());
    this.rule("no apply begins on a target that failed", !this.#run().failed.has(task.target));
    this.rule("no apply begins in a cancelled workflow", !this.#owner.isCancelled);
    task.isApplying = true;
    if (!this.isOverTargets(task.stage)) return;
    this.#run().underChange.add(task.target);
    this.#risk(task.target);
  }

  /** However it came to be so: by an apply, or because it failed, was unreachable or is unknown. */
  #risk(target: number): void {
    if (this.risky.has(target)) return;
    this.risky.add(target);
    this.rule("max_at_risk is never exceeded", this.risky.size <= this.#atRiskMax());
  }

  #endAttempt(index: number, task: ModelTask, { outcome, retryAfterMs, deferredFor }: AttemptEnded): void {
    this.rule("only what runs ends", task.standing === "running");
    const wasApplying = task.isApplying;
    task.isApplying = false;
    switch (outcome) {
      case AttemptOutcome.UNCHANGED:
      case AttemptOutcome.CHANGED:
        return this.#settle(index, task, "good");
      case AttemptOutcome.UNKNOWN:
        this.rule("only what was being applied is unknown", wasApplying);
        return this.#settle(index, task, "unknown");
      case AttemptOutcome.CANCELLED:
        this.rule("only a cancelled workflow cancels", this.#owner.isCancelled);
        return this.#settle(index, task, "cancelled");
      case AttemptOutcome.SKIPPED:
        this.rule("only a plan skips what it looked at", this.#owner.isPlan);
        return this.#settle(index, task, "skipped");
      case AttemptOutcome.DEFERRED:
        this.rule("what was being applied is not put off, but by a freeze", !wasApplying || deferredFor === DeferReason.FROZEN);
        this.#set(index, task, "open");
        if (deferredFor !== DeferReason.FROZEN) task.attempt -= 1;
        if (deferredFor === DeferReason.LOCK) this.#run().waitingForLock.add(task);
        task.tries -= 1;
        if (this.#run().failed.has(task.target)) this.#settle(index, task, "after");
        return;
      default:
        if (retryAfterMs === undefined) return this.#settle(index, task, "failed");
        return this.#set(index, task, "open");
    }
  }

  /** Where a task stands from now on, and what follows of it for its target. */
  #set(index: number, task: ModelTask, standing: Standing): void {
    this.tasks.set(index, standing);
    if (task.stage === this.stage) this.stageRun?.look(task.target);
  }

  #settle(index: number, task: ModelTask, standing: Standing): void {
    const isOver = this.isOverTargets(task.stage);
    const run = this.stageRun;
    if (standing === "failed") run?.failed.add(task.target);
    this.#set(index, task, standing);
    if (isOver && (standing === "failed" || standing === "unknown")) this.#risk(task.target);
    if (run?.failed.has(task.target) === true) {
      for (const other of this.ofTarget(task.target))
        if (other.standing === "open") this.#set(this.tasks.at(other.stage, other.target, other.action), other, "after");
    }
    if (!isOver || !this.isDone(task.target)) return;
    if (!this.ofTarget(task.target).some((other) => other.standing === "failed")) this.risky.delete(task.target);
  }

  #reopen(index: number, task: ModelTask): void {
    if (task.standing === "unknown") this.redone.add(index);
    this.#set(index, task, "open");
    task.tries = 0;
    if (this.stage === task.stage && this.#run().failed.has(task.target)) this.#settle(index, task, "after");
  }

  #run(): ModelStage {
    if (this.stageRun === undefined)
      throw new Violation(`model: workflow ${this.#owner.id}: broken rule: only in a stage that is under way`);
    return this.stageRun;
  }

  #needs(task: ModelTask): readonly ModelTask[] {
    const names = this.action(task)?.needs?.actions;
    const tasks = this.ofTarget(task.target);
    if (names === undefined) return tasks.slice(Math.max(0, task.action - 1), task.action);
    const actions = this.#owner.stages[task.stage]?.actions ?? [];
    return tasks.filter((other) => names.includes(actions[other.action]?.name ?? ""));
  }

  #isPastBudget(): boolean {
    return (this.stageRun?.failed.size ?? 0) > this.#failuresMax();
  }

  #failuresMax(): number {
    return this.#owner.isPlan ? Infinity : this.#amount(this.#owner.stages[this.stage]?.rollout?.maxFailures, 0);
  }

  #atRiskMax(): number {
    return this.#owner.isPlan ? Infinity : this.#amount(this.#owner.stages[this.stage]?.rollout?.maxAtRisk, Infinity);
  }

  #amount(amount: Amount | undefined, absent: number): number {
    if (amount === undefined || amount.kind.case === undefined) return absent;
    return amount.kind.case === "count" ? amount.kind.value : Math.floor((this.#owner.targets.length * amount.kind.value) / 100 + 1e-9);
  }

  rule(name: string, holds: boolean): void {
    if (!holds) throw new Violation(`model: workflow ${this.#owner.id}: broken rule: ${name}`);
  }
}
