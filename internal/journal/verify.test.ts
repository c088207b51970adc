import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  aDetail,
  all,
  anEntry,
  anId,
  aRecord,
  attemptEnded,
  attemptStarted,
  lockTaken,
  NOON_MS,
  opening,
} from "../../test/fakes/journal-entries.ts";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";
import { GUARD_STREAM, seq, workflowStream } from "../base/ids.ts";
import type { StreamId } from "../base/ids.ts";
import type { JournalDamage } from "../engine/ports.ts";
import { encodeDetail } from "../workflow/detail-codec.ts";
import { detailKey, frameKey, headerKey, headKey, namespaceKey, recordKey } from "./layout.ts";
import type { LevelJournal } from "./level-journal.ts";
import { openJournal } from "./open-journal.ts";
import { Store } from "./store.ts";

const open = (directory: string) => openJournal(directory, { onFatal: fail, nowMs: () => NOON_MS, isReadOnly: false });
const [one, two] = [workflowStream(anId(1)), workflowStream(anId(2))];

function fail(error: unknown): never {
  throw error;
}

/** Ten batches: two workflows, each with an event, a detail and a lock in each batch; the second ends. Returns the last head. */
async function aJournal(directory: string): Promise<string> {
  const journal = await open(directory);
  await Promise.all([journal.append(opening(anId(1), { key: "k" })), journal.append(opening(anId(2), { requestId: "r" }))]);
  for (let batch = 2; batch <= 10; batch++) {
    const detail = aDetail(batch, { outputTail: `the output of ${batch}`.repeat(10) });
    const events = [attemptEnded(batch, { detailCrc: encodeDetail(detail).crc })];
    const last = batch === 10 ? { index: { kind: "ended" as const, record: aRecord(anId(2), { isOpen: false, requestId: "r" }) } } : {};
    const guardEvents = [lockTaken(`web-${batch}`, anId(1))];
    await Promise.all([
      journal.append(anEntry({ id: anId(1), firstSeq: batch, events, details: [detail], guardEvents, guardFirstSeq: batch - 1 })),
      journal.append(anEntry({ id: anId(2), firstSeq: batch, events, details: [detail], ...last })),
    ]);
  }
  const { head } = await journal.verify({});
  await journal.close();
  return head;
}

async function edit(directory: string, change: (store: Store) => Promise<void>): Promise<void> {
  const store = await Store.open(join(directory, "journal"), { isCreated: false });
  await change(store);
  await store.close();
}

const remove = (key: Uint8Array) => (store: Store) => store.write([{ key, value: undefined }]);

async function withJournal<T>(directory: string, use: (journal: LevelJournal) => Promise<T>): Promise<T> {
  const journal = await open(directory);
  try {
    return await use(journal);
  } finally {
    await journal.close();
  }
}

const damageOf = (directory: string, head?: string): Promise<readonly JournalDamage[]> =>
  withJournal(directory, async (journal) => (await journal.verify(head === undefined ? {} : { head })).damage);

/** How many events of a stream come back; or the error's code. */
const readBack = (directory: string, stream: StreamId): Promise<number | string> =>
  withJournal(directory, async (journal) => {
    try {
      const frames = await all(journal.readFrames(stream, { afterSeq: seq(0) }));
      return frames.reduce((sum, frame) => sum + frame.events.length + frame.guardEvents.length, 0);
    } catch (error) {
      return error instanceof Error && "code" in error ? String(error.code) : String(error);
    }
  });

test("a whole journal has no damage, and any head that it ever had is found in it", async () => {
  const directory = temporaryDirectory();
  const head = await aJournal(directory);
  expect(await damageOf(directory, head.toUpperCase())).toEqual([]);
  await withJournal(directory, (journal) => journal.append(anEntry({ firstSeq: 11, events: [attemptStarted(1)] })));
  expect(await damageOf(directory, head)).toEqual([]);
  expect(await damageOf(directory, "0".repeat(64))).toMatchObject([
    { stream: "", seq: 12, reason: expect.stringContaining("tail is lost") },
  ]);
});

test.each<[string, Uint8Array, Partial<Record<"stream", string>> & { seq: number; reason: RegExp }, string | number]>([
  ["a frame in the middle", frameKey(one, 5), { stream: one, seq: 5, reason: /events 5 to 5 are missing/ }, "DATA_LOSS"],
  ["a stream's first frame", frameKey(one, 1), { stream: one, seq: 1, reason: /events 1 to 1 are missing/ }, "DATA_LOSS"],
  ["a stream's last frame", frameKey(one, 10), { stream: one, seq: 10, reason: /its end is missing: events 10 to 10/ }, "DATA_LOSS"],
  ["the guard's last frame", frameKey(GUARD_STREAM, 9), { stream: GUARD_STREAM, seq: 9, reason: /its end is missing/ }, 10],
  ["a detail", detailKey(anId(1), 4, 1), { stream: one, seq: 4, reason: /detail of task 4, attempt 1 is missing/ }, 10],
  ["a head", headKey(one, { isOpen: true }), { stream: one, seq: 11, reason: /its head is missing/ }, "DATA_LOSS"],
  ["a header", headerKey(6), { stream: "", seq: 6, reason: /headers of batches 6 to 6 are missing/ }, 10],
  ["a record", recordKey(anId(1)), { stream: one, seq: 0, reason: /record is missing/ }, 10],
  [
    "a place in a namespace",
    namespaceKey("default", anId(1)),
    { stream: one, seq: 0, reason: /missing in the list of namespace default/ },
    10,
  ],
])("%s that is removed is named", async (_, key, { reason, ...place }, read) => {
  const directory = temporaryDirectory();
  await aJournal(directory);
  await edit(directory, remove(key));
  expect(await damageOf(directory)).toContainEqual({ ...place, reason: expect.stringMatching(reason) });
  expect(await readBack(directory, one)).toBe(read);
  expect(await readBack(directory, two)).toBe(10);
});

test("a missing header names the streams whose frames it had named", async () => {
  const directory = temporaryDirectory();
  await aJournal(directory);
  await edit(directory, remove(headerKey(6)));
  expect((await damageOf(directory)).map(({ stream }) => stream)).toEqual(["", GUARD_STREAM, one, two]);
});

test("a whole frame in another's place, or that no header names, is found", async () => {
  const directory = temporaryDirectory();
  const other = temporaryDirectory();
  await aJournal(directory);
  const journal = await open(other);
  await journal.append(anEntry({ events: Array.from({ length: 12 }, (_, task) => attemptStarted(task)) }));
  for (let at = 13; at <= 14; at++) await journal.append(anEntry({ firstSeq: at, events: [attemptStarted(at)] }));
  await journal.close();
  const stolen: Uint8Array[] = [];
  await edit(other, async (store) => void stolen.push(store.get(frameKey(one, 1)) ?? Buffer.alloc(0)));
  await edit(directory, (store) => store.write([{ key: frameKey(one, 1), value: stolen[0] }]));
  const damage = await damageOf(directory);
  expect(damage.filter(({ stream }) => stream === one).map(({ reason }) => reason)).toEqual([
    "event 2 is there twice",
    expect.stringContaining("is not the one that the header names"),
  ]);
  expect(await readBack(directory, one)).toBe("DATA_LOSS");
});

test("a detail that another attempt wrote is found by its event's checksum", async () => {
  const directory = temporaryDirectory();
  await aJournal(directory);
  const journal = await open(directory);
  await journal.append(anEntry({ firstSeq: 11, events: [attemptEnded(3, { detailCrc: 12 })], details: [aDetail(3)] }));
  const reasons = (await journal.verify({})).damage.map(({ seq: at, reason }) => `${at} ${reason}`);
  await journal.close();
  expect(reasons).toEqual([3, 11].map((at) => `${at} the detail of task 3, attempt 1 is not the one that this event wrote`));
});

test("acknowledged batches at the end that LevelDB lost in silence are known, remembered, and not trusted", async () => {
  const directory = temporaryDirectory();
  await aJournal(directory);
  const before = temporaryDirectory();
  cpSync(join(directory, "journal"), join(before, "journal"), { recursive: true });
  await withJournal(directory, (journal) => journal.append(anEntry({ firstSeq: 11, events: [attemptStarted(1)] })));
  rmSync(join(directory, "journal"), { recursive: true });
  cpSync(join(before, "journal"), join(directory, "journal"), { recursive: true });
  expect(await damageOf(directory)).toContainEqual({
    stream: "",
    seq: 11,
    reason: expect.stringContaining("batches 11 to 11 were acknowledged"),
  });
  expect(await readBack(directory, one)).toBe("DATA_LOSS");
  expect(await readBack(directory, two)).toBe(10); // it had ended
  expect(await readBack(directory, GUARD_STREAM)).toBe("DATA_LOSS");
  // Work goes on under new numbers; the next start still knows.
  await withJournal(directory, (journal) => journal.append(opening(anId(3))));
  expect(await readBack(directory, one)).toBe("DATA_LOSS");
  expect(await readBack(directory, workflowStream(anId(3)))).toBe(1);
  expect((await damageOf(directory))[0]).toMatchObject({ stream: "", seq: 11, reason: "the headers of batches 11 to 11 are missing" });
});

/** Flips one byte after another in copies of the journal's files of a kind: all damage is seen, or everything is still there. */
async function flipEach(original: string, extension: string, flips: number): Promise<{ silent: string[]; seen: number }> {
  const whole = await withJournal(copyOf(original), (journal) => all(journal.dump({})));
  const found = { silent: new Array<string>(), seen: 0 };
  const files = readdirSync(join(original, "journal")).filter((name) => name.endsWith(extension));
  for (const name of files) {
    const size = readFileSync(join(original, "journal", name)).length;
    for (let at = 3; at < size; at += Math.max(1, Math.floor(size / flips))) {
      const directory = copyOf(original);
      const path = join(directory, "journal", name);
      const bytes = readFileSync(path);
      bytes[at] = (bytes[at] ?? 0) ^ 0x20;
      writeFileSync(path, bytes);
      if (await isSilent(directory, whole)) found.silent.push(`${name} at ${at}`);
      else found.seen++;
      rmSync(directory, { recursive: true });
    }
  }
  return found;
}

function copyOf(original: string): string {
  const directory = temporaryDirectory();
  cpSync(original, directory, { recursive: true });
  return directory;
}

async function isSilent(directory: string, whole: readonly string[]): Promise<boolean> {
  try {
    return await withJournal(directory, async (journal) => {
      if ((await journal.verify({})).damage.length > 0) return false;
      const lines = await all(journal.dump({}));
      return lines.some((line, at) => line !== whole[at]) || lines.length !== whole.length;
    });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "DATA_LOSS") return false;
    throw error;
  }
}

test("no flipped byte in LevelDB's log passes in silence", async () => {
  const directory = temporaryDirectory();
  await aJournal(directory);
  const { silent, seen } = await flipEach(directory, ".log", 60);
  expect(silent).toEqual([]);
  expect(seen).toBeGreaterThan(50);
});
