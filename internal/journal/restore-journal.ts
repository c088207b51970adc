// Brings a journal back from a backup, into a data directory that has none. Its service must be down.
// 1. Everything is built in DIR/journal.restoring, checked there (the backup's own sums, then the journal as `verify` reads it), marked as
//    restored, synced, and only then renamed to DIR/journal: a start of the service finds no journal, or a whole one that says what it is.
// 2. A restore that was killed leaves DIR/journal.restoring; the next one begins anew.

import { create } from "@bufbuild/protobuf";
import { createReadStream, existsSync, mkdirSync, readdirSync, renameSync, rmSync, rmdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { HoldfastError } from "../base/errors.ts";
import { RESTORE_BATCH_BYTES, RESTORE_OPEN_LISTED_MAX } from "../base/limits.ts";
import type { JournalReport, WorkflowRecord } from "../engine/ports.ts";
import { JournalMetaSchema } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { readBackup } from "./backup-reader.ts";
import type { BackupSummary } from "./backup-reader.ts";
import { endOfRows, openChain, readMeta, writeMeta } from "./chain.ts";
import { HeadFile } from "./head-file.ts";
import { JOURNAL_FORMAT, recordKey } from "./layout.ts";
import { listOpen } from "./listing.ts";
import { decodeRecord } from "./record.ts";
import { newRestored } from "./restore-mark.ts";
import { isDataLoss, Store } from "./store.ts";
import type { Row, RowChange } from "./store.ts";
import { syncDirectory } from "./synced-directory.ts";
import { verifyJournal } from "./verify.ts";
import { decodeWorkflowRecord } from "./workflow-record.ts";

/** What to restore. */
export interface RestoreOptions {
  readonly file: string;
  readonly dataDirectory: string;
  readonly nowMs: number;
  /** Anything that no other restore has: it names this one. */
  readonly nonce: string;
  /** True: a journal that was damaged when the backup was taken is brought back as it was; its damaged workflows stand still. */
  readonly isDamageAccepted: boolean;
}

/** What was restored. */
export interface RestoreReport {
  readonly backup: BackupSummary;
  readonly restore: string;
  readonly report: JournalReport;
  /** The open workflows, as of their Submit: the oldest RESTORE_OPEN_LISTED_MAX. */
  readonly open: readonly WorkflowRecord[];
  /** The last batch that a journal which is gone had acknowledged here, by its head file; undefined: it left none. */
  readonly acknowledged: number | undefined;
}

/** Restores; throws FAILED_PRECONDITION or DATA_LOSS, and then the data directory has no journal, as before. */
export async function restoreJournal(options: RestoreOptions): Promise<RestoreReport> {
  const { dataDirectory } = options;
  const place = join(dataDirectory, "journal");
  if (existsSync(place)) {
    const found = `${dataDirectory} has a journal; a restore never writes over one`;
    throw new HoldfastError("FAILED_PRECONDITION", `${found}: name a new directory, or move ${place} away while its service is down`);
  }
  if (!existsSync(options.file)) throw new HoldfastError("NOT_FOUND", `there is no backup ${options.file}; look at the path`);
  const firstMade = mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  const partial = `${place}.restoring`;
  await clearAway(partial);
  const store = await Store.open(partial, { isCreated: true });
  let restored;
  try {
    restored = await build(store, options);
  } catch (error) {
    await store.close();
    rmSync(partial, { recursive: true, force: true });
    if (firstMade !== undefined) removeMade(dataDirectory, firstMade);
    throw error;
  }
  await store.close();
  return { ...restored, acknowledged: putInPlace({ partial, place, dataDirectory, end: restored.end }) };
}

/** What a restore that was killed has left; not what one that is under way is writing. */
async function clearAway(partial: string): Promise<void> {
  if (!existsSync(partial)) return;
  try {
    const left = await Store.open(partial, { isCreated: true }); // throws when another process has it open
    await left.close();
  } catch (error) {
    if (!isDataLoss(error)) throw error; // one that was cut off in the middle may not open again
  }
  rmSync(partial, { recursive: true, force: true });
}

async function build(store: Store, options: RestoreOptions) {
  const { file, nowMs, nonce, isDamageAccepted } = options;
  const writer = new RowWriter(store);
  const source = createReadStream(file, { highWaterMark: RESTORE_BATCH_BYTES });
  const backup = await readBackup(source, { name: file, onRows: (rows) => writer.add(rows) });
  await writer.flush();
  const { lost } = await openChain(store, { acknowledged: undefined, nowMs, isReadOnly: true });
  const end = await endOfRows(store);
  const report = await verifyJournal({ store, lost, lastBatch: () => backup.batch }, { head: backup.head });
  const [first] = report.damage;
  if (first !== undefined && !isDamageAccepted) {
    const found = `the journal in ${file} was damaged when the backup was taken, in ${report.damage.length} places`;
    const next = "use an older backup, or accept it with --accept-damage: what is damaged then stands still and says so";
    throw new HoldfastError("DATA_LOSS", `${found}; the first: stream ${first.stream}, event ${first.seq}: ${first.reason}; ${next}`);
  }
  const restored = newRestored(backup, { nowMs, nonce });
  const meta = readMeta(store) ?? create(JournalMetaSchema, { format: JOURNAL_FORMAT, createdMs: BigInt(nowMs) });
  await writeMeta(store, create(JournalMetaSchema, { ...meta, restored }));
  return { backup, restore: restored.restore, report, open: await openRecords(store), end };
}

/** The rows of a block, in synced batches of at most RESTORE_BATCH_BYTES and one row. */
class RowWriter {
  readonly #store: Store;
  #changes: RowChange[] = [];
  #bytes = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  async add(rows: readonly Row[]): Promise<void> {
    for (const [key, value] of rows) {
      this.#changes.push({ key, value });
      this.#bytes += key.length + value.length;
      if (this.#bytes >= RESTORE_BATCH_BYTES) await this.flush();
    }
  }

  async flush(): Promise<void> {
    const changes = this.#changes;
    [this.#changes, this.#bytes] = [[], 0];
    if (changes.length > 0) await this.#store.write(changes);
  }
}

async function openRecords(store: Store): Promise<readonly WorkflowRecord[]> {
  const records: WorkflowRecord[] = [];
  for await (const id of listOpen(store)) {
    if (records.length >= RESTORE_OPEN_LISTED_MAX) break;
    const key = recordKey(id);
    const row = store.get(key);
    const record = row === undefined ? undefined : decodeRecord(key, row, decodeWorkflowRecord);
    if (record?.kind === "whole") records.push(record.value);
  }
  return records;
}

/** The head file of a journal that is gone comes away first: beside another journal it would speak of batches that are not there. */
function putInPlace(at: {
  readonly partial: string;
  readonly place: string;
  readonly dataDirectory: string;
  readonly end: { readonly number: number; readonly digest: Uint8Array };
}): number | undefined {
  const { partial, place, dataDirectory, end } = at;
  const headPath = join(dataDirectory, "journal-head");
  const before = HeadFile.open(headPath, { isReadOnly: true });
  const acknowledged = before?.read()?.number;
  before?.close();
  rmSync(headPath, { force: true });
  syncDirectory(partial);
  syncDirectory(dataDirectory);
  // crash: test/crash/backup.test.ts
  renameSync(partial, place);
  if (end.number > 0) {
    const head = HeadFile.open(headPath, { isReadOnly: false });
    head?.write(end);
    head?.close();
  }
  for (const made of [dataDirectory, dirname(dataDirectory)]) syncDirectory(made);
  return acknowledged;
}

/** A file that is no backup leaves no directory behind: those that were made for it go again, as long as they are empty. */
function removeMade(directory: string, firstMade: string): void {
  const first = resolve(firstMade);
  for (let at = resolve(directory); at.startsWith(first) && readdirSync(at).length === 0; at = dirname(at)) rmdirSync(at);
}
