// How much room the disk of a directory has.
// 1. What is reserved for root does not count: the service runs without privileges.
// 2. It is asked at once: that takes 2 µs, and the way through the thread pool 20.

import { statfsSync } from "node:fs";
import type { Disk } from "../engine/ports.ts";

/** The disk that holds a directory; free bytes are those that a process without privileges may use. */
export function diskOf(directory: string): Disk {
  return {
    async freeBytes() {
      const { bavail, bsize } = statfsSync(directory);
      return bavail * bsize;
    },
  };
}
