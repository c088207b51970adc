// Whether the disk has room for new work. What was taken goes on without.
// 1. One look serves all who ask while it is under way: of 256 calls at one moment each needs no look of its own.

import { HoldfastError } from "../base/errors.ts";
import type { Disk } from "./ports.ts";

const BYTES_PER_MIB = 1_048_576;

/** Looks at the disk of the service's data. */
export class DiskRoom {
  readonly #disk: Disk;
  readonly #freeBytesMin: number;
  #look: Promise<number> | undefined;

  constructor(disk: Disk, freeBytesMin: number) {
    this.#disk = disk;
    this.#freeBytesMin = freeBytesMin;
  }

  /** Throws RESOURCE_EXHAUSTED when it has too little room for new work. */
  async check(): Promise<void> {
    this.#look ??= this.#disk.freeBytes().finally(() => (this.#look = undefined));
    const free = await this.#look;
    if (free >= this.#freeBytesMin) return;
    const mebibytes = (bytes: number): number => Math.floor(bytes / BYTES_PER_MIB);
    const found = `the disk of the service's data has ${mebibytes(free)} MiB free`;
    const next = `at least ${mebibytes(this.#freeBytesMin)} MiB are needed for new work; make room, then ask again`;
    throw new HoldfastError("RESOURCE_EXHAUSTED", `${found}, ${next}`);
  }
}
