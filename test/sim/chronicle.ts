// Everything that is durable, read by every checker in order: what is durable survives whatever happens, so that nothing is ever read twice.

import type { JournalEntry } from "../../internal/engine/ports.ts";
import { AdmissionChecker } from "./admission-checker.ts";
import type { Checker, Stamp } from "./checker.ts";
import { FreezeChecker } from "./freeze-checker.ts";
import { GuardClock } from "./guard-clock.ts";
import { LedgerChecker } from "./ledger-checker.ts";
import { LimitChecker } from "./limit-checker.ts";
import { LockChecker } from "./lock-checker.ts";
import { Model } from "./model.ts";
import type { PolicyTerms } from "./random-policies.ts";
import { eventText, guardText } from "./transcript.ts";

/** The checkers, and a model of each workflow. */
export class Chronicle {
  readonly models = new Map<string, Model>();
  readonly ledger: LedgerChecker;
  /** Attempts that ended, and tasks that were skipped. */
  tasks = 0;
  readonly #clock = new GuardClock();
  readonly #locks = new LockChecker();
  readonly #checkers: readonly Checker[];
  readonly #note: ((text: string) => void) | undefined;

  /** `note` is told of every event; undefined: nobody wants to know. */
  constructor(versions: ReadonlyMap<string, PolicyTerms>, note: ((text: string) => void) | undefined) {
    this.ledger = new LedgerChecker(versions);
    const others = [new LimitChecker(versions), new AdmissionChecker(versions), new FreezeChecker()];
    this.#checkers = [...others, this.ledger, this.#locks];
    this.#note = note;
  }

  /** Takes an entry in; throws a Violation when it may not be. */
  take({ id, events, guardEvents }: JournalEntry, stamp: Stamp): void {
    for (const event of guardEvents) {
      this.#clock.take(event, stamp);
      this.#note?.(guardText(event, (holder) => this.models.get(holder)));
      for (const checker of this.#checkers) checker.takeGuard?.(event);
    }
    const guardMs = this.#clock.nowMs(stamp);
    for (const event of events) {
      if (id === undefined) break;
      const { kind } = event;
      if (kind.case === "attemptEnded" || kind.case === "taskSkipped") this.tasks += 1;
      if (kind.case === "workflowSubmitted") this.models.set(id, new Model(kind.value, event.by));
      const model = this.models.get(id);
      if (model === undefined) break;
      this.#note?.(eventText(event, model));
      if (kind.case !== "workflowSubmitted") model.take(event, guardMs);
      for (const checker of this.#checkers) checker.take({ model, event, stamp, guardMs });
    }
    for (const checker of this.#checkers) checker.endEntry?.();
  }

  /** What costs as much as there is: at the end of a run, and now and then. */
  checkAll(): void {
    this.#locks.checkAll(this.models.values());
  }

  /** The guard's clock now. */
  guardMs(stamp: Stamp): number {
    return this.#clock.nowMs(stamp);
  }
}
