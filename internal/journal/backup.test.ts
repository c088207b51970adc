import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { aDetail, all, anEntry, anId, attemptStarted, lockTaken, NOON_MS, opening } from "../../test/fakes/journal-entries.ts";
import { seededRandom } from "../../test/fakes/fake-ids.ts";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";
import { GUARD_STREAM, seq, workflowStream } from "../base/ids.ts";
import { BACKUP_CHUNK_BYTES, BACKUP_STILL_MS_MAX } from "../base/limits.ts";
import { BackupDesk } from "./backup-desk.ts";
import { readBackup } from "./backup-reader.ts";
import { recordKey } from "./layout.ts";
import type { LevelJournal } from "./level-journal.ts";
import { openJournal } from "./open-journal.ts";
import { restoreJournal } from "./restore-journal.ts";
import { Store } from "./store.ts";
import type { Row } from "./store.ts";

const SEED = Number(process.env["HOLDFAST_SEED"] ?? 11);
const DAMAGES = 120;

async function open(directory: string, isReadOnly = false): Promise<LevelJournal> {
  const onFatal = (error: unknown): never => {
    throw error;
  };
  const journal = await openJournal(directory, { onFatal, nowMs: () => NOON_MS, isReadOnly });
  onTestFinished(() => journal.close());
  return journal;
}

/** Turn after turn of one workflow, with a detail and an event of the guard each. */
async function fill(journal: LevelJournal, turns: number): Promise<void> {
  await journal.append(opening(anId(1), { key: "web", requestId: "r1" }));
  const appends: Promise<void>[] = [];
  for (let at = 2; at <= turns; at++) appends.push(journal.append(turn(at)));
  await Promise.all(appends);
}

function turn(at: number, text = "x".repeat(200)) {
  const guardEvents = [lockTaken(`t${at}`, anId(1))];
  return anEntry({
    firstSeq: at,
    events: [attemptStarted(at)],
    guardEvents,
    guardFirstSeq: at - 1,
    details: [aDetail(at, { outputTail: text })],
  });
}

async function bytesOf(journal: LevelJournal): Promise<Buffer> {
  return Buffer.concat(await all(journal.backup()));
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const read = (bytes: Uint8Array, size = 1_000) => readBackup(inPieces(bytes, size), { name: "b", onRows: () => Promise.resolve() });

function restore(file: string, dataDirectory: string, options: { nonce?: string; isDamageAccepted?: boolean } = {}) {
  return restoreJournal({ file, dataDirectory, nowMs: NOON_MS + 5, nonce: "n", isDamageAccepted: false, ...options });
}

async function aBackup(turns: number) {
  const directory = temporaryDirectory();
  const journal = await open(join(directory, "data"));
  await fill(journal, turns);
  const file = join(directory, "backup");
  writeFileSync(file, await bytesOf(journal));
  return { directory, journal, file };
}

test("a backup under appends holds what was acknowledged before it, and what it holds is whole", async () => {
  const directory = temporaryDirectory();
  const journal = await open(join(directory, "data"));
  await fill(journal, 3_000);
  let next = 3_001;
  const acknowledgedAt: number[] = [];
  for (let round = 0; round < 5; round++) {
    const chunks: Uint8Array[] = [];
    let acknowledged = 0;
    const pending: Promise<void>[] = [];
    for (let at = 0; at < 20; at++, next++) await journal.append(turn(next)).then(() => (acknowledged = next));
    acknowledgedAt.push(acknowledged);
    for await (const chunk of journal.backup()) {
      chunks.push(chunk);
      for (let at = 0; at < 50; at++, next++) pending.push(journal.append(turn(next)));
      await pending.at(-1);
    }
    await Promise.all(pending);
    const file = join(directory, `backup-${round}`);
    writeFileSync(file, Buffer.concat(chunks));
    const done = await restore(file, join(directory, `restored-${round}`));
    expect(done.report.damage).toEqual([]);
    const restored = await open(join(directory, `restored-${round}`));
    const frames = await all(restored.readFrames(workflowStream(anId(1)), { afterSeq: seq(0) }));
    const events = frames.reduce((sum, frame) => sum + frame.events.length, 0);
    expect(events).toBe(acknowledged); // all of them, and nothing of what came while it was taken
    const guard = await all(restored.readFrames(GUARD_STREAM, { afterSeq: seq(0) }));
    expect(guard.reduce((sum, frame) => sum + frame.guardEvents.length, 0)).toBe(acknowledged - 1);
    expect(restored.detail(anId(1), acknowledged)?.outputTail).toBe("x".repeat(200));
    expect(done.backup).toMatchObject({ workflows: 1, openWorkflows: 1, damagedRows: 0, head: done.report.head });
  }
  expect(acknowledgedAt.length).toBe(5);
});

test("a restored journal goes on where the backup ends, and says for ever where it comes from", async () => {
  const { directory, file, journal } = await aBackup(10);
  const { head } = await journal.verify({});
  const data = join(directory, "new");
  const done = await restore(file, data);
  expect(done).toMatchObject({ acknowledged: undefined, open: [{ status: { id: anId(1) } }] });
  const restored = await open(data);
  expect(restored.restoreMark()).toEqual({ restore: done.restore, backupMs: NOON_MS, batch: done.backup.batch, head });
  await restored.append(turn(11));
  expect((await restored.verify({ head })).damage).toEqual([]);
  const again = join(directory, "again");
  writeFileSync(again, await bytesOf(restored));
  const second = await restore(again, join(directory, "third"), { nonce: "other" });
  expect([second.backup.store, second.restore === done.restore]).toEqual([done.backup.store, false]);
  expect((await open(join(directory, "third"))).restoreMark()?.restore).toBe(second.restore);
  expect(journal.restoreMark()).toBeUndefined();
});

test("an empty journal has a backup too", async () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, "b"), await bytesOf(await open(join(directory, "data"))));
  const { backup, report } = await restore(join(directory, "b"), join(directory, "new"));
  expect([backup.batch, backup.head, backup.store, backup.workflows, report.damage]).toEqual([0, "", "", 0, []]);
  await (await open(join(directory, "new"))).append(opening(anId(1)));
});

test("chunks are bounded, also where one row is larger than any of them", async () => {
  const journal = await open(temporaryDirectory());
  await fill(journal, 5);
  const text = "y".repeat(3 * BACKUP_CHUNK_BYTES + 7);
  await journal.append(turn(6, text));
  const chunks = await all(journal.backup());
  expect(Math.max(...chunks.map(({ length }) => length))).toBe(BACKUP_CHUNK_BYTES);
  const rows: Row[] = [];
  const source = inPieces(Buffer.concat(chunks), 70_001);
  await readBackup(source, { name: "b", onRows: async (some) => void rows.push(...some) });
  expect(rows.some(([, record]) => Buffer.from(record).includes(text))).toBe(true);
});

test(`one flipped byte is always found and named, wherever it is (seed ${SEED})`, async () => {
  const { file } = await aBackup(60);
  const whole = readFileSync(file);
  const random = seededRandom(SEED);
  const { bytes } = await read(whole);
  expect(bytes).toBe(whole.length);
  const places = [
    0,
    15,
    16,
    17,
    20,
    whole.length - 1,
    whole.length - 40,
    ...Array.from({ length: DAMAGES }, () => Math.floor(random() * whole.length)),
  ];
  for (const at of places) {
    const damaged = Buffer.from(whole);
    damaged[at] = (damaged[at] ?? 0) ^ (1 << Math.floor(random() * 8));
    await expect(read(damaged), `byte ${at}`).rejects.toThrow(/(the backup b is (damaged at byte \d+|cut short)|b is no backup|format)/);
  }
});

test(`a backup that is cut off anywhere is refused, and so is one with something after its end (seed ${SEED})`, async () => {
  const { file, directory } = await aBackup(60);
  const whole = readFileSync(file);
  const random = seededRandom(SEED + 1);
  const ends = [
    0,
    1,
    15,
    16,
    21,
    whole.length - 1,
    whole.length - 10,
    ...Array.from({ length: DAMAGES }, () => Math.floor(random() * whole.length)),
  ];
  for (const end of ends) await expect(read(whole.subarray(0, end)), `${end} bytes`).rejects.toThrow(/cut short|no backup/);
  await expect(read(Buffer.concat([whole, Buffer.from("\n")]))).rejects.toThrow("something after its closing record");
  await expect(read(Buffer.concat([whole, whole]))).rejects.toThrow("something after its closing record");
  writeFileSync(join(directory, "cut"), whole.subarray(0, whole.length - 3));
  await expect(restore(join(directory, "cut"), join(directory, "new"))).rejects.toThrow("cut short");
  expect(existsSync(join(directory, "new"))).toBe(false);
});

test("blocks that were left out, doubled or exchanged are found by the closing record", async () => {
  const { journal } = await aBackup(2_000);
  const whole = await bytesOf(journal);
  const starts: number[] = [];
  for (let at = 16; at < whole.length; at += 9 + whole.readUInt32BE(at + 1)) starts.push(at);
  const blocks = starts.map((from, index) => whole.subarray(from, starts[index + 1] ?? whole.length));
  expect(blocks.length).toBeGreaterThan(4);
  const [start, first, second, ...rest] = blocks;
  const file = (...some: (Uint8Array | undefined)[]) =>
    Buffer.concat([whole.subarray(0, 16), ...some.map((one) => one ?? Buffer.alloc(0))]);
  await expect(read(file(start, first, second, ...rest))).resolves.toMatchObject({ damagedRows: 0 });
  await expect(read(file(start, second, ...rest))).rejects.toThrow(/rows by its closing record/);
  await expect(read(file(start, first, first, second, ...rest))).rejects.toThrow(/rows by its closing record/);
  await expect(read(file(start, second, first, ...rest))).rejects.toThrow(/another SHA-256/);
});

test("damage that was in the journal already is counted by the backup, and restored only when that is accepted", async () => {
  const { directory, journal } = await aBackup(20);
  await journal.close();
  const store = await Store.open(join(directory, "data", "journal"), { isCreated: false });
  const key = recordKey(anId(1));
  const record = Buffer.from(store.get(key) ?? Buffer.alloc(0));
  record[record.length - 1] = (record.at(-1) ?? 0) ^ 1;
  await store.write([{ key, value: record }]);
  await store.close();
  const file = join(directory, "damaged");
  writeFileSync(file, await bytesOf(await open(join(directory, "data"))));
  await expect(read(readFileSync(file))).resolves.toMatchObject({ damagedRows: 1 });
  await expect(restore(file, join(directory, "new"))).rejects.toThrow(
    /was damaged when the backup was taken, in 1 places.*--accept-damage/,
  );
  expect(existsSync(join(directory, "new", "journal"))).toBe(false);
  const { report } = await restore(file, join(directory, "new"), { isDamageAccepted: true });
  expect(report.damage).toHaveLength(1);
});

test("a journal that is there is never written over, one that is gone leaves its last number", async () => {
  const { directory, file, journal } = await aBackup(20);
  await expect(restore(file, join(directory, "data"))).rejects.toThrow(
    /has a journal; a restore never writes over one: name a new directory/,
  );
  await journal.append(turn(21));
  await journal.close();
  const { renameSync } = await import("node:fs");
  renameSync(join(directory, "data", "journal"), join(directory, "data", "journal.bad"));
  const done = await restore(file, join(directory, "data"));
  expect([done.backup.batch < (done.acknowledged ?? 0), done.acknowledged]).toEqual([true, done.backup.batch + 1]);
  const restored = await open(join(directory, "data"));
  expect([restored.lostBatches, (await restored.verify({})).damage]).toEqual([[], []]);
});

test("what a restore that was killed has left is no journal, and the next restore begins anew", async () => {
  const { directory, file } = await aBackup(20);
  const data = join(directory, "new");
  mkdirSync(data);
  const left = await Store.open(join(data, "journal.restoring"), { isCreated: true });
  await expect(restore(file, data)).rejects.toThrow("is open in another process");
  await left.write([{ key: Buffer.from("zzz"), value: Buffer.from("left") }]);
  await left.close();
  expect((await restore(file, data)).report.damage).toEqual([]);
  expect(readdirSync(data).toSorted()).toEqual(["journal", "journal-head"]);
});

test("a file that is no backup leaves no directory that was not there before", async () => {
  const directory = temporaryDirectory();
  const file = join(directory, "odd");
  writeFileSync(file, "this is no backup");
  mkdirSync(join(directory, "kept"));
  for (const data of ["new/data", "kept"]) await expect(restore(file, join(directory, data))).rejects.toMatchObject({ code: "DATA_LOSS" });
  expect(readdirSync(directory).toSorted()).toEqual(["kept", "odd"]);
});

test("one backup at a time; one that nobody reads gives way after a minute", async () => {
  const store = await Store.open(join(temporaryDirectory(), "s"), { isCreated: true });
  onTestFinished(() => store.close());
  await store.write([{ key: Buffer.from("a"), value: Buffer.from("b") }]);
  let nowMs = 0;
  const desk = new BackupDesk({ store, nowMs: () => nowMs });
  const still = desk.take()[Symbol.asyncIterator]();
  await still.next();
  await expect(all(desk.take())).rejects.toThrow("another backup is being taken");
  nowMs = BACKUP_STILL_MS_MAX;
  expect((await all(desk.take())).length).toBeGreaterThan(2);
  await expect(still.next()).rejects.toThrow("take it again");
  expect((await all(desk.take())).length).toBeGreaterThan(2);
  const left = desk.take();
  await left.next();
  await left.return(undefined);
  expect((await all(desk.take())).length).toBeGreaterThan(2);
});
