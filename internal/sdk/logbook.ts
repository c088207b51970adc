// The client's own record of its workflows: one file each under <state>/logbook, so that a client which dies at any moment can
// be followed by another that finishes what it began.
// 1. An entry is on disk, synced, before the step that it tells of is taken further.
// 2. Several processes may use one logbook at once: writes are whole files put in place by a rename, and facts are only added.
// 3. A file that cannot be read is named and left alone, never deleted.

import { randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import { HoldfastError } from "../base/errors.ts";
import {
  LOGBOOK_ENTRIES_MAX,
  LOGBOOK_ENTRY_BYTES_MAX,
  LOGBOOK_FINISHED_AGE_MS_MAX,
  LOGBOOK_FINISHED_MAX,
  LOGBOOK_TEMPORARY_AGE_MS_MAX,
} from "../base/limits.ts";
import { mergeEntries, parseEntry, writeEntry } from "./logbook-entry.ts";
import type { LogbookEntry } from "./logbook-entry.ts";
import type { LogbookFiles, SdkClock } from "./ports.ts";

/** What a logbook holds: entries, the oldest first, and the files that could not be read. */
export interface LogbookContent {
  readonly entries: readonly LogbookEntry[];
  readonly damaged: readonly UnreadFile[];
}

/** A file of the logbook's directory that could not be read. */
export interface UnreadFile {
  readonly path: string;
  readonly reason: string;
  /** False: it is not called as an entry is, so it is somebody else's. */
  readonly isEntry: boolean;
}

const ENTRY_FILE = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.json$/;
const TEMPORARY_FILE = /^[0-9a-f-]{36}\.(\d{1,16})-[0-9a-f-]{36}\.tmp$/;

/** The directory for a client's state: HOLDFAST_STATE_DIR, else XDG_STATE_HOME/holdfast, else ~/.local/state/holdfast. */
export function stateDirectory(env: Readonly<Record<string, string | undefined>>, home: string): string {
  const { HOLDFAST_STATE_DIR: own, XDG_STATE_HOME: xdg } = env;
  if (own !== undefined && own !== "") return own;
  return join(xdg !== undefined && xdg !== "" ? xdg : join(home, ".local", "state"), "holdfast");
}

/** A client's record of its workflows. */
export class Logbook {
  readonly directory: string;
  readonly #files: LogbookFiles;
  readonly #clock: SdkClock;

  constructor(options: { stateDirectory: string; files: LogbookFiles; clock: SdkClock }) {
    this.directory = join(options.stateDirectory, "logbook");
    this.#files = options.files;
    this.#clock = options.clock;
  }

  /** Resolves only when what is known of the workflow, the entry's facts included, is on disk. Returns all of it. */
  async save(entry: LogbookEntry): Promise<LogbookEntry> {
    const path = this.pathOf(entry.requestId);
    const older = await this.#readIfWhole(path);
    const merged = older === undefined ? entry : mergeEntries(older, entry);
    if (older === undefined) {
      await this.#files.makeDirectory(this.directory);
      await this.#files.syncDirectory(dirname(this.directory));
    }
    const temporary = join(this.directory, `${entry.requestId}.${this.#clock.nowMs()}-${randomUUID()}.tmp`);
    await this.#files.writeSynced(temporary, writeEntry(merged));
    await this.#files.rename(temporary, path);
    await this.#files.syncDirectory(this.directory);
    return merged;
  }

  /** The entry of a request ID, a workflow ID or a key (the newest that bears it), or undefined. */
  async find(name: string): Promise<LogbookEntry | undefined> {
    const { entries } = await this.read();
    return entries.findLast((entry) => entry.requestId === name || entry.id === name || entry.key === name);
  }

  /** Everything that can be read. */
  async read(): Promise<LogbookContent> {
    const entries: LogbookEntry[] = [];
    const damaged: UnreadFile[] = [];
    const names = (await this.#files.list(this.directory)).filter((name) => !TEMPORARY_FILE.test(name)).sort();
    for (const name of names.slice(0, LOGBOOK_ENTRIES_MAX)) {
      const path = join(this.directory, name);
      try {
        const entry = await this.#readNamed(name);
        if (entry !== undefined) entries.push(entry);
      } catch (error) {
        damaged.push({ path, reason: error instanceof Error ? error.message : String(error), isEntry: ENTRY_FILE.test(name) });
      }
    }
    for (const name of names.slice(LOGBOOK_ENTRIES_MAX)) {
      const reason = `not read: a logbook is read up to ${LOGBOOK_ENTRIES_MAX} files`;
      damaged.push({ path: join(this.directory, name), reason, isEntry: ENTRY_FILE.test(name) });
    }
    entries.sort((left, right) => left.createdAtMs - right.createdAtMs);
    return { entries, damaged };
  }

  /** Removes finished entries that are old, or too many, and what interrupted writes left behind. */
  async prune(): Promise<void> {
    const nowMs = this.#clock.nowMs();
    // What was only submitted has no end that a client would learn of: it expired long ago.
    const finished = (await this.read()).entries.filter((entry) => entry.end !== null || entry.intent === "submit");
    const surplus = finished.filter((entry) => entry.end !== null).slice(0, -LOGBOOK_FINISHED_MAX);
    const old = finished.filter(
      (entry) => surplus.includes(entry) || nowMs - (entry.end?.atMs ?? entry.createdAtMs) > LOGBOOK_FINISHED_AGE_MS_MAX,
    );
    for (const entry of old) await this.#files.remove(this.pathOf(entry.requestId));
    for (const name of await this.#files.list(this.directory)) {
      const writtenMs = Number(TEMPORARY_FILE.exec(name)?.[1] ?? Number.NaN);
      if (nowMs - writtenMs > LOGBOOK_TEMPORARY_AGE_MS_MAX) await this.#files.remove(join(this.directory, name));
    }
  }

  /** Where an entry is on disk. */
  pathOf(requestId: string): string {
    const name = `${requestId}.json`;
    if (!ENTRY_FILE.test(name)) throw new HoldfastError("INVALID_ARGUMENT", "a request ID must be a UUID in lower case");
    return join(this.directory, name);
  }

  async #readNamed(name: string): Promise<LogbookEntry | undefined> {
    if (!ENTRY_FILE.test(name)) throw new HoldfastError("INVALID_ARGUMENT", "not a logbook entry: its name is not UUID.json");
    const text = await this.#files.read(join(this.directory, name), LOGBOOK_ENTRY_BYTES_MAX);
    if (text === undefined) return undefined; // another process pruned it since
    const entry = parseEntry(text);
    if (`${entry.requestId}.json` === name) return entry;
    throw new HoldfastError("INVALID_ARGUMENT", "not a logbook entry: the request ID inside is not the file's name");
  }

  async #readIfWhole(path: string): Promise<LogbookEntry | undefined> {
    const text = await this.#files.read(path, LOGBOOK_ENTRY_BYTES_MAX);
    return text === undefined ? undefined : parseEntry(text);
  }
}
