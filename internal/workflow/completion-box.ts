// What was said of attempts by their tokens, as the fold keeps it.
// 1. What came before the attempt's own work had ended is kept whole until that has; of everything else there is only a digest.
// 2. COMPLETIONS_REMEMBERED_MAX digests are kept, the newest: an older one that is said again is too late, but for what is kept whole.
//    A generation knows those of the one before, as it knows the keys of signals.

import { digestJson } from "../base/digest.ts";
import { COMPLETIONS_CARRIED_MAX } from "../base/endless-limits.ts";
import { COMPLETIONS_REMEMBERED_MAX } from "../base/limits.ts";
import type { CompletionReceived, ContinuedAsNew } from "../gen/holdfast/v1/event_pb.ts";
import { signalBytes } from "./signal-box.ts";

/** How the work of an attempt came out, as somebody outside says. */
export interface Said {
  readonly task: number;
  readonly attempt: number;
  readonly failed: boolean;
  readonly reason: string;
  readonly data: NonNullable<CompletionReceived["data"]>;
}

/** The attempt that it is about. */
interface Subject {
  readonly task: number;
  readonly attempt: number;
}

/** What is remembered of it. */
export interface Remembered extends Subject {
  readonly failed: boolean;
  readonly digest: string;
}

/** Attempts are numbered on over all generations: by 32 bits, as in tokens and events. */
const ATTEMPT_NUMBERS = 2 ** 32;

/** All of a workflow. */
export class CompletionBox {
  readonly #early = new Map<number, Said>();
  readonly #remembered = new Map<number, Remembered>();
  /** How many of them, which come first, are of the generation before. */
  #carried = 0;
  /** Of what is kept whole, as JSON. */
  earlyBytes = 0;

  /** What a generation begins with. */
  static carriedOver({ completions }: Pick<ContinuedAsNew, "completions">): CompletionBox {
    const box = new CompletionBox();
    for (const { task, attempt, failed, digest } of completions) box.#remember({ task, attempt, failed, digest });
    box.#carried = box.#remembered.size;
    return box;
  }

  /** The last that was said in this generation. */
  newest(): readonly Remembered[] {
    return [...this.#remembered.values()].slice(this.#carried).slice(-COMPLETIONS_CARRIED_MAX);
  }

  get remembered(): number {
    return this.#remembered.size;
  }

  /** What was said of the attempt under way of a task, before its own work has ended; undefined: nothing. */
  early(task: number): Said | undefined {
    return this.#early.get(task);
  }

  /** What was ever said of an attempt; undefined: nothing that is remembered. */
  of(subject: Subject): Remembered | undefined {
    const known = this.#remembered.get(keyOf(subject));
    if (known !== undefined) return known;
    const said = this.#early.get(subject.task);
    return said?.attempt === subject.attempt ? remembered(said) : undefined;
  }

  /** CompletionReceived. */
  receive({ task, attempt, failed, reason, data = {} }: CompletionReceived, isAwaited: boolean): void {
    const said = { task, attempt, failed, reason, data };
    this.#remember(remembered(said));
    if (isAwaited) return;
    this.#early.set(task, said);
    this.earlyBytes += signalBytes(data);
  }

  #remember(said: Remembered): void {
    this.#remembered.set(keyOf(said), said);
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size <= COMPLETIONS_REMEMBERED_MAX || oldest === undefined) return;
    this.#remembered.delete(oldest);
    this.#carried = Math.max(0, this.#carried - 1);
  }

  /** AttemptEnded. */
  end(task: number): void {
    const said = this.#early.get(task);
    if (said === undefined) return;
    this.#early.delete(task);
    this.earlyBytes -= signalBytes(said.data);
  }
}

/** Equal for answers that say the same. */
export function saidDigest({ failed, reason, data }: Pick<Said, "failed" | "reason" | "data">): string {
  return digestJson({ failed, reason, data });
}

function remembered(said: Said): Remembered {
  const { task, attempt, failed } = said;
  return { task, attempt, failed, digest: saidDigest(said) };
}

function keyOf({ task, attempt }: Subject): number {
  return task * ATTEMPT_NUMBERS + attempt;
}
