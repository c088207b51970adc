// The head file: beside the store, the number and digest of the last batch that was acknowledged. LevelDB reads a damaged end of its log as
// the end, without an error; what is missing there is seen by this file.
// 1. It is written after each synced batch and before anybody is told, so it never says more than the store was given.
// 2. It is not synced: it holds after the death of the process; after a power loss it may be older, which only makes the check weaker.

import { closeSync, constants, fsyncSync, openSync, readSync, writeSync } from "node:fs";
import { crc32c } from "../base/crc32c.ts";
import { HoldfastError } from "../base/errors.ts";
import type { ChainEnd } from "./batch.ts";

const NUMBER_BYTES = 8;
const DIGEST_BYTES = 32;
const BODY_BYTES = NUMBER_BYTES + DIGEST_BYTES;

/** An open head file. */
export class HeadFile {
  readonly #fd: number;
  readonly #isReadOnly: boolean;
  readonly #buffer = Buffer.alloc(BODY_BYTES + 4);

  private constructor(fd: number, isReadOnly: boolean) {
    this.#fd = fd;
    this.#isReadOnly = isReadOnly;
  }

  /** Opens the file, and makes it unless it is only looked at; undefined when there is none to look at. */
  static open(path: string, options: { readonly isReadOnly: boolean }): HeadFile | undefined {
    try {
      const flags = options.isReadOnly ? constants.O_RDONLY : constants.O_RDWR | constants.O_CREAT;
      return new HeadFile(openSync(path, flags, 0o600), options.isReadOnly);
    } catch (error) {
      if (options.isReadOnly && error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw new HoldfastError("FAILED_PRECONDITION", `${path} cannot be opened; look at its owner and mode`, { cause: error });
    }
  }

  /** What it says; undefined when it is new, or torn by a power loss. */
  read(): ChainEnd | undefined {
    const length = readSync(this.#fd, this.#buffer, 0, this.#buffer.length, 0);
    const body = this.#buffer.subarray(0, BODY_BYTES);
    if (length !== this.#buffer.length || this.#buffer.readUInt32BE(BODY_BYTES) !== crc32c(body)) return undefined;
    return { number: Number(body.readBigUInt64BE(0)), digest: Uint8Array.from(body.subarray(NUMBER_BYTES)) };
  }

  /** Says that the batch was acknowledged. */
  write(end: ChainEnd): void {
    this.#buffer.writeBigUInt64BE(BigInt(end.number), 0);
    this.#buffer.set(end.digest, NUMBER_BYTES);
    this.#buffer.writeUInt32BE(crc32c(this.#buffer.subarray(0, BODY_BYTES)), BODY_BYTES);
    writeSync(this.#fd, this.#buffer, 0, this.#buffer.length, 0);
  }

  /** Lets go of the file. */
  close(): void {
    if (!this.#isReadOnly) fsyncSync(this.#fd);
    closeSync(this.#fd);
  }
}
