// The seam to the journal: what a turn writes, and what can be read back. engine/ports.ts hands it on to adapters.
// 1. Disk first, then everybody else (H3); a failed append is the end (H12).

import type { GuardEvent } from "../gen/holdfast/journal/v1/journal_pb.ts";
import type { Event } from "../gen/holdfast/v1/event_pb.ts";
import type { AttemptDetail, WorkflowStatus } from "../gen/holdfast/v1/status_pb.ts";
import type { Seq, StreamId, TimeMs, WorkflowId } from "../base/ids.ts";

/** What one turn writes: all of it or nothing, in one atomic batch with whatever other turns it is grouped with. */
export interface JournalEntry {
  /** Absent: only the guard moved, and `events` is empty. */
  readonly id: WorkflowId | undefined;
  /** The number of the first of `events`; must follow the stream's last one without a gap, or it is a bug. */
  readonly firstSeq: Seq;
  /** When the turn was taken. The journal sets each event's `afterMs` from it. */
  readonly timeMs: TimeMs;
  /** May be empty when only the guard moved. */
  readonly events: readonly Event[];
  /** What the guard did in the same turn. */
  readonly guardEvents: readonly GuardEvent[];
  /** The number of the first of `guardEvents`. */
  readonly guardFirstSeq: Seq;
  /** Rows beside the events: read when an expression or a person asks. Keyed by (id, task); the latest attempt wins, all are kept. */
  readonly details: readonly AttemptDetail[];
  /** Events before this number may be dropped, but for the stream's first frame: what is left of older generations is not kept. */
  readonly cutBefore?: Seq;
  /** A change of the indexes by which a workflow is found. */
  readonly index?: IndexChange;
}

/** Changes of the indexes; they share the batch of the events that they follow from. */
export type IndexChange =
  | { readonly kind: "opened"; readonly record: WorkflowRecord }
  | { readonly kind: "ended"; readonly record: WorkflowRecord }
  | { readonly kind: "reopened"; readonly record: WorkflowRecord };

/** What the journal knows of a workflow without replaying it. While it is open, `status` is that of its Submit. */
export interface WorkflowRecord {
  readonly status: WorkflowStatus;
  readonly requestId: string;
  readonly requestDigest: string;
  readonly isOpen: boolean;
}

/** A frame as read back: contiguous events with the time of each. */
export interface JournalFrame {
  readonly firstSeq: Seq;
  readonly timeMs: TimeMs;
  readonly events: readonly Event[];
  readonly guardEvents: readonly GuardEvent[];
}

/** A frame of a batch, and whose it is. */
export interface BatchFrame {
  readonly stream: StreamId;
  readonly frame: JournalFrame;
  /** How many events it had, where it cannot be read: it is empty then. So a place within the batch stays the same. */
  readonly missing: number;
}

/** What reached the disk at once, in the order of the whole journal; or a run of batches that cannot be read. */
export interface JournalBatch {
  /** The same as `number`, but for a run of batches that are missing: then the first of them. */
  readonly first: number;
  readonly number: number;
  readonly frames: readonly BatchFrame[];
  /** What of it cannot be read; undefined: all of it is here. */
  readonly damage: string | undefined;
}

/** One damaged place. */
export interface JournalDamage {
  readonly stream: string;
  readonly seq: number;
  readonly reason: string;
}

/** What a verification of the whole journal found. */
export interface JournalReport {
  readonly batches: number;
  readonly frames: number;
  readonly events: number;
  /** SHA-256 of the last batch header, hex; empty for an empty journal. */
  readonly head: string;
  readonly damage: readonly JournalDamage[];
}

/** A run of batches that were written and are no longer there. */
export interface LostRange {
  readonly first: number;
  readonly last: number;
}

/** Where a journal that was brought back from a backup comes from. */
export interface RestoreMark {
  /** Names the restore: 64 hex digits, different for each. */
  readonly restore: string;
  /** When the backup was taken. */
  readonly backupMs: TimeMs;
  /** The last batch that the backup held; 0: none. */
  readonly batch: number;
  /** SHA-256 of that batch's header, hex; empty: none. */
  readonly head: string;
}

/** The journal: disk first, then everybody else. */
export interface Journal {
  /**
   * Queues an entry at once (in call order) and resolves when it and all entries before it are on disk. One batch is in flight while the next
   * gathers. A failed write never rejects to the caller: it ends the process through `onFatal` (H12).
   */
  append(entry: JournalEntry): Promise<void>;
  /**
   * Frames on disk after `afterSeq`, in order; what was cut is passed over. Throws HoldfastError DATA_LOSS naming the stream at damage, a gap or a
   * missing tail.
   */
  readFrames(stream: StreamId, range: { readonly afterSeq: Seq }): AsyncIterable<JournalFrame>;
  /** The batches on disk after a number, in order, from one moment's view; damage is told, not thrown. What is missing is one batch. */
  readBatches(range: { readonly afterBatch: number }): AsyncIterable<JournalBatch>;
  /** The number of the last batch on disk; 0: there is none. */
  lastBatch(): number;
  /** Calls back after each batch that reached the disk; returns the end of that. */
  onBatch(callback: () => void): () => void;
  /** The latest detail of a task; sees entries that were appended and are not on disk yet. Throws DATA_LOSS at damage. */
  detail(id: WorkflowId, task: number): AttemptDetail | undefined;
  detailOf(id: WorkflowId, task: number, attempt: number): AttemptDetail | undefined;
  /** The record of a workflow; sees pending entries. */
  record(id: WorkflowId): WorkflowRecord | undefined;
  /** The workflow that a request ID led to; sees pending entries. */
  findByRequest(namespace: string, requestId: string): WorkflowId | undefined;
  /** The last workflow that bore a key; sees pending entries. */
  findByKey(namespace: string, key: string): WorkflowId | undefined;
  /** All open workflows, the oldest first. */
  openWorkflows(): AsyncIterable<WorkflowId>;
  /** Records without the stages of their statuses, the newest first, below `before` (absent: from the newest on). `namespace` "*": all. */
  listRecords(options: {
    readonly namespace: string;
    readonly before?: WorkflowId;
    readonly limit: number;
  }): Promise<readonly WorkflowRecord[]>;
  /** Reads everything; the signal ends it, with its reason. */
  verify(options: { readonly head?: string; readonly signal?: AbortSignal }): Promise<JournalReport>;
  /** The journal's records as JSON lines; all streams, or one. */
  dump(options: { readonly stream?: string }): AsyncIterable<string>;
  /**
   * The bytes of a backup, at most BACKUP_CHUNK_BYTES each: all rows as they are when the first ones are asked for, with everything that was
   * acknowledged before. Throws RESOURCE_EXHAUSTED while another backup is taken, DATA_LOSS where the store cannot be read.
   */
  backup(): AsyncIterable<Uint8Array>;
  /** Runs of batches that are missing, as found at opening; what they held is not known. */
  readonly lostBatches: readonly LostRange[];
  /** Present: the journal was brought back from a backup. The engine's events say whether that was followed up. */
  restoreMark(): RestoreMark | undefined;
  /** Waits for the batch in flight and lets go of the store. Nothing is saved specially (H11). */
  close(): Promise<void>;
}
