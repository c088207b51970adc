// Journal entries for tests: say what matters, the rest has defaults.

import { create } from "@bufbuild/protobuf";
import { seq, timeMs, WorkflowId } from "../../internal/base/ids.ts";
import type { IndexChange, JournalEntry, WorkflowRecord } from "../../internal/engine/ports.ts";
import { GuardEventSchema } from "../../internal/gen/holdfast/journal/v1/journal_pb.ts";
import type { GuardEvent } from "../../internal/gen/holdfast/journal/v1/journal_pb.ts";
import { EventSchema } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { AttemptOutcome, Event } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { AttemptDetailSchema, Phase, WorkflowStatusSchema } from "../../internal/gen/holdfast/v1/status_pb.ts";
import type { AttemptDetail } from "../../internal/gen/holdfast/v1/status_pb.ts";

/** Noon, 2026-01-01. */
export const NOON_MS = 1_767_268_800_000;

/** The n-th workflow of a test; a larger n is a later one. */
export function anId(n: number): WorkflowId {
  const time = (NOON_MS + n).toString(16).padStart(12, "0");
  return WorkflowId.parse(`${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${n.toString(16).padStart(12, "0")}`);
}

/** An entry that appends to the first workflow's stream. */
export function anEntry(fields: {
  readonly id?: WorkflowId;
  readonly firstSeq?: number;
  readonly atMs?: number;
  readonly events?: readonly Event[];
  readonly guardEvents?: readonly GuardEvent[];
  readonly guardFirstSeq?: number;
  readonly details?: readonly AttemptDetail[];
  readonly index?: IndexChange;
  readonly cutBefore?: number;
}): JournalEntry {
  const {
    id = anId(1),
    firstSeq = 1,
    atMs = NOON_MS,
    events = [],
    guardEvents = [],
    guardFirstSeq = 1,
    details = [],
    index,
    cutBefore,
  } = fields;
  const cut = cutBefore === undefined ? {} : { cutBefore: seq(cutBefore) };
  const base = {
    id,
    firstSeq: seq(firstSeq),
    timeMs: timeMs(atMs),
    events,
    guardEvents,
    guardFirstSeq: seq(guardFirstSeq),
    details,
    ...cut,
  };
  return index === undefined ? base : { ...base, index };
}

/** An attempt began. */
export function attemptStarted(task: number, attempt = 1): Event {
  return create(EventSchema, { by: "", kind: { case: "attemptStarted", value: { task, attempt } } });
}

/** An attempt ended. */
export function attemptEnded(task: number, fields: { attempt?: number; outcome?: AttemptOutcome; detailCrc?: number } = {}): Event {
  return create(EventSchema, { kind: { case: "attemptEnded", value: { task, attempt: 1, outcome: 2, ...fields } } });
}

/** The next generation began. */
export function continued(generation: number, at: number): Event {
  const value = { generation, seq: BigInt(at), attemptBase: generation - 1 };
  return create(EventSchema, { kind: { case: "continuedAsNew", value } });
}

/** The guard gave a lock. */
export function lockTaken(key: string, holder: WorkflowId): GuardEvent {
  return create(GuardEventSchema, { kind: { case: "lockTaken", value: { key, holder } } });
}

/** A detail with an output. */
export function aDetail(task: number, fields: { attempt?: number; outputTail?: string } = {}): AttemptDetail {
  return create(AttemptDetailSchema, { task, attempt: 1, outputTail: `out of ${task}`, startedAtMs: 1n, endedAtMs: 2n, ...fields });
}

/** What the journal knows of a workflow. */
export function aRecord(
  id: WorkflowId,
  fields: { namespace?: string; key?: string; requestId?: string; isOpen?: boolean } = {},
): WorkflowRecord {
  const { namespace = "default", key = "", requestId = "", isOpen = true } = fields;
  const status = create(WorkflowStatusSchema, { id, name: "fix", namespace, key, phase: isOpen ? Phase.SUBMITTED : Phase.SUCCEEDED });
  return { status, requestId, requestDigest: "sha256:00", isOpen };
}

/** The first entry of a workflow: one event, and the index that opens it. */
export function opening(
  id: WorkflowId,
  fields: { namespace?: string; key?: string; requestId?: string; events?: readonly Event[] } = {},
): JournalEntry {
  return anEntry({ id, events: fields.events ?? [attemptStarted(0)], index: { kind: "opened", record: aRecord(id, fields) } });
}

/** Everything that an async iterable gives. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
