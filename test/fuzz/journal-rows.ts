// Rows of a real journal to start from: a copy of the store of the first format, which has every event and every kind of row.
// 1. The rows are read by LevelDB alone, past everything of ours that could refuse them.

import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Store } from "../../internal/journal/store.ts";
import type { Row } from "../../internal/journal/store.ts";

const ORIGINAL = join(import.meta.dirname, "..", "testdata", "journal-v1");
const ALL = { gte: Uint8Array.of(0), lt: Uint8Array.of(255) };

/** A copy of the store, in a directory of its own. */
export function copyOfStore(directory: string): void {
  cpSync(ORIGINAL, directory, { recursive: true });
}

/** A disk in memory, where there is one: what is fuzzed is what is read, and syncs only take time. */
const MEMORY_DISK = "/dev/shm";

/** An empty directory; the caller removes it. */
export function newDirectory(): string {
  return mkdtempSync(join(existsSync(MEMORY_DISK) ? MEMORY_DISK : tmpdir(), "holdfast-fuzz-"));
}

/** Rows by their keys, in order. */
export async function journalRows(): Promise<readonly Row[]> {
  const directory = newDirectory();
  try {
    copyOfStore(directory);
    const store = await Store.open(join(directory, "journal"), { isCreated: false });
    const rows: Row[] = [];
    for await (const [key, record] of store.rows(ALL)) rows.push([Uint8Array.from(key), Uint8Array.from(record)]);
    await store.close();
    return rows;
  } finally {
    rmSync(directory, { recursive: true });
  }
}
