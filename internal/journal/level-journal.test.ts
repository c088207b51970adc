import { create } from "@bufbuild/protobuf";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished, expect, test } from "vitest";
import {
  aDetail,
  all,
  anEntry,
  anId,
  attemptEnded,
  attemptStarted,
  lockTaken,
  NOON_MS,
  opening,
} from "../../test/fakes/journal-entries.ts";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";
import { GUARD_STREAM, seq, workflowStream } from "../base/ids.ts";
import type { JsonObject } from "../base/json.ts";
import { JOURNAL_BATCH_ENTRIES_MAX, JSON_DEPTH_MAX } from "../base/limits.ts";
import { EventSchema } from "../gen/holdfast/v1/event_pb.ts";
import { jsonToStruct, jsonToValue } from "../workflow/value-json.ts";
import { META_KEY } from "./layout.ts";
import { LevelJournal } from "./level-journal.ts";
import { openJournal } from "./open-journal.ts";
import { Store } from "./store.ts";

async function open(directory: string, options: { isReadOnly?: boolean } = {}): Promise<LevelJournal> {
  const onFatal = (error: unknown): never => {
    throw error;
  };
  const journal = await openJournal(directory, { onFatal, nowMs: () => NOON_MS, isReadOnly: false, ...options });
  onTestFinished(() => journal.close());
  return journal;
}

const one = workflowStream(anId(1));

test("what is appended in one moment shares one batch, one frame a stream and one frame of the guard", async () => {
  const journal = await open(temporaryDirectory());
  const appends = [1, 2, 3, 4].map((at) => {
    const id = anId(at <= 2 ? 1 : 2);
    const guardEvents = [lockTaken(`t${at}`, id)];
    return journal.append(anEntry({ id, firstSeq: at <= 2 ? at : at - 2, events: [attemptStarted(at)], guardEvents, guardFirstSeq: at }));
  });
  await Promise.all(appends);
  const { batches, frames, events } = await journal.verify({});
  expect({ batches, frames, events }).toEqual({ batches: 1, frames: 3, events: 8 });
});

test("a batch is bounded, and a long queue goes out in several", async () => {
  const journal = await open(temporaryDirectory());
  const count = 2 * JOURNAL_BATCH_ENTRIES_MAX + 1;
  const appends = Array.from({ length: count }, (_, at) => journal.append(anEntry({ firstSeq: at + 1, events: [attemptStarted(at)] })));
  await Promise.all(appends);
  const report = await journal.verify({});
  expect([report.batches, report.events, report.damage]).toEqual([3, count, []]);
});

test("acknowledgements come in the order of the appends", async () => {
  const journal = await open(temporaryDirectory());
  const order: number[] = [];
  const appends: Promise<void>[] = [];
  for (let at = 1; at <= 100; at++) {
    appends.push(journal.append(anEntry({ firstSeq: at, events: [attemptStarted(at)] })).then(() => void order.push(at)));
    if (at % 7 === 0) await appends[at - 5];
  }
  await Promise.all(appends);
  expect(order).toEqual(order.toSorted((left, right) => left - right));
});

test("a failed write is the end: it is told once, and nothing is acknowledged any more", async () => {
  const directory = temporaryDirectory();
  const store = await Store.open(join(directory, "journal"), { isCreated: true });
  const fatal: unknown[] = [];
  const journal = new LevelJournal({
    store,
    headFile: undefined,
    opened: { end: { number: 0, digest: new Uint8Array(0) }, lost: [] },
    isReadOnly: false,
    onFatal: (error) => fatal.push(error),
    nowMs: () => NOON_MS,
  });
  await store.close();
  let acknowledged = 0;
  void journal.append(anEntry({ events: [], details: [aDetail(1)] })).then(() => acknowledged++);
  await new Promise((resolve) => setImmediate(resolve));
  void journal.append(anEntry({ events: [], details: [aDetail(2)] })).then(() => acknowledged++);
  await new Promise((resolve) => setImmediate(resolve));
  expect([fatal.length, acknowledged]).toEqual([1, 0]);
});

test("a second opener is refused, and told what to do", async () => {
  const directory = temporaryDirectory();
  await open(directory);
  await expect(open(directory)).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: expect.stringContaining(`${directory}/journal is open in another process; stop`),
  });
});

test("a journal of a newer format is refused, not misread", async () => {
  const directory = temporaryDirectory();
  const store = await Store.open(join(directory, "journal"), { isCreated: true });
  await store.write([{ key: META_KEY, value: Uint8Array.from([2, 0, 0, 0, 0, 9]) }]);
  await store.close();
  await expect(open(directory)).rejects.toMatchObject({ code: "FAILED_PRECONDITION", message: expect.stringContaining("has format 2") });
});

test("a journal with batches and without its meta row is not begun on, and verify names it", async () => {
  const directory = temporaryDirectory();
  const journal = await open(directory);
  await journal.append(anEntry({ id: anId(1), firstSeq: 1, events: [attemptEnded(1)] }));
  await journal.close();
  const store = await Store.open(join(directory, "journal"), { isCreated: false });
  await store.write([{ key: META_KEY, value: Uint8Array.from([1, 0, 0, 0, 0, 9]) }]);
  await store.close();
  await expect(open(directory)).rejects.toMatchObject({ code: "DATA_LOSS", message: expect.stringContaining("the meta row") });
  const looked = await openJournal(directory, { onFatal: () => undefined, nowMs: () => NOON_MS, isReadOnly: true });
  expect((await looked.verify({})).damage).toContainEqual({ stream: "", seq: 0, reason: expect.stringContaining("the meta row") });
  await looked.close();
});

test("what LevelDB itself cannot open is DATA_LOSS, with the directory and what to run", async () => {
  const directory = temporaryDirectory();
  await (await open(directory)).close();
  writeFileSync(join(directory, "journal", "CURRENT"), "MANIFEST-nonsense\n");
  await expect(open(directory)).rejects.toMatchObject({
    code: "DATA_LOSS",
    message: expect.stringContaining(`holdfast journal verify --data ${directory}`),
  });
});

test("looking at a journal needs one, makes none, and writes nothing", async () => {
  const directory = temporaryDirectory();
  await expect(open(directory, { isReadOnly: true })).rejects.toMatchObject({ code: "NOT_FOUND" });
  const journal = await open(directory);
  await journal.append(opening(anId(1)));
  await journal.close();
  const looker = await open(directory, { isReadOnly: true });
  expect((await looker.verify({})).damage).toEqual([]);
  expect(() => looker.append(anEntry({}))).toThrow(/only looked at/);
  const empty = temporaryDirectory();
  await expect(open(empty, { isReadOnly: true })).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(readdirSync(empty)).toEqual([]);
});

test("a dump says every row, as one JSON line each, the same each time", async () => {
  const directory = temporaryDirectory();
  const journal = await open(directory);
  await journal.append(opening(anId(1), { key: "k", requestId: "r" }));
  await journal.append(anEntry({ firstSeq: 2, events: [attemptEnded(0)], details: [aDetail(0)], guardEvents: [lockTaken("a", anId(1))] }));
  const lines = await all(journal.dump({}));
  const kinds = lines.map((line) => JSON.parse(line).row);
  expect(kinds).toEqual([
    "header",
    "header",
    "chain",
    "detail",
    "frame",
    "frame",
    "frame",
    "head",
    "key",
    "meta",
    "namespace",
    "head",
    "request",
    "record",
  ]);
  expect(await all(journal.dump({}))).toEqual(lines);
  expect((await all(journal.dump({ stream: GUARD_STREAM }))).map((line) => JSON.parse(line).row)).toEqual(["frame", "head"]);
  expect((await all(journal.dump({ stream: one }))).map((line) => JSON.parse(line).row)).toEqual([
    "detail",
    "frame",
    "frame",
    "head",
    "record",
  ]);
  await expect(all(journal.dump({ stream: "../x" }))).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
});

test("verifying beside appends sees one moment, and finds nothing wrong", async () => {
  const journal = await open(temporaryDirectory());
  const appends: Promise<void>[] = [];
  for (let at = 1; at <= 2_000; at++)
    appends.push(journal.append(anEntry({ firstSeq: at, events: [attemptStarted(at)], details: [aDetail(at)] })));
  await appends[0];
  for (let round = 0; round < 5; round++) {
    for (let at = 1; at <= 200; at++) {
      const firstSeq = 2_000 + round * 200 + at;
      appends.push(journal.append(anEntry({ firstSeq, events: [attemptStarted(at)] })));
    }
    expect((await journal.verify({})).damage).toEqual([]);
    expect((await all(journal.readFrames(one, { afterSeq: seq(0) }))).length).toBeGreaterThan(0);
  }
  await Promise.all(appends);
});

test("a value that is nested as deep as values may be is read again as it was written", async () => {
  const nested = (levels: number): JsonObject => (levels === 1 ? { bottom: true } : { a: nested(levels - 1) });
  const data = nested(JSON_DEPTH_MAX);
  const received = create(EventSchema, { kind: { case: "completionReceived", value: { task: 0, attempt: 1, data: jsonToStruct(data) } } });
  const output = jsonToValue({ own: null, completion: data });
  const journal = await open(temporaryDirectory());
  await journal.append(opening(anId(1), { events: [received] }));
  await journal.append(anEntry({ firstSeq: 2, events: [attemptEnded(0)], details: [{ ...aDetail(0), output }] }));
  const [frame] = await all(journal.readFrames(one, { afterSeq: seq(0) }));
  expect(frame?.events[0]).toEqual(received);
  expect(journal.detail(anId(1), 0)?.output).toEqual(output);
  expect((await journal.verify({})).damage).toEqual([]);
});
