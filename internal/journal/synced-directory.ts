// Names in a directory, made durable: a new journal must be findable after a power loss.
// 1. A file that was synced is there after a power loss only when its directory was synced too.

import { closeSync, fsyncSync, openSync } from "node:fs";

/** Syncs a directory. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
