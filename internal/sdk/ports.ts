// What the SDK asks of the world: time, and the few file operations that a logbook is made of.
// 1. Each file operation is one step that a crash can fall before or after; nothing here combines two.
// 2. A caller passes these in; the command line client's are in cmd/holdfast/world.ts.

/** Time, as an input. The service's own Clock fits. */
export interface SdkClock {
  /** Milliseconds since the Unix epoch. */
  nowMs(): number;
  /** Calls back once after `delayMs`, unless cancelled. Returns the cancel. */
  after(delayMs: number, callback: () => void): () => void;
}

/** The file operations under a logbook. */
export interface LogbookFiles {
  /** Makes a directory and its parents, mode 0700; one that exists is no error. */
  makeDirectory(path: string): Promise<void>;
  /** Writes a new file, mode 0600, and syncs its content. */
  writeSynced(path: string, text: string): Promise<void>;
  /** Renames over what is there, atomically. */
  rename(from: string, to: string): Promise<void>;
  /** Syncs a directory, so that its renames survive a power cut. */
  syncDirectory(path: string): Promise<void>;
  /** The names in a directory; none when there is no such directory. */
  list(path: string): Promise<readonly string[]>;
  /** A file's text; undefined when there is no such file. Refuses more than `bytesMax`. */
  read(path: string, bytesMax: number): Promise<string | undefined>;
  /** Removes a file; one that is gone is no error. */
  remove(path: string): Promise<void>;
}

/** Resolves after `delayMs`, or rejects with the signal's reason. */
export function sleep(clock: SdkClock, delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(reasonOf(signal));
      return;
    }
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener("abort", abort);
      resolve();
    });
    const abort = () => {
      cancel();
      if (signal !== undefined) reject(reasonOf(signal));
    };
    signal?.addEventListener("abort", abort, { once: true });
  });
}

function reasonOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new Error("aborted", { cause: reason });
}
