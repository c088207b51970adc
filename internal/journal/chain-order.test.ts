import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Level } from "level";
import { expect, onTestFinished, test, vi } from "vitest";
import { anEntry, attemptStarted, NOON_MS } from "../../test/fakes/journal-entries.ts";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";
import { BatchHeaderSchema } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { headerKey } from "./layout.ts";
import { openJournal } from "./open-journal.ts";
import { decodeRecord, seal } from "./record.ts";
import { Store } from "./store.ts";

function fail(error: unknown): never {
  throw error;
}

const open = (directory: string) => openJournal(directory, { onFatal: fail, nowMs: () => NOON_MS, isReadOnly: false });

/** Lets what waits for nothing but its turn go on; a write to the disk takes longer. */
async function moment(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

test("every write is synced: what is acknowledged is on the disk, and not only in its cache", async () => {
  const asked: unknown[] = [];
  const batch = vi.spyOn(Level.prototype, "batch");
  onTestFinished(() => batch.mockRestore());
  const journal = await open(temporaryDirectory());
  batch.mockImplementation(function spied(this: Level) {
    batch.mockRestore();
    const made = this.batch();
    const write = made.write.bind(made);
    vi.spyOn(made, "write").mockImplementation((options) => {
      asked.push(options);
      return write(options ?? {});
    });
    return made;
  });
  await journal.append(anEntry({ firstSeq: 1, events: [attemptStarted(1)] }));
  await journal.close();
  expect(asked).toEqual([{ sync: true }]);
});

test("what is appended while a batch is being written waits for it, and follows it in the chain", async () => {
  const journal = await open(temporaryDirectory());
  const appends: Promise<void>[] = [];
  for (let at = 1; at <= 4; at++) {
    appends.push(journal.append(anEntry({ firstSeq: at, events: [attemptStarted(at)] })));
    await moment();
  }
  await Promise.all(appends);
  const { batches, events, damage } = await journal.verify({});
  await journal.close();
  expect({ batches, events, damage }).toEqual({ batches: 2, events: 4, damage: [] });
});

test("a header that was written anew, with a checksum of its own, breaks the chain", async () => {
  const directory = temporaryDirectory();
  const journal = await open(directory);
  for (let at = 1; at <= 3; at++) await journal.append(anEntry({ firstSeq: at, events: [attemptStarted(at)] }));
  await journal.close();
  const store = await Store.open(join(directory, "journal"), { isCreated: false });
  const key = headerKey(2);
  const found = decodeRecord(key, store.get(key) ?? new Uint8Array(), (payload) => fromBinary(BatchHeaderSchema, payload));
  if (found.kind === "damaged") throw new Error(found.reason);
  const later = create(BatchHeaderSchema, { ...found.value, timeMs: found.value.timeMs + 1n });
  await store.write([{ key, value: seal(key, [toBinary(BatchHeaderSchema, later)]) }]);
  await store.close();
  const again = await open(directory);
  const { damage } = await again.verify({});
  await again.close();
  expect(damage).toEqual([{ stream: "", seq: 3, reason: "the chain is broken: batch 3 follows another header than that of batch 2" }]);
});
