import { expect, onTestFinished, test } from "vitest";
import { anEntry, anId, attemptStarted, NOON_MS } from "../../test/fakes/journal-entries.ts";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";
import { seq, workflowStream } from "../base/ids.ts";
import type { LevelJournal } from "./level-journal.ts";
import { openJournal } from "./open-journal.ts";

/** More rows than one reading takes. */
const ENTRIES = 2_000;

async function aJournal(): Promise<LevelJournal> {
  const onFatal = (error: unknown): never => {
    throw error;
  };
  const journal = await openJournal(temporaryDirectory(), { onFatal, nowMs: () => NOON_MS, isReadOnly: false });
  onTestFinished(() => journal.close());
  for (let at = 1; at <= ENTRIES; at++) void journal.append(anEntry({ firstSeq: at, events: [attemptStarted(at)] }));
  await journal.append(anEntry({ firstSeq: ENTRIES + 1, events: [attemptStarted(ENTRIES + 1)] }));
  return journal;
}

async function readAll(rows: AsyncIterable<unknown>): Promise<void> {
  const read = rows[Symbol.asyncIterator]();
  while ((await read.next()).done !== true);
}

const READERS: readonly { readonly what: string; readonly read: (journal: LevelJournal) => Promise<unknown> }[] = [
  { what: "a verification", read: (journal) => journal.verify({}) },
  { what: "a dump", read: (journal) => readAll(journal.dump({})) },
  { what: "a backup", read: (journal) => readAll(journal.backup()) },
  { what: "a reader of batches", read: (journal) => readAll(journal.readBatches({ afterBatch: 0 })) },
  { what: "a reader of frames", read: (journal) => readAll(journal.readFrames(workflowStream(anId(1)), { afterSeq: seq(0) })) },
];

test.each(READERS)(
  "$what that is under way when the journal is closed hears UNAVAILABLE, and so does one that begins later",
  async ({ read }) => {
    const journal = await aJournal();
    const [reading] = await Promise.allSettled([read(journal), journal.close()]);
    const [late] = await Promise.allSettled([read(journal)]);
    const closed = { status: "rejected", reason: { code: "UNAVAILABLE", message: expect.stringContaining("is being closed") } };
    expect([reading, late]).toMatchObject([closed, closed]);
  },
);

test("a verification ends with its signal's reason, and the journal goes on", async () => {
  const journal = await aJournal();
  const asked = new AbortController();
  const verifying = journal.verify({ signal: asked.signal });
  const reason = new Error("whoever asked has left");
  asked.abort(reason);
  await expect(verifying).rejects.toBe(reason);
  expect((await journal.verify({})).damage).toEqual([]);
});
