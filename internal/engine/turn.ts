// One turn of one workflow: a batch of commands, then whatever follows by itself. Synchronous; state and guard move together.
// 1. Every event is folded in at once; nobody outside sees it before the turn's entry is on disk (H3).
// 2. Locks are taken and given back in the same turn, and so in the same batch, as the events that call for it (H7).
// 3. A turn makes at most TURN_EVENTS_MAX events; what is left follows in the next one.

import { create } from "@bufbuild/protobuf";
import { HoldfastError } from "../base/errors.ts";
import { WorkflowId } from "../base/ids.ts";
import { TURN_EVENTS_MAX } from "../base/limits.ts";
import type { GuardEvent } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { AttemptOutcome, DeferReason } from "../gen/holdfast/v1/event_pb.ts";
import type { AttemptEnded, Event, TaskRefused } from "../gen/holdfast/v1/event_pb.ts";
import type { AttemptDetail } from "../gen/holdfast/v1/status_pb.ts";
import { AttemptDetailSchema } from "../gen/holdfast/v1/status_pb.ts";
import type { GuardState } from "../guard/guard.ts";
import { applyGuardEvent, giveAllLocks, giveLock, stopAllWaiting, stopWaiting, takeLock, waitForLock } from "../guard/guard.ts";
import { applyEvent } from "../workflow/apply.ts";
import { placeOf, targetAt } from "../workflow/blueprint.ts";
import type { Command } from "../workflow/commands.ts";
import { decide } from "../workflow/decide.ts";
import { nextStep } from "../workflow/dispatch.ts";
import type { Facts } from "../workflow/facts.ts";
import type { WorkflowState } from "../workflow/state.ts";
import { isTargetDone } from "../workflow/target-run.ts";

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
  /** True when the bound was reached and more may follow by itself. */
  readonly hasMore: boolean;
  /** Workflows that were handed a lock and should look again. */
  readonly wakened: readonly WorkflowId[];
}

/** What a turn works on. */
export interface TurnInput {
  readonly state: WorkflowState;
  readonly guard: GuardState;
  readonly commands: readonly Command[];
  readonly facts: Facts;
}

/** Takes a turn. */
export function takeTurn({ state, guard, commands, facts }: TurnInput): Turn {
  const record = new TurnRecord(state, guard, facts);
  const answers = commands.map((command) => record.take(command));
  const hasMore = record.followUp();
  return { events: record.events, guardEvents: record.guardEvents, details: record.details, answers, hasMore, wakened: record.wakened };
}

class TurnRecord {
  readonly events: Event[] = [];
  readonly guardEvents: GuardEvent[] = [];
  readonly details: AttemptDetail[] = [];
  readonly wakened: WorkflowId[] = [];
  readonly #state: WorkflowState;
  readonly #guard: GuardState;
  readonly #facts: Facts;

  constructor(state: WorkflowState, guard: GuardState, facts: Facts) {
    this.#state = state;
    this.#guard = guard;
    // What this turn brings is not in the journal yet, and the next action's `when` may name it.
    this.#facts = { ...facts, detail: (task) => this.details.findLast((detail) => detail.task === task) ?? facts.detail(task) };
  }

  take(command: Command): Answer {
    try {
      const events = decide(this.#state, command, this.#facts);
      for (const event of events) this.#happen(event);
      if (command.kind === "endAttempt" && command.report.detail !== undefined && events.length > 0)
        this.details.push(command.report.detail);
      return { command, refusal: undefined };
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      return { command, refusal: error };
    }
  }

  /** Lets everything follow that follows by itself; true when the bound of the turn was reached. */
  followUp(): boolean {
    while (this.events.length < TURN_EVENTS_MAX) {
      const event = nextStep(this.#state, this.#facts);
      if (event === undefined) return false;
      this.#happen(event);
    }
    return true;
  }

  #happen(event: Event): void {
    const { kind } = event;
    if (kind.case === "applyStarted") this.#takeLock(kind.value.task);
    applyEvent(this.#state, event, this.#facts.nowMs);
    this.events.push(event);
    switch (kind.case) {
      case "attemptEnded":
        return this.#afterAttempt(kind.value);
      case "taskRefused":
        this.details.push(this.#refusalDetail(kind.value));
        return this.#giveIfDone(kind.value.task);
      case "taskSkipped":
      case "taskResolved":
        return this.#giveIfDone(kind.value.task);
      case "workflowRetried":
        return stopAllWaiting(this.#guard, this.#state.blueprint.id);
      case "workflowEnded":
      case "workflowExpired":
        return this.#move(giveAllLocks(this.#guard, this.#state.blueprint.id));
      default:
        return;
    }
  }

  /** A refusal is shown as what the next attempt would have been; should one come, its detail takes the place. */
  #refusalDetail({ task, error }: TaskRefused): AttemptDetail {
    const attempt = (this.#state.tasks.attempts[task] ?? 0) + 1;
    const atMs = BigInt(this.#facts.nowMs);
    return create(AttemptDetailSchema, { task, attempt, error, startedAtMs: atMs, endedAtMs: atMs });
  }

  #takeLock(task: number): void {
    const name = this.#targetName(task);
    if (name !== undefined) this.#move(takeLock(this.#guard, name, this.#state.blueprint.id));
  }

  #afterAttempt(ended: AttemptEnded): void {
    const name = this.#targetName(ended.task);
    if (name === undefined) return;
    if (ended.outcome === AttemptOutcome.DEFERRED && ended.deferredFor === DeferReason.LOCK)
      waitForLock(this.#guard, name, { workflow: this.#state.blueprint.id, priority: this.#state.submitted.priority });
    else this.#giveIfDone(ended.task);
  }

  /** Gives the target's lock back after its last action in the stage. An unknown task keeps it. */
  #giveIfDone(task: number): void {
    const { stage, ordinal } = placeOf(this.#state.blueprint, task);
    const name = this.#targetName(task);
    if (name === undefined || !isTargetDone(this.#state, stage, ordinal)) return;
    stopWaiting(this.#guard, name, this.#state.blueprint.id);
    this.#move(giveLock(this.#guard, name, this.#state.blueprint.id));
  }

  #move(events: readonly GuardEvent[]): void {
    for (const event of events) {
      applyGuardEvent(this.#guard, event);
      this.guardEvents.push(event);
      if (event.kind.case !== "lockTaken") continue;
      const holder = event.kind.value.holder;
      if (holder !== this.#state.blueprint.id) this.wakened.push(WorkflowId.parse(holder));
    }
  }

  #targetName(task: number): string | undefined {
    const { stage, ordinal } = placeOf(this.#state.blueprint, task);
    return targetAt(this.#state.blueprint, stage, ordinal)?.name;
  }
}
