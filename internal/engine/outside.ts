// What the world outside one workflow says to it in one turn: freezes, rules of the task gate, limits, locks, pauses.
// 1. Whatever is answered here holds for this turn: what a task asks of limits is taken in it when the attempt starts, or not at all (H7).
// 2. It changes nothing but who waits for a limit.

import { assert } from "../base/assert.ts";
import { timeMs } from "../base/ids.ts";
import type { TimeMs } from "../base/ids.ts";
import { ADMISSIONS_PER_TURN_MAX, ADMISSION_COST_PER_TURN_MAX, FREEZE_NAMES_SHOWN_MAX } from "../base/limits.ts";
import { Mode } from "../gen/holdfast/v1/event_pb.ts";
import { Decision, FreezeMode, Gate } from "../gen/holdfast/v1/policy_pb.ts";
import { HoldKind } from "../gen/holdfast/v1/status_pb.ts";
import { freezesOf, freezesOn, hasLabelFreezes } from "../guard/freeze.ts";
import type { FreezeEntry } from "../guard/freeze.ts";
import type { GuardState } from "../guard/guard.ts";
import { guardNow } from "../guard/guard-time.ts";
import type { MachineTime } from "../guard/guard-time.ts";
import { ledgerReader } from "../guard/ledger.ts";
import { hasLimits, pauseEndsMs, roomFor, waitForLimit } from "../guard/limits.ts";
import type { LimitAsk } from "../guard/limits.ts";
import { canTakeLocks, isWaitingForLocks, lockHolder, stageLock, targetLock } from "../guard/locks.ts";
import type { LockAsk } from "../guard/locks.ts";
import { placeOf, targetAt, taskAt } from "../workflow/blueprint.ts";
import type { StagePlan } from "../workflow/blueprint.ts";
import type { Admission, FreezeFact } from "../workflow/facts.ts";
import { itemTarget } from "../workflow/list-plan.ts";
import { heldByRules } from "../workflow/outside-holds.ts";
import { stageLockKeys } from "../workflow/lock-keys.ts";
import type { WorkflowState } from "../workflow/state.ts";
import { TaskState } from "../workflow/task-state.ts";
import { freezeName, freezesOnTask } from "./freeze-desk.ts";
import type { Policies, Question, StopLook } from "./ports.ts";
import { labelText, labelsOf } from "./workflow-labels.ts";

/** What a turn is taken against. */
export interface OutsideInput {
  readonly state: WorkflowState;
  readonly guard: GuardState;
  /** The one reading of the machine's clocks that the turn goes by. */
  readonly time: MachineTime;
  /** The guard's time at it. */
  readonly guardMs: number;
  readonly nowMs: TimeMs;
  readonly policies: Policies;
  /** Looks at the emergency stop's file. */
  stop(): StopLook;
}

/** Where a turn stands now: one reading of the clocks, for what is made at one time and anchored at a later one would go backward. */
export function outsideNow(
  owner: {
    readonly guard: GuardState;
    readonly ports: { readonly policies: Policies };
    time(): MachineTime;
    stop(): StopLook;
  },
  state: WorkflowState,
): OutsideInput {
  const { guard, ports } = owner;
  const time = owner.time();
  return {
    state,
    guard,
    time,
    guardMs: guardNow(guard, time),
    nowMs: timeMs(time.wallMs),
    policies: ports.policies,
    stop: () => owner.stop(),
  };
}

const NO_LIMITS: readonly LimitAsk[] = [];

/** What no policy has a say about. */
const UNRULED = { kind: "go", rulesAllowed: 0, limits: NO_LIMITS } as const;

/** One turn's view. */
export class Outside {
  /** What the task that was admitted last asked of limits, and of the stage's rate. */
  asked: { readonly task: number; readonly limits: readonly LimitAsk[]; readonly rate: readonly LimitAsk[] } | undefined;
  readonly input: OutsideInput;
  #stop: StopLook | undefined;
  readonly #freezes: readonly FreezeEntry[];
  readonly #hasLabelFreezes: boolean;
  #freeze: { readonly fact: FreezeFact | undefined } | undefined;
  #isTaskGated: boolean | undefined; // the same in all of the turn
  #admissions = 0;
  /** Steps of the expressions that were asked about tasks. */
  #cost = 0;

  constructor(input: OutsideInput) {
    this.input = input;
    const { namespace, name } = input.state.blueprint;
    this.#freezes = freezesOn(input.guard, { namespace, workflowName: name });
    this.#hasLabelFreezes = hasLabelFreezes(input.guard);
  }

  /** What the emergency stop's file says, as looked at once for this turn. */
  get #look(): StopLook {
    this.#stop ??= this.input.stop();
    return this.#stop;
  }

  isSpent(): boolean {
    return this.#admissions >= ADMISSIONS_PER_TURN_MAX || this.#cost >= ADMISSION_COST_PER_TURN_MAX;
  }

  isGated(gate: Gate): boolean {
    return this.input.policies.isGated(this.input.state.submitted, gate);
  }

  isPauseOver(): boolean {
    const { guard, state, guardMs } = this.input;
    return guardMs >= pauseEndsMs(guard, state.blueprint.id);
  }

  /** The same in all of the turn. */
  freeze(): FreezeFact | undefined {
    this.#freeze ??= { fact: this.#freezeFact() };
    return this.#freeze.fact;
  }

  #freezeFact(): FreezeFact | undefined {
    const stop = this.#look;
    const names = this.#freezes.map((entry) => freezeName(entry));
    if (stop.kind !== "absent") names.unshift(`the file ${stop.path}${stop.kind === "unreadable" ? `, which cannot be examined` : ""}`);
    const isWhole = names.length > 0;
    const partial = isWhole || !this.#hasLabelFreezes ? [] : this.#labelFreezes();
    const all = [...names, ...partial.map((entry) => freezeName(entry))];
    if (all.length === 0) return undefined;
    const isAbort = [...this.#freezes, ...partial].some(({ mode }) => mode === FreezeMode.ABORT);
    const left = all.splice(FREEZE_NAMES_SHOWN_MAX);
    // Their number and the last of them tell one set of freezes from another.
    if (left.length > 0) all.push(`${left.length} more, the last of all is ${[...this.#freezes, ...partial].at(-1)?.id ?? ""}`);
    return { names: all, isWhole, isAbort };
  }

  isFrozen(task: number): boolean {
    if (this.#look.kind !== "absent" || this.#freezes.length > 0) return true;
    return this.#hasLabelFreezes && this.#freezesOnTask(task).length > 0;
  }

  /** What the task's target takes before it is first changed; undefined in a stage that runs once. */
  lockAsk(task: number): LockAsk | undefined {
    const { state } = this.input;
    const { stage, ordinal } = placeOf(state.blueprint, task);
    const target = targetAt(state.blueprint, stage, ordinal)?.name;
    if (target === undefined) return undefined;
    const keys = [targetLock(target), ...stageLockKeys(state, task).map((key) => stageLock(key))];
    return { workflow: state.blueprint.id, target, keys, priority: state.submitted.priority };
  }

  /** Who holds the locks of the task's target, but for itself: `lock:db-7 is held by workflow 019a… for h3`. */
  lockHolders(task: number): string {
    const { guard } = this.input;
    const ask = this.lockAsk(task);
    const texts = (ask?.keys ?? []).flatMap((key) => {
      const holder = lockHolder(guard, key);
      const isOwn = holder === undefined || (holder.workflow === ask?.workflow && holder.target === ask.target);
      return isOwn ? [] : [`${key} is held by workflow ${holder.workflow} for ${holder.target}`];
    });
    return texts.join(", ");
  }

  canLock(task: number): boolean {
    const { state, guard } = this.input;
    const { stage, ordinal } = placeOf(state.blueprint, task);
    const name = targetAt(state.blueprint, stage, ordinal)?.name;
    // Who waits is handed its locks: until then its keys need not be made again.
    if (name !== undefined && isWaitingForLocks(guard, { workflow: state.blueprint.id, target: name })) return false;
    const ask = this.lockAsk(task);
    return ask === undefined || canTakeLocks(guard, ask);
  }

  admit(task: number): Admission {
    this.#admissions += 1;
    this.asked = undefined;
    if (this.isFrozen(task)) return this.#heldByFreeze(task);
    const judged = this.#judge(task);
    if (judged.kind === "held") return judged;
    const { guard, state, guardMs } = this.input;
    const { id: workflow } = state.blueprint;
    const limits = judged.limits.length === 0 || hasLimits(guard, { workflow, task }) ? NO_LIMITS : judged.limits;
    const rate = this.#rateOf(task);
    if (limits.length + rate.length > 0) {
      const room = roomFor(guard, { workflow, task, priority: state.submitted.priority, limits: [...rate, ...limits] }, guardMs);
      if (room.kind === "blocked") {
        // The rate is for targets: once a target's task has taken from it, its others ask no more, wherever they stand among those of other targets.
        const isShared = room.key !== rate[0]?.key || state.tasks.get(task) === TaskState.PENDING;
        waitForLimit(guard, room.key, { workflow, priority: state.submitted.priority });
        return {
          kind: "held",
          held: this.#heldByLimit(room, isShared),
          ...(judged.verdict === undefined ? {} : { verdict: judged.verdict }),
        };
      }
    }
    this.asked = { task, limits, rate };
    return judged;
  }

  /** The oldest first. */
  #labelFreezes(): readonly FreezeEntry[] {
    const labels = labelsOf(this.input.state.blueprint);
    return freezesOf(this.input.guard).filter(
      ({ scope: { kind } }) => kind.case === "label" && labels.has(labelText(kind.value.label, kind.value.value)),
    );
  }

  #freezesOnTask(task: number): readonly FreezeEntry[] {
    return freezesOnTask(this.input.guard, this.input.state, task);
  }

  #heldByFreeze(task: number): Admission {
    const names = this.#freezesOnTask(task)
      .map((entry) => freezeName(entry))
      .join("; ");
    const message = `frozen by ${names}; it goes on after the thaw`;
    return { kind: "held", held: { key: "freeze", kind: HoldKind.FREEZE, message, isShared: false, isFinal: true } };
  }

  #judge(
    task: number,
  ): (Admission & { readonly kind: "held" }) | (Admission & { readonly kind: "go"; readonly limits: readonly LimitAsk[] }) {
    const { state, policies, guardMs, nowMs } = this.input;
    this.#isTaskGated ??= this.isGated(Gate.TASK);
    if (!this.#isTaskGated) return UNRULED;
    const { stage, action, ordinal } = placeOf(state.blueprint, task);
    const target = targetAt(state.blueprint, stage, ordinal);
    const except = target === undefined ? [] : [target.name];
    const asked = target ?? itemTarget(stage.list?.items?.[ordinal]);
    const judgement = policies.judgeTask({ ...this.question(except), stage: stage.index, action: action.index, target: asked });
    const { verdict, rulesAllowed, limits, cost } = judgement;
    this.#cost += cost;
    const told = verdict.rules.length === 0 ? {} : { verdict };
    if (verdict.decision === Decision.ALLOW) return { kind: "go", rulesAllowed, limits, ...told };
    return { kind: "held", held: heldByRules(verdict, { guardMs, wallMs: nowMs }), ...told };
  }

  /** What every gate asks about; `except` names the targets that ask. */
  question(except: readonly string[]): Question {
    const { state, guard, guardMs, nowMs } = this.input;
    const { submitted, submittedBy, approvers } = state;
    return {
      submitted,
      submitter: { name: submittedBy, roles: submitted.submitterRoles },
      nowMs,
      ledger: ledgerReader(guard, { nowMs: guardMs, except }),
      approvals: approvers.map(({ by, roles, atMs, reason }) => ({ name: by, roles, atMs, hasReason: reason !== "" })),
    };
  }

  /** The stage's own rate: for the beginning of a target, and once more where it was put off before anything was changed. */
  #rateOf(task: number): readonly LimitAsk[] {
    const { state } = this.input;
    const { stage, ordinal } = placeOf(state.blueprint, task);
    if (stage.beginIntervalMs === 0 || state.blueprint.mode === Mode.PLAN || isBegun(state, stage, ordinal)) return NO_LIMITS;
    const key = `rollout/${state.blueprint.id}/${stage.name}`;
    return [{ key, concurrency: undefined, intervalMs: stage.beginIntervalMs, burst: 1, spacingMs: 0, each: undefined, knownMs: 0 }];
  }

  #heldByLimit(room: { readonly key: string; readonly untilMs: number | undefined }, isShared: boolean) {
    const { guardMs, nowMs } = this.input;
    const { key, untilMs } = room;
    assert(untilMs === undefined || untilMs >= guardMs, "a limit that is blocked by time is free later, not earlier");
    const message = `limit ${key} is used up; "holdfast limits ${key}" shows by whom`;
    const until = untilMs === undefined ? {} : { lookAtMs: untilMs, untilMs: timeMs(nowMs + (untilMs - guardMs)) };
    return { key: limitLot(key), kind: HoldKind.LIMIT, message, isShared, ...until };
  }
}

/** The key under which tasks are parked that wait for a limit. */
export function limitLot(key: string): string {
  return `limit:${key}`;
}

/** The limit's key of such a lot. */
export function limitOfLot(lot: string): string {
  return lot.slice("limit:".length);
}

/** True when some action of the target was tried, put off for a lock not counted: then it took its share of the stage's rate. */
function isBegun({ tasks, stageRun, iterations }: WorkflowState, stage: StagePlan, ordinal: number): boolean {
  const isReturning = stageRun?.returning.has(ordinal) === true;
  // After a Retry it begins anew, whatever of it succeeded before.
  if (!isReturning && stageRun?.inFlight.has(ordinal) !== true) return false;
  const ofTarget = stage.actions.map(({ index }) => taskAt(stage, ordinal, index));
  if (ofTarget.some((task) => tasks.triesOf(task) > 0 || iterations.has(task))) return true;
  // It comes back from a person's resolution; or it gave up its place while it was put off, and then begins anew.
  return isReturning && !ofTarget.some((task) => tasks.get(task) === TaskState.DEFERRED);
}
