// What is dropped of a stream by design: frames of generations that are not kept, with the details that they wrote. Its first frame stays.
// 1. What was cut is one range, named by the stream's head row in the very batch that deletes its frames: a crash leaves both or neither.
// 2. It grows frame by frame from its start, over nothing that is damaged or missing; one batch drops at most JOURNAL_CUT_FRAMES_MAX frames of a
//    stream, and JOURNAL_CUT_BATCH_FRAMES_MAX of all: many workflows may go on at one moment.

import { crc32cOrOne } from "../base/crc32c.ts";
import { WorkflowId } from "../base/ids.ts";
import type { StreamId } from "../base/ids.ts";
import { JOURNAL_CUT_BYTES_MAX, JOURNAL_CUT_FRAMES_MAX } from "../base/endless-limits.ts";
import { readMessage } from "./read-message.ts";
import type { Frame } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { AttemptOutcome } from "../gen/holdfast/v1/event_pb.ts";
import type { Event } from "../gen/holdfast/v1/event_pb.ts";
import { AttemptDetailSchema } from "../gen/holdfast/v1/status_pb.ts";
import { decodeFrame, eventCount } from "./frame.ts";
import { detailKey, frameKey } from "./layout.ts";
import { decodeRecord, unseal } from "./record.ts";
import type { RowChange, Store } from "./store.ts";

/** The events of a stream that were dropped: `from` to `to`; both 0: none. */
export interface Cut {
  from: number;
  to: number;
}

/** A cut, and what of the stream may be dropped still. */
export interface OpenCut extends Cut {
  /** Events before this one may go; 0: nothing is left to drop. */
  before: number;
}

/** True for events that were dropped by design. */
export function isCut({ from, to }: Cut, events: { readonly firstSeq: number; readonly lastSeq: number }): boolean {
  return from !== 0 && events.firstSeq >= from && events.lastSeq <= to;
}

/** Where the stream goes on after what was dropped, when `seq` is the next event. */
export function afterCut({ from, to }: Cut, seq: number): number {
  return from !== 0 && seq >= from && seq <= to ? to + 1 : seq;
}

/** What one batch may still drop. */
export interface CutBudget {
  frames: number;
}

/** Deletes what may go, as far as one batch goes, and moves the cut on; of frames on disk alone. */
export function dropFrames(store: Store, stream: StreamId, { cut, budget }: { cut: OpenCut; budget: CutBudget }): readonly RowChange[] {
  if (cut.before === 0) return [];
  const changes: RowChange[] = [];
  let next = cut.from === 0 ? endOf(readFrame(store, stream, 1)) : cut.to + 1;
  for (let [frames, bytes] = [0, 0]; next < cut.before; frames++) {
    if (frames >= JOURNAL_CUT_FRAMES_MAX || bytes >= JOURNAL_CUT_BYTES_MAX || budget.frames === 0) return changes;
    budget.frames -= 1;
    const found = readFrame(store, stream, next);
    const end = endOf(found);
    if (found === undefined || end === 0 || end > cut.before) break;
    changes.push({ key: frameKey(stream, next), value: undefined }, ...detailsOf(store, stream, found.frame));
    if (cut.from === 0) cut.from = next;
    cut.to = end - 1;
    bytes += found.bytes;
    next = end;
  }
  cut.before = 0;
  return changes;
}

interface FrameFound {
  readonly frame: Frame;
  readonly bytes: number;
}

/** The frame that begins with an event; undefined: it is not on disk, or damaged. */
function readFrame(store: Store, stream: StreamId, firstSeq: number): FrameFound | undefined {
  const key = frameKey(stream, firstSeq);
  const looked = store.look(key);
  if (looked.kind === "damaged" || looked.value === undefined) return undefined;
  const decoded = decodeRecord(key, looked.value, decodeFrame);
  return decoded.kind === "damaged" ? undefined : { frame: decoded.value, bytes: looked.value.length };
}

/** The event after a frame; 0 for no frame. */
function endOf(found: FrameFound | undefined): number {
  return found === undefined ? 0 : Number(found.frame.firstSeq) + eventCount(found.frame);
}

function detailsOf(store: Store, stream: StreamId, { events }: Frame): readonly RowChange[] {
  const id = WorkflowId.parse(stream);
  return events.flatMap(({ kind }) => {
    if (kind.case !== "attemptEnded" && kind.case !== "taskRefused") return [];
    const key = detailKey(id, kind.value.task, kind.value.attempt);
    return isOwnDetail(store, key, kind) ? [{ key, value: undefined }] : [];
  });
}

/**
 * True when the detail under the key is the event's. The number of an attempt that was put off, or that a refusal is shown as, is used again: then
 * the detail is that of a later event, which may be kept.
 */
function isOwnDetail(store: Store, key: Uint8Array, kind: Event["kind"]): boolean {
  if (kind.case === "attemptEnded" && kind.value.detailCrc === 0) return false;
  if (kind.case === "attemptEnded" && kind.value.outcome !== AttemptOutcome.DEFERRED) return true;
  const looked = store.look(key);
  if (looked.kind === "damaged" || looked.value === undefined) return false;
  const found = unseal(key, looked.value);
  if (found.kind === "damaged") return false;
  if (kind.case === "attemptEnded") return crc32cOrOne(found.payload) === kind.value.detailCrc;
  return kind.case === "taskRefused" && readMessage(AttemptDetailSchema, found.payload).error === kind.value.error;
}
