// Third pass of a verification: all rows that are neither frames nor headers.
// 1. Each is whole, belongs to a known kind, and what it leads to is there.

import { assertNever } from "../base/assert.ts";
import { workflowStream } from "../base/ids.ts";
import type { StreamId } from "../base/ids.ts";
import { frameKey, headKey, namespaceKey, parseKey, recordKey, ROW } from "./layout.ts";
import type { KeyRange, RowKey } from "./layout.ts";
import { decodeRecord, unseal } from "./record.ts";
import { isDataLoss } from "./store.ts";
import type { Row } from "./store.ts";
import type { Verification } from "./verify.ts";
import { decodePointer, decodeWorkflowRecord } from "./workflow-record.ts";

/** Everything but headers and frames, letter by letter, keys of no known kind included: what LevelDB cannot read in one hides no other. */
const OTHER_ROWS: readonly KeyRange[] = otherRows();

/** Checks all other rows. */
export async function verifyRows(run: Verification): Promise<void> {
  for (const range of OTHER_ROWS) {
    try {
      for await (const row of run.store.rows({ ...range, snapshot: run.snapshot, signal: run.signal })) verifyRow(run, row);
    } catch (error) {
      if (!isDataLoss(error)) throw error;
      run.damage.add("", 0, `rows of kind ${Buffer.from(range.gte).toString("latin1")}: LevelDB cannot read a block of them`);
    }
  }
}

function verifyRow(run: Verification, row: Row): void {
  const [key, record] = row;
  const parsed = parseKey(key);
  if (parsed === undefined) return run.damage.add("", 0, `the key ${Buffer.from(key).toString("hex")} belongs to no row`);
  const whole = unseal(key, record);
  const reason = whole.kind === "damaged" ? whole.reason : linkDamage(run, parsed, row);
  if (reason === undefined) return;
  const { stream, seq, what } = placeOf(parsed);
  run.damage.add(stream, seq, `${what}: ${reason}`);
}

/** What is wrong between a whole row and those that it leads to. */
function linkDamage(run: Verification, key: RowKey, row: Row): string | undefined {
  const has = (other: Uint8Array): boolean => {
    const looked = run.store.look(other, run.snapshot);
    return looked.kind === "damaged" || looked.value !== undefined; // what cannot be read is named where it is read
  };
  switch (key.kind) {
    case "head":
      return has(frameKey(key.stream, 1)) ? undefined : "the stream's first frame is missing";
    case "namespace":
      return has(recordKey(key.id)) ? undefined : "the workflow's record is missing";
    case "key":
    case "request": {
      const id = decodeRecord(...row, decodePointer);
      if (id.kind === "damaged") return id.reason;
      return has(recordKey(id.value)) ? undefined : `the record of workflow ${id.value}, to which it leads, is missing`;
    }
    case "record": {
      const record = decodeRecord(...row, decodeWorkflowRecord);
      if (record.kind === "damaged") return record.reason;
      const { status, isOpen } = record.value;
      if (!has(headKey(workflowStream(key.id), { isOpen })))
        return `there is no head of ${isOpen ? "an open" : "a finished"} workflow for it`;
      return has(namespaceKey(status.namespace, key.id)) ? undefined : `it is missing in the list of namespace ${status.namespace}`;
    }
    case "meta":
    case "chain":
    case "header":
    case "frame":
    case "detail":
    case "latest":
      return undefined;
    default:
      return assertNever(key);
  }
}

function placeOf(key: RowKey): { readonly stream: StreamId | ""; readonly seq: number; readonly what: string } {
  switch (key.kind) {
    case "head":
      return { stream: key.stream, seq: 0, what: "its head" };
    case "detail":
      return { stream: workflowStream(key.id), seq: 0, what: `the detail of task ${key.task}, attempt ${key.attempt}` };
    case "latest":
      return { stream: workflowStream(key.id), seq: 0, what: `the latest attempt of task ${key.task}` };
    case "record":
      return { stream: workflowStream(key.id), seq: 0, what: "its record" };
    case "namespace":
      return { stream: workflowStream(key.id), seq: 0, what: `its place in namespace ${key.namespace}` };
    case "key":
    case "request":
      return { stream: "", seq: 0, what: `the index row of ${key.kind} ${key.text} in namespace ${key.namespace}` };
    case "meta":
    case "chain":
    case "header":
    case "frame":
      return { stream: "", seq: 0, what: `the ${key.kind} row` };
    default:
      return assertNever(key);
  }
}

function otherRows(): readonly KeyRange[] {
  const after = (letter: string): Uint8Array => Buffer.from([letter.charCodeAt(0) + 1]);
  const letters = Object.values(ROW).toSorted();
  const ranges: KeyRange[] = [];
  let gte: Uint8Array = new Uint8Array(0);
  for (const letter of letters) {
    ranges.push({ gte, lt: Buffer.from(letter) });
    if (letter !== ROW.header && letter !== ROW.frame) ranges.push({ gte: Buffer.from(letter), lt: after(letter) });
    gte = after(letter);
  }
  return [...ranges, { gte, lt: Buffer.from([0xff]) }];
}
