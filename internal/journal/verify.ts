// Verification: reads the whole journal from one moment's view and names all damage by stream and number.
// 1. Memory stays flat: rows are streamed, and whether headers and frames name each other is decided by two sums over all of them; only
//    when these differ are the frames looked up one by one.
// 2. It may run beside the service: it never reads more than a few hundred rows without letting the event loop go.

import type { Snapshot } from "classic-level";
import { HoldfastError } from "../base/errors.ts";
import type { JournalReport, LostRange } from "../engine/ports.ts";
import { mergeRanges, META_LOST, readMeta } from "./chain.ts";
import { Cuts } from "./cuts.ts";
import { DamageList } from "./damage.ts";
import type { Store } from "./store.ts";
import { FrameSet } from "./verify-frame-set.ts";
import { verifyFinds } from "./verify-finds.ts";
import { verifyFrames } from "./verify-frames.ts";
import { verifyHeaders } from "./verify-headers.ts";
import { lookUpFrames, lookUpHeaders } from "./verify-lookup.ts";
import { verifyRows } from "./verify-rows.ts";

/** What a verification reads, and where it notes what it finds. */
export interface Verification {
  readonly store: Store;
  readonly snapshot: Snapshot;
  readonly damage: DamageList;
  readonly cuts: Cuts;
  /** Ends it: whoever asked has left, or the service is about to end. */
  readonly signal: AbortSignal | undefined;
}

/** What verifying needs of an open journal. */
export interface VerifySource {
  readonly store: Store;
  readonly lost: readonly LostRange[];
  /** The number of the last batch that was acknowledged. */
  readonly lastBatch: () => number;
}

/** What is asked of a verification. */
export interface VerifyAsk {
  /** A header's SHA-256 (hex) that the journal is known to have reached. */
  readonly head?: string;
  /** Ends it with its reason. */
  readonly signal?: AbortSignal;
}

/** Reads everything. */
export async function verifyJournal(source: VerifySource, { head, signal }: VerifyAsk): Promise<JournalReport> {
  const { store } = source;
  const lastBatch = source.lastBatch();
  const damage = new DamageList();
  const snapshot = store.snapshot();
  try {
    const run: Verification = { store, snapshot, damage, cuts: new Cuts(store, snapshot), signal };
    if (lastBatch > 0 && readMeta(store) === undefined) damage.add("", 0, META_LOST);
    const [named, found] = [new FrameSet(), new FrameSet()];
    const headers = { batches: 0, digest: "", lastNumber: 0, gaps: new Array<LostRange>(), isHeadFound: false };
    const frames = { frames: 0, events: 0 };
    await step(run, () => verifyHeaders(run, headers, { named, head: head?.toLowerCase() ?? "", lastBatch }));
    if (headers.lastNumber < lastBatch) {
      damage.add(
        "",
        headers.lastNumber + 1,
        `the tail is lost: batches ${headers.lastNumber + 1} to ${lastBatch} were acknowledged and are not there`,
      );
    }
    if (head !== undefined && head !== "" && !headers.isHeadFound) {
      damage.add("", headers.lastNumber + 1, `the tail is lost, or this is another journal: no batch header has the SHA-256 ${head}`);
    }
    const lost = mergeRanges([...source.lost, ...headers.gaps]);
    await step(run, () => verifyFrames(run, frames, { found, lost }));
    await step(run, () => verifyRows(run));
    await step(run, () => verifyFinds(run));
    if (!named.equals(found)) {
      await step(run, () => lookUpFrames(run, lastBatch));
      await step(run, () => lookUpHeaders(run));
    }
    return { batches: headers.batches, ...frames, head: headers.digest, damage: damage.list() };
  } finally {
    await snapshot.close();
  }
}

/** A pass over some rows: where LevelDB itself cannot read on, that is damage, and the next pass goes on. */
async function step(run: Verification, pass: () => Promise<void>): Promise<void> {
  try {
    await pass();
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code === "UNAVAILABLE") throw error;
    run.damage.add("", 0, error.message);
  }
}
