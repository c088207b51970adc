// What sinks keep on disk, DATA/sinks: a cursor a sink, and the last good file of sinks.
// 1. A file is replaced whole: written beside, synced, renamed, and its directory synced. Private to the service's user.

import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError, reasonCode } from "../base/errors.ts";
import { SINKS_FILE_BYTES_MAX, SINK_CURSOR_BYTES_MAX } from "../base/sink-limits.ts";
import { parseCursor, writeCursor } from "./cursor.ts";
import type { KeptCursor } from "./cursor.ts";

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;
const LAST_GOOD = "last-good.yaml";

/** The directory of a service's sinks. */
export class SinkDirectory {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Makes the directory. */
  async make(): Promise<void> {
    await mkdir(this.#path, { recursive: true, mode: DIRECTORY_MODE });
  }

  /** The cursor of a sink; undefined: it has none. Throws FAILED_PRECONDITION for one that cannot be read. */
  async cursor(name: string): Promise<KeptCursor | undefined> {
    const path = join(this.#path, `${name}.json`);
    const text = await this.#read(path, SINK_CURSOR_BYTES_MAX);
    if (text === undefined) return undefined;
    try {
      return parseCursor(text);
    } catch (cause) {
      if (!(cause instanceof HoldfastError)) throw cause;
      const next = "remove it, and the sink begins as its `from` says";
      throw new HoldfastError("FAILED_PRECONDITION", `the cursor ${path} cannot be used: ${cause.message}; ${next}`);
    }
  }

  /** Resolves when the cursor is on disk. */
  async keepCursor(name: string, cursor: KeptCursor): Promise<void> {
    await this.#replace(`${name}.json`, writeCursor(cursor));
  }

  /** The last file of sinks that was good; undefined: there is none. */
  lastGood(): Promise<string | undefined> {
    return this.#read(join(this.#path, LAST_GOOD), SINKS_FILE_BYTES_MAX);
  }

  /** Resolves when the file is kept. */
  async keepLastGood(source: string): Promise<void> {
    await this.#replace(LAST_GOOD, source);
  }

  async #read(path: string, bytesMax: number): Promise<string | undefined> {
    try {
      const bytes = await readFile(path);
      if (bytes.length <= bytesMax) return bytes.toString("utf8");
    } catch (cause) {
      if (reasonCode(cause) === "ENOENT") return undefined;
      throw new HoldfastError("FAILED_PRECONDITION", `${path} cannot be read (${reasonCode(cause)})`, { cause });
    }
    throw new HoldfastError("FAILED_PRECONDITION", `${path} is larger than ${bytesMax} bytes; remove it`);
  }

  async #replace(name: string, text: string): Promise<void> {
    const path = join(this.#path, name);
    const temporary = `${path}.tmp`;
    try {
      await writeSynced(temporary, text);
      await rename(temporary, path);
      await syncDirectory(this.#path);
    } catch (cause) {
      await rm(temporary, { force: true }).catch(() => undefined); // the first error is the one to tell
      throw new HoldfastError("FAILED_PRECONDITION", `${path} cannot be written (${reasonCode(cause)}); look at its disk`, { cause });
    }
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, "w", FILE_MODE);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
