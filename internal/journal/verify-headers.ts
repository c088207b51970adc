// First pass of a verification: the chain of batch headers.
// 1. Each names the SHA-256 of the one before it; numbers have no gaps.

import { fromBinary } from "@bufbuild/protobuf";
import type { LostRange } from "../engine/ports.ts";
import { BatchHeaderSchema } from "../gen/holdfast/journal/v1/journal_pb.ts";
import type { BatchHeader } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { sha256 } from "./batch.ts";
import { isCut } from "./cut.ts";
import { headerKey, META_KEY, parseKey, rangeOf, ROW } from "./layout.ts";
import { decodeRecord } from "./record.ts";
import type { Decoded } from "./record.ts";
import { isDataLoss } from "./store.ts";
import type { Row } from "./store.ts";
import type { FrameSet } from "./verify-frame-set.ts";
import { LOOKUPS_PER_BREATH } from "./verify-frames.ts";
import type { Verification } from "./verify.ts";

/** What the pass found. */
export interface HeadersFound {
  batches: number;
  /** SHA-256 of the last header, hex. */
  digest: string;
  lastNumber: number;
  /** Runs of numbers that have no header. */
  readonly gaps: LostRange[];
  /** Whether the header that was asked for is there. */
  isHeadFound: boolean;
}

/** Checks the chain and adds the frames that it names to `named`. */
export async function verifyHeaders(
  run: Verification,
  found: HeadersFound,
  ask: { readonly named: FrameSet; readonly head: string; readonly lastBatch: number },
): Promise<void> {
  /** What the next header must name; undefined where that cannot be known. */
  let previous: Uint8Array | undefined = new Uint8Array(0);
  for await (const { number, row } of headerRows(run, { nextNumber: () => found.lastNumber + 1, lastBatch: ask.lastBatch })) {
    if (number !== found.lastNumber + 1) {
      found.gaps.push({ first: found.lastNumber + 1, last: number - 1 });
      run.damage.add("", found.lastNumber + 1, `the headers of batches ${found.lastNumber + 1} to ${number - 1} are missing`);
      previous = undefined;
    }
    const header = row.kind === "damaged" ? row : decodeHeader(row.value, number);
    if (header.kind === "damaged") run.damage.add("", number, `the header of batch ${number}: ${header.reason}`);
    else {
      if (previous !== undefined && Buffer.compare(header.value.previous, previous) !== 0) {
        run.damage.add("", number, `the chain is broken: batch ${number} follows another header than that of batch ${number - 1}`);
      }
      addFrames(run, ask.named, header.value);
    }
    const digest = row.kind === "whole" ? sha256(row.value[1]) : undefined;
    previous = header.kind === "whole" ? digest : undefined;
    found.digest = digest === undefined ? "" : Buffer.from(digest).toString("hex");
    found.lastNumber = number;
    found.batches++;
    found.isHeadFound ||= found.digest !== "" && found.digest === ask.head;
  }
}

/** What was dropped by design is named, and not there. */
function addFrames({ cuts }: Verification, named: FrameSet, header: BatchHeader): void {
  for (const frame of header.frames) {
    const { stream, digest } = frame;
    const [firstSeq, lastSeq] = [Number(frame.firstSeq), Number(frame.lastSeq)];
    if (!isCut(cuts.of(stream), { firstSeq, lastSeq })) named.add({ stream, firstSeq, lastSeq, digest });
  }
}

/** The headers in order. Where LevelDB cannot read on, they are looked up one by one. */
export async function* headerRows(
  run: Verification,
  at: { readonly nextNumber: () => number; readonly lastBatch: number },
): AsyncGenerator<{ readonly number: number; readonly row: Decoded<Row> }> {
  try {
    for await (const row of run.store.rows({ ...rangeOf(ROW.header), snapshot: run.snapshot, signal: run.signal })) {
      const parsed = parseKey(row[0]);
      if (parsed?.kind === "header") yield { number: parsed.number, row: { kind: "whole", value: row } };
    }
    return;
  } catch (error) {
    if (!isDataLoss(error)) throw error;
  }
  for (let number = at.nextNumber(); number <= at.lastBatch; number++) {
    const key = headerKey(number);
    const looked = run.store.look(key, run.snapshot);
    if (looked.kind === "damaged") yield { number, row: looked };
    else if (looked.value !== undefined) yield { number, row: { kind: "whole", value: [key, looked.value] } };
    if (number % LOOKUPS_PER_BREATH === 0) await run.store.breathe(META_KEY);
  }
}

/** A header, checked against its key. */
export function decodeHeader([key, record]: Row, number: number): Decoded<BatchHeader> {
  const header = decodeRecord(key, record, (payload) => fromBinary(BatchHeaderSchema, payload));
  if (header.kind === "whole" && Number(header.value.number) !== number)
    return { kind: "damaged", reason: "it bears another batch's number" };
  return header;
}
