// LevelDB itself, wrapped once: opening, synced batches, point reads, bounded iteration. Nothing else in Holdfast knows the library.
// 1. Its errors become HoldfastErrors that name the directory and what to do.
// 2. Iteration reads at most JOURNAL_READ_ROWS rows or about JOURNAL_READ_BYTES at a time and lets the event loop go in between.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { Level } from "level";
import type { BatchOperation } from "level";
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

  private constructor(directory: string, db: Database) {
    this.directory = directory;
    this.#db = db;
  }

  /** Opens the directory; `isCreated` false asks for one that exists. Throws FAILED_PRECONDITION, NOT_FOUND or DATA_LOSS. */
  static async open(directory: string, options: { readonly isCreated: boolean }): Promise<Store> {
    if (!options.isCreated && !existsSync(join(directory, "CURRENT"))) {
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
    const operations: BatchOperation<Database, Uint8Array, Uint8Array>[] = changes.map(({ key, value }) =>
      value === undefined ? { type: "del", key } : { type: "put", key, value },
    );
    await this.#db.batch(operations, { sync: true });
  }

  /** The record at a key, at once. */
  get(key: Uint8Array, snapshot?: Snapshot): Uint8Array | undefined {
    try {
      return snapshot === undefined ? this.#db.getSync(key) : this.#db.getSync(key, { snapshot });
    } catch (error) {
      throw this.#readError(error);
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

  /** Rows in order of their keys, a bounded number at a time. */
  async *chunks(query: RowQuery): AsyncGenerator<readonly Row[]> {
    const { isReversed = false, limit = -1, snapshot, ...range } = query;
    const iterator = this.#db.iterator({
      ...range,
      reverse: isReversed,
      limit,
      highWaterMarkBytes: JOURNAL_READ_BYTES,
      ...(snapshot === undefined ? {} : { snapshot }),
    });
    try {
      for (;;) {
        const rows = await iterator.nextv(JOURNAL_READ_ROWS);
        if (rows.length === 0) return;
        yield rows;
      }
    } catch (error) {
      throw this.#readError(error);
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
    return this.#db.snapshot();
  }

  /** A read that goes through the thread pool: everything else that is due runs meanwhile. */
  async breathe(key: Uint8Array): Promise<void> {
    await this.#db.has(key);
  }

  /** Lets go of the directory. */
  async close(): Promise<void> {
    await this.#db.close();
  }

  #readError(error: unknown): unknown {
    if (codeOf(error) !== "LEVEL_CORRUPTION") return error;
    return new HoldfastError(
      "DATA_LOSS",
      `JOURNAL_CORRUPT: ${this.directory} cannot be read: ${messageOf(error)}; ${verifyHint(this.directory)}`,
      {
        cause: error,
      },
    );
  }
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
  if (code === "LEVEL_CORRUPTION" || found.includes("No such file")) {
    return new HoldfastError("DATA_LOSS", `JOURNAL_CORRUPT: LevelDB cannot open ${directory}: ${found}; ${verifyHint(directory)}`, {
      cause: error,
    });
  }
  const message = `the journal in ${directory} cannot be opened: ${found}; look at the directory's owner and mode, and at the disk`;
  return new HoldfastError("FAILED_PRECONDITION", message, { cause: error });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
