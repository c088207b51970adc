// What is known of a sink since the service started: how many it delivered, and what keeps it. People read it in the log and in the list.
// 1. A failure is logged once, and its end; the list shows each try.

import type { TimeMs } from "../base/ids.ts";

/** What keeps a sink. */
export interface SinkFailure {
  /** The ID of the event that cannot be delivered; empty: it is at none. */
  readonly waiting: string;
  readonly reason: string;
  readonly tries: number;
  readonly sinceMs: number;
  readonly nextMs: number;
}

/** Where sinks say what a person should know. */
export interface SinkLog {
  readonly info: (line: string) => void;
  readonly warn: (line: string) => void;
}

/** The record of one sink. */
export class SinkRecord {
  readonly #name: string;
  readonly #log: SinkLog;
  #count = 0;
  #lastMs: TimeMs | undefined;
  #failure: SinkFailure | undefined;

  constructor(name: string, log: SinkLog) {
    this.#name = name;
    this.#log = log;
  }

  get count(): number {
    return this.#count;
  }

  get lastMs(): TimeMs | undefined {
    return this.#lastMs;
  }

  get failure(): SinkFailure | undefined {
    return this.#failure;
  }

  /** An event was taken by the other side. */
  delivered(id: string, nowMs: TimeMs): void {
    if (this.#failure !== undefined)
      this.#log.info(`sink ${this.#name} delivers again: ${id} was taken after ${this.#failure.tries} tries that failed`);
    this.#count += 1;
    this.#lastMs = nowMs;
    this.#failure = undefined;
  }

  /** What it needs is there again. */
  recovered(): void {
    if (this.#failure?.waiting !== "") return;
    this.#log.info(`sink ${this.#name} goes on`);
    this.#failure = undefined;
  }

  /** A try failed. */
  failed({ waiting, reason, tries, nowMs, nextMs }: Omit<SinkFailure, "sinceMs"> & { readonly nowMs: number }): void {
    const what = waiting === "" ? "cannot go on" : `cannot deliver ${waiting}`;
    const next = 'it is tried again until it can, and no workflow waits for it; see "holdfast sinks"';
    if (this.#failure === undefined) this.#log.warn(`sink ${this.#name} ${what}: ${reason}; ${next}`);
    this.#failure = { waiting, reason, tries, sinceMs: this.#failure?.sinceMs ?? nowMs, nextMs };
  }
}
