// What a workflow's events do to the guard, in the same turn and so in the same batch (H7): locks, limits, pauses, the ledger.
// 1. Locks are taken with the first change of a target and given back after its last action in the stage; unknown and frozen ones keep them.
// 2. Limits are taken when an attempt starts and given back when its task is settled; unknown, frozen and waiting ones keep them.
// 3. A wave's targets are reserved when it starts, and settled one by one; a plan touches nothing.

import { AttemptOutcome, DeferReason, Effects, Mode } from "../gen/holdfast/v1/event_pb.ts";
import { HoldKind } from "../gen/holdfast/v1/status_pb.ts";
import type { AttemptEnded, AttemptStarted, WaveStarted } from "../gen/holdfast/v1/event_pb.ts";
import type { GuardEvent } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { WorkflowId } from "../base/ids.ts";
import { TASKS_PER_WORKFLOW_MAX } from "../base/limits.ts";
import { applyGuardEvent, releaseHolder } from "../guard/guard.ts";
import { anchorClock } from "../guard/guard-time.ts";
import { reserveTargets, settleTargets, touchTarget } from "../guard/ledger.ts";
import { renewalOf, renewLimits } from "../guard/limit-renewal.ts";
import { beginPause, returnLimits, stopWaitingForLimits, takeLimits, takerOf, waitForLimit, wakenForLimits } from "../guard/limits.ts";
import { giveLocks, stopAllWaiting, stopWaiting, takeLocks, waitForLocks } from "../guard/locks.ts";
import { placeOf, targetAt, taskAt } from "../workflow/blueprint.ts";
import type { StagePlan } from "../workflow/blueprint.ts";
import { freeKind, freeLot } from "../workflow/parking.ts";
import { canStart } from "../workflow/stall.ts";
import { Risk } from "../workflow/risk.ts";
import { waveEnd } from "../workflow/state.ts";
import { isTargetDone } from "../workflow/target-run.ts";
import { TaskState, isFailure, isSettled } from "../workflow/task-state.ts";
import { limitLot, limitOfLot } from "./outside.ts";
import type { Outside } from "./outside.ts";

/** A workflow that should look again, and the limit that may have room for it. */
export interface Wakened {
  readonly workflow: WorkflowId;
  readonly key?: string;
}

/** Stands for the stage's rate where the guard keeps what a task holds; no task has this position. */
const RATE_TASK = TASKS_PER_WORKFLOW_MAX;

/** Moves the guard with one turn. */
export class GuardMoves {
  readonly events: GuardEvent[] = [];
  readonly wakened: Wakened[] = [];
  readonly #outside: Outside;
  readonly #settled: { readonly target: string; readonly failedUses: readonly string[] }[] = [];

  constructor(outside: Outside) {
    this.#outside = outside;
  }

  get #state() {
    return this.#outside.input.state;
  }

  get #id(): WorkflowId {
    return this.#state.blueprint.id;
  }

  get #nowMs(): number {
    return this.#outside.input.guardMs;
  }

  /** AttemptStarted: takes what admit() found room for. */
  attemptStarted({ task, attempt }: AttemptStarted): void {
    const { asked } = this.#outside;
    if (asked?.task !== task || asked.limits.length + asked.rate.length === 0) return;
    const who = { workflow: this.#id, priority: this.#state.submitted.priority, attempt };
    this.#move(takeLimits(this.#guard, { ...who, task, limits: asked.limits }, this.#nowMs));
    if (asked.rate.length > 0) {
      // A token of the stage's rate is spent, not held: so it is taken apart from what the task holds to its end.
      this.#move(takeLimits(this.#guard, { ...who, task: RATE_TASK, limits: asked.rate }, this.#nowMs));
      this.#move(returnLimits(this.#guard, { workflow: this.#id, task: RATE_TASK, isUnused: false }, this.#nowMs));
    }
    // Who is served has left the line: its other tasks that wait for the same stand in it again, as the last.
    for (const { key } of [...asked.limits, ...asked.rate]) if (this.#isParked(key)) waitForLimit(this.#guard, key, who);
  }

  /** ApplyStarted: the target takes its locks, and is touched. */
  applyStarted(task: number): void {
    const ask = this.#outside.lockAsk(task);
    if (ask === undefined) return;
    const { action } = placeOf(this.#state.blueprint, task);
    this.#move(takeLocks(this.#guard, ask, this.#nowMs));
    this.#move(touchTarget(this.#guard, { workflow: this.#id, target: ask.target, uses: action.uses }, this.#nowMs));
  }

  /** AttemptEnded, after it was folded in. */
  attemptEnded({ task, attempt, outcome, before, deferredFor, repeatAfterMs }: AttemptEnded): void {
    const isDeferred = outcome === AttemptOutcome.DEFERRED;
    // Before a later attempt another may have changed something: what it took is used, whatever this one found.
    const isFirst = this.#hasTaken({ task, attempt });
    // It keeps what it has until the thaw; but not where its target takes no more of it, or waits for something else before it.
    if (isDeferred && deferredFor === DeferReason.FROZEN)
      return this.#state.stageRun?.waitingForThaw.has(task) === true ? undefined : this.taskClosed(task);
    if (isDeferred) {
      this.#returnLimits(task, isFirst);
      const ask = this.#outside.lockAsk(task);
      if (deferredFor === DeferReason.LOCK && ask !== undefined) return waitForLocks(this.#guard, ask);
    }
    // An attempt that reads has no state to find: it used what it took.
    const isUnused = isFirst && outcome === AttemptOutcome.UNCHANGED && before !== "";
    // Each iteration is a start of its own: it asks for its limits again.
    if (repeatAfterMs !== undefined || isSettled(this.#state.tasks.get(task))) this.#returnLimits(task, isUnused);
    this.taskClosed(task);
  }

  /** A task was skipped, refused or settled by a person; or its attempt ended. Gives back what its target needs no more. */
  taskClosed(task: number): void {
    const { blueprint } = this.#state;
    const { stage, ordinal } = placeOf(blueprint, task);
    if (this.#state.tasks.get(task) !== TaskState.UNKNOWN && !this.#state.running.has(task)) this.#returnSettled(task);
    // With a target, or an item, that failed the tasks of it end that were between two attempts: what handles its failure may need what they hold.
    for (let action = 0; action < stage.actions.length; action++) {
      const other = taskAt(stage, ordinal, action);
      if (isSettled(this.#state.tasks.get(other))) this.#returnLimits(other, false);
    }
    if (!isTargetDone(this.#state, stage, ordinal)) return;
    const target = targetAt(blueprint, stage, ordinal)?.name;
    if (target === undefined) return;
    this.#move(stopWaiting(this.#guard, this.#id, target, this.#nowMs));
    this.#move(giveLocks(this.#guard, { workflow: this.#id, target }, this.#nowMs));
    if (blueprint.mode !== Mode.PLAN) this.#settled.push({ target, failedUses: this.#failedUses(stage, ordinal) });
  }

  /** Too many targets failed, and others were stopped with that: what their closed tasks hold, and those put back, is given back. Once in a stage. */
  targetsStopped(): void {
    const run = this.#state.stageRun;
    for (const ordinal of run?.stopped ?? []) {
      if (run === undefined) return;
      for (const { index } of run.stage.actions) {
        const task = taskAt(run.stage, ordinal, index);
        if (!this.#state.running.has(task)) this.#returnSettled(task);
      }
      const target = targetAt(this.#state.blueprint, run.stage, ordinal)?.name;
      if (target === undefined || !isTargetDone(this.#state, run.stage, ordinal)) continue;
      this.#move(stopWaiting(this.#guard, this.#id, target, this.#nowMs));
      this.#move(giveLocks(this.#guard, { workflow: this.#id, target }, this.#nowMs));
    }
  }

  /** FinishDecided, after it was folded in: targets of the wave that are not begun any more give back what was reserved for them. */
  finishDecided(): void {
    const run = this.#state.stageRun;
    for (let ordinal = 0; run !== undefined && ordinal < waveEnd(run); ordinal++)
      if (isTargetDone(this.#state, run.stage, ordinal)) this.taskClosed(taskAt(run.stage, ordinal, 0));
  }

  /** WaveStarted, after it was folded in: its open targets count from now on. */
  waveStarted(wave: WaveStarted): void {
    this.flush();
    const { blueprint, submittedBy } = this.#state;
    const stage = blueprint.stages[wave.stage];
    if (stage?.isOverTargets !== true || blueprint.mode === Mode.PLAN) return;
    const uses = [...new Set(stage.actions.map((action) => action.uses).filter((name) => this.#mayChange(name)))];
    if (uses.length === 0) return; // what only reads touches nothing
    const targets = blueprint.targets
      .slice(wave.first, wave.first + wave.count)
      .filter((_, at) => !isTargetDone(this.#state, stage, wave.first + at));
    this.#move(reserveTargets(this.#guard, { workflow: this.#id, targets, uses, principal: submittedBy }, this.#nowMs));
  }

  /** WaveEnded, and StageRepeated: a pause begins. */
  waveEnded(pauseMs: number): void {
    this.flush();
    if (pauseMs > 0) this.#move(beginPause(this.#guard, this.#id, pauseMs, this.#nowMs));
  }

  /** Other freezes are in force. Tasks that go on take their limits anew as of now, unless their target is under change already. */
  thawed(): void {
    for (const task of this.#state.stageRun?.waitingForThaw ?? []) {
      const { stage, ordinal } = placeOf(this.#state.blueprint, task);
      const isBegun = stage.isOverTargets && ((this.#state.risk[ordinal] ?? 0) & Risk.BEGUN) !== 0;
      if (isBegun || this.#hasTried(task) || this.#outside.isFrozen(task)) continue;
      const at = { workflow: this.#id, task };
      const renewal = renewalOf(this.#guard, at, this.#nowMs);
      if (renewal === "needless") continue;
      // Several that keep a distance to each other cannot begin at one moment: they ask anew, one by one.
      const events = renewal === "spacing" && stage.isOverTargets ? [] : renewLimits(this.#guard, at, this.#nowMs);
      if (events.length > 0) this.#renew(events);
      else if (stage.isOverTargets) this.#returnLimits(task, true);
    }
  }

  /** WorkflowRetried: it asks for everything anew, and holds nothing meanwhile: else its own targets could wait for each other for ever. */
  retried(): void {
    this.ended();
  }

  /** The workflow's end: everything is given back. */
  ended(): void {
    this.flush();
    this.#move(stopAllWaiting(this.#guard, this.#id, this.#nowMs));
    stopWaitingForLimits(this.#guard, this.#id);
    this.#move(releaseHolder(this.#guard, this.#id, this.#nowMs));
  }

  /** Writes what was gathered of the ledger. */
  flush(): void {
    const settled = this.#settled.splice(0);
    if (settled.length > 0) this.#move(settleTargets(this.#guard, this.#id, settled, this.#nowMs));
  }

  /** Limits that this turn gave back, or whose line moved, are asked again: true when it is this workflow's turn. */
  freeOwnLimits(): boolean {
    let isOwn = false;
    for (const { workflow, key } of wakenForLimits(this.#guard)) {
      if (workflow !== this.#id) this.wakened.push({ workflow, key });
      else isOwn = this.#free(key) || isOwn;
    }
    return isOwn;
  }

  /** At the end of the turn: leaves the lines of limits for which no task is parked any more, or that it does not ask though it is its turn. */
  end(hasMore: boolean): void {
    this.flush();
    const { parking, entrance } = this.#state;
    const [isEmptied, isEntranceEmptied] = [parking.takeEmptied(), entrance.takeEmptied()];
    const hasPassed = !hasMore && (parking.hasUnasked || entrance.hasUnasked);
    if (!canStart(this.#state)) this.#leaveLines();
    else if (isEmptied || isEntranceEmptied || hasPassed) {
      const lots = [...parking.limitKeys(), ...entrance.limitKeys()];
      stopWaitingForLimits(this.#guard, this.#id, new Set(lots.map((lot) => limitOfLot(lot))));
    }
    for (const { workflow, key } of wakenForLimits(this.#guard))
      if (workflow === this.#id) this.#free(key);
      else this.wakened.push({ workflow, key });
  }

  /** Others need not wait for one that starts nothing; it asks anew when it does. */
  #leaveLines(): void {
    if (stopWaitingForLimits(this.#guard, this.#id).length === 0) return;
    freeKind(this.#state, HoldKind.LIMIT);
  }

  #free(key: string): boolean {
    const isParked = this.#isParked(key);
    freeLot(this.#state, limitLot(key));
    return isParked;
  }

  #isParked(key: string): boolean {
    return this.#state.parking.holds(limitLot(key)) || this.#state.entrance.holds(limitLot(key));
  }

  get #guard() {
    return this.#outside.input.guard;
  }

  /** True for the attempt that took what its task holds. Where a journal does not say which did, as older ones, only the very first may have. */
  #hasTaken({ task, attempt }: { readonly task: number; readonly attempt: number }): boolean {
    return attempt === (takerOf(this.#guard, { workflow: this.#id, task }) ?? this.#state.generation.attemptBase + 1);
  }

  /** True when an attempt ended before the one that was put off, and may have changed something. */
  #hasTried(task: number): boolean {
    return this.#state.tasks.triesOf(task) > 0;
  }

  #returnSettled(task: number): void {
    const now = this.#state.tasks.get(task);
    // PENDING or READY: a person lets it run again, and it asks anew.
    if (isSettled(now) || now === TaskState.PENDING || now === TaskState.READY) this.#returnLimits(task, false);
  }

  #returnLimits(task: number, isUnused: boolean): void {
    this.#move(returnLimits(this.#guard, { workflow: this.#id, task, isUnused }, this.#nowMs));
  }

  /** Who takes limits leaves their lines: those whose other tasks wait there stand in them again. */
  #renew(events: readonly GuardEvent[]): void {
    this.#move(events);
    const { priority } = this.#state.submitted;
    for (const { kind } of events) {
      if (kind.case !== "limitsTaken") continue;
      const { holder, leases } = kind.value;
      for (const { key } of leases)
        if (holder !== this.#id) this.wakened.push({ workflow: WorkflowId.parse(holder), key });
        else if (this.#isParked(key)) waitForLimit(this.#guard, key, { workflow: this.#id, priority });
    }
  }

  /** Actions that may change a target, by what the service knew of them at Submit. */
  #mayChange(uses: string): boolean {
    return this.#state.submitted.actionKinds.find((kind) => kind.uses === uses)?.effects !== Effects.NONE;
  }

  #failedUses(stage: StagePlan, ordinal: number): readonly string[] {
    const failed = stage.actions.filter((action) => isFailure(this.#state.tasks.get(taskAt(stage, ordinal, action.index))));
    return [...new Set(failed.map((action) => action.uses).filter((uses) => this.#mayChange(uses)))];
  }

  #move(events: readonly GuardEvent[]): void {
    if (events.length === 0) return;
    for (const event of [...anchorClock(this.#guard, this.#outside.input.time), ...events]) {
      applyGuardEvent(this.#guard, event);
      this.events.push(event);
      if (event.kind.case !== "lockTaken") continue;
      const holder = event.kind.value.holder;
      if (holder !== this.#id) this.wakened.push({ workflow: WorkflowId.parse(holder) });
    }
  }
}
