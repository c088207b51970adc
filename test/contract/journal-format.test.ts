// Every released format of the journal replays for ever. The directories were written by test/testdata/make-journal-v1.ts.

import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { GUARD_STREAM, seq, workflowStream } from "../../internal/base/ids.ts";
import { openJournal } from "../../internal/journal/open-journal.ts";
import { all, anEntry, anId, attemptStarted, NOON_MS } from "../fakes/journal-entries.ts";
import { temporaryDirectory } from "../fakes/temp-directory.ts";

test.each(["journal-v1"])("%s replays: every event, every row, and it goes on", async (name) => {
  const original = join(import.meta.dirname, "..", "testdata", name);
  const directory = temporaryDirectory();
  cpSync(original, directory, { recursive: true });
  const onFatal = (error: unknown): never => {
    throw error;
  };
  const journal = await openJournal(directory, { onFatal, nowMs: () => NOON_MS, isReadOnly: false });
  try {
    const expected = readFileSync(join(original, "expected.jsonl"), "utf8").trimEnd().split("\n");
    expect(await all(journal.dump({}))).toEqual(expected);
    expect((await journal.verify({})).damage).toEqual([]);
    const frames = await all(journal.readFrames(workflowStream(anId(1)), { afterSeq: seq(0) }));
    const events = frames.flatMap((frame) => frame.events);
    const kinds = events.map(({ kind }) => kind.case);
    expect(kinds).not.toContain(undefined);
    expect(new Set(kinds).size).toBe(20);
    expect((await all(journal.readFrames(GUARD_STREAM, { afterSeq: seq(0) }))).flatMap((frame) => frame.guardEvents)).toHaveLength(3);
    expect(journal.findByKey("ops", "k/1")).toBe(anId(1));
    expect(journal.detail(anId(1), 6)?.attempt).toBe(2);
    expect(await all(journal.openWorkflows())).toEqual([anId(1)]);
    await journal.append(anEntry({ firstSeq: events.length + 1, events: [attemptStarted(1)] }));
    expect((await journal.verify({})).damage).toEqual([]);
  } finally {
    await journal.close();
  }
});
