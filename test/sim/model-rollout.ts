// How a workflow goes through its stages, as the model sees it: waves, budgets, needs, what is at risk, and where each task stands.
// 1. Each rule has a name; whoever breaks it is told by it.

import { AttemptOutcome, DeferReason, Resolution, SkipReason } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { Again, AttemptEnded, Event, ListExpanded, StageEnded } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { Part } from "../../internal/expr/workflow-parts.ts";
import { OnUnknown, StageUndo } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import { ModelLists } from "./model-lists.ts";
import { alternativesOf, isContinued, isMet, needsOf } from "./model-owner.ts";
import type { RolloutOwner } from "./model-owner.ts";
import { ModelOrder } from "./model-order.ts";
import { closedBy, isPartOver, isTouched, isTurn, isUndone, isUndoneInOrder, wasCutShort } from "./model-parts.ts";
import type { TargetParts } from "./model-parts.ts";
import { ModelRisk } from "./model-risk.ts";
import { isNamedWhole, isOtherRun, openedAgain, skipUndos } from "./model-rounds.ts";
import { ModelStage } from "./model-stage.ts";
import { ModelTasks, isOpenStanding, isUnbegun } from "./model-tasks.ts";
import { TaskLayout } from "./task-layout.ts";
import type { ModelTask, Standing } from "./model-tasks.ts";
import { budgetsOf } from "./rollout-amount.ts";
import type { Budgets } from "./rollout-amount.ts";
import { Violation } from "./violation.ts";

/** The rollout of one workflow. */
export class ModelRollout {
  readonly tasks: ModelTasks;
  /** Tasks that a person let run again without knowing whether they had been done. */
  readonly redone = new Set<number>();
  readonly risk = new ModelRisk();
  stageRun: ModelStage | undefined;
  readonly lists = new ModelLists();
  #isOverdue = false;
  readonly #finishers = new Set<number>();
  readonly #owner: RolloutOwner;
  readonly #order: ModelOrder;
  readonly #layout: TaskLayout;

  constructor(owner: RolloutOwner, attempt = 0) {
    this.#owner = owner;
    this.#layout = new TaskLayout(owner.submitted);
    this.#order = new ModelOrder(owner);
    this.tasks = new ModelTasks(owner.stages, { targets: owner.targets.length, attempt });
  }

  /** The stage under way; -1: none. */
  get stage(): number {
    return this.stageRun?.index ?? -1;
  }

  /** Tasks that are open, but those of stages that handle another end than this one. */
  get openWanted(): number {
    return this.tasks.all.filter((task) => task.standing === "open" && this.#order.isWanted(task.stage)).length;
  }

  isOverTargets(stage: number): boolean {
    return this.#owner.stages[stage]?.over?.kind.case === "targets";
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
  /** `isAwaited`: what the attempt handed out was awaited. */
  takeTask(kind: Event["kind"], isAwaited: boolean): void {
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
        this.rule("only what was begun is unknown", kind.value.outcome !== AttemptOutcome.UNKNOWN || task.isApplying || isAwaited);
        return this.#endAttempt(index, task, kind.value);
      case "taskSkipped":
        this.#mayStart(task, kind.value.reason === SkipReason.NEED);
        return this.#settle(index, task, kind.value.reason === SkipReason.NEED ? "after" : "skipped");
      case "taskRefused":
        this.#mayStart(task);
        return this.#settle(index, task, "failed");
      case "taskResolved":
        this.rule("only unknown tasks are resolved", task.standing === "unknown");
        if (this.stage === task.stage) this.stageRun?.parked.add(task.target);
        task.hasChanged = kind.value.resolution === Resolution.SUCCEEDED;
        if (kind.value.resolution === Resolution.RUN_AGAIN) return this.#reopen(index, task);
        return this.#settle(index, task, kind.value.resolution === Resolution.SUCCEEDED ? "good" : "failed");
      default:
        return;
    }
  }

  /** The time of the stage under way, or of the workflow, is over. */
  passDeadline(stage: number | undefined): void {
    const run = this.stageRun;
    this.rule("a deadline passes once", stage === undefined ? !this.#isOverdue : run?.index === stage && !run.isOverdue);
    this.#isOverdue ||= stage === undefined;
    if (run === undefined) return;
    run.isOverdue = true;
    this.#stopOthers();
  }

  get finished(): "good" | "failed" | undefined {
    return this.#order.finish;
  }

  /** An action finished the workflow early: what has begun goes on, and nothing else of the main stages begins. */
  finish(index: number, isSuccess: boolean): void {
    const task = this.tasks.all[index];
    if (task === undefined) throw new Violation(`model: task ${index} does not exist`);
    const run = this.#run();
    this.rule(
      "only a finish that has ended finishes",
      this.action(task)?.uses === "finish" && task.standing === (isSuccess ? "good" : "failed"),
    );
    this.#order.finish ??= isSuccess ? "good" : "failed";
    this.#finishers.add(index);
    const own = this.ofTarget(task.target).filter(
      (each) => this.#partOf(each) === "main" && isUnbegun(alternativesOf(this.#owner, this.tasks, each)[0] ?? each),
    );
    const rest = new Set(this.#order.skipRest(this.stage));
    const others = this.tasks.all.filter(({ stage, target }) => rest.has(stage) || (stage === this.stage && !run.begun.has(target)));
    for (const each of [...own.filter(isUnbegun), ...others])
      if (each.standing === "open") this.#set(this.tasks.at(each.stage, each.target, each.action), each, "finished");
    this.#close(task);
    this.#endIfDone(task);
  }

  /** The list of a stage became known, or is refused: then the stage has failed. */
  expand(expanded: ListExpanded): void {
    const { stage } = expanded;
    this.rule("a list is evaluated when its turn has come", this.#isBetweenStages && this.#order.mayStart(stage) && !this.#isOverdue);
    if (this.lists.expand(expanded, { stage: this.#owner.stages[stage], tasks: this.tasks, model: this })) return;
    this.#order.results[stage] = "failed";
    this.#closeStage(stage);
  }

  get #isBetweenStages(): boolean {
    return this.stageRun === undefined && this.#owner.life === "executing" && !this.#owner.isPaused;
  }

  startStage(stage: number): void {
    const over = this.#owner.stages[stage]?.over?.kind.case;
    this.rule("a stage over a list waits for it", over !== "list" || this.lists.of(stage) !== undefined);
    this.rule("no stage starts after the workflow's deadline", !this.#isOverdue);
    this.rule("stages run one after the other", this.#isBetweenStages);
    this.rule("stages run in order", this.#order.mayStart(stage));
    this.stageRun = new ModelStage(stage, this.tasks);
    for (const task of this.tasks.all) if (task.stage === stage) task.isTouched = false;
  }

  skipStage(stage: number): void {
    this.rule("no stage starts after the workflow's deadline", !this.#isOverdue);
    this.rule("stages run one after the other", this.#isBetweenStages);
    this.rule("only a stage with needs that were not met is skipped", this.#order.mustSkip(stage));
    this.#order.results[stage] = "skipped";
    this.#closeStage(stage);
  }

  /** Nothing more comes of what is open in it. */
  #closeStage(stage: number): void {
    for (const [index, task] of this.tasks.all.entries())
      if (task.stage === stage && task.standing === "open") this.tasks.set(index, "after");
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

  endStage({ succeeded: isSuccess, error }: Pick<StageEnded, "succeeded" | "error">): void {
    const { repeat } = this.#owner.stages[this.stage] ?? {};
    const isExhausted = error !== "" && repeat !== undefined && this.#run().iteration === repeat.max;
    this.rule("a stage fails past its budget only, or after its last iteration", isSuccess === !(this.#isPastBudget() || isExhausted));
    this.rule("nothing runs at a stage's end", this.tasks.running === 0);
    const run = this.#run();
    const isHandled = this.#owner.columns[run.index]?.some(({ part }) => part !== "main") === true;
    const isLeft = isHandled && [...run.begun].some((target) => !run.isDone(target));
    this.rule("what handles the end of a target comes before its stage's end", !isLeft);
    this.#order.results[this.stage] = isSuccess ? "good" : "failed";
    if (!isSuccess) this.#closeStage(this.stage);
    this.stageRun = undefined;
  }

  /** Everything that did not end well is open again. */
  reopenAll(again: Again | undefined): void {
    this.#isOverdue = false;
    this.stageRun = undefined;
    const opened = openedAgain({ owner: this.#owner, tasks: this.tasks, layout: this.#layout, finishers: this.#finishers }, again);
    skipUndos(this.#owner, this.tasks, opened);
    for (const [index, task] of this.tasks.all.entries()) if (opened[index] === true) this.#order.results[task.stage] = undefined;
    for (const stage of this.#order.results.keys()) if (isNamedWhole(stage, again)) this.#order.results[stage] = undefined;
    const hasMain = this.#order.reopen();
    this.#order.finish = undefined;
    this.#finishers.clear();
    // What is done again as a whole, and what handles an end, goes over a list that is evaluated anew.
    const isAnew = (stage: number): boolean => isNamedWhole(stage, again) || (hasMain && this.#owner.stageParts[stage] !== "main");
    this.lists.forget(isAnew);
    for (const [index, task] of this.tasks.all.entries()) {
      if (opened[index] !== true && !isAnew(task.stage)) continue;
      if (isOtherRun(this.#owner, task, isAnew(task.stage))) task.run += 1;
      this.#reopen(index, task);
    }
  }

  /** What is open stays undone. */
  close(standing: Standing): void {
    const { stage: underWay } = this;
    this.stageRun = undefined;
    for (const [index, task] of this.tasks.all.entries()) {
      const isOther = task.stage !== underWay && this.#order.results[task.stage] === undefined && !this.#order.handlesEnd(task.stage);
      if (task.standing === "open") this.tasks.set(index, isOther ? "skipped" : standing);
    }
  }

  #startAttempt(index: number, task: ModelTask, attempt: number): void {
    this.#mayStart(task);
    this.rule("attempts are numbered without gaps", attempt === task.attempt + 1);
    this.rule("attempts stay within the retry rule", task.tries < Math.max(1, this.action(task)?.retry?.attempts ?? 1));
    this.#set(index, task, "running");
    task.attempt = attempt;
    task.isPutOff = false;
    task.tries += 1;
  }

  #mayStart(task: ModelTask, isSkippedForNeed = false): void {
    this.rule("only what is open starts", task.standing === "open");
    this.rule(
      "nothing starts in a workflow that is not executing, paused or cancelled",
      this.#owner.life === "executing" && !this.#owner.isPaused && !this.#owner.isCancelled,
    );
    this.rule("tasks start in their stage", task.stage === this.stage);
    const run = this.#run();
    const part = this.#partOf(task);
    const isHandling = part !== "main";
    this.rule(
      "nothing starts past the budget of failures",
      !this.#isPastBudget() || (isHandling && (run.begun.has(task.target) || run.recalled.has(task.target))),
    );
    this.rule("a target that failed takes no further tasks", !isPartOver(this.#partsOf(task), part));
    this.rule("what handles an end comes after it", isTurn(this.#partsOf(task), task));
    if (part === "undo")
      this.rule(
        "what is needed last is undone first",
        isUndoneInOrder(this.#partsOf(task), task, (needer) => needsOf(this.#owner, this.tasks, needer)),
      );
    this.rule(
      "an alternative is tried when those before it have failed",
      alternativesOf(this.#owner, this.tasks, task).every((other) => other.action >= task.action || other.standing === "failed"),
    );
    const { first = 0, count = 0 } = run.wave ?? {};
    this.rule("targets start in their wave", task.target >= first && task.target < first + count);
    const needs = needsOf(this.#owner, this.tasks, task);
    this.rule(
      "needs have ended",
      needs.every((needed) => needed.stage !== task.stage || !isOpenStanding(needed.standing)),
    );
    this.rule("needs have ended well, or it is skipped", isSkippedForNeed === needs.some((needed) => !isMet(this.#owner, needed)));
    if (!run.begun.has(task.target) && !run.recalled.has(task.target))
      this.rule("no new target past failed and unknown", run.failed.size + this.tasks.unknown.size <= this.#budgets.failuresMax);
    const isReturning = run.parked.delete(task.target);
    // Who comes back may have the place of one that waits: which one, nobody can tell from outside.
    const isBack = isReturning || run.isWaitingForLock(task.target);
    // After a Retry its main actions may have ended long ago, and what handles that is known before any of it begins.
    if (!run.begun.has(task.target)) this.#close(task, task);
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
    const part = this.#partOf(task);
    this.rule("no apply begins past the budget of failures", part !== "main" || !this.#isPastBudget());
    this.rule("no apply begins on a target that failed", !isPartOver(this.#partsOf(task), part));
    this.rule("no apply begins in a cancelled workflow", !this.#owner.isCancelled);
    task.isApplying = true;
    task.isTouched = true;
    if (!this.isOverTargets(task.stage)) return;
    this.#run().underChange.add(task.target);
    this.#risk(task.target, "known");
  }

  #risk(target: number, why: "known" | "unknown"): void {
    this.rule("max_at_risk is never exceeded", !this.risk.add(target, why) || this.risk.size <= this.#budgets.atRiskMax);
  }

  #endAttempt(index: number, task: ModelTask, { outcome, retryAfterMs, deferredFor, repeatAfterMs, iteration }: AttemptEnded): void {
    this.rule("only what runs ends", task.standing === "running");
    const wasApplying = task.isApplying;
    task.isApplying = false;
    switch (outcome) {
      case AttemptOutcome.UNCHANGED:
      case AttemptOutcome.CHANGED:
        task.hasChanged = outcome === AttemptOutcome.CHANGED;
        if (repeatAfterMs === undefined) return this.#settle(index, task, "good");
        return this.#repeat(index, task, iteration);
      case AttemptOutcome.UNKNOWN:
        return this.#settle(
          index,
          task,
          this.#owner.columns[task.stage]?.[task.action]?.way.onUnknown === OnUnknown.NEXT ? "failed" : "unknown",
        );
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
        task.isPutOff = true;
        if (isPartOver(this.#partsOf(task), this.#partOf(task))) this.#settle(index, task, "after");
        return;
      default:
        if (iteration > 0) {
          this.rule("only the last iteration fails", iteration === this.action(task)?.repeat?.max);
          task.run += 1;
        }
        return retryAfterMs === undefined ? this.#settle(index, task, "failed") : this.#set(index, task, "open");
    }
  }

  #repeat(index: number, task: ModelTask, iteration: number): void {
    this.rule("an action repeats within its bound", iteration < (this.action(task)?.repeat?.max ?? 0));
    task.run += 1;
    task.tries = 0;
    task.isPutOff = true;
    this.#set(index, task, "open");
    if (isPartOver(this.#partsOf(task), this.#partOf(task))) this.#settle(index, task, "after");
  }

  /** All of a stage that has ended well is open again. */
  repeatStage(stage: number, { iteration, nextAtMs }: { readonly iteration: number; readonly nextAtMs: number }): void {
    this.rule("a stage repeats when it has ended well", stage === this.stage && this.tasks.running === 0 && !this.#isPastBudget());
    this.rule("a stage repeats within its bound", iteration <= (this.#owner.stages[stage]?.repeat?.max ?? 0));
    const was = this.#run().iteration;
    this.stageRun = undefined;
    for (const [index, task] of this.tasks.all.entries()) {
      if (task.stage !== stage || task.standing === "absent") continue;
      this.rule("a stage repeats when all of it has ended", !isOpenStanding(task.standing));
      if (task.standing === "good") task.run += 1;
      this.#reopen(index, task);
    }
    this.#order.results[stage] = undefined;
    this.startStage(stage);
    this.rule("iterations are numbered without gaps", iteration === was + 1);
    this.#run().iteration = iteration;
    this.#run().nextWaveAtMs = nextAtMs;
  }

  /** Where a task stands from now on, and what follows of it for its target. */
  #set(index: number, task: ModelTask, standing: Standing): void {
    this.tasks.set(index, standing);
    if (task.stage === this.stage) this.stageRun?.look(task.target);
  }

  #settle(index: number, task: ModelTask, standing: Standing): void {
    const isOver = this.isOverTargets(task.stage);
    const run = this.stageRun;
    const hasFailed = standing === "failed" && !isContinued(this.#owner, task);
    if (hasFailed) run?.failed.add(task.target);
    this.#set(index, task, standing);
    if (isOver && (hasFailed || standing === "unknown")) this.#risk(task.target, hasFailed ? "known" : "unknown");
    if (standing === "good" || standing === "skipped" || standing === "after" || standing === "cancelled")
      for (const other of alternativesOf(this.#owner, this.tasks, task))
        if (other.action > task.action && (other.standing === "open" || (standing === "good" && other.standing === "after")))
          this.#set(this.tasks.at(other.stage, other.target, other.action), other, standing === "good" ? "skipped" : standing);
    this.#close(task);
    if (this.#isPastBudget()) this.#stopOthers();
    this.#endIfDone(task);
  }

  /** A target that is done with the stage is at risk no more, unless it failed or was stopped half-way after its first change. */
  #endIfDone(task: ModelTask): void {
    if (!this.isOverTargets(task.stage) || !this.isDone(task.target)) return;
    const hasFailed = this.ofTarget(task.target).some((other) => other.standing === "failed" && !isContinued(this.#owner, other));
    const of = this.#partsOf(task);
    const isLeft = hasFailed || (wasCutShort(of) && this.risk.isKnown(task.target));
    if (!isLeft || isUndone(of)) this.risk.delete(task.target);
  }

  /** Closes what does not come any more on the target of a task of the stage under way. */
  #close(task: ModelTask, starting?: ModelTask): void {
    if (task.stage !== this.stage) return;
    for (const [other, standing] of closedBy(this.#partsOf(task)))
      if (other !== starting) this.#set(this.tasks.at(other.stage, other.target, other.action), other, standing);
  }

  /** Too many have failed: where something handles that, targets under way take no further main actions. */
  #stopOthers(): void {
    const run = this.#run();
    if (this.#owner.columns[run.index]?.every(({ part }) => part === "main") !== false) return;
    for (const target of run.toStop()) {
      const [first] = this.ofTarget(target);
      if (run.isDone(target) || first === undefined) continue;
      run.stopped.add(target);
      this.#close(first);
      this.#endIfDone(first);
    }
    this.#recallWave(run);
  }

  /** A stage that undoes a failed wave whole opens again what undoes its targets that had ended. */
  #recallWave(run: ModelStage): void {
    if (run.isRecalled || this.#owner.isPlan || this.#owner.stages[run.index]?.undo !== StageUndo.WAVE) return;
    run.isRecalled = true;
    for (const target of run.waveTargets) {
      const [first] = this.ofTarget(target);
      if (first === undefined) continue;
      const of = this.#partsOf(first);
      const undos = of.tasks.filter((task) => this.#partOf(task) === "undo" && task.standing === "skipped" && isTouched(of, task));
      if (undos.length === 0) continue;
      const wasDone = run.isDone(target);
      const cut = of.tasks.filter((task) => this.#partOf(task) === "on_success" && task.standing === "open");
      for (const task of cut) this.#set(this.tasks.at(task.stage, task.target, task.action), task, "after");
      for (const task of undos) this.#set(this.tasks.at(task.stage, task.target, task.action), task, "open");
      if (wasDone) run.recall(target);
      run.look(target);
    }
  }

  #partsOf({ stage, target }: ModelTask): TargetParts {
    return {
      run: this.#run(),
      target,
      isPlan: this.#owner.isPlan,
      tasks: this.tasks.of(stage, target),
      columns: this.#owner.columns[stage] ?? [],
      isWaveLost: this.#owner.stages[stage]?.undo === StageUndo.WAVE && this.#isPastBudget(),
      isContinued: (task) => isContinued(this.#owner, task),
    };
  }

  #partOf({ stage, action }: ModelTask): Part {
    return this.#owner.columns[stage]?.[action]?.part ?? "main";
  }

  #reopen(index: number, task: ModelTask): void {
    if (task.standing === "unknown") this.redone.add(index);
    this.#set(index, task, "open");
    task.tries = 0;
    task.isPutOff = false;
    task.hasChanged = false;
    if (this.stage === task.stage && isPartOver(this.#partsOf(task), this.#partOf(task))) this.#settle(index, task, "after");
  }

  #run(): ModelStage {
    if (this.stageRun === undefined)
      throw new Violation(`model: workflow ${this.#owner.id}: broken rule: only in a stage that is under way`);
    return this.stageRun;
  }

  #isPastBudget(): boolean {
    return this.stageRun?.isOverdue === true || (this.stageRun?.failed.size ?? 0) > this.#budgets.failuresMax;
  }

  get #budgets(): Budgets {
    return budgetsOf(this.#owner, this.stage, this.lists.of(this.stage) ?? this.#owner.targets);
  }

  rule(name: string, holds: boolean): void {
    if (!holds) throw new Violation(`model: workflow ${this.#owner.id}: broken rule: ${name}`);
  }
}
