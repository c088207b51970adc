// The floor of everything durable: a block appended to a file, and fdatasync, one after the other.
// 1. It writes to a file of its own on the disk that the service would use, and says what one sync costs there, now.

import { closeSync, fdatasync, openSync, write } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { runInFlight } from "../in-flight.ts";
import type { Rate } from "../samples.ts";
import { withScratch } from "../scratch.ts";

const writeAsync = promisify(write);
const fdatasyncAsync = promisify(fdatasync);

/** One repeat: `count` appends of `bytes` bytes, each synced, through the thread pool as LevelDB's are; syncs a second and their times. */
export function measureSync({ count, bytes }: { readonly count: number; readonly bytes: number }): Promise<Rate> {
  const block = Buffer.alloc(bytes, 0x5a);
  return withScratch(async (directory) => {
    const file = openSync(join(directory, "appended"), "a");
    try {
      return await runInFlight({ count, inFlight: 1 }, async () => {
        await writeAsync(file, block, 0, bytes, null);
        await fdatasyncAsync(file);
      });
    } finally {
      closeSync(file);
    }
  });
}
