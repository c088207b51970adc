// How much room the disk of a directory has.
// 1. What is reserved for root does not count: the service runs without privileges.

import { statfs } from "node:fs/promises";
import type { Disk } from "../engine/ports.ts";

/** The disk that holds a directory; free bytes are those that a process without privileges may use. */
export function diskOf(directory: string): Disk {
  return {
    async freeBytes() {
      const { bavail, bsize } = await statfs(directory);
      return bavail * bsize;
    },
  };
}
