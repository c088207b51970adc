// LevelDB itself, wrapped once: opening, synced batches, point reads, bounded iteration. Nothing else in Holdfast knows the library.
// 1. Its errors become HoldfastErrors that name the directory and what to do. LevelDB calls a table that ends too early an invalid argument.
// 2. Who still reads when it is closed hears UNAVAILABLE: a reader may be as long as the journal, and no shutdown waits for it.
// 3. Iteration reads at most JOURNAL_READ_ROWS rows or about JOURNAL_READ_BYTES at a time and lets the event loop go in between.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Level } from "level";
import type { Snapshot } from "classic-level";
import { HoldfastError } from "../base/errors.ts";
import { JOURNAL_READ_BYTES, JOURNAL_READ_ROWS } from "../base/limits.ts";

/** A put, or with no value a delete. */
export interface RowChange {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

/** Which rows to read. */
export interface RowQuery {
  readonly gte: Uint8Array;
  readonly lt: Uint8Array;
  readonly isReversed?: boolean;
  readonly limit?: number;
  readonly snapshot?: Snapshot;
  /** Ends the reading, with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A key and its record. */
export type Row = readonly [key: Uint8Array, record: Uint8Array];

/** A record as far as it can be read. */
export type Looked =
  { readonly kind: "whole"; readonly value: Uint8Array | undefined } | { readonly kind: "damaged"; readonly reason: string };

type Database = Level<Uint8Array, Uint8Array>;

/** An open LevelDB directory. */
export class Store {
  readonly directory: string;
  readonly #db: Database;
  #isClosing = false;

  private constructor(directory: string, db: Database) {
    this.directory = directory;
    this.#db = db;
  }

  /** Opens the directory; `isCreated` false asks for one that exists. Throws FAILED_PRECONDITION, NOT_FOUND or DATA_LOSS. */
  static async open(directory: string, options: { readonly isCreated: boolean }): Promise<Store> {
    const state = storeState(directory);
    if (state === "headless") throw headless(directory);
    if (!options.isCreated && state !== "whole") {
      throw new HoldfastError("NOT_FOUND", `there is no journal in ${directory}; name the service's --data directory`);
    }
    const db: Database = new Level(directory, {
      keyEncoding: "view",
      valueEncoding: "view",
      createIfMissing: options.isCreated,
    });
    try {
      await db.open();
    } catch (error) {
      throw openError(directory, error);
    }
    return new Store(directory, db);
  }

  /** Writes all changes or none, and resolves when they are on disk. */
  async write(changes: readonly RowChange[]): Promise<void> {
    try {
      // A row that is handed over as it is costs a third less than one of an array of operations.
      const batch = this.#db.batch();
      for (const { key, value } of changes) {
        if (value === undefined) batch.del(key);
        else batch.put(key, value);
      }
      await batch.write({ sync: true });
    } catch (error) {
      throw this.#worded(error, "written"); // also when LevelDB found a damaged table while it put tables together
    }
  }

  /** The record at a key, at once. */
  get(key: Uint8Array, snapshot?: Snapshot): Uint8Array | undefined {
    try {
      return snapshot === undefined ? this.#db.getSync(key) : this.#db.getSync(key, { snapshot });
    } catch (error) {
      throw this.#worded(error, "read");
    }
  }

  /** The record at a key, or why the block of LevelDB that holds it cannot be read. */
  look(key: Uint8Array, snapshot?: Snapshot): Looked {
    try {
      return { kind: "whole", value: this.get(key, snapshot) };
    } catch (error) {
      if (!isDataLoss(error)) throw error;
      return { kind: "damaged", reason: "LevelDB cannot read the block that holds it" };
    }
  }

  /** The records at some keys, read through the thread pool. Where one of them cannot be read they are looked up one by one. */
  async lookMany(keys: readonly Uint8Array[]): Promise<readonly Looked[]> {
    try {
      const values = await this.#db.getMany([...keys]);
      return values.map((value) => ({ kind: "whole", value }));
    } catch (error) {
      if (!isDamage(error)) throw this.#worded(error, "read");
      return keys.map((key) => this.look(key));
    }
  }

  /** Rows in order of their keys, a bounded number at a time. */
  async *chunks(query: RowQuery): AsyncGenerator<readonly Row[]> {
    const { isReversed = false, limit = -1, snapshot, signal, ...range } = query;
    if (this.#isClosing) throw this.#closed();
    const iterator = this.#db.iterator({
      ...range,
      reverse: isReversed,
      limit,
      highWaterMarkBytes: JOURNAL_READ_BYTES,
      ...(snapshot === undefined ? {} : { snapshot }),
    });
    try {
      for (;;) {
        signal?.throwIfAborted();
        const rows = await iterator.nextv(JOURNAL_READ_ROWS);
        if (rows.length === 0) return;
        yield rows;
      }
    } catch (error) {
      throw this.#worded(error, "read");
    } finally {
      await iterator.close();
    }
  }

  /** Rows in order of their keys, one by one. */
  async *rows(query: RowQuery): AsyncGenerator<Row> {
    for await (const chunk of this.chunks(query)) yield* chunk;
  }

  /** A view of the rows as they are now; the caller closes it. */
  snapshot(): Snapshot {
    if (this.#isClosing) throw this.#closed();
    return this.#db.snapshot();
  }

  /** A read that goes through the thread pool: everything else that is due runs meanwhile. */
  async breathe(key: Uint8Array): Promise<void> {
    try {
      await this.#db.has(key);
    } catch (error) {
      if (!isDamage(error)) throw this.#worded(error, "read"); // damage is named by whoever wants the row
    }
  }

  /** Lets go of the directory. What reads it still ends with UNAVAILABLE. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#db.close();
  }

  #closed(): HoldfastError {
    return new HoldfastError("UNAVAILABLE", `the journal in ${this.directory} is being closed; ask again when the service is back`);
  }

  #worded(error: unknown, verb: "read" | "written"): unknown {
    if (this.#isClosing && codeOf(error).endsWith("_NOT_OPEN")) return this.#closed();
    const found = `${this.directory} cannot be ${verb}: ${messageOf(error)}`;
    if (isDamage(error)) return damaged(found, this.directory, error);
    if (!messageOf(error).startsWith("IO error: ")) return error; // a bug of ours
    const message = `the journal in ${found}; look at the disk (is it full?), at the files' owner and mode, and at how many files may be open`;
    return new HoldfastError("FAILED_PRECONDITION", message, { cause: error });
  }
}

/** What a directory holds: no store, one that may be opened, or the remains of one without the file that says which of them are in use. */
export function storeState(directory: string): "none" | "whole" | "headless" {
  if (existsSync(join(directory, "CURRENT"))) return "whole";
  if (!existsSync(directory)) return "none";
  return readdirSync(directory).some((name) => REMAINS.test(name)) ? "headless" : "none";
}

const REMAINS = /^(?:\d+\.(?:ldb|sst|log)|MANIFEST-\d+)$/;

/** LevelDB would make a new store over the old one, and remove its files. */
function headless(directory: string): HoldfastError {
  const found = `JOURNAL_CORRUPT: ${directory} holds files of a journal, and not the file CURRENT that says which of them are in use`;
  const next = `nothing was touched: keep a copy, move ${directory} away, and bring a backup back with "holdfast journal restore"`;
  return new HoldfastError("DATA_LOSS", `${found}; ${next}`);
}

/** A table that ends too early is an invalid argument, a bad sector an input/output error; synchronous reads give neither a code. */
function isDamage(error: unknown): boolean {
  if (codeOf(error) === "LEVEL_CORRUPTION") return true;
  const found = messageOf(error);
  return /^Corruption: |^IO error: .*(?:Invalid argument|Input\/output error|No such file or directory)$/.test(found);
}

function damaged(found: string, directory: string, cause: unknown): HoldfastError {
  const restore = `where that cannot read it either, move ${directory} away and bring a backup back with "holdfast journal restore"`;
  return new HoldfastError("DATA_LOSS", `JOURNAL_CORRUPT: ${found}; ${verifyHint(directory)}; ${restore}`, { cause });
}

/** True for the error of a row that LevelDB cannot read, and for damage that Holdfast itself found. */
export function isDataLoss(error: unknown): boolean {
  return error instanceof HoldfastError && error.code === "DATA_LOSS";
}

/** What to do about damage. */
export function verifyHint(directory: string): string {
  const parent = directory.replace(/\/[^/]*\/?$/, "");
  return `stop the service and run "holdfast journal verify --data ${parent === "" ? "/" : parent}"`;
}

function openError(directory: string, error: unknown): HoldfastError {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const found = messageOf(cause);
  const code = codeOf(cause);
  if (code === "LEVEL_LOCKED") {
    const message = `the journal in ${directory} is open in another process; stop that one, or give this one another --data directory`;
    return new HoldfastError("FAILED_PRECONDITION", message, { cause: error });
  }
  if (isDamage(cause)) return damaged(`LevelDB cannot open ${directory}: ${found}`, directory, error);
  const message = `the journal in ${directory} cannot be opened: ${found}; look at the directory's owner and mode, and at the disk`;
  return new HoldfastError("FAILED_PRECONDITION", message, { cause: error });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
