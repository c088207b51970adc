// The journal batch by batch, where some of it is damaged or gone: what is there is read, what is not is told.

import { expect, onTestFinished, test } from "vitest";
import { all, anEntry, anId, attemptEnded, attemptStarted, lockTaken, NOON_MS, opening } from "../../test/fakes/journal-entries.ts";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";
import { workflowStream } from "../base/ids.ts";
import type { JournalBatch } from "../engine/ports.ts";
import { frameKey, headerKey } from "./layout.ts";
import { openJournal } from "./open-journal.ts";
import { readBatches } from "./read-batches.ts";
import { Store } from "./store.ts";
import type { RowChange } from "./store.ts";

/** A store of five batches: two workflows, the guard in the third and the fifth; then some rows changed. */
async function aStore(changes: readonly RowChange[]): Promise<Store> {
  const directory = temporaryDirectory();
  const onFatal = (error: unknown): never => {
    throw error;
  };
  const journal = await openJournal(directory, { onFatal, nowMs: () => NOON_MS, isReadOnly: false });
  await journal.append(opening(anId(1), { events: [attemptStarted(0)] }));
  await journal.append(opening(anId(2), { events: [attemptStarted(1)] }));
  await journal.append(anEntry({ firstSeq: 2, events: [attemptEnded(0)], guardEvents: [lockTaken("a", anId(1))] }));
  await journal.append(anEntry({ id: anId(2), firstSeq: 2, events: [attemptEnded(1)] }));
  await journal.append(anEntry({ firstSeq: 3, events: [attemptStarted(2)], guardEvents: [lockTaken("b", anId(1))], guardFirstSeq: 2 }));
  await journal.close();
  const store = await Store.open(`${directory}/journal`, { isCreated: false });
  onTestFinished(() => store.close());
  await store.write(changes);
  return store;
}

const shown = ({ first, number, frames, damage }: JournalBatch): string =>
  [
    `${first}-${number}`,
    ...frames.map(({ stream, frame, missing }) => {
      const text = `${stream === "guard" ? "guard" : stream.slice(-1)}/${frame.firstSeq}`;
      return missing === 0 ? text : `(${text}, ${missing} missing)`;
    }),
    damage ?? "",
  ]
    .join(" ")
    .trim();

async function check(changes: readonly RowChange[], expected: readonly unknown[], afterBatch = 0): Promise<void> {
  const store = await aStore(changes);
  expect((await all(readBatches(store, { afterBatch, lastBatch: 5 }))).map(shown)).toEqual(expected);
}

const gone = (key: Uint8Array): RowChange => ({ key, value: undefined });
const [one, two] = [workflowStream(anId(1)), workflowStream(anId(2))];

test("a whole journal", async () => {
  await check([], ["1-1 1/1", "2-2 2/1", "3-3 1/2 guard/1", "4-4 2/2", "5-5 1/3 guard/2"]);
});

test("runs of batches that are missing are told where they were, at the start and at the end too", async () => {
  const headers = [1, 2, 4, 5].map((number) => gone(headerKey(number)));
  await check(headers, ["1-2 batches 1 to 2 are missing", "3-3 1/2 guard/1", "4-5 batches 4 to 5 are missing"]);
  await check([gone(headerKey(4))], ["4-4 batch 4 is missing", "5-5 1/3 guard/2"], 3);
});

test("a frame that is gone or damaged is told, and the others of its batch are read", async () => {
  await check(
    [gone(frameKey(one, 2)), { key: frameKey(two, 2), value: Buffer.from("\x01damaged") }],
    [
      "1-1 1/1",
      "2-2 2/1",
      `3-3 (1/2, 1 missing) guard/1 of batch 3: events 2 to 2 of ${one}: the frame cannot be read`,
      expect.stringMatching(/^4-4 \(2\/2, 1 missing\) of batch 4: events 2 to 2 of .*: the record's checksum does not match$/),
      "5-5 1/3 guard/2",
    ],
  );
});

test("a header that is damaged is told", async () => {
  await check(
    [{ key: headerKey(5), value: Buffer.from("\x01damaged") }],
    [expect.stringMatching(/^5-5 the header of batch 5 cannot be read: /)],
    4,
  );
});
