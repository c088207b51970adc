import { readdirSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { anId, NOON_MS, opening } from "../../test/fakes/journal-entries.ts";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";
import { recordKey } from "./layout.ts";
import { listRecords } from "./listing.ts";
import { openJournal } from "./open-journal.ts";
import { Store } from "./store.ts";
import type { Looked } from "./store.ts";

const NUMBERS = [1, 2, 3, 4];

/** A store with four workflows, all of it in tables of LevelDB. */
async function aDirectory(): Promise<string> {
  const directory = temporaryDirectory();
  for (const isFirst of [true, false]) {
    const onFatal = (error: unknown): never => {
      throw error;
    };
    const journal = await openJournal(directory, { onFatal, nowMs: () => NOON_MS, isReadOnly: false });
    if (isFirst) await Promise.all(NUMBERS.map((n) => journal.append(opening(anId(n), {}))));
    await journal.close();
  }
  return join(directory, "journal");
}

async function aStore(directory: string): Promise<Store> {
  const store = await Store.open(directory, { isCreated: false });
  onTestFinished(() => store.close());
  return store;
}

test("records that are looked up together and cannot be read are each said to be damaged", async () => {
  const directory = await aDirectory();
  for (const name of readdirSync(directory)) if (name.endsWith(".ldb")) truncateSync(join(directory, name), 30);
  const store = await aStore(directory);
  const keys = NUMBERS.map((n) => recordKey(anId(n)));
  expect(await store.lookMany(keys)).toEqual(
    keys.map(() => ({ kind: "damaged", reason: expect.stringContaining("cannot read the block") })),
  );
});

test("a record that cannot be read, is missing or has changed is listed as damaged, in its place, and hides no other", async () => {
  const store = await aStore(await aDirectory());
  const isRecord = (key: Uint8Array, n: number): boolean => Buffer.compare(key, recordKey(anId(n))) === 0;
  const hurt = ({ key, looked }: { readonly key: Uint8Array; readonly looked: Looked }): Looked => {
    if (isRecord(key, 2)) return { kind: "damaged", reason: "LevelDB cannot read the block that holds it" };
    if (isRecord(key, 3)) return { kind: "whole", value: undefined };
    if (!isRecord(key, 4) || looked.kind === "damaged") return looked;
    return { kind: "whole", value: looked.value?.with(20, 0xff) };
  };
  const hurting: Store = Object.create(store, {
    lookMany: {
      value: async (keys: readonly Uint8Array[]) =>
        (await store.lookMany(keys)).map((looked, at) => hurt({ key: keys[at] ?? new Uint8Array(), looked })),
    },
    chunks: { value: store.chunks.bind(store) },
    get: { value: store.get.bind(store) },
  });
  const list = async (limit: number, before?: number) => {
    const records = await listRecords(hurting, { namespace: "default", limit, ...(before === undefined ? {} : { before: anId(before) }) });
    return records.map(({ status, isOpen }) => [status.id, /JOURNAL_CORRUPT: its record(.*?);/.exec(status.error)?.[1] ?? "", isOpen]);
  };
  const all = [
    [anId(4), expect.stringContaining("checksum"), true],
    [anId(3), " is missing", true],
    [anId(2), ": LevelDB cannot read the block that holds it", true],
    [anId(1), "", true],
  ];
  expect(await list(10)).toEqual(all);
  expect(await list(2)).toEqual(all.slice(0, 2));
  expect(await list(2, 3)).toEqual(all.slice(2));
});
