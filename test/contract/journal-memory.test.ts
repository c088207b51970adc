import { expect, test } from "vitest";
import { seq, workflowStream } from "../../internal/base/ids.ts";
import { all, anEntry, anId, attemptStarted } from "../fakes/journal-entries.ts";
import { MemoryJournal } from "../fakes/memory-journal.ts";
import { journalContract } from "./journal-contract.ts";
import type { JournalUnderTest } from "./journal-contract.ts";

function underTest(journal: MemoryJournal): JournalUnderTest {
  return { journal, reopen: async () => underTest(journal.crash({ kept: 0 })), end: () => journal.close() };
}

journalContract("the journal in memory", async () => underTest(new MemoryJournal("auto")));

test("nothing is acknowledged or read back before sync says so, and a crash keeps as much as the test likes", async () => {
  const journal = new MemoryJournal("manual");
  const acknowledged: number[] = [];
  for (let at = 1; at <= 4; at++)
    void journal.append(anEntry({ firstSeq: at, events: [attemptStarted(at)] })).then(() => acknowledged.push(at));
  journal.sync(1);
  await Promise.resolve();
  expect(acknowledged).toEqual([1]);
  const stream = workflowStream(anId(1));
  expect(await all(journal.readFrames(stream, { afterSeq: seq(0) }))).toHaveLength(1);
  const next = journal.crash({ kept: 2 });
  journal.sync();
  await Promise.resolve();
  expect(acknowledged).toEqual([1]);
  expect(await all(next.readFrames(stream, { afterSeq: seq(0) }))).toHaveLength(3);
});

test("a damaged stream throws DATA_LOSS, in the next life too", async () => {
  const journal = new MemoryJournal("auto");
  journal.damage(workflowStream(anId(1)), "a test says so");
  await expect(all(journal.crash({ kept: 0 }).readFrames(workflowStream(anId(1)), { afterSeq: seq(0) }))).rejects.toThrow(
    /JOURNAL_CORRUPT: stream 0/,
  );
});
