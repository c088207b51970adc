// A whole journal in which rows were changed, moved or lost behind its back: opened, verified and read. It parses inputs.
// 1. It opens, or says DATA_LOSS or FAILED_PRECONDITION; what it cannot read it names; nothing else is thrown.
// 2. What checksums protect is found: verification names damage whenever a record is not what was sealed under its key.

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { HoldfastError } from "../../../internal/base/errors.ts";
import { GUARD_STREAM, WorkflowId, seq, workflowStream } from "../../../internal/base/ids.ts";
import type { StreamId } from "../../../internal/base/ids.ts";
import { openJournal } from "../../../internal/journal/open-journal.ts";
import type { LevelJournal } from "../../../internal/journal/level-journal.ts";
import { parseKey } from "../../../internal/journal/layout.ts";
import { seal } from "../../../internal/journal/record.ts";
import { Store } from "../../../internal/journal/store.ts";
import type { Row, RowChange } from "../../../internal/journal/store.ts";
import { assertClean } from "../clean-error.ts";
import { copyOfStore, journalRows, newDirectory } from "../journal-rows.ts";
import { byteMutations, bytesOf, latin1, mutated } from "../mutation.ts";
import type { Mutation } from "../mutation.ts";
import type { FuzzTarget } from "../target.ts";

const RECORD_PREFIX_BYTES = 5;
const TASKS = 8;
const DAMAGED = ["DATA_LOSS", "FAILED_PRECONDITION", "NOT_FOUND"] as const;
const NOON_MS = 1_767_268_800_000;
/** Rows that other rows name: when one of them is gone, verification knows. The rest is found again from these, or was never promised. */
const NAMED: ReadonlySet<string> = new Set(["header", "frame", "head", "record", "namespace"]);

interface RowEdit {
  readonly row: number;
  readonly kind: "changed" | "sealed" | "removed" | "moved";
  readonly record: readonly Mutation[];
  /** Where it is moved to: the key of another row. */
  readonly to: number;
}

interface StoreInput {
  readonly edits: readonly RowEdit[];
  /** Changes of the head file beside the store. */
  readonly head: readonly Mutation[];
}

/** The target. */
export const journalStoreTarget: FuzzTarget = {
  name: "journal-store",
  about: "a journal with rows that were changed, moved or lost: opened, verified, read",
  open: async () => {
    const rows = await journalRows();
    const row = fc.nat({ max: rows.length - 1 });
    const edit = fc.record<RowEdit>({
      row,
      kind: fc.constantFrom("changed", "sealed", "removed", "moved"),
      record: byteMutations,
      to: row,
    });
    const head = fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: byteMutations });
    const inputs = fc.record({ edits: fc.array(edit, { maxLength: 3 }), head });
    return {
      inputs: inputs.map((input) => JSON.stringify(input)),
      attempt: (input) => tryStore(rows, JSON.parse(input) as StoreInput),
      settle: async () => undefined,
      close: async () => undefined,
    };
  },
};

async function tryStore(rows: readonly Row[], input: StoreInput): Promise<void> {
  const directory = newDirectory();
  try {
    copyOfStore(directory);
    const changes = changesOf(rows, input.edits);
    const store = await Store.open(join(directory, "journal"), { isCreated: false });
    await store.write(changes);
    await store.close();
    const headFile = join(directory, "journal-head");
    writeFileSync(headFile, bytesOf(mutated(latin1(readFileSync(headFile)), input.head)));
    const isDamaged = hasSurelyDamage(rows, changes, input);
    await opened(directory, true, async (journal) => {
      const { damage } = await journal.verify({});
      if (isDamaged && damage.length === 0) throw new Error("a record that is not what was sealed, and verification finds no damage");
      if (input.head.length === 0 && changes.length === 0 && damage.length > 0)
        throw new Error(`damage where there is none: ${JSON.stringify(damage)}`);
    });
    await opened(directory, false, readAll);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function opened(directory: string, isReadOnly: boolean, work: (journal: LevelJournal) => Promise<void>): Promise<void> {
  const fatal: unknown[] = [];
  let journal: LevelJournal | undefined;
  try {
    journal = await openJournal(directory, { onFatal: (error) => fatal.push(error), nowMs: () => NOON_MS, isReadOnly });
    await work(journal);
  } catch (error) {
    assertClean(error, { codes: DAMAGED });
  } finally {
    await journal?.close();
  }
  if (fatal.length > 0) throw new Error("reading ends the process", { cause: fatal[0] });
}

/** Everything that the engine reads; each read by itself may find damage. */
async function readAll(journal: LevelJournal): Promise<void> {
  const streams: StreamId[] = [GUARD_STREAM];
  await damagedCleanly(async () => {
    for await (const id of journal.openWorkflows()) streams.push(workflowStream(id));
  });
  await damagedCleanly(async () => {
    for (const { status } of await journal.listRecords({ namespace: "*", limit: 100 }))
      streams.push(workflowStream(WorkflowId.parse(status.id)));
  });
  for (const stream of new Set(streams)) {
    for (const afterSeq of [0, 3, 1_000_000])
      await damagedCleanly(async () => {
        for await (const frame of journal.readFrames(stream, { afterSeq: seq(afterSeq) }))
          if (frame.firstSeq <= afterSeq) throw new Error("a frame from before");
      });
    const id: string = stream;
    if (!WorkflowId.is(id)) continue;
    await damagedCleanly(async () => void journal.record(id));
    for (let task = 0; task < TASKS; task++) await damagedCleanly(async () => void journal.detail(id, task));
  }
  await damagedCleanly(async () => void journal.findByKey("ops", "k/1"));
  await damagedCleanly(async () => {
    for await (const line of journal.dump({})) JSON.parse(line);
  });
}

async function damagedCleanly(read: () => Promise<void>): Promise<void> {
  try {
    await read();
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    assertClean(error, { codes: DAMAGED });
  }
}

function changesOf(rows: readonly Row[], edits: readonly RowEdit[]): readonly RowChange[] {
  const changes = new Map<string, RowChange>();
  for (const { row, kind, record: mutations, to } of edits) {
    const [key, record] = rows[row] ?? [];
    const [other] = rows[to] ?? [];
    if (key === undefined || record === undefined || other === undefined) throw new Error("the input names no row");
    if (kind === "moved") changes.set(latin1(other), { key: other, value: record });
    else
      changes.set(latin1(key), {
        key,
        value: kind === "removed" ? undefined : altered(key, record, { mutations, isSealed: kind === "sealed" }),
      });
  }
  return [...changes.values()].filter(({ key, value }) => value === undefined || !isOriginal(rows, key, value));
}

function altered(
  key: Uint8Array,
  record: Uint8Array,
  { mutations, isSealed }: { mutations: readonly Mutation[]; isSealed: boolean },
): Uint8Array {
  if (!isSealed) return bytesOf(mutated(latin1(record), mutations));
  return seal(key, [bytesOf(mutated(latin1(record.subarray(RECORD_PREFIX_BYTES)), mutations))]);
}

function isOriginal(rows: readonly Row[], key: Uint8Array, value: Uint8Array): boolean {
  return rows.some(([known, record]) => Buffer.compare(known, key) === 0 && Buffer.compare(record, value) === 0);
}

/** Whether a record is certain to fail its checksum, or something that others name is gone; the head file alone knows of the last batch. */
function hasSurelyDamage(rows: readonly Row[], changes: readonly RowChange[], input: StoreInput): boolean {
  return changes.some(({ key, value }) => {
    const [, original] = rows.find(([known]) => Buffer.compare(known, key) === 0) ?? [];
    if (original === undefined) return false;
    if (value === undefined) return input.head.length === 0 && NAMED.has(parseKey(key)?.kind ?? "");
    return value.length < RECORD_PREFIX_BYTES || Buffer.compare(seal(key, [value.subarray(RECORD_PREFIX_BYTES)]), value) !== 0;
  });
}
