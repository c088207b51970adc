// H7: the guard moves with the turn: what a workflow takes and what it does with it are one entry, so that a crash leaks nothing and refills
// nothing. 1. Limits and locks are taken in the entry of the start, or were held; nothing but a turn of its own takes for a workflow.

import type { JournalEntry } from "../../internal/engine/ports.ts";
import type { GuardEvent } from "../../internal/gen/holdfast/journal/v1/journal_pb.ts";
import { DeferReason, Mode } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { Invariant } from "./invariant.ts";
import { must } from "./violation.ts";

const NAME = "H7 guard apart";

interface Standing {
  readonly isPlan: boolean;
  isOpen: boolean;
  readonly running: Set<number>;
  /** An attempt of it was put off for locks: they are handed to it in turn. */
  isInLine: boolean;
}

/** Keeps H7. */
export class GuardWithTurn implements Invariant {
  readonly #workflows = new Map<string, Standing>();
  /** Locks and limits that workflows hold, by the guard's events. */
  readonly #held = new Map<string, Set<string>>();

  durable(entry: JournalEntry): void {
    this.#checkTakers(entry);
    const moved = new Set<string>(entry.guardEvents.map(({ kind }) => kind.case ?? ""));
    const { id } = entry;
    for (const { kind } of entry.events) {
      if (id === undefined) break;
      const standing = this.#workflows.get(id);
      if (kind.case === "workflowSubmitted")
        this.#workflows.set(id, { isPlan: kind.value.mode === Mode.PLAN, isOpen: true, running: new Set(), isInLine: false });
      if (standing === undefined) continue;
      if (kind.case === "attemptStarted") standing.running.add(kind.value.task);
      if (kind.case === "attemptEnded") {
        standing.running.delete(kind.value.task);
        standing.isInLine ||= kind.value.deferredFor === DeferReason.LOCK;
      }
      if (kind.case === "waveEnded" && kind.value.pauseMs > 0)
        must(moved.has("pauseBegan"), NAME, () => `a wave of ${id} ends with a pause that the guard does not know of`);
      if (kind.case === "workflowRetried") standing.isOpen = true;
      if (kind.case === "workflowEnded" || kind.case === "workflowExpired") standing.isOpen = false;
    }
    const before = new Set(id === undefined ? [] : this.#of(id));
    for (const event of entry.guardEvents) {
      this.#take(event);
      if (id !== undefined) for (const held of before) if (!this.#of(id).has(held)) before.delete(held);
    }
    if (id !== undefined) this.#checkEnd(id);
    const goesOn = entry.events.some(({ kind }) => kind.case === "continuedAsNew");
    must(!goesOn || before.size === 0, NAME, () => `${id} began another generation with ${[...before].slice(0, 5).join(", ")}`);
  }

  /** Nothing is taken for a workflow but in its own turn, or handed to it by a turn for which it stood in line. */
  #checkTakers({ id, guardEvents }: JournalEntry): void {
    for (const { kind } of guardEvents) {
      if (kind.case === "lockTaken") {
        const { key, holder } = kind.value;
        const isInLine = this.#workflows.get(holder)?.isInLine === true;
        must(holder === id || isInLine, NAME, () => `${key} is taken for ${holder} in an entry of ${id ?? "nobody"}`);
      }
      if (kind.case === "targetsReserved" || kind.case === "targetTouched" || kind.case === "pauseBegan" || kind.case === "targetsSettled")
        must(kind.value.holder === id, NAME, () => `${kind.case} of ${kind.value.holder} in an entry of ${id ?? "nobody"}`);
      if (kind.case === "limitsTaken" && kind.value.holder !== id) this.#checkRenewed(kind.value);
    }
  }

  /** Without a turn of its own a workflow's limits are only renewed: it holds them. */
  #checkRenewed({ holder, task }: { readonly holder: string; readonly task: number }): void {
    const isHeld = this.#held.get(holder)?.has(`limits ${task}`) === true;
    must(isHeld, NAME, () => `task ${task} of ${holder} takes limits in an entry that is not its own`);
  }

  #take({ kind }: GuardEvent): void {
    switch (kind.case) {
      case "lockTaken":
        return void this.#of(kind.value.holder).add(`lock ${kind.value.key}`);
      case "lockReleased":
        return void this.#of(kind.value.holder).delete(`lock ${kind.value.key}`);
      case "limitsTaken":
        return void this.#of(kind.value.holder).add(`limits ${kind.value.task}`);
      case "limitsReturned":
        return void this.#of(kind.value.holder).delete(`limits ${kind.value.task}`);
      case "holderReleased":
        return this.#of(kind.value.holder).clear();
      default:
    }
  }

  /** Who has ended holds nothing, in the very entry of its end. */
  #checkEnd(id: string): void {
    const standing = this.#workflows.get(id);
    if (standing === undefined || standing.isOpen) return;
    const held = this.#of(id);
    must(held.size === 0, NAME, () => `${id} has ended, and the same entry leaves it ${[...held].slice(0, 5).join(", ")}`);
    must(standing.running.size === 0, NAME, () => `${id} has ended with attempts under way`);
  }

  #of(id: string): Set<string> {
    const known = this.#held.get(id) ?? new Set<string>();
    this.#held.set(id, known);
    return known;
  }
}
