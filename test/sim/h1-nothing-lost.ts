// H1: what was acknowledged survives. An answer is a promise: the events that it tells of are durable when it is given, and for ever after.

import type { JournalEntry } from "../../internal/engine/ports.ts";
import { DurableFacts } from "./durable-facts.ts";
import type { Answer, Invariant } from "./invariant.ts";
import { must } from "./violation.ts";

const NAME = "H1 lost";

/** Keeps H1. */
export class NothingLost implements Invariant {
  /** The last number that any answer told of, by workflow. */
  readonly #promised = new Map<string, number>();
  /** Events that an answer promised, and that were there. */
  readonly #kept = new Map<string, Answer>();
  /** Freezes that were answered, and thaws. */
  readonly #freezes = new Map<string, "placed" | "lifted">();
  readonly #durableFreezes = new Map<string, "placed" | "lifted">();
  #facts = new DurableFacts();

  durable(entry: JournalEntry): void {
    this.#facts.take(entry);
    for (const { kind } of entry.guardEvents) {
      if (kind.case === "freezePlaced") this.#durableFreezes.set(kind.value.id, "placed");
      if (kind.case === "freezeLifted") this.#durableFreezes.set(kind.value.id, "lifted");
    }
  }

  answered(answer: Answer): void {
    const { id, seq } = answer;
    this.#promised.set(id, Math.max(seq, this.#promised.get(id) ?? 0));
    this.#check(answer);
    // What had ended already needed no event.
    if (answer.promised !== undefined && this.#facts.of(id).happened.has(textOf(answer))) this.#kept.set(`${id} ${textOf(answer)}`, answer);
  }

  /** A freeze, or its end, was answered. */
  answeredFreeze(id: string, as: "placed" | "lifted"): void {
    this.#freezes.set(id, as);
    this.#checkFreeze(id, as);
  }

  /** What survived is read anew, and every promise looked at again. */
  survived(entries: readonly JournalEntry[]): void {
    this.#facts = new DurableFacts();
    this.#durableFreezes.clear();
    for (const entry of entries) this.durable(entry);
    this.ended();
  }

  ended(): void {
    for (const [id, seq] of this.#promised)
      must(this.#facts.of(id).seq >= seq, NAME, () => `event ${seq} of ${id} was told of and is gone`);
    for (const answer of this.#kept.values()) this.#check(answer);
    for (const [id, as] of this.#freezes) this.#checkFreeze(id, as);
  }

  #check(answer: Answer): void {
    const { id, seq, promised } = answer;
    const facts = this.#facts.of(id);
    must(facts.seq >= Math.max(1, seq), NAME, () => `an answer about ${id} tells of event ${seq}, ${facts.seq} are durable`);
    if (promised === undefined || facts.hasEnded) return;
    // What expired and was tried again was never executed, and yet is.
    const isRetried = promised.kind === "workflowExecuted" && facts.happened.has("workflowRetried");
    must(
      isRetried || facts.happened.has(textOf(answer)),
      NAME,
      () => `${textOf(answer)} of ${id} was acknowledged and is not in the journal`,
    );
  }

  #checkFreeze(id: string, as: "placed" | "lifted"): void {
    const found = this.#durableFreezes.get(id);
    must(
      found === as || found === "lifted",
      NAME,
      () => `freeze ${id} was answered as ${as}, and the journal has it ${found ?? "not at all"}`,
    );
  }
}

function textOf({ promised }: Answer): string {
  const { kind = "", task, by } = promised ?? {};
  return `${kind}${task === undefined ? "" : ` ${task}`}${by === undefined ? "" : ` by ${by}`}`;
}
