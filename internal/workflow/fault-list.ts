// Collects all faults of a definition, so that an author sees every one at once, each with its place.
// 1. Only expected errors are collected; a bug goes through.

import { HoldfastError } from "../base/errors.ts";
import type { ErrorDetail } from "../base/errors.ts";
import { detailText } from "../base/place.ts";

/** How many faults one answer shows. */
const FAULTS_SHOWN_MAX = 50;

/** A list of faults with their places. */
export class FaultList {
  readonly #faults: ErrorDetail[] = [];

  get isEmpty(): boolean {
    return this.#faults.length === 0;
  }

  add(place: string, reason: string): void {
    this.#faults.push({ place, reason });
  }

  addAll(faults: readonly ErrorDetail[]): void {
    this.#faults.push(...faults);
  }

  /** Runs work that throws HoldfastErrors with details, and keeps them; undefined when it threw. */
  collect<T>(place: string, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      if (error.details.length > 0) this.addAll(error.details);
      else this.add(place, error.message);
      return undefined;
    }
  }

  /** Throws INVALID_ARGUMENT naming every fault, the first 50 in the message. */
  throwIfAny(what: string): void {
    if (this.isEmpty) return;
    const shown = this.#faults.slice(0, FAULTS_SHOWN_MAX);
    const more = this.#faults.length - shown.length;
    const lines = shown.map((fault) => detailText(fault).replaceAll(/^/gm, "  "));
    if (more > 0) lines.push(`  and ${more} more`);
    throw new HoldfastError("INVALID_ARGUMENT", `${what}:\n${lines.join("\n")}`, { details: shown });
  }
}
