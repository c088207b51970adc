// Signals and the one variable of generated workflows, as the model sees them: received once by key, applied once, taken once.
// 1. It computes the variable by itself, from what the signals brought and what actions add.

import type { ContinuedAsNew, Event } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { AttemptOutcome } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { SIGNALS } from "./random-signals.ts";

/** What a rule says when it is broken. */
type Rule = (name: string, holds: boolean) => void;

/** The signals of one workflow. */
export class ModelSignals {
  readonly #rule: Rule;
  #keys = new Set<string>();
  /** Keys of the generation before. */
  #oldKeys: ReadonlySet<string> = new Set();
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
      this.#rule("a key is received once", key === "" || !(this.#keys.has(`${name}/${key}`) || this.#oldKeys.has(`${name}/${key}`)));
      if (key !== "") this.#keys.add(`${name}/${key}`);
      if (name === SIGNALS.awaited) this.#waiting += 1;
      else this.#total += numberOf(data);
      if (name !== SIGNALS.awaited) this.#rule("a signal is applied once", numberOf(set) === this.#total);
    }
    if (kind.case === "continuedAsNew") return this.#continue(kind.value);
    if (kind.case !== "attemptEnded") return;
    const { outcome, set, iteration } = kind.value;
    // The last iteration of a `repeat` has had its signal, also where it fails the action since `until` is not true.
    if (uses === "signal" && (outcome === AttemptOutcome.UNCHANGED || iteration > 0)) {
      this.#waiting -= 1;
      this.#rule("one signal ends one attempt", this.#waiting >= 0);
    }
    if (set === undefined) return;
    this.#total += 1;
    this.#rule("an action sets its variable once", numberOf(set) === this.#total);
  }

  /** The next generation has the variable, the signals that wait, and the keys of this one. */
  #continue({ vars, signals, signalKeys }: ContinuedAsNew): void {
    this.#rule("a generation begins with the variables of the one before", vars?.["n"] === undefined || numberOf(vars) === this.#total);
    this.#rule("a generation begins with the signals that wait", signals.length === this.#waiting);
    const keys = new Set(signalKeys.map(({ name, key }) => `${name}/${key}`));
    this.#rule(
      "a generation knows the keys of the one before",
      [...this.#keys].every((key) => keys.has(key)),
    );
    this.#oldKeys = keys;
    this.#keys = new Set();
  }
}

function numberOf(values: { readonly [name: string]: unknown } = {}): number {
  return Number(values["n"]);
}
