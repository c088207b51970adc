// Reads the journal batch by batch, in the order in which it was written: for whoever follows all workflows and the guard at once.
// 1. Nothing is passed over in silence: a run of batches that is missing, and a frame that cannot be read, are told as damage of a batch.
// 2. Of one stream no frame comes before an earlier one; frames of one batch come in the order in which they were begun.

import { fromBinary } from "@bufbuild/protobuf";
import { GUARD_STREAM, WorkflowId, seq, timeMs, workflowStream } from "../base/ids.ts";
import type { StreamId } from "../base/ids.ts";
import type { BatchFrame, JournalBatch } from "../engine/ports.ts";
import { BatchHeaderSchema } from "../gen/holdfast/journal/v1/journal_pb.ts";
import type { BatchHeader, FrameDigest } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { isCut } from "./cut.ts";
import { decodeFrame, journalFrame } from "./frame.ts";
import { frameKey, headerKey, parseKey, rangeOf, ROW } from "./layout.ts";
import { decodeRecord } from "./record.ts";
import { isDataLoss } from "./store.ts";
import type { Looked, Store } from "./store.ts";
import { Cuts } from "./cuts.ts";

/** The batches after a number, up to one that is known to be on disk. */
export async function* readBatches(
  store: Store,
  range: { readonly afterBatch: number; readonly lastBatch: number },
): AsyncGenerator<JournalBatch> {
  let next = range.afterBatch + 1;
  for await (const { number, looked } of headers(store, { first: next, last: range.lastBatch })) {
    if (number > next) yield missing(next, number - 1);
    yield await readBatch(store, number, looked);
    next = number + 1;
  }
  if (next <= range.lastBatch) yield missing(next, range.lastBatch);
}

function missing(first: number, last: number): JournalBatch {
  const what = first === last ? `batch ${first} is` : `batches ${first} to ${last} are`;
  return { first, number: last, frames: [], damage: `${what} missing` };
}

/** The headers that are there. Where LevelDB cannot read on, they are looked up one by one. */
async function* headers(
  store: Store,
  range: { readonly first: number; readonly last: number },
): AsyncGenerator<{ readonly number: number; readonly looked: Looked }> {
  let next = range.first;
  if (next > range.last) return;
  const query = { ...rangeOf(ROW.header), gte: headerKey(range.first), lt: headerKey(range.last + 1) };
  try {
    for await (const [key, value] of store.rows(query)) {
      const parsed = parseKey(key);
      if (parsed?.kind !== "header") continue;
      next = parsed.number + 1;
      yield { number: parsed.number, looked: { kind: "whole", value } };
    }
    return;
  } catch (error) {
    if (!isDataLoss(error)) throw error;
  }
  for (let number = next; number <= range.last; number++) {
    const looked = store.look(headerKey(number));
    if (looked.kind === "damaged" || looked.value !== undefined) yield { number, looked };
    await store.breathe(headerKey(number));
  }
}

async function readBatch(store: Store, number: number, looked: Looked): Promise<JournalBatch> {
  const broken = (reason: string): JournalBatch => ({
    first: number,
    number,
    frames: [],
    damage: `the header of batch ${number} cannot be read: ${reason}`,
  });
  if (looked.kind === "damaged") return broken(looked.reason);
  if (looked.value === undefined) return missing(number, number);
  const header = decodeRecord(headerKey(number), looked.value, (payload) => fromBinary(BatchHeaderSchema, payload));
  if (header.kind === "damaged") return broken(header.reason);
  const { frames, damage } = await readBatchFrames(store, header.value);
  return { first: number, number, frames, damage: damage.length === 0 ? undefined : `of batch ${number}: ${damage.join("; ")}` };
}

async function readBatchFrames(
  store: Store,
  header: BatchHeader,
): Promise<{ readonly frames: readonly BatchFrame[]; readonly damage: readonly string[] }> {
  const named = header.frames.flatMap((digest) => {
    const stream = streamOf(digest.stream);
    return stream === undefined ? [] : [{ stream, digest, key: frameKey(stream, Number(digest.firstSeq)) }];
  });
  const found = await store.lookMany(named.map(({ key }) => key));
  const frames: BatchFrame[] = [];
  const damage: string[] = [];
  const cuts = new Cuts(store);
  for (const [at, { stream, digest, key }] of named.entries()) {
    const looked = found[at];
    const record = looked?.kind === "whole" ? looked.value : undefined;
    const frame = record === undefined ? undefined : decodeRecord(key, record, decodeFrame);
    if (frame?.kind === "whole") frames.push({ stream, frame: journalFrame(frame.value, 0), missing: 0 });
    else {
      frames.push(missingFrame(stream, digest));
      const isGone = isCut(cuts.of(stream), { firstSeq: Number(digest.firstSeq), lastSeq: Number(digest.lastSeq) });
      const reason = isGone ? "they are not kept: continue_as_new has dropped them" : (frame?.reason ?? "the frame cannot be read");
      damage.push(`events ${digest.firstSeq} to ${digest.lastSeq} of ${stream}: ${reason}`);
    }
  }
  return { frames, damage };
}

function missingFrame(stream: StreamId, { firstSeq, lastSeq }: FrameDigest): BatchFrame {
  const frame = { firstSeq: seq(Number(firstSeq)), timeMs: timeMs(0), events: [], guardEvents: [] };
  return { stream, frame, missing: Number(lastSeq - firstSeq) + 1 };
}

function streamOf(text: string): StreamId | undefined {
  if (text === GUARD_STREAM) return GUARD_STREAM;
  return WorkflowId.is(text) ? workflowStream(text) : undefined;
}
