// Temporary directories of a bench: on the disk that the service's data directory would be on, and gone afterwards.
// 1. They are below the system's temporary directory; where that is in memory (tmpfs), nothing about syncs would be true, and it is refused.

import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** statfs's magic numbers of file systems that forget. */
const IN_MEMORY = new Set([0x01021994, 0x858458f6]);

/** Makes an empty directory; the caller removes it. Throws where the disk is none: set TMPDIR. */
export function makeScratch(): string {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  if (!IN_MEMORY.has(statfsSync(directory).type)) return directory;
  rmSync(directory, { recursive: true });
  throw new Error(`${tmpdir()} is in memory, and syncs cost nothing there; set TMPDIR to a directory on a disk`);
}

/** Runs work with an empty directory, and removes it. */
export async function withScratch<T>(work: (directory: string) => Promise<T> | T): Promise<T> {
  const directory = makeScratch();
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
