import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";
import { Logbook, stateDirectory } from "./logbook.ts";
import type { LogbookEntry } from "./logbook-entry.ts";
import { diskFiles } from "./logbook-files.ts";

const DAY_MS = 86_400_000;

function aLogbook() {
  const time = { nowMs: 1_800_000_000_000 };
  const directory = temporaryDirectory();
  const clock = { nowMs: () => time.nowMs, after: () => () => undefined };
  return { time, logbook: new Logbook({ stateDirectory: directory, files: diskFiles, clock }) };
}

function anEntry(fields: Partial<LogbookEntry> = {}): LogbookEntry {
  return {
    version: 1,
    requestId: randomUUID(),
    requestDigest: "sha256:0",
    intent: "exec",
    createdAtMs: 1_800_000_000_000,
    service: { address: "http://127.0.0.1:7543", credential: "" },
    file: "w.yaml",
    name: "w",
    namespace: "",
    key: "",
    request: { requestId: "x" },
    id: null,
    digest: null,
    executedAtMs: null,
    end: null,
    ...fields,
  };
}

test("the directory is HOLDFAST_STATE_DIR, else XDG's, else under the home", () => {
  expect(stateDirectory({ HOLDFAST_STATE_DIR: "/a", XDG_STATE_HOME: "/b" }, "/home/x")).toBe("/a");
  expect(stateDirectory({ HOLDFAST_STATE_DIR: "", XDG_STATE_HOME: "/b" }, "/home/x")).toBe("/b/holdfast");
  expect(stateDirectory({}, "/home/x")).toBe("/home/x/.local/state/holdfast");
});

test("an entry reads back as it was saved, in a file that only its owner may read", async () => {
  const { logbook } = aLogbook();
  const entry = anEntry({ key: "k" });
  await logbook.save(entry);
  expect(await logbook.read()).toEqual({ entries: [entry], damaged: [] });
  expect(await logbook.find("k")).toEqual(entry);
  const { statSync } = await import("node:fs");
  expect(statSync(logbook.pathOf(entry.requestId)).mode & 0o777).toBe(0o600);
});

test("two writers of one entry, in either order, lose no fact", async () => {
  const { logbook } = aLogbook();
  const entry = anEntry();
  await logbook.save(entry);
  const executed = { ...entry, id: "i", digest: "d", executedAtMs: 5 };
  const ended = { ...entry, end: { phase: "SUCCEEDED", atMs: 9 } };
  await Promise.all([logbook.save(executed), logbook.save(ended)]);
  await logbook.save(executed);
  await logbook.save(ended);
  expect((await logbook.read()).entries).toEqual([{ ...executed, request: null, end: { phase: "SUCCEEDED", atMs: 9 } }]);
});

test("finished entries go when they are old; open, torn and foreign ones stay", async () => {
  const { logbook, time } = aLogbook();
  await logbook.save(anEntry({ end: { phase: "FAILED", atMs: time.nowMs } }));
  const open = anEntry();
  await logbook.save(open);
  writeFileSync(join(logbook.directory, `${randomUUID()}.json`), "{");
  writeFileSync(join(logbook.directory, "README"), "mine");
  time.nowMs += 31 * DAY_MS;
  await logbook.prune();
  const { entries, damaged } = await logbook.read();
  expect(entries).toEqual([open]);
  expect(damaged).toHaveLength(2);
});

test("what an interrupted write left behind is passed over, and goes after an hour", async () => {
  const { logbook, time } = aLogbook();
  const entry = anEntry();
  await logbook.save(entry);
  writeFileSync(join(logbook.directory, `${entry.requestId}.${time.nowMs}-${randomUUID()}.tmp`), "{");
  await logbook.prune();
  expect(readdirSync(logbook.directory)).toHaveLength(2);
  expect((await logbook.read()).damaged).toEqual([]);
  time.nowMs += 2 * 3_600_000;
  await logbook.prune();
  expect(readdirSync(logbook.directory)).toHaveLength(1);
});

test("a request ID that is no UUID never becomes a path", async () => {
  const { logbook } = aLogbook();
  await expect(logbook.save(anEntry({ requestId: "../../etc/passwd" }))).rejects.toThrow("must be a UUID");
});

test("a file of a later format, or under another entry's name, is not read as an entry", async () => {
  const { logbook } = aLogbook();
  const entry = anEntry();
  await logbook.save(entry);
  const text = readFileSync(logbook.pathOf(entry.requestId), "utf8");
  writeFileSync(logbook.pathOf(randomUUID()), text);
  writeFileSync(logbook.pathOf(randomUUID()), text.replace('"version": 2', '"version": 3'));
  const { entries, damaged } = await logbook.read();
  expect(entries).toEqual([entry]);
  expect(damaged.map(({ reason }) => reason).sort()).toEqual([
    "not a logbook entry: the request ID inside is not the file's name",
    "not a logbook entry: version is neither 1 nor 2: a later version of holdfast wrote it, or another program",
  ]);
});

test("an entry of which a bit was flipped is damaged, and stays where it is", async () => {
  const { logbook } = aLogbook();
  const entry = anEntry({ id: "01900000-0000-7000-8000-000000000001", key: "kept" });
  await logbook.save(entry);
  const path = logbook.pathOf(entry.requestId);
  const text = readFileSync(path, "utf8");
  const changed = [
    text.replace("8000-000000000001", "8000-000000000003"),
    text.replace("1800000000000", "1800000000001"),
    text.replace('"kept"', '"kepu"'),
    text.replace('"requestId": "x"', '"requestId": "y"'),
    text.replace(/,\n "sum": "\w+"/, ""),
    text.replace('"version": 2', '"version": 1'),
  ];
  for (const damaged of changed) {
    expect(damaged).not.toBe(text);
    writeFileSync(path, damaged);
    const found = { path, reason: expect.stringMatching(/sum is not that of the entry/), isEntry: true };
    expect((await logbook.read()).damaged, damaged).toEqual([found]);
    await expect(logbook.save(entry)).rejects.toThrow("sum");
    expect(readFileSync(path, "utf8")).toBe(damaged);
  }
});

test("an entry of before there was a sum is read, and gets one at its next write", async () => {
  const { logbook } = aLogbook();
  const entry = anEntry();
  await logbook.save(entry);
  const path = logbook.pathOf(entry.requestId);
  writeFileSync(path, JSON.stringify(entry, null, 1));
  expect(await logbook.read()).toEqual({ entries: [entry], damaged: [] });
  await logbook.save({ ...entry, id: "i" });
  expect(readFileSync(path, "utf8")).toMatch(/"version": 2,[^]*"sum": "[0-9a-f]{64}"\n}/);
  expect(await logbook.find("i")).toEqual({ ...entry, id: "i" });
});
