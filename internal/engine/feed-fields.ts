// Which kinds of events the feed tells of, and their fields as the protocol's JSON. Pure.
// 1. What may be very large, or holds what people put into a submission, is left out: definition, parameters, targets.

import { create, toJson } from "@bufbuild/protobuf";
import { isJsonObject } from "../base/json.ts";
import type { JsonObject, JsonValue } from "../base/json.ts";
import { GuardEventSchema } from "../gen/holdfast/journal/v1/journal_pb.ts";
import type { GuardEvent } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { EventSchema, WorkflowSubmittedSchema } from "../gen/holdfast/v1/event_pb.ts";
import type { Event, WorkflowSubmitted } from "../gen/holdfast/v1/event_pb.ts";

/** What follows from events, and what the journal itself has to say. */
export const DERIVED = { failed: "workflowFailed", waiting: "workflowWaiting", gap: "journalGap" } as const;

const GUARD_KINDS: readonly string[] = ["freezePlaced", "freezeLifted", "storeRestored"];

/** Every kind, sorted. */
export const FEED_KINDS: readonly string[] = [...new Set([...kindsOf(EventSchema), ...GUARD_KINDS, ...Object.values(DERIVED)])].toSorted();

/** True for the events of the guard that the feed tells of: locks, limits and counts are its own affair. */
export function isToldOfGuard({ kind }: GuardEvent): boolean {
  return kind.case !== undefined && GUARD_KINDS.includes(kind.case);
}

/** The fields of a workflow's event. */
export function eventFields({ kind }: Event): JsonObject {
  if (kind.case === undefined) return {};
  if (kind.case === "workflowSubmitted") return submittedFields(kind.value);
  const schema = schemaOf(EventSchema, kind.case);
  return schema === undefined ? {} : asObject(toJson(schema, kind.value, WHOLE));
}

/** The fields of an event of the guard. */
export function guardFields({ kind }: GuardEvent): JsonObject {
  const schema = kind.case === undefined ? undefined : schemaOf(GuardEventSchema, kind.case);
  return schema === undefined || kind.value === undefined ? {} : asObject(toJson(schema, kind.value, WHOLE));
}

/** Fields without a value are there too: a filter may name them. */
const WHOLE = { alwaysEmitImplicit: true } as const;

type Kinds = typeof EventSchema | typeof GuardEventSchema;

function kindsOf(schema: Kinds): readonly string[] {
  return schema.oneofs.flatMap(({ fields }) => fields.map(({ localName }) => localName));
}

function schemaOf(schema: Kinds, name: string) {
  return schema.oneofs.flatMap(({ fields }) => fields).find(({ localName }) => localName === name)?.message;
}

function submittedFields({ targets, mode, priority, digest, policies, expiresAfterMs }: WorkflowSubmitted): JsonObject {
  const told = create(WorkflowSubmittedSchema, { mode, priority, digest, policies, expiresAfterMs });
  const whole = asObject(toJson(WorkflowSubmittedSchema, told, WHOLE));
  const names = ["mode", "priority", "digest", "policies", "expiresAfterMs"];
  const kept = Object.entries(whole).filter(([name]) => names.includes(name));
  return { ...Object.fromEntries(kept), targets: targets.length };
}

function asObject(value: JsonValue): JsonObject {
  return isJsonObject(value) ? value : {};
}
