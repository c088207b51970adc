// Signals and the one variable of generated workflows, as the model sees them: received once by key, applied once, taken once.
// 1. It computes the variable by itself, from what the signals brought and what actions add.

import type { Event } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { AttemptOutcome } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { SIGNALS } from "./random-signals.ts";

/** What a rule says when it is broken. */
type Rule = (name: string, holds: boolean) => void;

/** The signals of one workflow. */
export class ModelSignals {
  readonly #rule: Rule;
  readonly #keys = new Set<string>();
  #total = 0;
  /** Received and not yet had by an attempt. */
  #waiting = 0;

  constructor(rule: Rule) {
    this.#rule = rule;
  }

  /** An event; `uses` is the kind of action of the task that it is about. */
  take(kind: Event["kind"], uses: string): void {
    if (kind.case === "signalReceived") {
      const { name, key, data, set } = kind.value;
      this.#rule("a key is received once", key === "" || !this.#keys.has(`${name}/${key}`));
      this.#keys.add(`${name}/${key}`);
      if (name === SIGNALS.awaited) this.#waiting += 1;
      else this.#total += numberOf(data);
      if (name !== SIGNALS.awaited) this.#rule("a signal is applied once", numberOf(set) === this.#total);
    }
    if (kind.case !== "attemptEnded") return;
    const { outcome, set } = kind.value;
    if (uses === "signal" && outcome === AttemptOutcome.UNCHANGED) {
      this.#waiting -= 1;
      this.#rule("one signal ends one attempt", this.#waiting >= 0);
    }
    if (set === undefined) return;
    this.#total += 1;
    this.#rule("an action sets its variable once", numberOf(set) === this.#total);
  }
}

function numberOf(values: { readonly [name: string]: unknown } = {}): number {
  return Number(values["n"]);
}
