// One open workflow in memory: its state, its mailbox, its attempts, its timer. The only mutable thing about a workflow.
// 1. Turns are serial (H5); at most TURNS_IN_FLIGHT_MAX of them wait for the disk, further commands gather in the mailbox.
// 2. Replies, attempts, timers and watchers act only on what is on disk (H3).
// 3. Which attempts run follows from the state: after each sync the missing are started and the surplus aborted.

import { HoldfastError } from "../base/errors.ts";
import type { Seq, TimeMs, WorkflowId } from "../base/ids.ts";
import { seq } from "../base/ids.ts";
import type { Verdict } from "../gen/holdfast/v1/policy_pb.ts";
import { HoldKind } from "../gen/holdfast/v1/status_pb.ts";
import { TURNS_IN_FLIGHT_MAX, TURN_COMMANDS_MAX } from "../base/limits.ts";
import type { GuardState } from "../guard/guard.ts";
import type { MachineTime } from "../guard/guard-time.ts";
import type { Command } from "../workflow/commands.ts";
import { freeKind, freeLot } from "../workflow/parking.ts";
import type { WorkflowState } from "../workflow/state.ts";
import { isEnded, phaseOf } from "../workflow/status.ts";
import type { AttemptHost } from "./attempt-host.ts";
import { Attempts } from "./attempts.ts";
import { isTaskAborted, isTaskFrozen } from "./freeze-desk.ts";
import type { GateHost } from "./gatekeeper.ts";
import { Gatekeeper } from "./gatekeeper.ts";
import type { Wakened } from "./guard-moves.ts";
import { movedIndex } from "./index-change.ts";
import { Outside, limitLot, outsideNow } from "./outside.ts";
import type { EnginePorts, JournalEntry, StopLook } from "./ports.ts";
import type { StopLooks } from "./stop-looks.ts";
import type { Turn } from "./turn.ts";
import { takeTurn } from "./turn.ts";
import { WakeTimer, dueOf } from "./wake-timer.ts";

const stopping = (): HoldfastError => new HoldfastError("UNAVAILABLE", "the service is stopping; ask again when it is back");

interface Mail {
  readonly command: Command;
  readonly resolve: () => void;
  readonly reject: (error: HoldfastError) => void;
}

/** What a runtime tells the engine around it. */
export interface RuntimeOwner {
  readonly ports: EnginePorts;
  readonly guard: GuardState;
  /** What the machine's clocks say. */
  time(): MachineTime;
  /** The guard's time now. */
  guardMs(): number;
  /** What the emergency stop's file says to a turn. */
  stop(): StopLook;
  readonly stopLooks: StopLooks;
  /** These workflows were handed a lock, or a limit may have room for them. */
  wake(wakened: readonly Wakened[]): void;
  /** The workflow has ended, on disk. */
  ended(runtime: Runtime): void;
}

/** An open workflow. */
export class Runtime implements AttemptHost, GateHost {
  readonly state: WorkflowState;
  readonly #owner: RuntimeOwner;
  readonly #attempts: Attempts;
  readonly #gatekeeper: Gatekeeper;
  readonly #timer: WakeTimer;
  readonly #mailbox: Mail[] = [];
  readonly #listeners = new Set<() => void>();
  #durableSeq: number;
  #lastAppend: Promise<void> = Promise.resolve();
  #turnsInFlight = 0;
  #isScheduled = false;
  /** A turn was asked for while as many as may waited for the disk. */
  #isOwed = false;
  /** The guard's time at the last turn. */
  #lookedMs = 0;
  #isClosed = false;
  #isRetired = false;

  constructor(owner: RuntimeOwner, state: WorkflowState, durable: { readonly seq: number; readonly after: Promise<void> }) {
    this.#owner = owner;
    this.state = state;
    this.#durableSeq = durable.seq;
    this.#lastAppend = durable.after;
    this.#attempts = new Attempts(this, (error) => owner.ports.onFatal(error));
    this.#gatekeeper = new Gatekeeper(this, (error) => owner.ports.onFatal(error));
    this.#timer = new WakeTimer(owner.ports.clock, () => this.wake());
    // What is on disk then, not what the state may hold by then.
    const { seq: lastSeq } = state;
    void durable.after.then(() => this.#synced(lastSeq));
  }

  get id(): WorkflowId {
    return this.state.blueprint.id;
  }

  get ports(): EnginePorts {
    return this.#owner.ports;
  }

  get guard(): GuardState {
    return this.#owner.guard;
  }

  guardMs(): number {
    return this.#owner.guardMs();
  }

  /** The number of the last event on disk. */
  get durableSeq(): Seq {
    return seq(this.#durableSeq);
  }

  /** Hands in a command; resolves when what follows from it is on disk, rejects when it is refused. */
  post(command: Command): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(stopping());
      if (this.#isRetired) return resolve(); // it ended meanwhile: nothing follows any more
      this.#mailbox.push({ command, resolve, reject });
      this.#schedule();
    });
  }

  /** Resolves when everything that the state holds now is on disk. */
  durable(): Promise<void> {
    return this.#lastAppend;
  }

  /** Resolves when that is so, as looked at now and after each turn, the workflow has left memory, or the signal aborts. Rejects when the service stops. */
  when(isSo: () => boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (!this.#isClosed && !this.#isRetired && !signal.aborted && !isSo()) return;
        this.#listeners.delete(look);
        signal.removeEventListener("abort", look);
        if (this.#isClosed) reject(stopping());
        else resolve();
      };
      this.#listeners.add(look);
      signal.addEventListener("abort", look);
      look();
    });
  }

  /** Takes no further turn; ends nothing at the targets (H11). */
  close(): void {
    this.#isClosed = true;
    this.#gatekeeper.close();
    this.#timer.cancel();
    for (const mail of this.#mailbox.splice(0)) mail.reject(stopping());
    this.#tellListeners();
  }

  /** Wakes the workflow up: time has passed, a lock came free, or the limit of that key may have room. */
  wake(key?: string): void {
    if (this.#isClosed) return;
    if (key !== undefined) freeLot(this.state, limitLot(key));
    void this.post({ kind: "wake" }).catch(() => undefined);
  }

  /** Policies have changed: gates and tasks that they hold are judged again. */
  judgeAgain(): void {
    for (const kind of [HoldKind.POLICY, HoldKind.APPROVAL]) freeKind(this.state, kind);
    this.#gatekeeper.look();
    this.wake();
  }

  isFrozen(task: number): boolean {
    return isTaskFrozen(this.guard, { stop: this.#owner.stopLooks.now(), state: this.state, task });
  }

  isAborted(task: number): boolean {
    return isTaskAborted(this.guard, { state: this.state, task });
  }

  /** Judges whether the workflow may be executed, and has that recorded; undefined: policies have no say. */
  judgeExec(): Promise<Verdict | undefined> {
    return this.#gatekeeper.judgeExec();
  }

  /** What the world outside says to the workflow now. */
  outside(): Outside {
    return new Outside(outsideNow(this.#owner, this.state));
  }

  #schedule(): void {
    this.#isOwed = this.#turnsInFlight >= TURNS_IN_FLIGHT_MAX;
    if (this.#isOwed || this.#isScheduled || this.#isOver()) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      if (this.#isOver()) return;
      try {
        this.#turn();
      } catch (error) {
        this.ports.onFatal(error);
      }
    });
  }

  #turn(): void {
    const mails = this.#mailbox.splice(0, TURN_COMMANDS_MAX);
    const firstSeq = seq(this.state.seq + 1);
    const guardFirstSeq = seq(this.guard.seq + 1);
    const input = outsideNow(this.#owner, this.state);
    this.#lookedMs = input.guardMs;
    const { journal, ids } = this.ports;
    const facts = { fraction: () => ids.fraction(), detail: (task: number) => journal.detail(this.id, task) };
    const turn = takeTurn({ ...input, facts, commands: mails.map(({ command }) => command) });
    const isEmpty = turn.events.length === 0 && turn.guardEvents.length === 0;
    if (isEmpty) this.#stay(turn);
    else this.#append(turn, { firstSeq, guardFirstSeq, timeMs: input.nowMs });
    this.#answer(mails, turn);
    if (isEmpty && turn.hasMore) this.#scheduleLater();
    else if (turn.hasMore || this.#mailbox.length > 0) this.#schedule();
    this.#retireIfDone();
  }

  /** A turn that only asked, and has more to ask, waits for no disk: others have their turn of the event loop first. */
  #scheduleLater(): void {
    this.ports.clock.after(0, () => this.#schedule());
  }

  /** Nothing happened; yet time may have brought it before a gate, what holds it may be another thing, and it may have left a line. */
  #stay(turn: Turn): void {
    this.#setTimer();
    this.#gatekeeper.look();
    this.#owner.wake(turn.wakened);
    this.#tellListeners();
  }

  /** An ended workflow leaves memory once its end is on disk and nobody asks it anything any more. */
  #retireIfDone(): void {
    const isDone = isEnded(phaseOf(this.state)) && this.#durableSeq === this.state.seq && this.#mailbox.length === 0;
    if (!isDone || this.#isRetired) return;
    this.#isRetired = true;
    this.#gatekeeper.close();
    this.#timer.cancel();
    this.#owner.ended(this);
    this.#tellListeners();
  }

  /** True when it takes no further turn: a workflow that is opened again gets a runtime of its own. */
  #isOver(): boolean {
    return this.#isClosed || this.#isRetired;
  }

  #tellListeners(): void {
    for (const callback of Array.from(this.#listeners)) callback();
  }

  /** The turn's own time is the entry's, so that a replay folds each event in at the very time it had. */
  #append(turn: Turn, first: { readonly firstSeq: Seq; readonly guardFirstSeq: Seq; readonly timeMs: TimeMs }): void {
    const { journal } = this.ports;
    const index = movedIndex(this.state, turn.events);
    const entry: JournalEntry = {
      id: this.id,
      ...first,
      events: turn.events,
      guardEvents: turn.guardEvents,
      details: turn.details,
      ...(index === undefined ? {} : { index }),
      ...(turn.cutBefore === undefined ? {} : { cutBefore: turn.cutBefore }),
    };
    const lastSeq = this.state.seq;
    this.#turnsInFlight += 1;
    this.#lastAppend = journal.append(entry);
    void this.#lastAppend.then(() => {
      this.#turnsInFlight -= 1;
      this.#synced(lastSeq);
      this.#owner.wake(turn.wakened);
      if (this.#isOwed) this.#schedule();
    });
  }

  #answer(mails: readonly Mail[], turn: Turn): void {
    const answered = this.#lastAppend;
    // A refusal too tells of a state that must be on disk first (H3).
    void answered.then(() => {
      for (const [index, mail] of mails.entries()) {
        const refusal = turn.answers[index]?.refusal;
        if (refusal === undefined) mail.resolve();
        else mail.reject(refusal);
      }
    });
  }

  /** After each sync: act on what is on disk now. */
  #synced(lastSeq: number): void {
    if (this.#isClosed) return;
    this.#durableSeq = Math.max(this.#durableSeq, lastSeq);
    this.#attempts.reconcile();
    this.#gatekeeper.look();
    this.#setTimer();
    this.#tellListeners();
    this.#retireIfDone();
  }

  #setTimer(): void {
    this.#timer.set(dueOf(this.state, { guard: this.guard, lookedMs: this.#lookedMs }), this.guardMs());
  }
}
