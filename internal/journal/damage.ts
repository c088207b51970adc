// Damage, as an error and as a line of a report: always the stream, the number and the reason.
// 1. An error for people says what to run next; a report is bounded (JOURNAL_DAMAGE_MAX), whatever is wrong with the journal.

import { HoldfastError } from "../base/errors.ts";
import type { StreamId } from "../base/ids.ts";
import { JOURNAL_DAMAGE_MAX } from "../base/limits.ts";
import type { JournalDamage } from "../engine/ports.ts";
import { verifyHint } from "./store.ts";

/** The DATA_LOSS error for a damaged place; people and programs find it by its first word, JOURNAL_CORRUPT. */
export function corrupt(
  directory: string,
  place: { readonly stream: string; readonly seq: number; readonly reason: string },
): HoldfastError {
  const { stream, seq, reason } = place;
  return new HoldfastError("DATA_LOSS", `JOURNAL_CORRUPT: stream ${stream}, event ${seq}: ${reason}; ${verifyHint(directory)}`, {
    details: [{ place: `${stream}:${seq}`, reason }],
  });
}

/** Collects damage up to JOURNAL_DAMAGE_MAX, one reason for each place; what is beyond is only counted, in one last line. */
export class DamageList {
  readonly #found: JournalDamage[] = [];
  readonly #places = new Set<string>();
  #dropped = 0;

  /** Notes a damaged place; the stream is empty for the chain of headers. */
  add(stream: StreamId | "", seq: number, reason: string): void {
    const place = stream === "" ? `${seq} ${reason}` : `${stream}:${seq}`;
    if (this.#places.has(place)) return;
    if (this.#found.length < JOURNAL_DAMAGE_MAX - 1) {
      this.#places.add(place);
      this.#found.push({ stream, seq, reason });
    } else this.#dropped++;
  }

  /** How many places were noted so far. */
  get count(): number {
    return this.#found.length + this.#dropped;
  }

  /** What was found, in order. */
  list(): readonly JournalDamage[] {
    if (this.#dropped === 0) return this.#found;
    return [...this.#found, { stream: "", seq: 0, reason: `${this.#dropped} more damaged places are not listed` }];
  }
}
