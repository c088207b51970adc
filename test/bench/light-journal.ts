// A journal for measuring the core and the engine alone: it counts what it is given and keeps only what somebody must read back.
// 1. It passes the same order on as a real one: an append is acknowledged in a microtask, after all before it.

import type { WorkflowId } from "../../internal/base/ids.ts";
import type { Journal, JournalEntry, WorkflowRecord } from "../../internal/engine/ports.ts";
import type { Event } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { AttemptDetail } from "../../internal/gen/holdfast/v1/status_pb.ts";

/** Counts, and forgets. */
export class LightJournal implements Journal {
  entries = 0;
  events = 0;
  readonly #records = new Map<WorkflowId, WorkflowRecord>();
  readonly #onEvents: (events: readonly Event[]) => void;

  constructor(onEvents: (events: readonly Event[]) => void = () => undefined) {
    this.#onEvents = onEvents;
  }

  async append(entry: JournalEntry): Promise<void> {
    this.entries += 1;
    this.events += entry.events.length;
    this.#onEvents(entry.events);
    if (entry.id !== undefined && entry.index !== undefined) this.#records.set(entry.id, entry.index.record);
  }

  record(id: WorkflowId): WorkflowRecord | undefined {
    return this.#records.get(id);
  }

  detail(): AttemptDetail | undefined {
    return undefined;
  }

  detailOf(): AttemptDetail | undefined {
    return undefined;
  }

  findByRequest(): undefined {
    return undefined;
  }

  findByKey(): undefined {
    return undefined;
  }

  async *readFrames(): AsyncGenerator<never> {
    // It keeps none.
  }

  async *readBatches(): AsyncGenerator<never> {
    // It keeps none.
  }

  lastBatch(): number {
    return this.entries;
  }

  onBatch(): () => void {
    return () => undefined;
  }

  async *openWorkflows(): AsyncGenerator<never> {
    // It opens empty.
  }

  async listRecords(): Promise<readonly WorkflowRecord[]> {
    return [...this.#records.values()];
  }

  async verify() {
    return { batches: this.entries, frames: this.entries, events: this.events, head: "", damage: [] };
  }

  async *dump(): AsyncGenerator<never> {
    // It keeps none.
  }

  async *backup(): AsyncGenerator<never> {
    // It keeps none.
  }

  get lostBatches(): readonly [] {
    return [];
  }

  restoreMark(): undefined {
    return undefined;
  }

  async close(): Promise<void> {
    // It holds nothing.
  }
}
