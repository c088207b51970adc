// The journal on LevelDB: group commit, and reads that see what was appended.
// 1. One batch is in flight (sync: true) while the next gathers; entries reach the disk in the order of their appends (H5).
// 2. A promise of append resolves after its batch is synced and the head file says so; after a failed write none ever does (H12).
// 3. Point reads look through the batches that are not on disk yet, the newest first, then at the disk. Frames, lists and open
//    workflows are read from the disk alone: nobody is told of what is not durable (H3).

import { assert } from "../base/assert.ts";
import { GUARD_STREAM, workflowStream } from "../base/ids.ts";
import type { Seq, StreamId, WorkflowId } from "../base/ids.ts";
import { JOURNAL_PENDING_BYTES_MAX, JOURNAL_PENDING_ENTRIES_MAX } from "../base/limits.ts";
import { readMessage } from "./read-message.ts";
import type { Journal, JournalBatch, JournalEntry, JournalFrame, JournalReport, LostRange } from "../engine/ports.ts";
import type { RestoreMark, WorkflowRecord } from "../engine/ports.ts";
import { LatestAttemptSchema } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { AttemptDetailSchema } from "../gen/holdfast/v1/status_pb.ts";
import type { AttemptDetail } from "../gen/holdfast/v1/status_pb.ts";
import { BackupDesk } from "./backup-desk.ts";
import { addEntry, isFull, newBatch, noteEnd, rowName, sealBatch } from "./batch.ts";
import type { Batch, ChainEnd, StreamEnd } from "./batch.ts";
import { readMeta } from "./chain.ts";
import type { OpenedChain } from "./chain.ts";
import { corrupt } from "./damage.ts";
import { dumpRows } from "./dump.ts";
import type { HeadFile } from "./head-file.ts";
import { detailKey, keyKey, latestKey, recordKey, requestKey } from "./layout.ts";
import { listOpen, listRecords } from "./listing.ts";
import { readBatches } from "./read-batches.ts";
import { hasTraces, readEnd, readFrames } from "./read-frames.ts";
import { decodeRecord } from "./record.ts";
import { restoreMark } from "./restore-mark.ts";
import type { Store } from "./store.ts";
import { verifyJournal } from "./verify.ts";
import type { VerifyAsk } from "./verify.ts";
import { decodePointer, decodeWorkflowRecord } from "./workflow-record.ts";

/** What a journal is made of; open-journal.ts puts it together. */
export interface LevelJournalParts {
  readonly store: Store;
  readonly headFile: HeadFile | undefined;
  readonly opened: OpenedChain;
  readonly isReadOnly: boolean;
  /** Called once, when a write failed; nothing that was not acknowledged will be. */
  readonly onFatal: (error: unknown) => void;
  readonly nowMs: () => number;
}

/** What an entry adds to a stream. */
interface Added {
  readonly firstSeq: number;
  readonly count: number;
  readonly isOpen: boolean | undefined;
  readonly cutBefore: number;
}

/** The journal in a LevelDB directory. */
export class LevelJournal implements Journal {
  readonly #parts: LevelJournalParts;
  /** Where the streams end that were appended to and are open or not on disk yet. */
  readonly #ends = new Map<StreamId, StreamEnd>();
  /** Batches that gather, the oldest first; only the last one takes entries. */
  readonly #queue: Batch[] = [];
  readonly #backups: BackupDesk;
  readonly #onBatch = new Set<() => void>();
  #inFlight: Batch | undefined;
  #chain: ChainEnd;
  #nextNumber: number;
  #pendingEntries = 0;
  #pendingBytes = 0;
  #isScheduled = false;
  /** Set by close and by a failed write: from then on nothing is acknowledged. */
  #hasEnded = false;
  #closing: Promise<void> | undefined;

  constructor(parts: LevelJournalParts) {
    this.#parts = parts;
    this.#backups = new BackupDesk(parts);
    this.#chain = parts.opened.end;
    this.#nextNumber = parts.opened.end.number + 1;
  }

  /** Runs of batches that are missing, as found at opening; open streams that end before one are not trusted. */
  get lostBatches(): readonly LostRange[] {
    return this.#parts.opened.lost;
  }

  append(entry: JournalEntry): Promise<void> {
    assert(!this.#parts.isReadOnly, "a journal that is only looked at is not appended to");
    if (this.#hasEnded) return new Promise<void>(() => {}); // the process is about to end; replay tells what was kept
    assert(this.#pendingEntries < JOURNAL_PENDING_ENTRIES_MAX, "fewer than JOURNAL_PENDING_ENTRIES_MAX entries wait for the disk");
    assert(this.#pendingBytes < JOURNAL_PENDING_BYTES_MAX, "fewer than JOURNAL_PENDING_BYTES_MAX bytes wait for the disk");
    const batch = this.#gathering();
    if (entry.id !== undefined) {
      this.#moveEnd(batch, workflowStream(entry.id), {
        firstSeq: entry.firstSeq,
        count: entry.events.length,
        isOpen: entry.index === undefined ? undefined : entry.index.kind !== "ended",
        cutBefore: entry.cutBefore ?? 0,
      });
    }
    this.#moveEnd(batch, GUARD_STREAM, {
      firstSeq: entry.guardFirstSeq,
      count: entry.guardEvents.length,
      isOpen: undefined,
      cutBefore: 0,
    });
    this.#pendingEntries++;
    this.#pendingBytes += addEntry(batch, entry, (id, task) => this.#latestAttempt(id, task));
    this.#schedule();
    return batch.synced.promise;
  }

  readFrames(stream: StreamId, range: { readonly afterSeq: Seq }): AsyncIterable<JournalFrame> {
    return readFrames({ store: this.#parts.store, lost: this.lostBatches }, stream, range.afterSeq);
  }

  readBatches({ afterBatch }: { readonly afterBatch: number }): AsyncIterable<JournalBatch> {
    return readBatches(this.#parts.store, { afterBatch, lastBatch: this.#chain.number });
  }

  lastBatch(): number {
    return this.#chain.number;
  }

  onBatch(callback: () => void): () => void {
    this.#onBatch.add(callback);
    return () => void this.#onBatch.delete(callback);
  }

  detail(id: WorkflowId, task: number): AttemptDetail | undefined {
    return this.detailOf(id, task, this.#latestAttempt(id, task));
  }

  detailOf(id: WorkflowId, task: number, attempt: number): AttemptDetail | undefined {
    const place = { stream: id, seq: 0, what: `the detail of task ${task}, attempt ${attempt}` };
    return this.#read(detailKey(id, task, attempt), (payload) => readMessage(AttemptDetailSchema, payload), place);
  }

  record(id: WorkflowId): WorkflowRecord | undefined {
    const found = this.#read(recordKey(id), decodeWorkflowRecord, { stream: id, seq: 0, what: "its record" });
    if (found === undefined && hasTraces(this.#parts.store, workflowStream(id)))
      throw corrupt(this.#parts.store.directory, { stream: id, seq: 0, reason: "its record is missing, and its events are there" });
    return found;
  }

  findByRequest(namespace: string, requestId: string): WorkflowId | undefined {
    return this.#read(requestKey(namespace, requestId), decodePointer, {
      stream: "",
      seq: 0,
      what: `the index row of request ${requestId}`,
    });
  }

  findByKey(namespace: string, key: string): WorkflowId | undefined {
    return this.#read(keyKey(namespace, key), decodePointer, { stream: "", seq: 0, what: `the index row of key ${key}` });
  }

  openWorkflows(): AsyncIterable<WorkflowId> {
    return listOpen(this.#parts.store);
  }

  listRecords(options: {
    readonly namespace: string;
    readonly before?: WorkflowId;
    readonly limit: number;
  }): Promise<readonly WorkflowRecord[]> {
    return listRecords(this.#parts.store, options);
  }

  verify(ask: VerifyAsk): Promise<JournalReport> {
    return verifyJournal({ store: this.#parts.store, lost: this.lostBatches, lastBatch: () => this.#chain.number }, ask);
  }

  dump(options: { readonly stream?: string }): AsyncIterable<string> {
    return dumpRows(this.#parts.store, options.stream);
  }

  backup(): AsyncIterable<Uint8Array> {
    return this.#backups.take();
  }

  restoreMark(): RestoreMark | undefined {
    const restored = readMeta(this.#parts.store)?.restored;
    return restored === undefined ? undefined : restoreMark(restored);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#hasEnded = true;
    if (this.#inFlight !== undefined) await this.#inFlight.synced.promise;
    await this.#parts.store.close();
    this.#parts.headFile?.close();
  }

  #gathering(): Batch {
    const last = this.#queue.at(-1);
    if (last !== undefined && !isFull(last)) return last;
    const batch = newBatch(this.#nextNumber++);
    this.#queue.push(batch);
    return batch;
  }

  #moveEnd(batch: Batch, stream: StreamId, added: Added): void {
    if (added.count === 0 && added.isOpen === undefined) return;
    const end = this.#endOf(stream);
    assert(added.count === 0 || added.firstSeq === end.lastSeq + 1, `an append to stream ${stream} follows its last event without a gap`);
    const isOpen = added.isOpen ?? end.isOpen;
    const hasMoved = isOpen !== end.isOpen;
    end.lastSeq += added.count;
    end.isOpen = isOpen;
    assert(end.lastSeq > 0, "the indexes know a workflow from its first event on");
    noteEnd(batch, stream, { end, hasMoved, cutBefore: added.cutBefore });
  }

  #endOf(stream: StreamId): StreamEnd {
    const cached = this.#ends.get(stream);
    if (cached !== undefined) return cached;
    const { store } = this.#parts;
    const read = readEnd(store, stream);
    if (read.kind === "damaged") throw corrupt(store.directory, { stream, seq: 0, reason: `its head: ${read.reason}` });
    const end = read.value ?? { lastSeq: 0, isOpen: stream !== GUARD_STREAM, cut: { from: 0, to: 0, before: 0 } };
    this.#ends.set(stream, end);
    return end;
  }

  #latestAttempt(id: WorkflowId, task: number): number {
    const place = { stream: id, seq: 0, what: `the latest attempt of task ${task}` };
    return this.#read(latestKey(id, task), (payload) => readMessage(LatestAttemptSchema, payload).attempt, place) ?? 1;
  }

  #read<T>(key: Uint8Array, decode: (payload: Uint8Array) => T, place: { stream: string; seq: number; what: string }): T | undefined {
    const record = this.#pendingRow(key) ?? this.#parts.store.get(key);
    if (record === undefined) return undefined;
    const decoded = decodeRecord(key, record, decode);
    if (decoded.kind === "whole") return decoded.value;
    throw corrupt(this.#parts.store.directory, { stream: place.stream, seq: place.seq, reason: `${place.what}: ${decoded.reason}` });
  }

  #pendingRow(key: Uint8Array): Uint8Array | undefined {
    if (this.#inFlight === undefined && this.#queue.length === 0) return undefined;
    const name = rowName(key);
    for (let at = this.#queue.length - 1; at >= 0; at--) {
      const value = this.#queue[at]?.rows.get(name)?.value;
      if (value !== undefined) return value;
    }
    return this.#inFlight?.rows.get(name)?.value;
  }

  /** Lets the turns of this moment gather before the next batch leaves. */
  #schedule(): void {
    if (this.#isScheduled || this.#inFlight !== undefined) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      const batch = this.#hasEnded ? undefined : this.#queue.shift();
      if (batch === undefined) return;
      this.#inFlight = batch;
      void this.#write(batch);
    });
  }

  async #write(batch: Batch): Promise<void> {
    const { store, headFile, onFatal, nowMs } = this.#parts;
    try {
      const { changes, chain } = sealBatch(batch, { previous: this.#chain, nowMs: nowMs(), store });
      await store.write(changes);
      headFile?.write(chain); // crash: test/crash/journal-kill.test.ts
      this.#chain = chain;
    } catch (error) {
      this.#hasEnded = true;
      this.#inFlight = undefined;
      onFatal(error);
      return;
    }
    this.#inFlight = undefined;
    this.#pendingEntries -= batch.entries;
    this.#pendingBytes -= batch.bytes;
    for (const [stream, { end }] of batch.ends) {
      if (!end.isOpen && stream !== GUARD_STREAM && this.#ends.get(stream)?.lastSeq === end.lastSeq) this.#ends.delete(stream);
    }
    batch.synced.resolve();
    for (const callback of this.#onBatch) callback();
    if (this.#queue.length > 0) this.#schedule();
  }
}
