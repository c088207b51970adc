// WorkflowRecord, as the engine says it, and Summary, as the journal stores it: the codec between the two.
// 1. A change of the indexes is rows of one batch: record, place in the namespace, key and request.

import { create, toBinary } from "@bufbuild/protobuf";
import { assert, assertNever } from "../base/assert.ts";
import { WorkflowId } from "../base/ids.ts";
import { readMessage } from "./read-message.ts";
import type { IndexChange, WorkflowRecord } from "../engine/ports.ts";
import { SummarySchema, WorkflowPointerSchema } from "../gen/holdfast/journal/v1/journal_pb.ts";
import type { Summary } from "../gen/holdfast/journal/v1/journal_pb.ts";
import type { WorkflowStatus } from "../gen/holdfast/v1/status_pb.ts";
import { readBrief } from "./brief-record.ts";
import { keyKey, namespaceKey, recordKey, requestKey } from "./layout.ts";

/** A row to write: its key and its protobuf bytes. */
export interface PlainRow {
  readonly key: Uint8Array;
  readonly payload: Uint8Array;
}

/** The rows that a change of the indexes writes. */
export function indexRows(id: WorkflowId, change: IndexChange): readonly PlainRow[] {
  const { record } = change;
  const status = record.status;
  assert(status.id === id, "a record is of the workflow that is appended to");
  assert(record.isOpen === (change.kind !== "ended"), "a record is open unless its workflow ended");
  const rows = [{ key: recordKey(id), payload: encodeRecord(record) }];
  const pointer = toBinary(WorkflowPointerSchema, create(WorkflowPointerSchema, { id }));
  const byKey = status.key === "" ? [] : [{ key: keyKey(status.namespace, status.key), payload: pointer }];
  switch (change.kind) {
    case "opened":
      rows.push({ key: namespaceKey(status.namespace, id), payload: new Uint8Array(0) }, ...byKey);
      if (record.requestId !== "") rows.push({ key: requestKey(status.namespace, record.requestId), payload: pointer });
      return rows;
    case "reopened":
      return [...rows, ...byKey];
    case "ended":
      return rows;
    default:
      return assertNever(change);
  }
}

/** A record's protobuf bytes. */
export function encodeRecord(record: WorkflowRecord): Uint8Array {
  const { status, requestId, requestDigest, isOpen } = record;
  return toBinary(SummarySchema, { $typeName: "holdfast.journal.v1.Summary", status, requestId, requestDigest, isOpen });
}

/** A record from its protobuf bytes. */
export function decodeWorkflowRecord(payload: Uint8Array): WorkflowRecord {
  return recordOf(readMessage(SummarySchema, payload));
}

/** A record without the stages of its status, from its protobuf bytes. */
export function decodeBriefRecord(payload: Uint8Array): WorkflowRecord {
  return recordOf(readBrief(payload));
}

function recordOf({ status, requestId, requestDigest, isOpen }: Summary): WorkflowRecord {
  return { status: parseStatus(status), requestId, requestDigest, isOpen };
}

/** The workflow that an index row leads to. */
export function decodePointer(payload: Uint8Array): WorkflowId {
  return WorkflowId.parse(readMessage(WorkflowPointerSchema, payload).id);
}

function parseStatus(status: WorkflowStatus | undefined): WorkflowStatus {
  if (status === undefined || !WorkflowId.is(status.id)) throw new TypeError("the record is of no workflow");
  return status;
}
