// Fourth pass of a verification: each row is also found by its key.
// 1. A look-up reads parts of LevelDB's tables that reading on passes over: filters, and where in a block its entries begin. Damage there hides a row
//    from the service, or makes it unreadable to it, while all rows still come by in order.

import { workflowStream } from "../base/ids.ts";
import type { StreamId } from "../base/ids.ts";
import { parseKey } from "./layout.ts";
import type { RowKey } from "./layout.ts";
import type { Verification } from "./verify.ts";

/** Looks up each row by its key. */
export async function verifyFinds(run: Verification): Promise<void> {
  const all = { gte: new Uint8Array(0), lt: Buffer.from([0xff]) };
  for await (const [key, record] of run.store.rows({ ...all, snapshot: run.snapshot, signal: run.signal })) {
    const looked = run.store.look(key, run.snapshot);
    if (looked.kind === "whole" && looked.value !== undefined && Buffer.compare(looked.value, record) === 0) continue;
    const parsed = parseKey(key);
    const what = parsed === undefined ? "a row of no known kind" : `its ${parsed.kind} row`;
    const reason = looked.kind === "damaged" ? looked.reason : "a look-up by its key does not find it: LevelDB's table is damaged";
    run.damage.add(streamOf(parsed), parsed?.kind === "frame" ? parsed.firstSeq : 0, `${what}: ${reason}`);
  }
}

function streamOf(key: RowKey | undefined): StreamId | "" {
  if (key === undefined) return "";
  if ("stream" in key) return key.stream;
  return "id" in key ? workflowStream(key.id) : "";
}
