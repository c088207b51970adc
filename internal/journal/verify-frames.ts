// Second pass of a verification: every frame, stream by stream.
// 1. Numbers follow each other, but for what was dropped by design, the stream's head names its end, and each attempt that wrote a detail has that detail.

import type { StreamId } from "../base/ids.ts";
import { crc32cOrOne } from "../base/crc32c.ts";
import { GUARD_STREAM, WorkflowId } from "../base/ids.ts";
import type { LostRange } from "../engine/ports.ts";
import type { Frame } from "../gen/holdfast/journal/v1/journal_pb.ts";
import type { Event } from "../gen/holdfast/v1/event_pb.ts";
import { sha256 } from "./batch.ts";
import { afterCut } from "./cut.ts";
import type { Cut } from "./cut.ts";
import { decodeFrame, eventCount } from "./frame.ts";
import { detailKey, META_KEY, parseKey, rangeOf, ROW } from "./layout.ts";
import { lostAfter, readEnd } from "./read-frames.ts";
import { decodeRecord, unseal } from "./record.ts";
import type { FrameSet } from "./verify-frame-set.ts";
import type { Verification } from "./verify.ts";

/** What the pass counted. */
export interface FramesFound {
  frames: number;
  events: number;
}

/** Where the pass stands in a stream; `nextSeq` is undefined after a frame that could not be read. */
interface StreamPlace {
  readonly stream: StreamId;
  /** What was dropped of it by design. */
  readonly cut: Cut;
  nextSeq: number | undefined;
  lastBatch: number;
}

/** After so many lookups of details the event loop is let go. */
export const LOOKUPS_PER_BREATH = 1_000;

/** Checks all frames and adds those that can be read to `found`. */
export async function verifyFrames(
  run: Verification,
  counts: FramesFound,
  ask: { readonly found: FrameSet; readonly lost: readonly LostRange[] },
): Promise<void> {
  let place: StreamPlace | undefined;
  for await (const [key, record] of run.store.rows({ ...rangeOf(ROW.frame), snapshot: run.snapshot, signal: run.signal })) {
    const parsed = parseKey(key);
    if (parsed?.kind !== "frame") continue;
    const { stream, firstSeq } = parsed;
    if (place?.stream !== stream) {
      if (place !== undefined) verifyEnd(run, place, ask.lost);
      place = { stream, cut: run.cuts.of(stream), nextSeq: 1, lastBatch: 0 };
    }
    if (place.nextSeq !== undefined && firstSeq !== place.nextSeq) {
      const reason =
        firstSeq > place.nextSeq ? `events ${place.nextSeq} to ${firstSeq - 1} are missing` : `event ${firstSeq} is there twice`;
      run.damage.add(stream, Math.min(firstSeq, place.nextSeq), reason);
    }
    counts.frames++;
    const frame = decodeRecord(key, record, decodeFrame);
    if (frame.kind === "damaged" || Number(frame.value.firstSeq) !== firstSeq) {
      run.damage.add(stream, firstSeq, `the frame: ${frame.kind === "damaged" ? frame.reason : "it bears another's number"}`);
      place.nextSeq = undefined;
      continue;
    }
    const count = eventCount(frame.value);
    ask.found.add({ stream, firstSeq, lastSeq: firstSeq + count - 1, digest: sha256(record) });
    counts.events += count;
    place.nextSeq = afterCut(place.cut, firstSeq + count);
    place.lastBatch = Number(frame.value.batch);
    if (stream !== GUARD_STREAM) await verifyDetails(run, stream, frame.value);
  }
  if (place !== undefined) verifyEnd(run, place, ask.lost);
}

function verifyEnd(run: Verification, place: StreamPlace, lost: readonly LostRange[]): void {
  const { stream, nextSeq, lastBatch } = place;
  const end = readEnd(run.store, stream, run.snapshot);
  if (end.kind === "damaged" || nextSeq === undefined) return; // a damaged head is found by the pass over all rows
  if (end.value === undefined) return run.damage.add(stream, nextSeq, "its head is missing");
  const { lastSeq, isOpen } = end.value;
  if (lastSeq >= nextSeq) return run.damage.add(stream, nextSeq, `its end is missing: events ${nextSeq} to ${lastSeq}`);
  if (lastSeq < nextSeq - 1)
    return run.damage.add(stream, lastSeq + 1, `its head says that it ends at event ${lastSeq}; it goes on to ${nextSeq - 1}`);
  const reason = lostAfter(lost, { stream, isOpen, lastBatch });
  if (reason !== undefined) run.damage.add(stream, nextSeq, reason);
}

async function verifyDetails(run: Verification, stream: StreamId, frame: Frame): Promise<void> {
  const id = WorkflowId.parse(stream);
  let lookups = 0;
  for (const [at, event] of frame.events.entries()) {
    const reason = detailDamage(run, id, event);
    if (reason !== undefined) run.damage.add(stream, Number(frame.firstSeq) + at, reason);
    if (++lookups % LOOKUPS_PER_BREATH === 0) await run.store.breathe(META_KEY);
  }
}

function detailDamage(run: Verification, id: WorkflowId, { kind }: Event): string | undefined {
  if (kind.case !== "attemptEnded" || kind.value.detailCrc === 0) return undefined;
  const { task, attempt, detailCrc } = kind.value;
  const key = detailKey(id, task, attempt);
  const what = `the detail of task ${task}, attempt ${attempt}`;
  const looked = run.store.look(key, run.snapshot);
  if (looked.kind === "damaged") return `${what}: ${looked.reason}`;
  if (looked.value === undefined) return `${what} is missing`;
  const detail = unseal(key, looked.value);
  if (detail.kind === "damaged") return `${what}: ${detail.reason}`;
  return crc32cOrOne(detail.payload) === detailCrc ? undefined : `${what} is not the one that this event wrote`;
}
