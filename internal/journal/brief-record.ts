// A record without the stages of its status, for lists: they show nothing of them, and a page would allocate a third more for them.
// 1. Nothing is judged here: what is no protobuf is given on as it is, and its decoder says what is wrong with it.
// 2. Nothing is allocated for what is passed over: what a page allocates is how often a call waits for the collector.

import { create, mergeFromBinary } from "@bufbuild/protobuf";
import { MESSAGE_DEPTH_MAX } from "../base/message-depth.ts";
import { SummarySchema } from "../gen/holdfast/journal/v1/journal_pb.ts";
import type { Summary } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { Mode } from "../gen/holdfast/v1/event_pb.ts";
import { Phase, WorkflowStatusSchema } from "../gen/holdfast/v1/status_pb.ts";
import type { WorkflowStatus } from "../gen/holdfast/v1/status_pb.ts";

/** Protobuf's wire types. */
const WIRE = { varint: 0, fixed64: 1, lengthDelimited: 2, fixed32: 5 } as const;
const VARINT_BYTES_MAX = 10;
/** What the walk over damaged bytes comes to: beyond every length. */
const NOWHERE = Number.POSITIVE_INFINITY;

const STATUS_TAG = tagOf(SummarySchema.field.status.number);
const STAGES_TAG = tagOf(WorkflowStatusSchema.field.stages.number);
const EMPTY_SUMMARY = create(SummarySchema);

/** What the bytes hold, but for the stages; throws what protobuf's decoder throws. */
export function readBrief(record: Uint8Array): Summary {
  return mergeFromBinary(SummarySchema, emptySummary(), withoutStages(record), { recursionLimit: MESSAGE_DEPTH_MAX });
}

/** What protobuf would begin with. */
export function emptySummary(): Summary {
  return { ...EMPTY_SUMMARY, status: emptyStatus() };
}

/** In one literal, which takes a tenth of what an object of so many fields takes that gets them one by one: V8 makes a hash table of that. */
function emptyStatus(): WorkflowStatus {
  return {
    $typeName: "holdfast.v1.WorkflowStatus",
    id: "",
    name: "",
    namespace: "",
    key: "",
    phase: Phase.UNSPECIFIED,
    stages: [],
    stage: "",
    targets: 0,
    targetsAtRisk: 0,
    targetsInFlight: 0,
    digest: "",
    mode: Mode.UNSPECIFIED,
    error: "",
    waitingFor: [],
    annotations: {},
    priority: 0,
    submittedBy: "",
    seq: 0n,
    retries: 0,
    policies: [],
    tasksAllowed: 0,
    generation: 0,
  };
}

/** The record's bytes without the stages of its status; the length of what is left takes as many bytes as before. */
function withoutStages(record: Uint8Array): Uint8Array {
  for (let at = 0; at < record.length;) {
    const end = endOfField(record, at);
    if (end > record.length) return record;
    if (readVarint(record, at) === STATUS_TAG) return withoutField(record, { lengthAt: endOfVarint(record, at), end });
    at = end;
  }
  return record;
}

function withoutField(record: Uint8Array, { lengthAt, end }: { readonly lengthAt: number; readonly end: number }): Uint8Array {
  const from = endOfVarint(record, lengthAt);
  const brief = Buffer.from(record);
  let to = from;
  for (let at = from; at < end;) {
    const next = endOfField(record, at);
    if (next > end) return record;
    if (readVarint(record, at) !== STAGES_TAG) {
      if (to < at) brief.copyWithin(to, at, next);
      to += next - at;
    }
    at = next;
  }
  brief.copyWithin(to, end);
  for (let place = lengthAt, rest = to - from; place < from; place++, rest = Math.floor(rest / 0x80))
    brief[place] = (rest % 0x80) + (place < from - 1 ? 0x80 : 0);
  return brief.subarray(0, record.length - (end - to));
}

function tagOf(field: number): number {
  return field * 8 + WIRE.lengthDelimited;
}

/** Where the field that begins there ends; beyond the bytes when it is cut short or is none. */
function endOfField(bytes: Uint8Array, at: number): number {
  const value = endOfVarint(bytes, at);
  if (value > bytes.length) return NOWHERE;
  const wire = readVarint(bytes, at) % 8;
  if (wire === WIRE.varint) return endOfVarint(bytes, value);
  if (wire === WIRE.fixed64) return value + 8;
  if (wire === WIRE.fixed32) return value + 4;
  return wire === WIRE.lengthDelimited ? endOfVarint(bytes, value) + readVarint(bytes, value) : NOWHERE;
}

function endOfVarint(bytes: Uint8Array, at: number): number {
  for (let end = at; end < at + VARINT_BYTES_MAX; end++) {
    const byte = bytes[end];
    if (byte === undefined) return NOWHERE;
    if (byte < 0x80) return end + 1;
  }
  return NOWHERE;
}

function readVarint(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let end = at, scale = 1; end < at + VARINT_BYTES_MAX; end++, scale *= 0x80) {
    const byte = bytes[end] ?? 0;
    value += (byte % 0x80) * scale;
    if (byte < 0x80) break;
  }
  return value;
}
