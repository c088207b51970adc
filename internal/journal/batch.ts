// A batch that gathers: what LevelDB writes at once, whole or not at all.
// 1. All entries of one stream share one frame, and all entries' guard events one frame of the guard, unless a time or a size forbids it.
// 2. It is bounded: JOURNAL_BATCH_ENTRIES_MAX entries, and no entry is added once it holds JOURNAL_BATCH_BYTES_MAX bytes.
// 3. What it writes depends on what was appended alone: numbers and digests, no clock but the one for the header.

import { create, toBinary } from "@bufbuild/protobuf";
import { hash } from "node:crypto";
import { GUARD_STREAM, workflowStream } from "../base/ids.ts";
import type { StreamId, WorkflowId } from "../base/ids.ts";
import { JOURNAL_CUT_BATCH_FRAMES_MAX } from "../base/endless-limits.ts";
import { JOURNAL_BATCH_BYTES_MAX, JOURNAL_BATCH_ENTRIES_MAX } from "../base/limits.ts";
import type { JournalEntry } from "../engine/ports.ts";
import { LatestAttemptSchema } from "../gen/holdfast/journal/v1/journal_pb.ts";
import type { GuardEvent } from "../gen/holdfast/journal/v1/journal_pb.ts";
import type { Event } from "../gen/holdfast/v1/event_pb.ts";
import { AttemptDetailSchema } from "../gen/holdfast/v1/status_pb.ts";
import { encodeChainHead, encodeHead, encodeHeader } from "./chain-encoder.ts";
import type { FrameEntry } from "./chain-encoder.ts";
import { dropFrames } from "./cut.ts";
import type { OpenCut } from "./cut.ts";
import { addEvent, addGuardEvent, framePayload, hasRoom, openFrame } from "./frame.ts";
import type { OpenFrame } from "./frame.ts";
import { CHAIN_KEY, detailKey, frameKey, headerKey, headKey, latestKey } from "./layout.ts";
import { seal } from "./record.ts";
import type { RowChange, Store } from "./store.ts";
import { indexRows } from "./workflow-record.ts";

/** Where a stream ends, as of what was appended. */
export interface StreamEnd {
  lastSeq: number;
  isOpen: boolean;
  /** One for all copies of it: what was cut is known when a batch leaves, not when it gathers. */
  readonly cut: OpenCut;
}

/** Where a stream ends with a batch. */
interface NotedEnd {
  readonly end: StreamEnd;
  /** It went from open to closed, or back. */
  hasMoved: boolean;
  /** With this batch events before this one may go, and not with one that leaves before it; 0: none. */
  cutBefore: number;
}

/** A batch that gathers entries. */
export interface Batch {
  readonly number: number;
  readonly frames: OpenFrame[];
  readonly frameOf: Map<StreamId, OpenFrame>;
  readonly ends: Map<StreamId, NotedEnd>;
  readonly rows: Map<string, RowChange>;
  readonly synced: PromiseWithResolvers<void>;
  entries: number;
  bytes: number;
}

/** The end of the chain of headers. */
export interface ChainEnd {
  readonly number: number;
  readonly digest: Uint8Array;
}

/** An empty batch. */
export function newBatch(number: number): Batch {
  return {
    number,
    frames: [],
    frameOf: new Map(),
    ends: new Map(),
    rows: new Map(),
    synced: Promise.withResolvers(),
    entries: 0,
    bytes: 0,
  };
}

/** Whether the batch takes another entry. */
export function isFull(batch: Batch): boolean {
  return batch.entries >= JOURNAL_BATCH_ENTRIES_MAX || batch.bytes >= JOURNAL_BATCH_BYTES_MAX;
}

/** A row's key as the text by which maps know it. */
export function rowName(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");
}

/** Adds an entry's events, details and index rows; returns the bytes it took. `latest` says which attempt of a task has been the latest so far. */
export function addEntry(batch: Batch, entry: JournalEntry, latest: (id: WorkflowId, task: number) => number): number {
  const before = batch.bytes;
  batch.entries++;
  if (entry.id !== undefined) addToWorkflow(batch, { ...entry, id: entry.id }, latest);
  const at = { stream: GUARD_STREAM, firstSeq: entry.guardFirstSeq, atMs: entry.timeMs };
  addEvents(batch, at, entry.guardEvents, addGuardEvent);
  return batch.bytes - before;
}

type WorkflowEntry = JournalEntry & { readonly id: WorkflowId };

function addToWorkflow(batch: Batch, entry: WorkflowEntry, latest: (id: WorkflowId, task: number) => number): void {
  const at = { stream: workflowStream(entry.id), firstSeq: entry.firstSeq, atMs: entry.timeMs };
  addEvents(batch, at, entry.events, addEvent);
  for (const detail of entry.details) {
    const { task, attempt } = detail;
    putRow(batch, detailKey(entry.id, task, attempt), toBinary(AttemptDetailSchema, detail));
    if (attempt > 1 && attempt > latest(entry.id, task))
      putRow(batch, latestKey(entry.id, task), toBinary(LatestAttemptSchema, create(LatestAttemptSchema, { attempt })));
  }
  if (entry.index !== undefined) for (const row of indexRows(entry.id, entry.index)) putRow(batch, row.key, row.payload);
}

/** Notes where a stream ends with this batch. */
export function noteEnd(batch: Batch, stream: StreamId, { end, hasMoved, cutBefore }: NotedEnd): void {
  const noted = batch.ends.get(stream);
  if (noted === undefined) batch.ends.set(stream, { end: { ...end }, hasMoved, cutBefore });
  else {
    noted.end.lastSeq = end.lastSeq;
    noted.end.isOpen = end.isOpen;
    noted.hasMoved ||= hasMoved;
    noted.cutBefore = Math.max(noted.cutBefore, cutBefore);
  }
}

/** All that the batch writes, once nothing more is added: frames, rows, heads, header. */
export function sealBatch(
  batch: Batch,
  options: { readonly previous: ChainEnd; readonly nowMs: number; readonly store: Store },
): { changes: RowChange[]; chain: ChainEnd } {
  const changes: RowChange[] = [];
  const frames: FrameEntry[] = [];
  for (const frame of batch.frames) {
    const key = frameKey(frame.stream, frame.firstSeq);
    const value = seal(key, [framePayload(frame, batch.number)]);
    changes.push({ key, value });
    frames.push({ stream: frame.stream, firstSeq: frame.firstSeq, lastSeq: frame.lastSeq, digest: sha256(value) });
  }
  changes.push(...batch.rows.values());
  const budget = { frames: JOURNAL_CUT_BATCH_FRAMES_MAX };
  for (const [stream, { end, hasMoved, cutBefore }] of batch.ends) {
    const key = headKey(stream, end);
    end.cut.before = Math.max(end.cut.before, cutBefore);
    changes.push(...dropFrames(options.store, stream, { cut: end.cut, budget }));
    changes.push({ key, value: seal(key, [encodeHead(end)]) });
    if (hasMoved) changes.push({ key: headKey(stream, { isOpen: !end.isOpen }), value: undefined });
  }
  const header = sealHeader(batch.number, { ...options, frames });
  changes.push(...header.changes);
  return { changes, chain: header.chain };
}

/** SHA-256 of a record. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return hash("sha256", bytes, "buffer");
}

function sealHeader(
  number: number,
  options: { previous: ChainEnd; nowMs: number; frames: readonly FrameEntry[] },
): { changes: RowChange[]; chain: ChainEnd } {
  const { previous, nowMs, frames } = options;
  const key = headerKey(number);
  const value = seal(key, [encodeHeader({ number, previous: previous.digest, frames, timeMs: nowMs })]);
  const chain = { number, digest: sha256(value) };
  return {
    changes: [
      { key, value },
      { key: CHAIN_KEY, value: seal(CHAIN_KEY, [encodeChainHead(chain)]) },
    ],
    chain,
  };
}

/** Adds events of one turn to the stream's frame, or to another one where a time or a size forbids it. */
function addEvents<E extends Event | GuardEvent>(
  batch: Batch,
  at: { readonly stream: StreamId; readonly firstSeq: number; readonly atMs: number },
  events: readonly E[],
  add: (frame: OpenFrame, atMs: number, event: E) => void,
): void {
  const { stream, atMs } = at;
  let seq = at.firstSeq;
  for (const event of events) {
    let frame = batch.frameOf.get(stream);
    if (frame === undefined || !hasRoom(frame, atMs) || beginsFrame(event)) {
      frame = openFrame(stream, { firstSeq: seq, timeMs: atMs });
      batch.frames.push(frame);
      batch.frameOf.set(stream, frame);
    }
    const before = frame.body.length;
    add(frame, atMs, event);
    batch.bytes += frame.body.length - before;
    seq++;
  }
}

/** A generation begins with a frame of its own, so that those before it can be dropped whole. */
function beginsFrame({ kind }: Event | GuardEvent): boolean {
  return kind.case === "continuedAsNew";
}

function putRow(batch: Batch, key: Uint8Array, payload: Uint8Array): void {
  const value = seal(key, [payload]);
  batch.bytes += key.length + value.length;
  batch.rows.set(rowName(key), { key, value });
}
