// The first start in a data directory: an empty journal, put in place whole.
// 1. It is made in DIR/journal.new-XXXXXX and renamed when its meta row is synced: LevelDB does not sync all that it writes when it makes a store,
//    and a loss of power in the middle would leave one that never opens again.
// 2. A start that died leaves such a directory; nothing was acknowledged in it, and the next start removes it.

import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { HoldfastError } from "../base/errors.ts";
import { openChain } from "./chain.ts";
import { Store } from "./store.ts";
import { syncDirectory } from "./synced-directory.ts";

/** Makes an empty journal at a place that has none. */
export async function makeJournal(place: string, nowMs: number): Promise<void> {
  const parent = dirname(place);
  const prefix = `${basename(place)}.new-`;
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  // A name of its own: two first starts at once do not write to one store, and the second one's rename finds the first one's.
  const made = mkdtempSync(join(parent, prefix));
  const store = await Store.open(made, { isCreated: true });
  try {
    await openChain(store, { acknowledged: undefined, nowMs, isReadOnly: false });
  } finally {
    await store.close();
  }
  syncDirectory(made);
  putInPlace(made, place);
  syncDirectory(parent);
  for (const name of readdirSync(parent)) if (name.startsWith(prefix)) rmSync(join(parent, name), { recursive: true, force: true });
}

/** What LevelDB leaves in a directory that it was not allowed to make a store in holds nothing. */
const EMPTY_HANDED = ["LOCK", "LOG", "LOG.old"];

function putInPlace(made: string, place: string): void {
  for (const name of EMPTY_HANDED) rmSync(join(place, name), { force: true });
  try {
    renameSync(made, place);
  } catch (cause) {
    rmSync(made, { recursive: true, force: true });
    const message = `a new journal cannot be put at ${place}; look at what is there, at the directory's owner and mode, and whether another service has just begun there`;
    throw new HoldfastError("FAILED_PRECONDITION", message, { cause });
  }
}
