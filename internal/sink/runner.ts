// One sink at work: reads the feed from its cursor, delivers what it wants, one event at a time, and moves the cursor.
// 1. The cursor moves only after the other side took the event (at least once), and then it is on disk before the next event is sent.
// 2. A sink holds only itself back: whatever goes wrong in here is shown, and tried again. It holds one reading of the feed in memory.

import { HoldfastError } from "../base/errors.ts";
import { SINK_CURSOR_BATCHES_UNWRITTEN_MAX, SINK_ERROR_LENGTH_MAX } from "../base/sink-limits.ts";
import type { Clock, EventFeed, FeedEvent, FeedStep, Ids } from "../engine/ports.ts";
import type { KeptCursor } from "./cursor.ts";
import { eventLine } from "./event-text.ts";
import { matches } from "./filter.ts";
import type { Delivered, Parcel } from "./parcel.ts";
import { retryDelayMs } from "./retry.ts";
import type { Sink } from "./sink.ts";
import type { SinkDirectory } from "./sink-directory.ts";
import type { SinkLog } from "./sink-record.ts";
import { SinkRecord } from "./sink-record.ts";

/** What a sink at work needs. */
export interface RunnerPorts {
  readonly feed: EventFeed;
  readonly clock: Clock;
  readonly ids: Pick<Ids, "fraction">;
  readonly directory: Pick<SinkDirectory, "keepCursor">;
  readonly deliver: (to: Sink["to"], parcel: Parcel, signal: AbortSignal) => Promise<Delivered>;
  readonly log: SinkLog;
}

/** A sink from its start to its stop. */
export class SinkRunner {
  readonly sink: Sink;
  readonly record: SinkRecord;
  readonly #ports: RunnerPorts;
  readonly #stopping = new AbortController();
  #cursor: KeptCursor;
  #written: KeptCursor;
  /** Nothing more is sent before the cursor is on disk. */
  #mustWrite = false;
  #done: Promise<void> = Promise.resolve();
  #bell = Promise.withResolvers<void>();

  constructor(sink: Sink, cursor: KeptCursor, ports: RunnerPorts) {
    this.sink = sink;
    this.#ports = ports;
    this.#cursor = cursor;
    this.#written = cursor;
    this.record = new SinkRecord(sink.name, ports.log);
  }

  /** How far it is. */
  get cursor(): KeptCursor {
    return this.#cursor;
  }

  /** Begins; what it does is in its record. */
  start(): void {
    const end = this.#ports.feed.onMore(() => this.#ring());
    this.#done = this.#run().finally(end);
  }

  /** Breaks off what it is at, and resolves when nothing of it is left. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#ring();
    await this.#done;
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#isStopping) {
      try {
        await this.#work();
        failures = 0;
        this.record.recovered();
      } catch (error) {
        failures += 1;
        await this.#pause(this.#failed({ waiting: "", reason: reasonOf(error), tries: failures }));
      }
    }
    // What it passed by was not wanted: to write that down spares a reading, and if it cannot be, nothing is lost.
    await this.#write().catch(() => undefined);
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** One reading of the feed; waits for more where there is none. */
  async #work(): Promise<void> {
    if (this.#mustWrite) await this.#write();
    this.#bell = Promise.withResolvers();
    const steps = await this.#ports.feed.read(this.#cursor, this.sink.when.kinds);
    for (const step of steps) {
      if (!(await this.#take(step))) return;
    }
    if (steps.length === 0) await this.#bell.promise;
  }

  /** False: it was told to stop. */
  async #take({ events, cursor }: FeedStep): Promise<boolean> {
    for (const event of events) {
      const match = matches(this.sink.when, event);
      if (match === "no") continue;
      const line = eventLine(this.sink.name, event, { isFilterUnclear: match === "unclear" });
      if (!(await this.#deliver(event, line))) return false;
      this.#mustWrite = true;
    }
    this.#cursor = { ...cursor, restore: this.#cursor.restore };
    this.#mustWrite ||= cursor.batch - this.#written.batch >= SINK_CURSOR_BATCHES_UNWRITTEN_MAX;
    if (this.#mustWrite) await this.#write(); // crash: test/crash/sinks.test.ts
    return !this.#isStopping;
  }

  /** Tries until it is taken; false: it was told to stop before. */
  async #deliver({ id }: FeedEvent, line: string): Promise<boolean> {
    for (let tries = 1; !this.#isStopping; tries++) {
      const result = await this.#ports.deliver(this.sink.to, { sink: this.sink.name, id, line }, this.#stopping.signal);
      if (result.kind === "taken") {
        this.record.delivered(id, this.#ports.clock.nowMs());
        return true;
      }
      if (!this.#isStopping) await this.#pause(this.#failed({ waiting: id, reason: result.reason, tries }));
    }
    return false;
  }

  async #write(): Promise<void> {
    if (this.#cursor === this.#written) return;
    const cursor = this.#cursor;
    await this.#ports.directory.keepCursor(this.sink.name, cursor);
    this.#written = cursor;
    this.#mustWrite = false;
  }

  /** Notes a failure; how long to wait. */
  #failed(failure: { readonly waiting: string; readonly reason: string; readonly tries: number }): number {
    const { clock, ids } = this.#ports;
    const delayMs = retryDelayMs(failure.tries, this.sink.retry, ids.fraction());
    const nowMs = clock.nowMs();
    this.record.failed({ ...failure, reason: failure.reason.slice(0, SINK_ERROR_LENGTH_MAX), nowMs, nextMs: nowMs + delayMs });
    return delayMs;
  }

  async #pause(delayMs: number): Promise<void> {
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    const over = Promise.withResolvers<void>();
    const cancel = this.#ports.clock.after(delayMs, () => over.resolve());
    const onAbort = (): void => over.resolve();
    signal.addEventListener("abort", onAbort, { once: true });
    await over.promise;
    signal.removeEventListener("abort", onAbort);
    cancel();
  }

  #ring(): void {
    this.#bell.resolve();
  }
}

/** A bug shows too, and stops no workflow. */
function reasonOf(error: unknown): string {
  if (error instanceof HoldfastError) return error.message;
  return `a fault of the service itself: ${error instanceof Error ? error.message : String(error)}`;
}
