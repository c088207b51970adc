// Protobuf messages in expressions, for callers whose values are messages: fields, constructors, enum constants, well-known types.
// 1. Without a registry no message can be named or made. 2. Names are resolved in the container first, innermost first, as in protobuf.

import { ScalarType } from "@bufbuild/protobuf";
import type { DescField, DescMessage, Registry } from "@bufbuild/protobuf";
import { DYN, INT, NULL, STRING, listOf, mapOf } from "./type.ts";
import type { Type } from "./type.ts";

/** The messages that an expression may name, and the package that it stands in. */
export interface Messages {
  readonly registry: Registry;
  readonly container: string;
}

const WELL_KNOWN: ReadonlyMap<string, Type> = new Map<string, Type>([
  ["google.protobuf.Timestamp", { kind: "timestamp" }],
  ["google.protobuf.Duration", { kind: "duration" }],
  ["google.protobuf.Any", DYN],
  ["google.protobuf.Value", DYN],
  ["google.protobuf.Struct", mapOf(STRING, DYN)],
  ["google.protobuf.ListValue", listOf(DYN)],
  ["google.protobuf.NullValue", NULL],
  ["google.protobuf.BoolValue", { kind: "wrapper", of: { kind: "bool" } }],
  ["google.protobuf.BytesValue", { kind: "wrapper", of: { kind: "bytes" } }],
  ["google.protobuf.DoubleValue", { kind: "wrapper", of: { kind: "double" } }],
  ["google.protobuf.FloatValue", { kind: "wrapper", of: { kind: "double" } }],
  ["google.protobuf.Int32Value", { kind: "wrapper", of: INT }],
  ["google.protobuf.Int64Value", { kind: "wrapper", of: INT }],
  ["google.protobuf.UInt32Value", { kind: "wrapper", of: { kind: "uint" } }],
  ["google.protobuf.UInt64Value", { kind: "wrapper", of: { kind: "uint" } }],
  ["google.protobuf.StringValue", { kind: "wrapper", of: STRING }],
]);

/** The full names that a name may mean, in the order of trying; a leading dot means the root. */
export function candidateNames(messages: Messages | undefined, name: string): readonly string[] {
  if (name.startsWith(".")) return [name.slice(1)];
  const container = messages?.container ?? "";
  if (container === "") return [name];
  const parts = container.split(".");
  return [...parts.map((_, index) => `${parts.slice(0, parts.length - index).join(".")}.${name}`), name];
}

/** The type of a message's values. */
export function messageType(name: string): Type {
  return WELL_KNOWN.get(name) ?? { kind: "message", name };
}

/** The message of a full name. */
export function findMessage(messages: Messages | undefined, name: string): DescMessage | undefined {
  return messages?.registry.getMessage(name);
}

/** True for the full name of an enum's value. */
export function isEnumValue(messages: Messages | undefined, name: string): boolean {
  const dot = name.lastIndexOf(".");
  if (dot < 1) return false;
  const found = messages?.registry.getEnum(name.slice(0, dot));
  return found?.values.some((value) => value.name === name.slice(dot + 1)) ?? false;
}

/** The names of a message's fields. */
export function messageFields(message: DescMessage): readonly string[] {
  return message.fields.map((field) => field.name);
}

/** The type of a message's field, or undefined where it has none of that name. */
export function messageFieldType(message: DescMessage, name: string): Type | undefined {
  const field = message.fields.find((candidate) => candidate.name === name);
  return field === undefined ? undefined : fieldType(field);
}

function fieldType(field: DescField): Type {
  switch (field.fieldKind) {
    case "enum":
      return enumType(field.enum.typeName);
    case "message":
      return messageType(field.message.typeName);
    case "scalar":
      return scalarType(field.scalar);
    case "list":
      if (field.listKind === "enum") return listOf(enumType(field.enum.typeName));
      return listOf(field.listKind === "message" ? messageType(field.message.typeName) : scalarType(field.scalar));
    case "map": {
      const key = scalarType(field.mapKey);
      if (field.mapKind === "enum") return mapOf(key, enumType(field.enum.typeName));
      return mapOf(key, field.mapKind === "message" ? messageType(field.message.typeName) : scalarType(field.scalar));
    }
    default:
      return DYN;
  }
}

function enumType(name: string): Type {
  return name === "google.protobuf.NullValue" ? NULL : INT;
}

function scalarType(scalar: ScalarType): Type {
  switch (scalar) {
    case ScalarType.BOOL:
      return { kind: "bool" };
    case ScalarType.BYTES:
      return { kind: "bytes" };
    case ScalarType.STRING:
      return STRING;
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return { kind: "double" };
    case ScalarType.UINT32:
    case ScalarType.UINT64:
    case ScalarType.FIXED32:
    case ScalarType.FIXED64:
      return { kind: "uint" };
    default:
      return INT;
  }
}
