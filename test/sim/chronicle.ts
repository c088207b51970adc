// Everything that was appended, read by every checker in order. After a crash it is read anew from what survived: the rest never happened.

import type { JournalEntry } from "../../internal/engine/ports.ts";
import { applyGuardEvent, emptyGuard } from "../../internal/guard/guard.ts";
import type { GuardState } from "../../internal/guard/guard.ts";
import { AdmissionChecker } from "./admission-checker.ts";
import type { Checker, Stamp } from "./checker.ts";
import { FreezeChecker } from "./freeze-checker.ts";
import { GuardClock } from "./guard-clock.ts";
import { LedgerChecker } from "./ledger-checker.ts";
import { LimitChecker } from "./limit-checker.ts";
import { LockChecker } from "./lock-checker.ts";
import { Model } from "./model.ts";
import type { PolicyTerms } from "./random-policies.ts";

/** The checkers, and a model of each workflow. */
export class Chronicle {
  readonly models = new Map<string, Model>();
  readonly ledger: LedgerChecker;
  /** The guard, folded anew. */
  readonly guard: GuardState = emptyGuard();
  /** What was read, for people: SIM_TRACE=1 shows it. */
  readonly lines: string[] = [];
  readonly #clock = new GuardClock();
  readonly #locks = new LockChecker();
  readonly #checkers: readonly Checker[];

  constructor(versions: ReadonlyMap<string, PolicyTerms>) {
    this.ledger = new LedgerChecker(versions);
    const others = [new LimitChecker(versions), new AdmissionChecker(versions), new FreezeChecker()];
    this.#checkers = [...others, this.ledger, this.#locks];
  }

  /** Takes an entry in; throws a Violation when it may not be. */
  take({ id, events, guardEvents }: JournalEntry, stamp: Stamp): void {
    for (const event of guardEvents) {
      this.#clock.take(event, stamp);
      this.#note(Number(event.atMs), `guard ${event.kind.case} ${JSON.stringify(event.kind.value, forPeople).slice(0, TRACE_LENGTH_MAX)}`);
      applyGuardEvent(this.guard, event);
      for (const checker of this.#checkers) checker.takeGuard?.(event);
    }
    const guardMs = this.#clock.nowMs(stamp);
    for (const event of events) {
      if (id === undefined) break;
      const { kind } = event;
      this.#note(guardMs, `${id.slice(-4)} ${kind.case} ${JSON.stringify(kind.value, forPeople).slice(0, TRACE_LENGTH_MAX)}`);
      if (kind.case === "workflowSubmitted") this.models.set(id, new Model(kind.value, event.by));
      const model = this.models.get(id);
      if (model === undefined) break;
      if (kind.case !== "workflowSubmitted") model.take(event, guardMs);
      for (const checker of this.#checkers) checker.take({ model, event, stamp, guardMs });
    }
    this.#locks.checkAll(this.models.values());
  }

  /** The guard's clock now. */
  guardMs(stamp: Stamp): number {
    return this.#clock.nowMs(stamp);
  }

  #note(atMs: number, text: string): void {
    if (process.env["SIM_TRACE"] === "1") this.lines.push(`${atMs} ${text}`);
  }
}

const TRACE_LENGTH_MAX = 400;

function forPeople(key: string, value: unknown): unknown {
  if (key === "$typeName") return undefined;
  return typeof value === "bigint" ? Number(value) : value;
}
