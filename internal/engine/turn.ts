// One turn of one workflow: a batch of commands, then whatever follows by itself. Synchronous; state and guard move together.
// 1. Every event is folded in at once; nobody outside sees it before the turn's entry is on disk (H3).
// 2. What the events do to the guard (guard-moves.ts) happens in the same turn, and so in the same batch (H7).
// 3. A turn makes at most TURN_EVENTS_MAX events; what is left follows in the next one.

import { create } from "@bufbuild/protobuf";
import { HoldfastError } from "../base/errors.ts";
import type { Seq } from "../base/ids.ts";
import { seq } from "../base/ids.ts";
import { TASKS_REJUDGED_MAX, TURN_EVENTS_MAX } from "../base/limits.ts";
import type { GuardEvent } from "../gen/holdfast/journal/v1/journal_pb.ts";
import type { Event, TaskRefused } from "../gen/holdfast/v1/event_pb.ts";
import type { AttemptDetail } from "../gen/holdfast/v1/status_pb.ts";
import { AttemptDetailSchema, HoldKind } from "../gen/holdfast/v1/status_pb.ts";
import { applyEvent } from "../workflow/apply.ts";
import type { Command } from "../workflow/commands.ts";
import { oldestKept } from "../workflow/continuing.ts";
import { decide } from "../workflow/decide.ts";
import { nextStep } from "../workflow/dispatch.ts";
import type { Facts } from "../workflow/facts.ts";
import { freeKind } from "../workflow/parking.ts";
import type { WorkflowState } from "../workflow/state.ts";
import { GuardMoves } from "./guard-moves.ts";
import type { Wakened } from "./guard-moves.ts";
import { Outside } from "./outside.ts";
import type { OutsideInput } from "./outside.ts";

/** A command, and whether the turn took it. */
export interface Answer {
  readonly command: Command;
  /** Present: it was refused. */
  readonly refusal: HoldfastError | undefined;
}

/** What a turn made. */
export interface Turn {
  readonly events: readonly Event[];
  readonly guardEvents: readonly GuardEvent[];
  readonly details: readonly AttemptDetail[];
  readonly answers: readonly Answer[];
  /** Present: a generation began, and events before this one, of the oldest ones, may be dropped. */
  readonly cutBefore: Seq | undefined;
  /** True when a bound was reached and more may follow by itself. */
  readonly hasMore: boolean;
  /** Workflows that were handed a lock, or for which a limit may have room, and that should look again. */
  readonly wakened: readonly Wakened[];
}

/** What a turn works on. */
export interface TurnInput extends OutsideInput {
  readonly commands: readonly Command[];
  readonly facts: Pick<Facts, "fraction" | "detail">;
}

/** Takes a turn. */
export function takeTurn(input: TurnInput): Turn {
  const record = new TurnRecord(input);
  const answers = input.commands.map((command) => record.take(command));
  const hasMore = record.followUp();
  const { events, details, moves } = record;
  const oldest = events.some(({ kind }) => kind.case === "continuedAsNew") ? oldestKept(input.state) : undefined;
  const cutBefore = oldest === undefined ? undefined : seq(oldest.seq);
  return { events, guardEvents: moves.events, details, answers, cutBefore, hasMore, wakened: moves.wakened };
}

class TurnRecord {
  readonly events: Event[] = [];
  readonly details: AttemptDetail[] = [];
  readonly moves: GuardMoves;
  readonly #state: WorkflowState;
  readonly #outside: Outside;
  readonly #facts: Facts;

  constructor(input: TurnInput) {
    const { state, facts, nowMs, guardMs } = input;
    this.#state = state;
    this.#outside = new Outside(input);
    this.moves = new GuardMoves(this.#outside);
    for (const parking of [state.parking, state.entrance]) parking.freeDue(guardMs, TASKS_REJUDGED_MAX);
    // What this turn brings is not in the journal yet, and the next action's `when` may name it.
    const detail: Facts["detail"] = (task) => this.details.findLast((found) => found.task === task) ?? facts.detail(task);
    const outside = this.#outside;
    this.#facts = {
      nowMs,
      fraction: facts.fraction,
      detail,
      keep: (kept) => void this.details.push(kept),
      canLock: (task) => outside.canLock(task),
      isGated: (gate) => outside.isGated(gate),
      admit: (task) => outside.admit(task),
      isSpent: () => outside.isSpent(),
      freeze: () => outside.freeze(),
      isFrozen: (task) => outside.isFrozen(task),
      isPauseOver: () => outside.isPauseOver(),
    };
  }

  take(command: Command): Answer {
    try {
      const events = decide(this.#state, command, this.#facts);
      for (const event of events) this.#happen(event);
      return { command, refusal: undefined };
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      return { command, refusal: error };
    }
  }

  /** Lets everything follow that follows by itself; true when a bound of the turn was reached. */
  followUp(): boolean {
    const hasMore = this.#follow();
    this.moves.end(hasMore);
    return hasMore;
  }

  #follow(): boolean {
    while (this.events.length < TURN_EVENTS_MAX) {
      const event = nextStep(this.#state, this.#facts);
      if (event !== undefined) this.#happen(event);
      else if (this.#outside.isSpent()) return true;
      else if (!this.moves.freeOwnLimits()) return false;
    }
    return true;
  }

  #happen(event: Event): void {
    const { kind } = event;
    if (kind.case === "applyStarted") this.moves.applyStarted(kind.value.task);
    const stopped = this.#state.stageRun?.stopped.size ?? 0;
    applyEvent(this.#state, event, this.#outside.input.nowMs);
    this.events.push(event);
    this.#moveGuard(event);
    if ((this.#state.stageRun?.stopped.size ?? 0) > stopped) this.moves.targetsStopped();
  }

  #moveGuard({ kind }: Event): void {
    switch (kind.case) {
      case "attemptStarted":
        return this.moves.attemptStarted(kind.value);
      case "attemptEnded":
        return this.moves.attemptEnded(kind.value);
      case "taskRefused":
        this.details.push(this.#refusalDetail(kind.value));
        return this.moves.taskClosed(kind.value.task);
      case "taskSkipped":
      case "taskResolved":
        return this.moves.taskClosed(kind.value.task);
      case "finishDecided":
        return this.moves.finishDecided();
      case "waveStarted":
        return this.moves.waveStarted(kind.value);
      case "waveEnded":
        return this.moves.waveEnded(kind.value.pauseMs);
      case "stageRepeated":
        return this.moves.waveEnded(kind.value.afterMs);
      case "freezeBegan":
      case "freezeEnded":
        this.moves.thawed();
        return freeKind(this.#state, HoldKind.FREEZE);
      case "approvalGiven":
        return freeKind(this.#state, HoldKind.APPROVAL);
      case "stageEnded":
        // Where it failed, targets that were begun or reserved are left as they are: a later stage asks for everything anew.
        // A paused workflow keeps what it holds until it goes on.
        return kind.value.succeeded || this.#state.isPaused ? undefined : this.moves.ended();
      case "stageStarted":
        return this.#state.stageResults.includes("failed") ? this.moves.ended() : undefined;
      case "workflowRetried":
        return this.moves.retried();
      case "workflowEnded":
      case "workflowExpired":
      case "continuedAsNew":
        return this.moves.ended();
      default:
        return;
    }
  }

  /** A refusal is shown as what the next attempt would have been; should one come, its detail takes the place. */
  #refusalDetail({ task, error, attempt }: TaskRefused): AttemptDetail {
    const atMs = BigInt(this.#outside.input.nowMs);
    return create(AttemptDetailSchema, { task, attempt, error, startedAtMs: atMs, endedAtMs: atMs });
  }
}
