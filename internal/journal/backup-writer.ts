// Writes a backup: the rows of one snapshot, as chunks of bytes that are handed on one at a time.
// 1. Whoever reads slowly slows the reading: no chunk is made before the one before it was taken.
// 2. No step holds the event loop for longer than reading JOURNAL_READ_BYTES, or summing up one chunk, takes. Appends go on meanwhile.
// 3. A row is copied as it is, also one that is damaged: that is for a verification to say.

import { create, toBinary } from "@bufbuild/protobuf";
import type { Snapshot } from "classic-level";
import { createHash } from "node:crypto";
import { assert } from "../base/assert.ts";
import { crc32c } from "../base/crc32c.ts";
import { BACKUP_BLOCK_BYTES_MAX, BACKUP_CHUNK_BYTES } from "../base/limits.ts";
import { BackupEndSchema, BackupStartSchema } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { BACKUP_FORMAT, BACKUP_MAGIC, BLOCK, BLOCK_HEAD_BYTES, BLOCK_TAIL_BYTES, ROW_HEAD_BYTES } from "./backup-format.ts";
import type { BlockLetter } from "./backup-format.ts";
import { sha256 } from "./batch.ts";
import { endOfRows } from "./chain.ts";
import { headerKey } from "./layout.ts";
import type { Row, Store } from "./store.ts";

/** Every key there can be. */
const ALL_ROWS = { gte: new Uint8Array(0), lt: Buffer.from([0xff]) };

/** The bytes of a backup of a snapshot, in chunks of at most BACKUP_CHUNK_BYTES. Throws DATA_LOSS where LevelDB cannot read. */
export async function* writeBackup(store: Store, snapshot: Snapshot, takenMs: number): AsyncGenerator<Uint8Array> {
  const sum = new RunningSum();
  let rows = 0;
  yield* sum.chunks([BACKUP_MAGIC]);
  yield* sum.block(BLOCK.start, [await startPayload(store, snapshot, takenMs)]);
  for await (const some of store.chunks({ ...ALL_ROWS, snapshot })) {
    rows += some.length;
    yield* sum.block(BLOCK.rows, some.flatMap(rowPieces));
  }
  const end = create(BackupEndSchema, { rows: BigInt(rows), bytes: BigInt(sum.bytes), sha256: sum.digest() });
  yield* sum.block(BLOCK.end, [toBinary(BackupEndSchema, end)]);
}

async function startPayload(store: Store, snapshot: Snapshot, takenMs: number): Promise<Uint8Array> {
  const { number, digest } = await endOfRows(store, snapshot);
  const first = store.look(headerKey(1), snapshot);
  const origin = first.kind === "whole" && first.value !== undefined ? sha256(first.value) : new Uint8Array(0);
  const start = { format: BACKUP_FORMAT, takenMs: BigInt(takenMs), batch: BigInt(number), head: digest, store: origin };
  return toBinary(BackupStartSchema, create(BackupStartSchema, start));
}

function rowPieces([key, record]: Row): readonly Uint8Array[] {
  const head = Buffer.alloc(ROW_HEAD_BYTES);
  head.writeUInt32BE(key.length, 0);
  head.writeUInt32BE(record.length, 4);
  return [head, key, record];
}

/** What went out so far, counted and summed up. */
class RunningSum {
  readonly #hash = createHash("sha256");
  bytes = 0;

  /** A block's bytes. */
  *block(letter: BlockLetter, payload: readonly Uint8Array[]): Generator<Uint8Array> {
    const head = Buffer.alloc(BLOCK_HEAD_BYTES);
    const length = payload.reduce((total, piece) => total + piece.length, 0);
    assert(length <= BACKUP_BLOCK_BYTES_MAX, "a block of a backup has at most BACKUP_BLOCK_BYTES_MAX bytes");
    head.writeUInt8(letter, 0);
    head.writeUInt32BE(length, 1);
    let crc = 0;
    for (const chunk of chunksOf([head, ...payload])) {
      crc = crc32c(chunk, crc);
      yield this.#add(chunk);
    }
    const tail = Buffer.alloc(BLOCK_TAIL_BYTES);
    tail.writeUInt32BE(crc, 0);
    yield this.#add(tail);
  }

  *chunks(pieces: readonly Uint8Array[]): Generator<Uint8Array> {
    for (const chunk of chunksOf(pieces)) yield this.#add(chunk);
  }

  /** The SHA-256 of all that went out. */
  digest(): Uint8Array {
    return this.#hash.copy().digest();
  }

  #add(chunk: Uint8Array): Uint8Array {
    this.#hash.update(chunk);
    this.bytes += chunk.length;
    return chunk;
  }
}

/** Pieces put together, or cut, into chunks of at most BACKUP_CHUNK_BYTES. */
function* chunksOf(pieces: readonly Uint8Array[]): Generator<Uint8Array> {
  let chunk = Buffer.allocUnsafe(BACKUP_CHUNK_BYTES);
  let used = 0;
  for (const piece of pieces) {
    for (let at = 0; at < piece.length;) {
      const count = Math.min(BACKUP_CHUNK_BYTES - used, piece.length - at);
      chunk.set(piece.subarray(at, at + count), used);
      [at, used] = [at + count, used + count];
      if (used < BACKUP_CHUNK_BYTES) continue;
      yield chunk;
      [chunk, used] = [Buffer.allocUnsafe(BACKUP_CHUNK_BYTES), 0];
    }
  }
  if (used > 0) yield chunk.subarray(0, used);
}
