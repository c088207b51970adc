// Last passes of a verification, only for a journal whose headers and frames do not name the same.
// 1. Each frame that a header names is looked up, and each frame's header: what is missing or has no header is named by its stream.

import { GUARD_STREAM, WorkflowId, workflowStream } from "../base/ids.ts";
import type { StreamId } from "../base/ids.ts";
import { sha256 } from "./batch.ts";
import { isCut } from "./cut.ts";
import { decodeFrame } from "./frame.ts";
import { frameKey, headerKey, parseKey, rangeOf, ROW } from "./layout.ts";
import { decodeRecord, unseal } from "./record.ts";
import { decodeHeader, headerRows } from "./verify-headers.ts";
import type { Verification } from "./verify.ts";

/** Headers that are kept decoded at a time. */
const HEADERS_KEPT = 32;

/** Looks up each frame that a header names. */
export async function lookUpFrames(run: Verification, lastBatch: number): Promise<void> {
  let nextNumber = 1;
  for await (const { number, row } of headerRows(run, { nextNumber: () => nextNumber, lastBatch })) {
    nextNumber = number + 1;
    const header = row.kind === "damaged" ? row : decodeHeader(row.value, number);
    if (header.kind === "damaged") continue;
    for (const frame of header.value.frames) {
      const stream = parseStream(frame.stream);
      if (stream === undefined) continue;
      if (isCut(run.cuts.of(stream), { firstSeq: Number(frame.firstSeq), lastSeq: Number(frame.lastSeq) })) continue;
      const key = frameKey(stream, Number(frame.firstSeq));
      const looked = run.store.look(key, run.snapshot);
      const record = looked.kind === "whole" ? looked.value : undefined;
      const where = `the frame of events ${frame.firstSeq} to ${frame.lastSeq} of batch ${number}`;
      if (looked.kind === "damaged") run.damage.add(stream, Number(frame.firstSeq), `${where}: ${looked.reason}`);
      else if (record === undefined) run.damage.add(stream, Number(frame.firstSeq), `${where} is missing`);
      else if (unseal(key, record).kind === "whole" && Buffer.compare(sha256(record), frame.digest) !== 0) {
        run.damage.add(stream, Number(frame.firstSeq), `${where} is not the one that the header names`);
      }
    }
  }
}

/** Looks up each frame's header. */
export async function lookUpHeaders(run: Verification): Promise<void> {
  const kept = new Map<number, ReadonlySet<string>>();
  for await (const [key, record] of run.store.rows({ ...rangeOf(ROW.frame), snapshot: run.snapshot, signal: run.signal })) {
    const parsed = parseKey(key);
    const frame = decodeRecord(key, record, decodeFrame);
    if (parsed?.kind !== "frame" || frame.kind === "damaged") continue;
    const number = Number(frame.value.batch);
    const names = kept.get(number) ?? namesOf(run, number);
    kept.set(number, names);
    if (kept.size > HEADERS_KEPT) for (const oldest of [...kept.keys()].slice(0, 1)) kept.delete(oldest);
    if (!names.has(`${parsed.stream} ${parsed.firstSeq}`))
      run.damage.add(parsed.stream, parsed.firstSeq, `no header names this frame, nor does that of its batch ${number}`);
  }
}

function namesOf(run: Verification, number: number): ReadonlySet<string> {
  const key = headerKey(number);
  const looked = run.store.look(key, run.snapshot);
  if (looked.kind === "damaged" || looked.value === undefined) return new Set();
  const header = decodeHeader([key, looked.value], number);
  return new Set(header.kind === "damaged" ? [] : header.value.frames.map(({ stream, firstSeq }) => `${stream} ${firstSeq}`));
}

function parseStream(text: string): StreamId | undefined {
  if (text === GUARD_STREAM) return GUARD_STREAM;
  return WorkflowId.is(text) ? workflowStream(text) : undefined;
}
