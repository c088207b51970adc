// The workflows that the engine holds in memory, the guard over them, and what is known to be damaged.
// 1. A restart is no special case: replay, mark what is in doubt, reconcile.
// 2. A workflow whose journal is damaged says so and keeps its locks; the others go on. A damaged guard stops all dispatch.
// 3. A key has one open workflow in a namespace; it is free again once that one's end is on disk.

import { HoldfastError } from "../base/errors.ts";
import type { WorkflowId } from "../base/ids.ts";
import { GUARD_STREAM, seq } from "../base/ids.ts";
import { OPEN_WORKFLOWS_MAX } from "../base/limits.ts";
import type { WorkflowSubmitted } from "../gen/holdfast/v1/event_pb.ts";
import type { GuardEvent } from "../gen/holdfast/journal/v1/journal_pb.ts";
import type { Target } from "../gen/holdfast/v1/workflow_pb.ts";
import type { GuardState } from "../guard/guard.ts";
import { applyGuardEvent, emptyGuard } from "../guard/guard.ts";
import { anchorClock, guardNow } from "../guard/guard-time.ts";
import type { MachineTime } from "../guard/guard-time.ts";
import { ledgerReader } from "../guard/ledger.ts";
import { renewLimits } from "../guard/limit-renewal.ts";
import { handOverFree, locksOf, waitForLocks } from "../guard/locks.ts";
import { recordedPolicies } from "../guard/recorded-policies.ts";
import type { Command } from "../workflow/commands.ts";
import { hasTokenOut } from "../workflow/completion.ts";
import { decide } from "../workflow/decide.ts";
import type { Facts } from "../workflow/facts.ts";
import type { WorkflowState } from "../workflow/state.ts";
import { EndedCache, readableRecord, replay } from "./lookup.ts";
import { refuseFrozen } from "./freeze-desk.ts";
import type { Wakened } from "./guard-moves.ts";
import { Outside, outsideNow } from "./outside.ts";
import type { EnginePorts, JournalEntry, Person, Question, StopLook } from "./ports.ts";
import { followUpRestore } from "./restoring.ts";
import { Runtime } from "./runtime.ts";
import type { RuntimeOwner } from "./runtime.ts";
import { StopLooks } from "./stop-looks.ts";

/** Makes events of the guard, at its time. */
export type MakeGuardEvents = (nowMs: number) => readonly GuardEvent[];

/** What the guard did, as an entry of the journal holds it. */
type GuardPart = Pick<JournalEntry, "guardEvents" | "guardFirstSeq">;

/** Open workflows by ID, and the way to those that have ended. */
export class Registry implements RuntimeOwner {
  readonly ports: EnginePorts;
  readonly guard: GuardState = emptyGuard();
  readonly stopLooks: StopLooks;
  readonly #runtimes = new Map<WorkflowId, Runtime>();
  #guardAppend: Promise<void> = Promise.resolve();
  readonly #corrupt = new Map<WorkflowId, HoldfastError>();
  readonly #openKeys = new Map<string, WorkflowId>();
  readonly #ended: EndedCache;
  readonly #unsubscribe: (() => void)[] = [];
  #guardDamage: HoldfastError | undefined;

  constructor(ports: EnginePorts) {
    this.ports = ports;
    this.stopLooks = new StopLooks(ports.stopFile);
    this.#ended = new EndedCache(ports.journal);
  }

  /** Replays the guard and every open workflow, marks what is in doubt, and lets each go on. */
  async recover(): Promise<void> {
    await this.#recoverGuard();
    await this.#anchorGuard();
    this.ports.policies.restore(recordedPolicies(this.guard));
    const states: WorkflowState[] = [];
    for await (const id of this.ports.journal.openWorkflows()) {
      const state = await this.#recoverWorkflow(id);
      if (state !== undefined) states.push(state);
    }
    this.ports.seal.open(states.filter((state) => hasTokenOut(state)).map(({ blueprint }) => blueprint.id));
    if (this.#guardDamage === undefined) await followUpRestore(this, states);
    await this.#askForLocks(states);
    await this.#renewLimits(states);
    this.#unsubscribe.push(this.ports.stopFile.onChange(() => this.#toAll((runtime) => runtime.wake())));
    this.#unsubscribe.push(this.ports.policies.onChange(() => this.#toAll((runtime) => runtime.judgeAgain())));
    await Promise.all(states.map((state) => this.register(state, { seq: state.seq, after: Promise.resolve() }).post({ kind: "recover" })));
  }

  time(): MachineTime {
    const { clock } = this.ports;
    return { bootId: clock.bootId(), monotonicMs: clock.monotonicMs(), wallMs: clock.nowMs() };
  }

  guardMs(): number {
    return guardNow(this.guard, this.time());
  }

  stop(): StopLook {
    return this.stopLooks.shared();
  }

  /** Throws FAILED_PRECONDITION when work that is to begin is frozen now. */
  refuseFrozen(work: { readonly namespace: string; readonly name: string; readonly targets: readonly Target[] }): void {
    refuseFrozen({ guard: this.guard, stop: this.stop() }, work);
  }

  /** What every gate asks about a workflow that is not recorded; `asking` are the targets that the gate is about. */
  question(submitter: Person, submitted: WorkflowSubmitted, asking: readonly Target[]): Question {
    const ledger = ledgerReader(this.guard, { nowMs: this.guardMs(), except: asking.map(({ name }) => name) });
    return { submitted, submitter, nowMs: this.ports.clock.nowMs(), ledger, approvals: [] };
  }

  /** All open workflows. */
  runtimes(): readonly Runtime[] {
    return [...this.#runtimes.values()];
  }

  /** Lets the guard alone move; resolves when that is on disk. */
  moveGuard(make: MakeGuardEvents): Promise<void> {
    return this.#appendGuard(this.applyToGuard(make));
  }

  /** Folds events into the guard, made at one reading of the clock; they must be appended in the same turn. */
  applyToGuard(make: MakeGuardEvents): GuardPart {
    const time = this.time();
    const events = make(guardNow(this.guard, time));
    return this.#foldGuard(events.length === 0 ? [] : [...anchorClock(this.guard, time), ...events]);
  }

  /** Has these workflows look again; resolves when what follows is on disk. */
  async lookAgain(runtimes: readonly Runtime[]): Promise<void> {
    await Promise.all(runtimes.map((runtime) => runtime.post({ kind: "wake" }).catch(() => undefined)));
  }

  /** The open workflow; undefined: it has ended, is damaged, or does not exist. */
  find(id: WorkflowId): Runtime | undefined {
    return this.#runtimes.get(id);
  }

  /** Why a workflow cannot be read; undefined: it can. */
  damageOf(id: WorkflowId): HoldfastError | undefined {
    return this.#corrupt.get(id);
  }

  /** Throws DATA_LOSS when the guard cannot be read: then nobody may start anything. */
  checkGuard(): void {
    if (this.#guardDamage !== undefined) throw this.#guardDamage;
  }

  /** The state of a workflow, open or ended. Throws DATA_LOSS when it is damaged. */
  async stateOf(id: WorkflowId): Promise<WorkflowState> {
    const damage = this.#corrupt.get(id);
    if (damage !== undefined) throw damage;
    return this.#runtimes.get(id)?.state ?? this.#ended.get(id);
  }

  /** Takes a workflow into memory; `durable` says what of it is on disk, and when all of it is. */
  register(state: WorkflowState, durable: { readonly seq: number; readonly after: Promise<void> }): Runtime {
    const runtime = new Runtime(this, state, durable);
    this.#runtimes.set(runtime.id, runtime);
    if (state.blueprint.key !== "") this.#openKeys.set(keyOf(state), runtime.id);
    return runtime;
  }

  /** Throws when there is no room for one more open workflow, or its key is borne by another. */
  checkRoom(state: WorkflowState): void {
    if (this.#runtimes.size >= OPEN_WORKFLOWS_MAX) {
      const found = `${this.#runtimes.size} workflows are open, at most ${OPEN_WORKFLOWS_MAX} are allowed`;
      throw new HoldfastError("RESOURCE_EXHAUSTED", `${found}; wait until some have ended`);
    }
    const { key, namespace, id } = state.blueprint;
    const bearer = this.#openKeys.get(keyOf(state));
    if (key === "" || bearer === undefined || bearer === id) return;
    const found = `the open workflow ${bearer} of namespace "${namespace}" bears the key "${key}"`;
    throw new HoldfastError("ALREADY_EXISTS", `${found}; wait for its end, cancel it, or use another key`);
  }

  /** Hands a command to a workflow, open or ended; resolves when what follows from it is on disk. */
  async ask(id: WorkflowId, command: Command): Promise<void> {
    const open = this.#runtimes.get(id);
    if (open !== undefined) return open.post(command);
    const state = await this.stateOf(id);
    // While it was read somebody may have opened it again.
    if (this.#runtimes.has(id)) return this.ask(id, command);
    const events = decide(state, command, this.#factsOfEnded(id));
    if (events.length === 0) return undefined;
    this.checkRoom(state);
    this.#ended.delete(id);
    return this.register(state, { seq: state.seq, after: Promise.resolve() }).post(command);
  }

  wake(wakened: readonly Wakened[]): void {
    for (const { workflow, key } of wakened) this.#runtimes.get(workflow)?.wake(key);
  }

  ended(runtime: Runtime): void {
    this.#runtimes.delete(runtime.id);
    const key = keyOf(runtime.state);
    if (this.#openKeys.get(key) === runtime.id) this.#openKeys.delete(key);
    this.#ended.put(runtime.id, runtime.state);
  }

  /** Lets no workflow take a further turn, and waits for what was appended. */
  async close(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    const runtimes = this.runtimes();
    for (const runtime of runtimes) runtime.close();
    await Promise.all(runtimes.map((runtime) => runtime.durable()));
  }

  /** Only Retry makes anything of an ended workflow; what was said before is looked up. */
  #factsOfEnded(id: WorkflowId): Facts {
    return {
      nowMs: this.ports.clock.nowMs(),
      fraction: () => 0,
      detail: (task) => this.ports.journal.detail(id, task),
      keep: () => undefined,
      canLock: () => false,
      isGated: () => false,
      admit: () => ({ kind: "go", rulesAllowed: 0 }),
      isSpent: () => true,
      freeze: () => undefined,
      isFrozen: () => false,
      isPauseOver: () => false,
    };
  }

  async #recoverGuard(): Promise<void> {
    try {
      for await (const frame of this.ports.journal.readFrames(GUARD_STREAM, { afterSeq: seq(0) })) {
        for (const event of frame.guardEvents) applyGuardEvent(this.guard, event);
      }
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      this.#guardDamage = error;
    }
  }

  /** In a new boot its time moves on from here, not only from the next event on: so it does not stand still until the wall clock is where it was. */
  async #anchorGuard(): Promise<void> {
    if (this.guard.seq === 0 || this.#guardDamage !== undefined) return;
    await this.#appendGuard(this.#foldGuard(anchorClock(this.guard, this.time())));
  }

  /** Attempts that have not begun to change anything begin only now: their limits count from now on, not from before the service was down. */
  async #renewLimits(states: readonly WorkflowState[]): Promise<void> {
    const nowMs = this.guardMs(); // one for all: what tasks share is renewed once
    const written: Promise<void>[] = [];
    for (const { blueprint, running, awaiting } of states)
      for (const [task, { before }] of running) {
        if (before === undefined && !awaiting.has(task))
          written.push(this.#appendGuard(this.#foldGuard(renewLimits(this.guard, { workflow: blueprint.id, task }, nowMs))));
      }
    await Promise.all(written);
  }

  #foldGuard(guardEvents: readonly GuardEvent[]): GuardPart {
    const guardFirstSeq = seq(this.guard.seq + 1);
    for (const event of guardEvents) applyGuardEvent(this.guard, event);
    return { guardEvents, guardFirstSeq };
  }

  async #appendGuard(moved: GuardPart): Promise<void> {
    const nothing = { id: undefined, firstSeq: seq(1), events: [], details: [] };
    if (moved.guardEvents.length > 0)
      this.#guardAppend = this.ports.journal.append({ ...nothing, ...moved, timeMs: this.ports.clock.nowMs() });
    // Who changed nothing found what somebody else asked for: that must be on disk too (H3).
    await this.#guardAppend;
  }

  async #recoverWorkflow(id: WorkflowId): Promise<WorkflowState | undefined> {
    try {
      this.checkGuard();
      return await replay(this.ports.journal, id);
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      this.#corrupt.set(id, error);
      const status = readableRecord(this.ports.journal, id)?.status;
      if (status !== undefined && status.key !== "") this.#openKeys.set(`${status.namespace}\n${status.key}`, id);
      return undefined;
    }
  }

  /**
   * Who waits for a lock is not journaled: after a restart the waiting ask again, all of them before any takes a turn. Those who can go now are
   * handed their locks: one that was left out of the line would find another ahead of it there, and nobody would ever call it.
   */
  async #askForLocks(states: readonly WorkflowState[]): Promise<void> {
    const { guard } = this;
    for (const state of states) {
      const outside = new Outside(outsideNow(this, state));
      for (const task of state.stageRun?.waitingForLock ?? []) {
        const ask = outside.lockAsk(task);
        if (ask !== undefined && locksOf(guard, ask).length === 0) waitForLocks(guard, ask);
      }
    }
    if (this.#guardDamage === undefined) await this.#appendGuard(this.#foldGuard(handOverFree(guard, this.guardMs())));
  }

  #toAll(tell: (runtime: Runtime) => void): void {
    for (const runtime of this.#runtimes.values()) tell(runtime);
  }
}

function keyOf({ blueprint }: WorkflowState): string {
  return `${blueprint.namespace}\n${blueprint.key}`;
}
