// Lists from the disk: which workflows are open, and records page by page, the newest first.
// 1. A damaged record is listed as one that says so; it does not hide the others.

import { create } from "@bufbuild/protobuf";
import { assert } from "../base/assert.ts";
import { GUARD_STREAM, WorkflowId, workflowStream } from "../base/ids.ts";
import { JOURNAL_LIST_MAX } from "../base/limits.ts";
import type { WorkflowRecord } from "../engine/ports.ts";
import { Phase, WorkflowStatusSchema } from "../gen/holdfast/v1/status_pb.ts";
import { headKey, namespaceKey, namespaceRange, parseKey, rangeOf, recordKey, ROW } from "./layout.ts";
import type { KeyRange } from "./layout.ts";
import { decodeRecord } from "./record.ts";
import type { Store } from "./store.ts";
import { verifyHint } from "./store.ts";
import { decodeWorkflowRecord } from "./workflow-record.ts";

/** The open workflows, the oldest first, by their heads: every batch that touches a stream writes its head, so no single lost batch hides it. */
export async function* listOpen(store: Store): AsyncGenerator<WorkflowId> {
  for await (const [key] of store.rows(rangeOf(ROW.openHead))) {
    const parsed = parseKey(key);
    if (parsed?.kind === "head" && parsed.stream !== GUARD_STREAM) yield WorkflowId.parse(parsed.stream);
  }
}

/** Records of a namespace (or of all: "*"), the newest first, below `before`. */
export async function listRecords(
  store: Store,
  options: { readonly namespace: string; readonly before?: WorkflowId; readonly limit: number },
): Promise<readonly WorkflowRecord[]> {
  const { namespace, before, limit } = options;
  assert(Number.isInteger(limit) && limit > 0 && limit <= JOURNAL_LIST_MAX, "a page of records has 1 to JOURNAL_LIST_MAX of them");
  const isAll = namespace === "*";
  const range: KeyRange = isAll ? rangeOf(ROW.record) : namespaceRange(namespace);
  const lt = before === undefined ? range.lt : isAll ? recordKey(before) : namespaceKey(namespace, before);
  const records: WorkflowRecord[] = [];
  for await (const [key, value] of store.rows({ gte: range.gte, lt, isReversed: true, limit })) {
    const parsed = parseKey(key);
    if (parsed?.kind === "record") records.push(readRecord(store, { id: parsed.id, namespace: "", record: value }));
    else if (parsed?.kind === "namespace")
      records.push(readRecord(store, { id: parsed.id, namespace, record: store.get(recordKey(parsed.id)) }));
  }
  return records;
}

function readRecord(
  store: Store,
  row: { readonly id: WorkflowId; readonly namespace: string; readonly record: Uint8Array | undefined },
): WorkflowRecord {
  const { id, namespace, record } = row;
  if (record === undefined) return damagedRecord(store, { id, namespace, reason: "its record is missing" });
  const decoded = decodeRecord(recordKey(id), record, decodeWorkflowRecord);
  return decoded.kind === "whole" ? decoded.value : damagedRecord(store, { id, namespace, reason: `its record: ${decoded.reason}` });
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
