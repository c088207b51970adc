// Reads a backup back, and believes nothing of it: parser of the file that backup-writer.ts makes.
// 1. Every block's CRC is checked before its rows are handed on, and at the end their count, the SHA-256 of everything, and that nothing follows.
// 2. What is wrong is named by file and byte, with what to do: cut short, damaged, or no backup at all.

import { fromBinary } from "@bufbuild/protobuf";
import { createHash } from "node:crypto";
import { crc32c } from "../base/crc32c.ts";
import { HoldfastError } from "../base/errors.ts";
import { BACKUP_BLOCK_BYTES_MAX } from "../base/limits.ts";
import type { BackupStart } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { BackupEndSchema, BackupStartSchema } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { BACKUP_FORMAT, BACKUP_MAGIC, BLOCK, BLOCK_HEAD_BYTES, BLOCK_TAIL_BYTES, ROW_HEAD_BYTES } from "./backup-format.ts";
import { parseKey } from "./layout.ts";
import { unseal } from "./record.ts";
import type { Row } from "./store.ts";

/** What a whole backup is. */
export interface BackupSummary {
  /** All bytes, the closing record too. */
  readonly bytes: number;
  readonly rows: number;
  /** Workflows, open and ended. */
  readonly workflows: number;
  readonly openWorkflows: number;
  /** Rows that were damaged in the journal already when the backup was taken. */
  readonly damagedRows: number;
  readonly takenMs: number;
  /** The last batch, and the SHA-256 of its header, hex; 0 and empty: there is none. */
  readonly batch: number;
  readonly head: string;
  /** Names the journal and every copy of it; empty: it has no batch. */
  readonly store: string;
  /** Of the bytes before the closing record, hex. */
  readonly sha256: string;
}

/** Reads a backup to its end; `onRows` gets the rows of each block. Throws DATA_LOSS unless it is whole, FAILED_PRECONDITION for a newer format. */
export async function readBackup(
  source: AsyncIterable<Uint8Array>,
  at: { readonly name: string; readonly onRows: (rows: readonly Row[]) => Promise<void> },
): Promise<BackupSummary> {
  const reader = new BackupReader(source, at.name);
  await reader.magic();
  const start = await reader.start();
  const counts = { rows: 0, workflows: 0, openWorkflows: 0, damagedRows: 0 };
  for (;;) {
    const block = await reader.block();
    if (block.letter === BLOCK.end) {
      await reader.end(block.payload, { rows: counts.rows, at: block.at });
      const { takenMs, batch, head, store } = start;
      const origin = { takenMs: Number(takenMs), batch: Number(batch), head: hex(head), store: hex(store) };
      return { bytes: reader.bytes, ...counts, ...origin, sha256: reader.sha256() };
    }
    if (block.letter !== BLOCK.rows) throw reader.damaged(block.at, "a block of no known kind");
    const rows = reader.rows(block);
    for (const row of rows) count(row, counts);
    await at.onRows(rows);
  }
}

function count([key, record]: Row, counts: { rows: number; workflows: number; openWorkflows: number; damagedRows: number }): void {
  counts.rows += 1;
  const parsed = parseKey(key);
  if (parsed === undefined || unseal(key, record).kind === "damaged") counts.damagedRows += 1;
  if (parsed?.kind === "record") counts.workflows += 1;
  if (parsed?.kind === "head" && parsed.isOpen) counts.openWorkflows += 1;
}

interface Block {
  /** Where it begins in the file. */
  readonly at: number;
  readonly letter: number;
  readonly payload: Buffer;
}

class BackupReader {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #name: string;
  readonly #hash = createHash("sha256");
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** The SHA-256 of everything before the closing block. */
  #sum = "";
  bytes = 0;

  constructor(source: AsyncIterable<Uint8Array>, name: string) {
    this.#source = source[Symbol.asyncIterator]();
    this.#name = name;
  }

  async magic(): Promise<void> {
    const found = await this.#take(BACKUP_MAGIC.length);
    if (found !== undefined && Buffer.compare(found, BACKUP_MAGIC) === 0) return void this.#hash.update(found);
    const expected = `it does not begin with "${Buffer.from(BACKUP_MAGIC).toString().trim()}"`;
    throw new HoldfastError("DATA_LOSS", `${this.#name} is no backup of a journal: ${expected}; name a file that "journal backup" wrote`);
  }

  async start(): Promise<BackupStart> {
    const { at, letter, payload } = await this.block();
    if (letter !== BLOCK.start) throw this.damaged(at, "it does not begin with what it is a backup of");
    const start = this.#decode(at, () => fromBinary(BackupStartSchema, payload));
    if (start.format === BACKUP_FORMAT) return start;
    const found = `${this.#name} has format ${start.format}; this holdfast knows formats up to ${BACKUP_FORMAT}`;
    throw new HoldfastError("FAILED_PRECONDITION", `${found}: use the newer one that wrote it`);
  }

  /** The next block, its CRC checked; all but the closing one is summed up. */
  async block(): Promise<Block> {
    const at = this.bytes;
    const head = await this.#take(BLOCK_HEAD_BYTES);
    if (head === undefined) throw this.#cutShort(at);
    const [letter, length] = [head.readUInt8(0), head.readUInt32BE(1)];
    if (length > BACKUP_BLOCK_BYTES_MAX) throw this.damaged(at, `a block of ${length} bytes, which none has`);
    const payload = await this.#take(length);
    const tail = await this.#take(BLOCK_TAIL_BYTES);
    if (payload === undefined || tail === undefined) throw this.#cutShort(at);
    if (tail.readUInt32BE(0) !== crc32c(payload, crc32c(head))) throw this.damaged(at, "the checksum of the block there does not match");
    if (letter === BLOCK.end) this.#sum = this.#hash.digest("hex");
    else for (const piece of [head, payload, tail]) this.#hash.update(piece);
    return { at, letter, payload };
  }

  rows({ at, payload }: Block): readonly Row[] {
    const rows: Row[] = [];
    for (let from = 0; from < payload.length;) {
      const keyAt = from + ROW_HEAD_BYTES;
      if (keyAt > payload.length) throw this.damaged(at, "a row that is cut short");
      const recordAt = keyAt + payload.readUInt32BE(from);
      const end = recordAt + payload.readUInt32BE(from + 4);
      if (end > payload.length) throw this.damaged(at, "a row that is cut short");
      rows.push([payload.subarray(keyAt, recordAt), payload.subarray(recordAt, end)]);
      from = end;
    }
    return rows;
  }

  /** Checks the closing block against what was read, and that it is the last thing in the file. */
  async end(payload: Uint8Array, found: { readonly rows: number; readonly at: number }): Promise<void> {
    const { at, rows } = found;
    const end = this.#decode(at, () => fromBinary(BackupEndSchema, payload));
    if (Number(end.rows) !== rows) throw this.damaged(at, `${end.rows} rows by its closing record, and ${rows} in it`);
    if (Number(end.bytes) !== at) throw this.damaged(at, `${end.bytes} bytes by its closing record, and ${at} before it`);
    if (hex(end.sha256) !== this.#sum) throw this.damaged(at, "another SHA-256 than its closing record names");
    const { bytes } = this;
    if ((await this.#take(1)) !== undefined) throw this.damaged(bytes, "something after its closing record");
  }

  sha256(): string {
    return this.#sum;
  }

  damaged(at: number, found: string): HoldfastError {
    const next = "nothing was taken from it; use another backup, and keep this one as it is";
    return new HoldfastError("DATA_LOSS", `the backup ${this.#name} is damaged at byte ${at}: ${found}; ${next}`);
  }

  #cutShort(at: number): HoldfastError {
    const found = `the backup ${this.#name} is cut short, or the length of a block is damaged: from byte ${at} on there is no whole block, and no closing record`;
    return new HoldfastError("DATA_LOSS", `${found}; nothing was taken from it; use another backup`);
  }

  #decode<T>(at: number, decode: () => T): T {
    try {
      return decode();
    } catch (cause) {
      throw this.damaged(at, `a record that does not decode: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
  }

  /** The next bytes; undefined when there are fewer. */
  async #take(count: number): Promise<Buffer | undefined> {
    while (this.#waitingBytes < count) {
      const next = await this.#source.next();
      if (next.done === true) return undefined;
      this.#waiting.push(next.value);
      this.#waitingBytes += next.value.length;
    }
    const all = this.#waiting.length === 1 ? this.#waiting[0] : Buffer.concat(this.#waiting);
    if (all === undefined) return Buffer.alloc(0);
    const rest = all.subarray(count);
    this.#waiting = rest.length === 0 ? [] : [rest];
    this.#waitingBytes = rest.length;
    this.bytes += count;
    return Buffer.from(all.buffer, all.byteOffset, count);
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
