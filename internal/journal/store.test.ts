import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { anId, NOON_MS, opening } from "../../test/fakes/journal-entries.ts";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";
import { resolveRef } from "../engine/lookup.ts";
import { CHAIN_KEY, headKey, recordKey } from "./layout.ts";
import type { LevelJournal } from "./level-journal.ts";
import { openJournal } from "./open-journal.ts";
import { Store } from "./store.ts";
import { verifyJournal } from "./verify.ts";
import { workflowStream } from "../base/ids.ts";

const syncs = vi.hoisted((): { paths: string[] } => ({ paths: [] }));
vi.mock(import("./synced-directory.ts"), async (original) => {
  const { syncDirectory } = await original();
  return {
    syncDirectory: (path) => {
      syncs.paths.push(path);
      syncDirectory(path);
    },
  };
});

beforeEach(() => {
  syncs.paths = [];
});

const open = (directory: string, isReadOnly = false): Promise<LevelJournal> =>
  openJournal(directory, { onFatal: fail, nowMs: () => NOON_MS, isReadOnly });

function fail(error: unknown): never {
  throw error;
}

/** A data directory whose rows are in a table: each opening of a store writes what the log held to one. */
async function inTables(): Promise<string> {
  const directory = temporaryDirectory();
  const journal = await open(directory);
  await journal.append(opening(anId(1), { key: "k" }));
  await journal.close();
  await (await open(directory)).close();
  return directory;
}

function filesOf(directory: string): readonly string[] {
  return readdirSync(join(directory, "journal")).sort();
}

async function withStore(directory: string, use: (store: Store) => Promise<void>): Promise<void> {
  const store = await Store.open(join(directory, "journal"), { isCreated: false });
  try {
    await use(store);
  } finally {
    await store.close();
  }
}

test("a table that ends too early is a loss of data, in words that say what to do", async () => {
  for (const bytes of [0, 30, 100]) {
    const directory = await inTables();
    for (const name of filesOf(directory)) if (name.endsWith(".ldb")) truncateSync(join(directory, "journal", name), bytes);
    await withStore(directory, async (store) => {
      const error: unknown = await Promise.resolve()
        .then(() => store.get(recordKey(anId(1))))
        .catch((found: unknown) => found);
      expect(error, `${bytes}`).toMatchObject({ code: "DATA_LOSS" });
      expect(String(error)).toMatch(
        /JOURNAL_CORRUPT: .*journal cannot be read: .*holdfast journal verify --data .*holdfast journal restore/,
      );
      await expect(async () => {
        for await (const _ of store.rows({ gte: new Uint8Array(0), lt: Buffer.from([0xff]) }));
      }).rejects.toMatchObject({ code: "DATA_LOSS" });
    });
  }
});

test.each([
  ["CURRENT", /^CURRENT$/],
  ["CURRENT and logs", /^(?:CURRENT|.*\.log)$/],
  ["CURRENT, logs and tables", /^(?:CURRENT|.*\.log|.*\.ldb)$/],
])("what is left of a journal without %s is refused, and no file of it is touched", async (_, gone) => {
  const directory = await inTables();
  for (const name of filesOf(directory)) if (gone.test(name)) rmSync(join(directory, "journal", name));
  const before = filesOf(directory).map((name) => [name, readFileSync(join(directory, "journal", name), "hex")]);
  for (const isReadOnly of [false, true]) {
    await expect(open(directory, isReadOnly)).rejects.toMatchObject({
      code: "DATA_LOSS",
      message: expect.stringMatching(/JOURNAL_CORRUPT: .*not the file CURRENT .*nothing was touched.*holdfast journal restore/),
    });
  }
  expect(filesOf(directory).map((name) => [name, readFileSync(join(directory, "journal", name), "hex")])).toEqual(before);
});

test("a workflow of which there are events, and no record, is damaged and not unknown", async () => {
  const directory = await inTables();
  await withStore(directory, (store) => store.write([{ key: recordKey(anId(1)), value: undefined }]));
  let journal = await open(directory);
  expect(() => journal.record(anId(1))).toThrow(/JOURNAL_CORRUPT: stream .*its record is missing, and its events are there/);
  expect(journal.record(anId(2))).toBeUndefined();
  await journal.close();
  await withStore(directory, (store) => store.write([{ key: headKey(workflowStream(anId(1)), { isOpen: true }), value: undefined }]));
  journal = await open(directory);
  onTestFinished(() => journal.close());
  expect(() => journal.record(anId(1))).toThrow(/JOURNAL_CORRUPT/);
});

test("who asks for a key that is not there hears which batches the journal lacks", async () => {
  const directory = await inTables();
  const lost = [
    { first: 3, last: 7 },
    { first: 9, last: 9 },
  ];
  const journal = await open(directory);
  onTestFinished(() => journal.close());
  const ref = { id: "another", namespace: "" };
  expect(() => resolveRef(journal, ref)).toThrow(/shows those there are$/);
  const lacking: LevelJournal = Object.create(journal, { lostBatches: { value: lost }, findByKey: { value: () => undefined } });
  expect(() => resolveRef(lacking, ref)).toThrow(/the journal lacks batches 3–7, 9, and it may have been in them/);
});

test("a row that comes by in order and is not found by its key is named", async () => {
  const directory = await inTables();
  await withStore(directory, async (store) => {
    const hidden = Buffer.from(CHAIN_KEY).toString("hex");
    const look: Store["look"] = (key, snapshot) =>
      Buffer.from(key).toString("hex") === hidden ? { kind: "whole", value: undefined } : store.look(key, snapshot);
    const source = { lost: [], lastBatch: () => 1 };
    const blind: Store = new Proxy(store, {
      get: (target, name) => {
        if (name === "look") return look;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    expect((await verifyJournal({ ...source, store }, {})).damage).toEqual([]);
    const { damage } = await verifyJournal({ ...source, store: blind }, {});
    expect(damage.map(({ reason }) => reason)).toEqual([expect.stringMatching(/^its chain row: a look-up by its key does not find it/)]);
  });
});

test("the names of a journal's files are synced at every start that may write, in an empty directory of an earlier start too", async () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, "journal"));
  for (const name of ["LOCK", "LOG"]) writeFileSync(join(directory, "journal", name), "");
  mkdirSync(join(directory, "journal.new-abcdef"));
  for (const _ of ["first", "second"]) {
    syncs.paths = [];
    await (await open(directory)).close();
    expect(syncs.paths.slice(-3)).toEqual([join(directory, "journal"), directory, dirname(directory)]);
  }
  expect(readdirSync(directory).sort()).toEqual(["journal", "journal-head"]);
  syncs.paths = [];
  await (await open(directory, true)).close();
  expect(syncs.paths).toEqual([]);
});

test("a new journal is there whole or not at all: it is synced before it is named", async () => {
  const directory = join(temporaryDirectory(), "data");
  await (await open(directory)).close();
  const [made, parent] = syncs.paths;
  expect([basename(made ?? "").slice(0, 12), parent]).toEqual(["journal.new-", directory]);
  expect(existsSync(made ?? "")).toBe(false);
  const taken = join(temporaryDirectory(), "data");
  cpSync(directory, taken, { recursive: true });
  rmSync(join(taken, "journal"), { recursive: true });
  mkdirSync(join(taken, "journal", "mine"), { recursive: true });
  await expect(open(taken)).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: expect.stringContaining("a new journal cannot be put"),
  });
  expect(readdirSync(taken).sort()).toEqual(["journal", "journal-head"]);
});

test("a write that LevelDB refuses because of a damaged table says so in our words", async () => {
  const directory = await inTables();
  const append = async (journal: LevelJournal): Promise<void> => {
    await journal.append(opening(anId(2), { requestId: "r" }));
    await journal.close();
  };
  await append(await open(directory));
  for (const name of filesOf(directory)) if (name.endsWith(".ldb")) truncateSync(join(directory, "journal", name), 0);
  await withStore(directory, async (store) => {
    const key = Buffer.from("z");
    const write = async (): Promise<void> => {
      // Enough for LevelDB to put tables together, which reads the damaged one; its error then stands before every write.
      const value = Buffer.alloc(1_000_000, "x");
      for (let turn = 0; turn < 60; turn++) await store.write([{ key, value }]);
    };
    await expect(write()).rejects.toMatchObject({
      code: "DATA_LOSS",
      message: expect.stringMatching(/JOURNAL_CORRUPT: .* cannot be written: .*journal restore/),
    });
  });
});
