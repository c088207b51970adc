import { join } from "node:path";
import { onTestFinished, expect, test } from "vitest";
import {
  aDetail,
  all,
  anEntry,
  anId,
  attemptEnded,
  attemptStarted,
  continued,
  NOON_MS,
  opening,
} from "../../test/fakes/journal-entries.ts";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";
import { AttemptOutcome } from "../gen/holdfast/v1/event_pb.ts";
import type { Event } from "../gen/holdfast/v1/event_pb.ts";
import type { AttemptDetail } from "../gen/holdfast/v1/status_pb.ts";
import { seq, workflowStream } from "../base/ids.ts";
import { JOURNAL_CUT_BATCH_FRAMES_MAX, JOURNAL_CUT_FRAMES_MAX } from "../base/endless-limits.ts";
import { JOURNAL_BATCH_ENTRIES_MAX } from "../base/limits.ts";
import type { JournalEntry } from "../engine/ports.ts";
import { encodeDetail } from "../workflow/detail-codec.ts";
import { frameKey, headKey, parseKey } from "./layout.ts";
import type { LevelJournal } from "./level-journal.ts";
import { openJournal } from "./open-journal.ts";
import { Store } from "./store.ts";

const id = anId(1);
const stream = workflowStream(id);

async function open(directory: string): Promise<LevelJournal> {
  const onFatal = (error: unknown): never => {
    throw error;
  };
  const journal = await openJournal(directory, { onFatal, nowMs: () => NOON_MS, isReadOnly: false });
  onTestFinished(() => journal.close());
  return journal;
}

/** Appends entries one after the other, each in a batch of its own. */
async function write(journal: LevelJournal, entries: readonly JournalEntry[]): Promise<void> {
  for (const entry of entries) await journal.append(entry);
}

/** A Submit, then generations of so many events, each event a frame; the last one lets go of what is older than itself. */
function generations(count: number, events: number): readonly JournalEntry[] {
  const entries: JournalEntry[] = [opening(id)];
  let at = 2;
  for (let generation = 1; generation <= count; generation++) {
    if (generation > 1)
      entries.push(anEntry({ firstSeq: at, events: [continued(generation, at)], ...(generation === count ? { cutBefore: at } : {}) }));
    if (generation > 1) at += 1;
    for (let n = 0; n < (generation === count ? 1 : events); n++) entries.push(anEntry({ firstSeq: at, events: [attemptStarted(at++)] }));
  }
  return entries;
}

/** The numbers of the frames that are there. */
async function framesIn(directory: string): Promise<number[]> {
  const store = await Store.open(join(directory, "journal"), { isCreated: false });
  const numbers: number[] = [];
  for await (const [key] of store.rows({ gte: Buffer.from("f"), lt: Buffer.from("g") })) {
    const parsed = parseKey(key);
    if (parsed?.kind === "frame") numbers.push(parsed.firstSeq);
  }
  await store.close();
  return numbers;
}

async function damageOf(directory: string): Promise<readonly string[]> {
  const journal = await open(directory);
  const { damage } = await journal.verify({});
  await journal.close();
  return damage.map(({ reason }) => reason);
}

/** Changes rows behind the journal's back. */
async function change(directory: string, work: (store: Store) => Promise<void>): Promise<void> {
  const store = await Store.open(join(directory, "journal"), { isCreated: false });
  await work(store);
  await store.close();
}

async function aCutJournal(): Promise<string> {
  const directory = temporaryDirectory();
  const journal = await open(directory);
  await write(journal, generations(3, 3));
  expect((await journal.verify({})).damage).toEqual([]);
  await journal.close();
  expect(await framesIn(directory)).toEqual([1, 9, 10]);
  return directory;
}

test("a cut takes so many frames in one batch, the rest goes with the stream's next batches, also where the journal was opened anew", async () => {
  const directory = temporaryDirectory();
  const journal = await open(directory);
  const long = generations(2, JOURNAL_CUT_FRAMES_MAX + 10);
  await write(journal, long.slice(0, -1));
  const first = (await all(journal.readFrames(stream, { afterSeq: seq(0) }))).map(({ firstSeq }) => firstSeq);
  expect(first.slice(0, 2)).toEqual([1, JOURNAL_CUT_FRAMES_MAX + 2]);
  expect((await journal.verify({})).damage).toEqual([]);
  await write(journal, long.slice(-1));
  expect((await all(journal.readFrames(stream, { afterSeq: seq(0) }))).map(({ firstSeq }) => firstSeq)).toEqual([
    1,
    JOURNAL_CUT_FRAMES_MAX + 12,
    JOURNAL_CUT_FRAMES_MAX + 13,
  ]);
  await journal.close();
  const again = await open(directory);
  expect((await again.verify({})).damage).toEqual([]);
});

test("nothing is dropped by a batch that leaves before the one that holds the generation for which it may go", async () => {
  const directory = temporaryDirectory();
  const journal = await open(directory);
  const [opened, ...early] = generations(2, 3).slice(0, 4);
  await write(
    journal,
    [opened, ...early].flatMap((entry) => entry ?? []),
  );
  const next = early.length + 2;
  const last = next + JOURNAL_BATCH_ENTRIES_MAX;
  for (let at = next; at < last; at++) void journal.append(anEntry({ firstSeq: at, events: [attemptStarted(at)] }));
  void journal.append(anEntry({ firstSeq: last, events: [continued(2, last)], cutBefore: last }));
  await Promise.resolve(); // the full batch is on its way; a crash before the next one
  await journal.close();
  expect(await framesIn(directory)).toEqual([1, 2, 3, 4, 5]);
  const again = await open(directory);
  expect((await all(again.readFrames(stream, { afterSeq: seq(0) }))).flatMap(({ events }) => events)).toHaveLength(last - 1);
});

test("what is missing beside the cut is damage, as ever", async () => {
  const directory = await aCutJournal();
  await change(directory, (store) => store.write([{ key: frameKey(stream, 9), value: undefined }]));
  expect(await damageOf(directory)).toContain("events 9 to 9 are missing");
  const journal = await open(directory);
  await expect(all(journal.readFrames(stream, { afterSeq: seq(0) }))).rejects.toThrow(/events 9 to 9 are missing/);
});

test("a first frame that is missing is damage, and so is a head that is damaged or gone: it alone knows the cut", async () => {
  const directory = await aCutJournal();
  const head = headKey(stream, { isOpen: true });
  const kept = { frame: Buffer.alloc(0), head: Buffer.alloc(0) };
  await change(directory, async (store) => {
    kept.frame = Buffer.from(store.get(frameKey(stream, 1)) ?? []);
    kept.head = Buffer.from(store.get(head) ?? []);
    await store.write([{ key: frameKey(stream, 1), value: undefined }]);
  });
  expect((await damageOf(directory)).length).toBeGreaterThan(0);
  const flipped = Buffer.from(kept.head);
  flipped.writeUInt8((flipped.at(-1) ?? 0) ^ 1, flipped.length - 1);
  for (const value of [flipped, undefined]) {
    await change(directory, (store) =>
      store.write([
        { key: frameKey(stream, 1), value: kept.frame },
        { key: head, value },
      ]),
    );
    expect((await damageOf(directory)).length).toBeGreaterThan(0);
    const journal = await open(directory);
    await expect(all(journal.readFrames(stream, { afterSeq: seq(0) }))).rejects.toThrow(/JOURNAL_CORRUPT/);
    await journal.close();
  }
});

test("a frame that turns up again within the cut is damage", async () => {
  const directory = temporaryDirectory();
  const journal = await open(directory);
  const entries = generations(3, 3);
  await write(journal, entries.slice(0, -2));
  await journal.close();
  let frame: Uint8Array | undefined;
  await change(directory, async (store) => void (frame = store.get(frameKey(stream, 6))));
  const again = await open(directory);
  await write(again, entries.slice(-2));
  await again.close();
  await change(directory, (store) => store.write([{ key: frameKey(stream, 6), value: frame }]));
  expect((await damageOf(directory)).length).toBeGreaterThan(0);
});

test("a detail goes with the event that wrote it, and not one that a later event wrote under the same number", async () => {
  const directory = temporaryDirectory();
  const journal = await open(directory);
  const ended = (
    detail: AttemptDetail,
    outcome?: AttemptOutcome,
  ): { readonly events: readonly Event[]; readonly details: readonly AttemptDetail[] } => {
    const { task, attempt } = detail;
    const event = attemptEnded(task, { attempt, detailCrc: encodeDetail(detail).crc, ...(outcome === undefined ? {} : { outcome }) });
    return { events: [event], details: [detail] };
  };
  const many = Array.from({ length: JOURNAL_CUT_FRAMES_MAX - 1 }, (_, at) => anEntry({ firstSeq: at + 3, events: [attemptStarted(at)] }));
  const next = JOURNAL_CUT_FRAMES_MAX + 2;
  await write(journal, [
    opening(id),
    anEntry({ firstSeq: 2, ...ended(aDetail(7, { outputTail: "put off" }), AttemptOutcome.DEFERRED) }),
    ...many,
    anEntry({ firstSeq: next, ...ended(aDetail(7, { outputTail: "done" })) }),
    anEntry({ firstSeq: next + 1, events: [continued(2, next + 1)], cutBefore: next + 1 }),
  ]);
  expect(journal.detail(id, 7)?.outputTail).toBe("done");
  expect((await journal.verify({})).damage).toEqual([]);
  await journal.append(anEntry({ firstSeq: next + 2, events: [attemptStarted(1, 2)] }));
  expect(journal.detail(id, 7)).toBeUndefined();
  expect((await journal.verify({})).damage).toEqual([]);
});

test("who reads batches that were dropped is told so", async () => {
  const journal = await open(await aCutJournal());
  const batches = await all(journal.readBatches({ afterBatch: 0 }));
  expect(batches.map(({ damage = "" }) => damage.replace(/.*: /, ""))).toEqual([
    "",
    ...Array.from({ length: 7 }, () => "continue_as_new has dropped them"),
    "",
    "",
  ]);
});

test("the dump shows what was dropped", async () => {
  const journal = await open(await aCutJournal());
  const heads = (await all(journal.dump({}))).filter((line) => line.includes('"row":"head"'));
  expect(heads).toEqual([expect.stringContaining('"cutFrom":"2","cutTo":"8"')]);
});

test("where many workflows go on at one moment a batch drops so many frames of all together, and each stream's rest goes with its next batch", async () => {
  const directory = temporaryDirectory();
  const journal = await open(directory);
  const ids = Array.from({ length: JOURNAL_CUT_BATCH_FRAMES_MAX / JOURNAL_CUT_FRAMES_MAX + 2 }, (_, at) => anId(at + 1));
  await Promise.all(ids.map((each) => journal.append(opening(each))));
  for (let at = 2; at < JOURNAL_CUT_FRAMES_MAX + 2; at++)
    await Promise.all(ids.map((each) => journal.append(anEntry({ id: each, firstSeq: at, events: [attemptStarted(at)] }))));
  const before = JOURNAL_CUT_FRAMES_MAX + 2;
  // What is appended in one moment is one batch.
  const entries = ids.map((each) => anEntry({ id: each, firstSeq: before, events: [continued(2, before)], cutBefore: before }));
  await Promise.all(entries.map((entry) => journal.append(entry)));
  const left = async (): Promise<number> => {
    let frames = 0;
    for (const each of ids) frames += (await all(journal.readFrames(workflowStream(each), { afterSeq: seq(0) }))).length;
    return frames - 2 * ids.length;
  };
  expect(await left()).toBe(ids.length * JOURNAL_CUT_FRAMES_MAX - JOURNAL_CUT_BATCH_FRAMES_MAX);
  expect((await journal.verify({})).damage).toEqual([]);
  await Promise.all(ids.map((each) => journal.append(anEntry({ id: each, firstSeq: before + 1, events: [attemptStarted(1)] }))));
  expect(await left()).toBe(ids.length);
  expect((await journal.verify({})).damage).toEqual([]);
});
