// What was said of attempts by their tokens, as the fold keeps it.
// 1. What came before the attempt's own work had ended is kept whole until that has; of everything else there is only a digest.
// 2. COMPLETIONS_REMEMBERED_MAX digests are kept, the newest: an older one that is said again is too late. Those of a generation
//    go over into the next one, for whoever lost the reply says the same again.

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

/** What is remembered of it. */
export interface Remembered {
  readonly task: number;
  readonly attempt: number;
  readonly failed: boolean;
  readonly digest: string;
}

/** Attempts are numbered on over all generations. */
const ATTEMPT_NUMBERS = 2 ** 32;

/** All of a workflow. */
export class CompletionBox {
  readonly #early = new Map<number, Said>();
  readonly #remembered = new Map<number, Remembered>();
  /** Of what is kept whole, as JSON. */
  earlyBytes = 0;

  /** What a generation begins with. */
  static carriedOver({ completions }: ContinuedAsNew): CompletionBox {
    const box = new CompletionBox();
    for (const { task, attempt, failed, digest } of completions) box.#remember({ task, attempt, failed, digest });
    return box;
  }

  get remembered(): number {
    return this.#remembered.size;
  }

  /** What was said of the attempt under way of a task, before its own work has ended; undefined: nothing. */
  early(task: number): Said | undefined {
    return this.#early.get(task);
  }

  /** What was ever said of an attempt; undefined: nothing that is remembered. */
  of({ task, attempt }: { readonly task: number; readonly attempt: number }): Remembered | undefined {
    return this.#remembered.get(keyOf(task, attempt));
  }

  /** The last that were said in this generation, whose attempts come after `attemptBase`. */
  newOnes(attemptBase: number): readonly Remembered[] {
    return [...this.#remembered.values()].filter(({ attempt }) => attempt > attemptBase).slice(-COMPLETIONS_CARRIED_MAX);
  }

  #remember(said: Remembered): void {
    this.#remembered.set(keyOf(said.task, said.attempt), said);
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > COMPLETIONS_REMEMBERED_MAX && oldest !== undefined) this.#remembered.delete(oldest);
  }

  /** CompletionReceived. */
  receive({ task, attempt, failed, reason, data = {} }: CompletionReceived, isAwaited: boolean): void {
    const said = { task, attempt, failed, reason, data };
    this.#remember({ task, attempt, failed, digest: saidDigest(said) });
    if (isAwaited) return;
    this.#early.set(task, said);
    this.earlyBytes += signalBytes(data);
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

function keyOf(task: number, attempt: number): number {
  return task * ATTEMPT_NUMBERS + attempt;
}
