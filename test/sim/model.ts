// What must be true of every workflow, said a second time and naively: it reads the journal's events and nothing of the core's state.
// 1. Each rule of a rollout is a checker with a name; the simulator asks all of them after every event.

import { AttemptOutcome, DeferReason, Mode, Resolution, WorkflowOutcome } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { AttemptEnded, Event, WorkflowSubmitted } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { Amount, Stage } from "../../internal/gen/holdfast/v1/workflow_pb.ts";

/** Where a task stands, in the words of the model. */
type Standing = "open" | "running" | "good" | "skipped" | "failed" | "unknown" | "cancelled" | "after";

export interface ModelTask {
  readonly stage: number;
  readonly target: number;
  readonly action: number;
  standing: Standing;
  attempt: number;
  /** Attempts since the last fresh start. */
  tries: number;
  isApplying: boolean;
  /** It began to change its target in this stage. */
  hasApplied: boolean;
}

/** A broken rule. */
export class Violation extends Error {}

/** One workflow as the model sees it. */
export class Model {
  readonly id: string;
  readonly submitted: WorkflowSubmitted;
  readonly submittedBy: string;
  readonly isPlan: boolean;
  readonly targets: readonly string[];
  readonly stages: readonly Stage[];
  readonly tasks: ModelTask[] = [];
  /** Tasks that a person let run again without knowing whether they had been done. */
  readonly redone = new Set<number>();
  life: "submitted" | "executing" | "ended" = "submitted";
  isPaused = false;
  isCancelled = false;
  stage = -1;
  readonly #begun = new Set<number>();
  readonly #failed = new Set<number>();
  /** Targets that were held, and wait to be taken in flight again. */
  readonly #parked = new Set<number>();
  /** Targets at risk, over all stages. */
  readonly #risky = new Set<number>();
  /** How often it ended, or was retried: it holds nothing then. */
  endings = 0;
  /** How many events it has seen. */
  seq = 1;
  #wave: { first: number; count: number } | undefined;
  #nextWaveAtMs = 0;

  constructor(submitted: WorkflowSubmitted, by = "") {
    this.id = submitted.id;
    this.submitted = submitted;
    this.submittedBy = by;
    this.isPlan = submitted.mode === Mode.PLAN;
    this.targets = submitted.targets.map((target) => target.name);
    this.stages = submitted.definition?.stages ?? [];
    for (const [stage, { over, actions }] of this.stages.entries()) {
      const width = over === undefined ? 1 : this.targets.length;
      for (let target = 0; target < width; target++) {
        for (const action of actions.keys()) this.tasks.push(newTask({ stage, target, action }));
      }
    }
  }

  /** Takes an event in, at a time of the guard's clock; throws a Violation when it may not happen. */
  take({ kind }: Event, atMs: number): void {
    this.seq += 1;
    switch (kind.case) {
      case "workflowExecuted":
        this.#rule("exec once", this.life === "submitted");
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
        return this.#startStage(kind.value.stage);
      case "waveStarted":
        return this.#startWave(kind.value, atMs);
      case "waveEnded":
        this.#rule(
          "a wave ends when its targets have",
          this.waveTargets.every((target) => this.isDone(target)),
        );
        this.#wave = undefined;
        this.#nextWaveAtMs = atMs + kind.value.pauseMs;
        return;
      case "stageEnded":
        this.#rule("a stage fails past its budget only", kind.value.succeeded === !this.#isPastBudget());
        this.#rule(
          "nothing runs at a stage's end",
          this.tasks.every((task) => task.standing !== "running"),
        );
        this.stage = -1;
        return;
      case "workflowRetried":
        return this.#retry();
      case "workflowExpired":
        this.life = "ended";
        return this.#close("after");
      case "workflowEnded":
        return this.#end(kind.value.outcome);
      default:
        return this.#takeTask(kind);
    }
  }

  /** Targets whose locks the workflow may hold, and those whose locks it must. */
  locks(): { readonly may: ReadonlySet<string>; readonly must: ReadonlySet<string> } {
    const name = (task: ModelTask): string => this.targets[task.target] ?? "";
    const over = this.tasks.filter((task) => this.isOverTargets(task.stage));
    const isOpen = (task: ModelTask): boolean => ["open", "running", "unknown"].includes(task.standing);
    const may = this.life === "executing" && !this.isPlan ? over.filter(isOpen).map(name) : [];
    const must = over.filter((task) => task.stage === this.stage && task.hasApplied && !this.isDone(task.target)).map(name);
    return { may: new Set(may), must: new Set(must) };
  }

  isOverTargets(stage: number): boolean {
    return this.stages[stage]?.over !== undefined;
  }

  /** A label of a task's target; empty where it has no target. */
  label(task: ModelTask, label: string): string {
    return this.isOverTargets(task.stage) ? (this.submitted.targets[task.target]?.labels[label] ?? "") : "";
  }

  uses(task: ModelTask): string {
    return this.#action(task)?.uses ?? "";
  }

  get targetsAtRisk(): number {
    return this.#risky.size;
  }

  get unknown(): readonly number[] {
    return [...this.tasks.keys()].filter((index) => this.tasks[index]?.standing === "unknown");
  }

  #takeTask(kind: Event["kind"]): void {
    if (kind.case === undefined || !("task" in kind.value)) return;
    const index = kind.value.task;
    const task = this.tasks[index];
    if (task === undefined) throw new Violation(`task ${index} does not exist`);
    switch (kind.case) {
      case "attemptStarted":
        return this.#startAttempt(task, kind.value.attempt);
      case "applyStarted":
        return this.#startApply(task);
      case "attemptEnded":
        return this.#endAttempt(task, kind.value);
      case "taskSkipped":
        this.#mayStart(task);
        return this.#settle(task, "skipped");
      case "taskRefused":
        this.#mayStart(task);
        return this.#settle(task, "failed");
      case "taskResolved":
        this.#rule("only unknown tasks are resolved", task.standing === "unknown");
        this.#parked.add(task.target);
        if (kind.value.resolution === Resolution.RUN_AGAIN) return this.#reopen(index, task);
        return this.#settle(task, kind.value.resolution === Resolution.SUCCEEDED ? "good" : "failed");
      default:
        return;
    }
  }

  #startStage(stage: number): void {
    this.#rule("stages run one after the other", this.stage === -1 && this.life === "executing" && !this.isPaused);
    this.#rule(
      "stages run in order",
      this.tasks.every((task) => task.stage >= stage || task.standing !== "open"),
    );
    this.stage = stage;
    this.#begun.clear();
    this.#failed.clear();
    this.#parked.clear();
    this.#wave = undefined;
    this.#nextWaveAtMs = 0;
    for (const task of this.tasks) task.hasApplied = false;
  }

  #startWave(wave: { first: number; count: number }, atMs: number): void {
    this.#rule("waves run one after the other", this.#wave === undefined);
    this.#rule("a wave waits for its pause", atMs >= this.#nextWaveAtMs);
    for (let target = 0; target < wave.first; target++) this.#rule("waves run in order", this.isDone(target));
    this.#wave = { first: wave.first, count: wave.count };
  }

  #startAttempt(task: ModelTask, attempt: number): void {
    this.#mayStart(task);
    this.#rule("attempts are numbered without gaps", attempt === task.attempt + 1);
    this.#rule("attempts stay within the retry rule", task.tries < Math.max(1, this.#action(task)?.retry?.attempts ?? 1));
    task.standing = "running";
    task.attempt = attempt;
    task.tries += 1;
  }

  #mayStart(task: ModelTask): void {
    this.#rule("only what is open starts", task.standing === "open");
    this.#rule(
      "nothing starts in a workflow that is not executing, paused or cancelled",
      this.life === "executing" && !this.isPaused && !this.isCancelled,
    );
    this.#rule("tasks start in their stage", task.stage === this.stage);
    this.#rule("nothing starts past the budget of failures", !this.#isPastBudget());
    this.#rule("a target that failed takes no further tasks", !this.#failed.has(task.target));
    const { first = 0, count = 0 } = this.#wave ?? {};
    this.#rule("targets start in their wave", task.target >= first && task.target < first + count);
    for (const needed of this.#needs(task))
      this.#rule("needs have ended well", needed.standing === "good" || needed.standing === "skipped");
    if (!this.#begun.has(task.target))
      this.#rule("no new target past failed and unknown", this.#failed.size + this.#unknownTasks() <= this.#failuresMax());
    this.#begun.add(task.target);
    this.#parked.delete(task.target);
    const inFlight = [...this.#begun].filter((target) => !this.isDone(target) && !this.#isHeld(target, task)).length;
    const stage = this.stages[this.stage];
    this.#rule("parallel", inFlight <= (stage?.over === undefined ? 1 : (stage.rollout?.parallel ?? 10)));
  }

  #startApply(task: ModelTask): void {
    this.#rule("a plan changes nothing", !this.isPlan);
    this.#rule("only what runs applies", task.standing === "running" && !task.isApplying);
    this.#rule("no apply begins past the budget of failures", !this.#isPastBudget());
    this.#rule("no apply begins on a target that failed", !this.#failed.has(task.target));
    this.#rule("no apply begins in a cancelled workflow", !this.isCancelled);
    task.isApplying = true;
    task.hasApplied = true;
    if (this.stages[task.stage]?.over !== undefined) this.#risk(task.target);
  }

  /** However it came to be so: by an apply, or because it failed, was unreachable or is unknown. */
  #risk(target: number): void {
    if (this.#risky.has(target)) return;
    this.#risky.add(target);
    this.#rule("max_at_risk is never exceeded", this.#risky.size <= this.#atRiskMax());
  }

  #endAttempt(task: ModelTask, { outcome, retryAfterMs, deferredFor }: AttemptEnded): void {
    this.#rule("only what runs ends", task.standing === "running");
    const wasApplying = task.isApplying;
    task.isApplying = false;
    switch (outcome) {
      case AttemptOutcome.UNCHANGED:
      case AttemptOutcome.CHANGED:
        return this.#settle(task, "good");
      case AttemptOutcome.UNKNOWN:
        this.#rule("only what was being applied is unknown", wasApplying);
        return this.#settle(task, "unknown");
      case AttemptOutcome.CANCELLED:
        this.#rule("only a cancelled workflow cancels", this.isCancelled);
        return this.#settle(task, "cancelled");
      case AttemptOutcome.SKIPPED:
        this.#rule("only a plan skips what it looked at", this.isPlan);
        return this.#settle(task, "skipped");
      case AttemptOutcome.DEFERRED:
        this.#rule("what was being applied is not put off, but by a freeze", !wasApplying || deferredFor === DeferReason.FROZEN);
        task.standing = "open";
        if (deferredFor !== DeferReason.FROZEN) task.attempt -= 1;
        task.tries -= 1;
        if (this.#failed.has(task.target)) this.#settle(task, "after");
        return;
      default:
        if (retryAfterMs !== undefined) task.standing = "open";
        else this.#settle(task, "failed");
    }
  }

  #settle(task: ModelTask, standing: Standing): void {
    task.standing = standing;
    const isOver = this.stages[task.stage]?.over !== undefined;
    if (standing === "failed") this.#failed.add(task.target);
    if (isOver && (standing === "failed" || standing === "unknown")) this.#risk(task.target);
    if (this.#failed.has(task.target)) {
      for (const other of this.#ofTarget(task.target)) if (other.standing === "open") other.standing = "after";
    }
    if (!isOver || !this.isDone(task.target)) return;
    const hasFailed = this.#ofTarget(task.target).some((other) => other.standing === "failed");
    if (!hasFailed) this.#risky.delete(task.target);
  }

  #reopen(index: number, task: ModelTask): void {
    if (task.standing === "unknown") this.redone.add(index);
    task.standing = "open";
    task.tries = 0;
    if (this.stage === task.stage && this.#failed.has(task.target)) this.#settle(task, "after");
  }

  #retry(): void {
    this.endings += 1;
    this.life = "executing";
    this.isPaused = false;
    this.isCancelled = false;
    this.stage = -1;
    for (const [index, task] of this.tasks.entries()) {
      this.#rule("nothing runs when it is retried", task.standing !== "running");
      if (task.standing !== "good" && task.standing !== "skipped") this.#reopen(index, task);
    }
  }

  #end(outcome: WorkflowOutcome): void {
    this.endings += 1;
    this.#rule(
      "nothing runs at the end",
      this.tasks.every((task) => task.standing !== "running"),
    );
    const isCancelled = outcome === WorkflowOutcome.CANCELLED;
    this.#rule("a cancelled workflow ends so, and no other", isCancelled === this.isCancelled);
    if (!isCancelled) this.#rule("no task is unknown at the end", this.#unknownTasks() === 0);
    if (outcome === WorkflowOutcome.SUCCEEDED)
      this.#rule(
        "nothing is open after success",
        this.tasks.every((task) => task.standing !== "open"),
      );
    this.life = "ended";
    this.isPaused = false;
    this.#close(isCancelled ? "cancelled" : "after");
    this.stage = -1;
  }

  #close(standing: Standing): void {
    for (const task of this.tasks) if (task.standing === "open") task.standing = standing;
  }

  #action(task: ModelTask) {
    return this.stages[task.stage]?.actions[task.action];
  }

  #needs(task: ModelTask): readonly ModelTask[] {
    const names = this.#action(task)?.needs?.actions;
    const actions = this.stages[task.stage]?.actions ?? [];
    const wanted = names === undefined ? [task.action - 1] : names.map((name) => actions.findIndex((action) => action.name === name));
    return this.#ofTarget(task.target).filter((other) => wanted.includes(other.action));
  }

  #ofTarget(target: number): readonly ModelTask[] {
    return this.tasks.filter((task) => task.stage === this.stage && task.target === target);
  }

  /** True when nothing of the target is open in the stage under way. */
  isDone(target: number): boolean {
    return this.#ofTarget(target).every((task) => !["open", "running", "unknown"].includes(task.standing));
  }

  /** Held by an unknown task, with nothing else that could go on: it is not in flight. */
  #isHeld(target: number, starting: ModelTask): boolean {
    const tasks = this.#ofTarget(target);
    if (this.#parked.has(target) && tasks.every((task) => task.standing !== "running")) return true;
    if (target === starting.target || !tasks.some((task) => task.standing === "unknown")) return false;
    return tasks.every((task) => task.standing !== "running");
  }

  get waveTargets(): readonly number[] {
    return Array.from({ length: this.#wave?.count ?? 0 }, (_, at) => (this.#wave?.first ?? 0) + at);
  }

  #unknownTasks(): number {
    return this.tasks.filter((task) => task.standing === "unknown").length;
  }

  #isPastBudget(): boolean {
    return this.#failed.size > this.#failuresMax();
  }

  #failuresMax(): number {
    return this.isPlan ? Infinity : this.#amount(this.stages[this.stage]?.rollout?.maxFailures, 0);
  }

  #atRiskMax(): number {
    return this.isPlan ? Infinity : this.#amount(this.stages[this.stage]?.rollout?.maxAtRisk, Infinity);
  }

  #amount(amount: Amount | undefined, absent: number): number {
    if (amount === undefined || amount.kind.case === undefined) return absent;
    return amount.kind.case === "count" ? amount.kind.value : Math.floor((this.targets.length * amount.kind.value) / 100 + 1e-9);
  }

  #rule(name: string, holds: boolean): void {
    if (!holds) throw new Violation(`workflow ${this.id}: broken rule: ${name}`);
  }
}

function newTask(place: Pick<ModelTask, "stage" | "target" | "action">): ModelTask {
  return { ...place, standing: "open", attempt: 0, tries: 0, isApplying: false, hasApplied: false };
}
