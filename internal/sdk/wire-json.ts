// Messages as the JSON that scripts read (`-o json`): the one place that decides how a field looks.
// 1. Enum values without their prefix; every field present: an absent message, optional value or time is null, an empty list [].
// 2. Numbers are numbers, the 64-bit ones too (none of the wire's exceeds 2^53 - 1). Of a oneof only the member that is set appears.

import type { DescEnum, DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { toJson } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";
import { assertNever } from "../base/assert.ts";
import type { JsonValue } from "../base/json.ts";
import { setKey } from "../base/json.ts";
import type { Phase, TaskOutcome } from "../gen/holdfast/v1/status_pb.ts";
import { PhaseSchema, TaskOutcomeSchema } from "../gen/holdfast/v1/status_pb.ts";

type MutableJson = { [key: string]: JsonValue };

/** A message as scripts read it. */
export function wireJson(schema: DescMessage, message: Message): JsonValue {
  return messageJson(reflect(schema, message));
}

/** `RUNNING` for PHASE_RUNNING. */
export function phaseName(phase: Phase): string {
  return enumName(PhaseSchema, phase);
}

/** `FAILED` for TASK_OUTCOME_FAILED. */
export function outcomeName(outcome: TaskOutcome): string {
  return enumName(TaskOutcomeSchema, outcome);
}

/** An enum value without its prefix; its number when it is not known here. */
export function enumName(schema: DescEnum, value: number): string {
  return schema.value[value]?.localName ?? String(value);
}

function messageJson(message: ReflectMessage): JsonValue {
  const { desc } = message;
  if (desc.typeName.startsWith("google.protobuf.")) return toJson(desc, message.message);
  const json: MutableJson = {};
  for (const field of desc.fields) {
    if (field.oneof !== undefined && !message.isSet(field)) continue;
    setKey(json, field.jsonName, fieldJson(message, field));
  }
  return json;
}

function fieldJson(message: ReflectMessage, field: DescField): JsonValue {
  switch (field.fieldKind) {
    case "message":
      return message.isSet(field) ? messageJson(message.get(field)) : null;
    case "scalar":
      return hasPresence(field) && !message.isSet(field) ? null : scalarJson(message.get(field));
    case "enum":
      return hasPresence(field) && !message.isSet(field) ? null : enumName(field.enum, message.get(field));
    case "list": {
      const items: JsonValue[] = [];
      for (const item of message.get(field)) items.push(itemJson(field.listKind === "enum" ? field.enum : undefined, item));
      return items;
    }
    case "map": {
      const entries: MutableJson = {};
      for (const [key, item] of message.get(field))
        setKey(entries, String(key), itemJson(field.mapKind === "enum" ? field.enum : undefined, item));
      return entries;
    }
    default:
      return assertNever(field);
  }
}

function itemJson(schema: DescEnum | undefined, item: unknown): JsonValue {
  if (schema !== undefined && typeof item === "number") return enumName(schema, item);
  return isReflectMessage(item) ? messageJson(item) : scalarJson(item);
}

function scalarJson(value: unknown): JsonValue {
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (typeof value === "string" || typeof value === "boolean") return value;
  return typeof value === "number" && Number.isFinite(value) ? value : String(value);
}

function hasPresence(field: DescField & { fieldKind: "scalar" | "enum" }): boolean {
  return field.proto.proto3Optional;
}

function isReflectMessage(item: unknown): item is ReflectMessage {
  return typeof item === "object" && item !== null && "desc" in item && "message" in item;
}
