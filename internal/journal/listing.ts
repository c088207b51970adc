// Lists from the disk: which workflows are open, and records page by page, the newest first.
// 1. A damaged record is listed as one that says so; it does not hide the others.

import { create } from "@bufbuild/protobuf";
import { assert } from "../base/assert.ts";
import { GUARD_STREAM, WorkflowId, workflowStream } from "../base/ids.ts";
import { JOURNAL_LIST_MAX } from "../base/limits.ts";
import type { WorkflowRecord } from "../engine/ports.ts";
import { Phase, WorkflowStatusSchema } from "../gen/holdfast/v1/status_pb.ts";
import { headKey, namespaceKey, namespaceRange, parseKey, rangeOf, recordKey, recordKeyOf, ROW } from "./layout.ts";
import { decodeRecord } from "./record.ts";
import type { Looked, Store } from "./store.ts";
import { verifyHint } from "./store.ts";
import { decodeBriefRecord } from "./workflow-record.ts";

/** The open workflows, the oldest first, by their heads: every batch that touches a stream writes its head, so no single lost batch hides it. */
export async function* listOpen(store: Store): AsyncGenerator<WorkflowId> {
  for await (const [key] of store.rows(rangeOf(ROW.openHead))) {
    const parsed = parseKey(key);
    if (parsed?.kind === "head" && parsed.stream !== GUARD_STREAM) yield WorkflowId.parse(parsed.stream);
  }
}

/** Records of a namespace (or of all: "*"), the newest first, below `before`, without the stages of their statuses. */
export async function listRecords(store: Store, options: Page): Promise<readonly WorkflowRecord[]> {
  const { namespace, limit } = options;
  assert(Number.isInteger(limit) && limit > 0 && limit <= JOURNAL_LIST_MAX, "a page of records has 1 to JOURNAL_LIST_MAX of them");
  const chunks = namespace === "*" ? chunksOfAll(store, options) : chunksOfNamespace(store, options);
  const records: WorkflowRecord[] = [];
  for await (const rows of chunks)
    for (const row of rows) {
      const record = readRecord(store, row, namespace === "*" ? "" : namespace);
      if (record !== undefined) records.push(record);
    }
  return records;
}

/** The key of a record, and what is there. */
interface RecordRow {
  readonly key: Uint8Array;
  readonly looked: Looked;
}

interface Page {
  readonly namespace: string;
  readonly before?: WorkflowId;
  readonly limit: number;
}

async function* chunksOfAll(store: Store, { before, limit }: Page): AsyncGenerator<readonly RecordRow[]> {
  const range = rangeOf(ROW.record);
  const lt = before === undefined ? range.lt : recordKey(before);
  for await (const rows of store.chunks({ ...range, lt, isReversed: true, limit }))
    yield rows.map(([key, value]) => ({ key, looked: { kind: "whole", value } }));
}

async function* chunksOfNamespace(store: Store, { namespace, before, limit }: Page): AsyncGenerator<readonly RecordRow[]> {
  const range = namespaceRange(namespace);
  const lt = before === undefined ? range.lt : namespaceKey(namespace, before);
  for await (const rows of store.chunks({ ...range, lt, isReversed: true, limit })) {
    const keys = rows.map(([key]) => recordKeyOf(key));
    const found = await store.lookMany(keys);
    yield found.map((looked, at) => ({ key: keys[at] ?? NO_KEY, looked }));
  }
}

const NO_KEY = new Uint8Array(0);

/** The record of a row, or one that says how it is damaged; undefined for a row under a key that no workflow has. */
function readRecord(store: Store, { key, looked }: RecordRow, namespace: string): WorkflowRecord | undefined {
  const record = looked.kind === "whole" ? looked.value : undefined;
  const decoded = record === undefined ? undefined : decodeRecord(key, record, decodeBriefRecord);
  if (decoded?.kind === "whole") return decoded.value;
  const parsed = parseKey(key);
  if (parsed?.kind !== "record") return undefined;
  const { id } = parsed;
  if (looked.kind === "damaged") return damagedRecord(store, { id, namespace, reason: `its record: ${looked.reason}` });
  const reason = decoded === undefined ? "its record is missing" : `its record: ${decoded.reason}`;
  return damagedRecord(store, { id, namespace, reason });
}

function damagedRecord(
  store: Store,
  found: { readonly id: WorkflowId; readonly namespace: string; readonly reason: string },
): WorkflowRecord {
  const { id, namespace, reason } = found;
  const error = `JOURNAL_CORRUPT: ${reason}; ${verifyHint(store.directory)}`;
  const isOpen = store.get(headKey(workflowStream(id), { isOpen: true })) !== undefined;
  const status = create(WorkflowStatusSchema, { id, namespace, phase: Phase.UNSPECIFIED, error });
  return { status, requestId: "", requestDigest: "", isOpen };
}
