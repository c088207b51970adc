// Opening the journal of a data directory: the store in DIR/journal, the head file DIR/journal-head beside it.
// 1. One process at a time: LevelDB's lock. 2. To be looked at (verify, dump) it must exist, and nothing of ours is written to it.
// 3. Before anything is acknowledged the names of all files are durable, also where an earlier start died before it came to that.

import { dirname, join } from "node:path";
import { openChain } from "./chain.ts";
import { HeadFile } from "./head-file.ts";
import { LevelJournal } from "./level-journal.ts";
import { makeJournal } from "./new-journal.ts";
import { Store, storeState } from "./store.ts";
import { syncDirectory } from "./synced-directory.ts";

/** How to open a journal. */
export interface OpenJournalOptions {
  /** A write failed: end the process (H12). Called at most once. */
  readonly onFatal: (error: unknown) => void;
  /** The time for batch headers. */
  readonly nowMs: () => number;
  /** True to look only: the journal must exist, and append is a bug. */
  readonly isReadOnly: boolean;
}

/**
 * Opens the journal of a data directory. Throws FAILED_PRECONDITION (open elsewhere, a newer format, no rights), NOT_FOUND (nothing to look at)
 * or DATA_LOSS (LevelDB itself cannot open it). Damage that leaves the rest readable does not keep it from opening: see `lostBatches`.
 */
export async function openJournal(dataDirectory: string, options: OpenJournalOptions): Promise<LevelJournal> {
  const { isReadOnly, onFatal, nowMs } = options;
  const directory = join(dataDirectory, "journal");
  if (!isReadOnly && storeState(directory) === "none") await makeJournal(directory, nowMs());
  const store = await Store.open(directory, { isCreated: false });
  let headFile: HeadFile | undefined;
  try {
    headFile = HeadFile.open(join(dataDirectory, "journal-head"), { isReadOnly });
    const opened = await openChain(store, { acknowledged: headFile?.read(), nowMs: nowMs(), isReadOnly });
    if (!isReadOnly) for (const made of [directory, dataDirectory, dirname(dataDirectory)]) syncDirectory(made);
    return new LevelJournal({ store, headFile, opened, isReadOnly, onFatal, nowMs });
  } catch (error) {
    await store.close();
    headFile?.close();
    throw error;
  }
}
