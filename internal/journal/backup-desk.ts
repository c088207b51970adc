// Who may take a backup: one at a time, for each holds a view of the store that keeps LevelDB from dropping what was replaced since.
// 1. One whose reader has taken nothing for BACKUP_STILL_MS_MAX gives way to the next: it ends with an error when its reader comes back.
// 2. The view is taken when the first bytes are asked for, and let go however the backup ends.

import { HoldfastError } from "../base/errors.ts";
import { BACKUP_STILL_MS_MAX } from "../base/limits.ts";
import { writeBackup } from "./backup-writer.ts";
import type { Store } from "./store.ts";

/** A backup that is being taken. */
interface Taken {
  movedMs: number;
}

/** Hands out backups. */
export class BackupDesk {
  readonly #store: Store;
  readonly #nowMs: () => number;
  #taken: Taken | undefined;

  constructor({ store, nowMs }: { readonly store: Store; readonly nowMs: () => number }) {
    this.#store = store;
    this.#nowMs = nowMs;
  }

  /** The bytes of a backup of the store as it is now. Throws RESOURCE_EXHAUSTED while another one is taken. */
  async *take(): AsyncGenerator<Uint8Array> {
    const taken: Taken = { movedMs: this.#nowMs() };
    if (this.#taken !== undefined && taken.movedMs - this.#taken.movedMs < BACKUP_STILL_MS_MAX) {
      throw new HoldfastError("RESOURCE_EXHAUSTED", "another backup is being taken, and one is the most; wait for its end, then ask again");
    }
    this.#taken = taken;
    const snapshot = this.#store.snapshot();
    try {
      for await (const chunk of writeBackup(this.#store, snapshot, taken.movedMs)) {
        yield chunk;
        if (this.#taken !== taken) {
          const found = `nobody took anything of this backup for ${BACKUP_STILL_MS_MAX / 1_000} s, and another one was asked for`;
          throw new HoldfastError("ABORTED", `${found}; take it again`);
        }
        taken.movedMs = this.#nowMs();
      }
    } finally {
      if (this.#taken === taken) this.#taken = undefined;
      await snapshot.close();
    }
  }
}
