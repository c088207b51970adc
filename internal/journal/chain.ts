// The end of the chain, found when the journal is opened, and what is missing before it.
// 1. LevelDB loses damaged records of its log in silence, a block of batches at a time; their numbers are missing in the chain of headers.
// 2. What a lost batch held is not known. So lost batches are remembered for ever (in the meta row), and an open stream with nothing
//    after them is not trusted (read-frames.ts): it may have lost its end.
// 3. Numbers are not used twice: the next batch follows the highest number that headers, chain row or head file know.

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Snapshot } from "classic-level";
import { HoldfastError } from "../base/errors.ts";
import { JOURNAL_LOST_RANGES_MAX, JOURNAL_OPEN_HEADER_BYTES_MAX, JOURNAL_OPEN_HEADERS_MAX } from "../base/limits.ts";
import type { LostRange } from "../engine/ports.ts";
import { ChainHeadSchema, JournalMetaSchema, LostBatchesSchema } from "../gen/holdfast/journal/v1/journal_pb.ts";
import type { JournalMeta } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { sha256 } from "./batch.ts";
import type { ChainEnd } from "./batch.ts";
import { CHAIN_KEY, headerKey, JOURNAL_FORMAT, META_KEY, parseKey, rangeOf, ROW } from "./layout.ts";
import { decodeRecord, seal } from "./record.ts";
import { isDataLoss, verifyHint } from "./store.ts";
import type { Store } from "./store.ts";

/** What opening found out. */
export interface OpenedChain {
  readonly end: ChainEnd;
  readonly lost: readonly LostRange[];
}

/** Reads the journal's end, checks the recent headers, and remembers what is lost unless the journal is only looked at. */
export async function openChain(
  store: Store,
  options: { readonly acknowledged: ChainEnd | undefined; readonly nowMs: number; readonly isReadOnly: boolean },
): Promise<OpenedChain> {
  const meta = readMeta(store);
  const end = latestEnd([await endOfRows(store), options.acknowledged]);
  // It may have said that the journal was restored, or that batches are lost: without it nothing may begin (H8).
  if (meta === undefined && end.number > 0 && !options.isReadOnly) throw metaLost(store.directory);

  const known = meta?.lost.map(({ first, last }) => ({ first: Number(first), last: Number(last) })) ?? [];
  const lost = mergeRanges([...known, ...recentGaps(store, end.number)]);
  const hasNews = meta === undefined || lost.length !== known.length || lost.some((range, at) => range.last !== known[at]?.last);
  if (hasNews && !options.isReadOnly) {
    const rows = lost.map((range) => create(LostBatchesSchema, { first: BigInt(range.first), last: BigInt(range.last) }));
    const fresh = { format: JOURNAL_FORMAT, createdMs: BigInt(options.nowMs) };
    await writeMeta(store, create(JournalMetaSchema, { ...(meta ?? fresh), lost: rows }));
  }
  return { end, lost };
}

/** The chain's end as the rows tell it: by the last header, or by the chain row where that one is damaged. Number 0: there is no batch. */
export async function endOfRows(store: Store, snapshot?: Snapshot): Promise<ChainEnd> {
  return latestEnd([await lastHeader(store, snapshot), readChainRow(store, snapshot)]);
}

/** Writes the meta row. */
export async function writeMeta(store: Store, meta: JournalMeta): Promise<void> {
  await store.write([{ key: META_KEY, value: seal(META_KEY, [toBinary(JournalMetaSchema, meta)]) }]);
}

/** Sorted, overlapping and touching ranges joined; too many of them become one that covers all: trusting less is safe. */
export function mergeRanges(ranges: readonly LostRange[]): readonly LostRange[] {
  const merged: LostRange[] = [];
  for (const range of ranges.toSorted((left, right) => left.first - right.first)) {
    const last = merged.at(-1);
    if (last === undefined || range.first > last.last + 1) merged.push(range);
    else merged[merged.length - 1] = { first: last.first, last: Math.max(last.last, range.last) };
  }
  const [first, last] = [merged[0], merged.at(-1)];
  if (merged.length <= JOURNAL_LOST_RANGES_MAX || first === undefined || last === undefined) return merged;
  return [{ first: first.first, last: last.last }];
}

/** What is wrong with a journal that holds batches and no meta row that can be read. */
export const META_LOST = "the meta row (format, lost batches, whether it was restored from a backup) is missing or damaged";

function metaLost(directory: string): HoldfastError {
  return new HoldfastError("DATA_LOSS", `JOURNAL_CORRUPT: ${META_LOST}; nothing is begun on such a journal; ${verifyHint(directory)}`);
}

/** The meta row; undefined when it is not there or damaged (each record names its format as well). Refuses a newer format. */
export function readMeta(store: Store): JournalMeta | undefined {
  const looked = store.look(META_KEY);
  if (looked.kind === "damaged" || looked.value === undefined) return undefined;
  const record = looked.value;
  const meta = decodeRecord(META_KEY, record, (payload) => fromBinary(JournalMetaSchema, payload));
  const format = meta.kind === "whole" ? meta.value.format : (record[0] ?? 0);
  if (format > JOURNAL_FORMAT) {
    const message = `the journal in ${store.directory} has format ${format}; this holdfastd knows formats up to ${JOURNAL_FORMAT}: run the newer one that wrote it`;
    throw new HoldfastError("FAILED_PRECONDITION", message);
  }
  return meta.kind === "whole" ? meta.value : undefined;
}

function latestEnd(candidates: readonly (ChainEnd | undefined)[]): ChainEnd {
  let end: ChainEnd = { number: 0, digest: new Uint8Array(0) };
  for (const candidate of candidates) if (candidate !== undefined && candidate.number > end.number) end = candidate;
  return end;
}

function readChainRow(store: Store, snapshot?: Snapshot): ChainEnd | undefined {
  const looked = store.look(CHAIN_KEY, snapshot);
  if (looked.kind === "damaged" || looked.value === undefined) return undefined;
  const chain = decodeRecord(CHAIN_KEY, looked.value, (payload) => fromBinary(ChainHeadSchema, payload));
  return chain.kind === "whole" ? { number: Number(chain.value.number), digest: chain.value.digest } : undefined;
}

/** The last header that is there; undefined in an empty journal, and where LevelDB cannot read it (the chain row then knows). */
async function lastHeader(store: Store, snapshot?: Snapshot): Promise<ChainEnd | undefined> {
  const view = snapshot === undefined ? {} : { snapshot };
  try {
    for await (const [key, record] of store.rows({ ...rangeOf(ROW.header), isReversed: true, limit: 1, ...view })) {
      const parsed = parseKey(key);
      if (parsed?.kind === "header") return { number: parsed.number, digest: sha256(record) };
    }
  } catch (error) {
    if (!isDataLoss(error)) throw error;
  }
  return undefined;
}

/**
 * Looks back over as many headers as the log of LevelDB can hold: which numbers are missing? (Older ones were looked at when they were recent.)
 * A header that is there and damaged is not a lost batch: its frames are there too, and are checked when they are read.
 */
function recentGaps(store: Store, endNumber: number): readonly LostRange[] {
  const gaps: LostRange[] = [];
  const first = Math.max(1, endNumber - JOURNAL_OPEN_HEADERS_MAX + 1);
  let bytes = 0;
  for (let number = endNumber; number >= first && bytes < JOURNAL_OPEN_HEADER_BYTES_MAX; number--) {
    const header = store.look(headerKey(number));
    if (header.kind === "damaged") continue;
    if (header.value === undefined) gaps.push({ first: number, last: number });
    else bytes += header.value.length;
  }
  return gaps;
}
