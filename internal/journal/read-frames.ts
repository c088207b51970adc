// Reading a stream back: every frame checked, every number accounted for, and no end that could have been lost.
// 1. Nothing that was appended is missing without an error: frames follow each other, and the last one ends where the stream's head says.
// 2. What was dropped by design is passed over: the head names it, and nothing else may be missing.
// 3. An open stream (or the guard's) with nothing after a run of lost batches is damaged: they may have held its end.

import { fromBinary } from "@bufbuild/protobuf";
import type { Snapshot } from "classic-level";
import { GUARD_STREAM } from "../base/ids.ts";
import type { StreamId } from "../base/ids.ts";
import type { JournalFrame, LostRange } from "../engine/ports.ts";
import { StreamHeadSchema } from "../gen/holdfast/journal/v1/journal_pb.ts";
import type { Frame, StreamHead } from "../gen/holdfast/journal/v1/journal_pb.ts";
import type { StreamEnd } from "./batch.ts";
import { afterCut } from "./cut.ts";
import type { Cut } from "./cut.ts";
import { corrupt } from "./damage.ts";
import { decodeFrame, eventCount, journalFrame } from "./frame.ts";
import { frameKey, headKey, parseKey, ROW, streamRange } from "./layout.ts";
import { decodeRecord } from "./record.ts";
import type { Decoded } from "./record.ts";
import { isDataLoss } from "./store.ts";
import type { Row, Store } from "./store.ts";

/** What reading needs of an open journal. */
export interface FrameSource {
  readonly store: Store;
  readonly lost: readonly LostRange[];
}

/** The frames of a stream after a number, from one moment's view of the store. Throws DATA_LOSS. */
export async function* readFrames(source: FrameSource, stream: StreamId, afterSeq: number): AsyncGenerator<JournalFrame> {
  const { store } = source;
  const snapshot = store.snapshot();
  try {
    const end = readEnd(store, stream, snapshot);
    if (end.kind === "damaged") throw corrupt(store.directory, { stream, seq: 0, reason: `its head: ${end.reason}` });
    const lastSeq = end.value?.lastSeq ?? 0;
    if (end.value !== undefined && afterSeq >= lastSeq) return;
    let last: Frame | undefined;
    const cut = end.value?.cut ?? { from: 0, to: 0 };
    let nextSeq = afterCut(cut, afterSeq + 1);
    for await (const row of frameRows(store, stream, { nextSeq: () => nextSeq, lastSeq, cut, snapshot })) {
      const frame = row.kind === "damaged" ? row : checkFrame(row.value, { isFirst: last === undefined, nextSeq });
      if (frame.kind === "damaged") throw corrupt(store.directory, { stream, seq: nextSeq, reason: frame.reason });
      last = frame.value;
      nextSeq = afterCut(cut, Number(last.firstSeq) + eventCount(last));
      yield journalFrame(last, afterSeq);
    }
    if (last !== undefined && end.value === undefined)
      throw corrupt(store.directory, { stream, seq: nextSeq, reason: "its head is missing" });
    if (end.value === undefined) return;
    if (nextSeq !== lastSeq + 1) {
      const reason = `its end is missing: events ${nextSeq} to ${lastSeq} (or its head is older than its frames)`;
      throw corrupt(store.directory, { stream, seq: nextSeq, reason });
    }
    const lost = lostAfter(source.lost, { stream, isOpen: end.value.isOpen, lastBatch: Number(last?.batch ?? 0n) });
    if (lost !== undefined) throw corrupt(store.directory, { stream, seq: nextSeq, reason: lost });
  } finally {
    await snapshot.close();
  }
}

/** Where a stream ends, by its head row; undefined for a stream that nothing was appended to. */
export function readEnd(store: Store, stream: StreamId, snapshot?: Snapshot): Decoded<StreamEnd | undefined> {
  for (const isOpen of [true, false]) {
    const key = headKey(stream, { isOpen });
    const looked = store.look(key, snapshot);
    if (looked.kind === "damaged") return looked;
    if (looked.value === undefined) continue;
    return decodeRecord(key, looked.value, (payload) => endOf(fromBinary(StreamHeadSchema, payload), isOpen));
  }
  return { kind: "whole", value: undefined };
}

function endOf({ lastSeq, cutFrom, cutTo }: StreamHead, isOpen: boolean): StreamEnd {
  return { lastSeq: Number(lastSeq), isOpen, cut: { from: Number(cutFrom), to: Number(cutTo), before: 0 } };
}

/** True when the journal holds anything of a stream: its end, or its first frame; also when that is damaged. */
export function hasTraces(store: Store, stream: StreamId): boolean {
  const end = readEnd(store, stream);
  if (end.kind === "damaged" || end.value !== undefined) return true;
  const first = store.look(frameKey(stream, 1));
  return first.kind === "damaged" || first.value !== undefined;
}

/** Why a stream's end cannot be trusted, or undefined when it can: an open stream must have something after every run of lost batches. */
export function lostAfter(lost: readonly LostRange[], end: { stream: StreamId; isOpen: boolean; lastBatch: number }): string | undefined {
  if (!end.isOpen && end.stream !== GUARD_STREAM) return undefined;
  const range = lost.find(({ first }) => end.lastBatch < first);
  if (range === undefined) return undefined;
  return `batches ${range.first} to ${range.last} of the journal are missing, and they may have held this stream's end (its last batch is ${end.lastBatch})`;
}

/**
 * The rows of a stream's frames. Where LevelDB cannot read on, which may be because of a neighbour's block, the frames are looked up one by one:
 * each begins where the one before it ended.
 */
async function* frameRows(
  store: Store,
  stream: StreamId,
  at: { readonly nextSeq: () => number; readonly lastSeq: number; readonly cut: Cut; readonly snapshot: Snapshot },
): AsyncGenerator<Decoded<Row>> {
  try {
    const gte = await firstKey(store, stream, { afterSeq: at.nextSeq() - 1, snapshot: at.snapshot });
    for await (const row of store.rows({ ...streamRange(ROW.frame, stream), gte, snapshot: at.snapshot }))
      yield { kind: "whole", value: row };
    return;
  } catch (error) {
    if (!isDataLoss(error)) throw error;
  }
  for (let firstSeq = 1; firstSeq <= at.lastSeq;) {
    const key = frameKey(stream, firstSeq);
    const looked = store.look(key, at.snapshot);
    const record = looked.kind === "whole" ? looked.value : undefined;
    const frame = record === undefined ? undefined : decodeRecord(key, record, decodeFrame);
    if (looked.kind === "damaged") return yield looked;
    if (record === undefined || frame === undefined)
      return yield { kind: "damaged", reason: `the frame that begins with event ${firstSeq} is missing` };
    if (frame.kind === "damaged") return yield frame;
    const isNext = firstSeq + eventCount(frame.value) > at.nextSeq();
    firstSeq = afterCut(at.cut, firstSeq + eventCount(frame.value));
    if (isNext) yield { kind: "whole", value: [key, record] };
  }
}

/** Decodes a frame and checks its numbers against its key and against where the stream stood. */
function checkFrame([key, record]: Row, at: { readonly isFirst: boolean; readonly nextSeq: number }): Decoded<Frame> {
  const parsed = parseKey(key);
  const decoded = decodeRecord(key, record, decodeFrame);
  if (decoded.kind === "damaged") return decoded;
  const firstSeq = Number(decoded.value.firstSeq);
  if (parsed?.kind !== "frame" || parsed.firstSeq !== firstSeq) return { kind: "damaged", reason: "a frame under another's key" };
  const isNext = at.isFirst ? firstSeq <= at.nextSeq && firstSeq + eventCount(decoded.value) > at.nextSeq : firstSeq === at.nextSeq;
  if (!isNext) return { kind: "damaged", reason: `events ${at.nextSeq} to ${firstSeq - 1} are missing` };
  return decoded;
}

/** The key of the frame that holds the event after `afterSeq`. */
async function firstKey(store: Store, stream: StreamId, at: { afterSeq: number; snapshot: Snapshot }): Promise<Uint8Array> {
  const range = streamRange(ROW.frame, stream);
  if (at.afterSeq === 0) return range.gte;
  const query = { gte: range.gte, lt: frameKey(stream, at.afterSeq + 2), isReversed: true, limit: 1, snapshot: at.snapshot };
  for await (const [key] of store.rows(query)) return key;
  return range.gte;
}
