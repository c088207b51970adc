// Values and types of the cel-spec conformance data: from protobuf to what the module takes, and compared with what it yields.

import { celMap, celUint, isCelList, isCelMap, isCelType, isCelUint } from "@bufbuild/cel";
import type { CelInput, CelValue } from "@bufbuild/cel";
import type { Type } from "@bufbuild/cel-spec/cel/expr/checked_pb.js";
import type { Value } from "@bufbuild/cel-spec/cel/expr/value_pb.js";
import { equals } from "@bufbuild/protobuf";
import type { Registry } from "@bufbuild/protobuf";
import { isReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { HoldfastError } from "../../internal/base/errors.ts";

const PRIMITIVES = ["dyn", "bool", "int", "uint", "double", "string", "bytes"] as const;
const WELL_KNOWN_KINDS = ["dyn", "dyn", "timestamp", "duration"] as const;
const WELL_KNOWN_NAMES: ReadonlyMap<string, string> = new Map([
  ["google.protobuf.Timestamp", "timestamp"],
  ["google.protobuf.Duration", "duration"],
  ["google.protobuf.Any", "dyn"],
  ["google.protobuf.Value", "dyn"],
  ["google.protobuf.Struct", "map(string, dyn)"],
  ["google.protobuf.ListValue", "list(dyn)"],
  ["google.protobuf.BoolValue", "wrapper(bool)"],
  ["google.protobuf.BytesValue", "wrapper(bytes)"],
  ["google.protobuf.DoubleValue", "wrapper(double)"],
  ["google.protobuf.FloatValue", "wrapper(double)"],
  ["google.protobuf.Int32Value", "wrapper(int)"],
  ["google.protobuf.Int64Value", "wrapper(int)"],
  ["google.protobuf.UInt32Value", "wrapper(uint)"],
  ["google.protobuf.UInt64Value", "wrapper(uint)"],
  ["google.protobuf.StringValue", "wrapper(string)"],
]);

/** The type as text of the module's small language. */
export function typeText(type: Type | undefined): string {
  const kind = type?.typeKind;
  switch (kind?.case) {
    case "primitive":
      return PRIMITIVES[kind.value] ?? "dyn";
    case "wrapper":
      return `wrapper(${PRIMITIVES[kind.value] ?? "dyn"})`;
    case "wellKnown":
      return WELL_KNOWN_KINDS[kind.value] ?? "dyn";
    case "listType":
      return `list(${typeText(kind.value.elemType)})`;
    case "mapType":
      return `map(${typeText(kind.value.keyType)}, ${typeText(kind.value.valueType)})`;
    case "messageType":
      return WELL_KNOWN_NAMES.get(kind.value) ?? kind.value;
    case "abstractType":
      if (kind.value.name !== "optional_type") throw new HoldfastError("UNIMPLEMENTED", "abstract types cannot be declared");
      return `optional(${typeText(kind.value.parameterTypes[0])})`;
    case "null":
      return "null";
    case "type":
      return kind.value.typeKind.case === undefined ? "type" : `type(${typeText(kind.value)})`;
    case "typeParam":
      return kind.value;
    default:
      return "dyn";
  }
}

/** A value as the module takes it. */
export function inputOf(value: Value | undefined, registry: Registry): CelInput {
  const kind = value?.kind;
  switch (kind?.case) {
    case "boolValue":
    case "doubleValue":
    case "stringValue":
    case "bytesValue":
    case "int64Value":
      return kind.value;
    case "uint64Value":
      return celUint(kind.value);
    case "enumValue":
      return BigInt(kind.value.value);
    case "listValue":
      return kind.value.values.map((item) => inputOf(item, registry));
    case "mapValue": {
      const entries = kind.value.entries.map(({ key, value: item }) => [keyOf(key, registry), inputOf(item, registry)] as const);
      return celMap(new Map(entries));
    }
    case "objectValue": {
      const message = anyUnpack(kind.value, registry);
      const desc = message === undefined ? undefined : registry.getMessage(message.$typeName);
      if (message === undefined || desc === undefined) throw new Error("the data names an unknown message");
      return reflect(desc, message);
    }
    case "nullValue":
    default:
      return null;
  }
}

/** True when the value is what the data expects: same type, same value; NaN is NaN, maps have no order. */
export function isExpected(expected: Value | undefined, found: CelValue, registry: Registry): boolean {
  const kind = expected?.kind;
  switch (kind?.case) {
    case "doubleValue":
      return typeof found === "number" && (Object.is(kind.value, found) || kind.value === found);
    case "boolValue":
    case "stringValue":
    case "int64Value":
      return kind.value === found;
    case "uint64Value":
      return isCelUint(found) && found.value === kind.value;
    case "bytesValue":
      return found instanceof Uint8Array && Buffer.from(kind.value).equals(found);
    case "typeValue":
      return isCelType(found) && found.name === kind.value;
    case "listValue":
      return (
        isCelList(found) &&
        found.size === kind.value.values.length &&
        kind.value.values.every((item, index) => isExpected(item, found.get(index) ?? null, registry))
      );
    case "mapValue":
      return (
        isCelMap(found) && found.size === kind.value.entries.length && kind.value.entries.every((entry) => hasEntry(found, entry, registry))
      );
    case "objectValue":
      return isSameMessage(inputOf(expected, registry), found, registry);
    case "nullValue":
      return found === null;
    default:
      return false;
  }
}

type Entry = Extract<Value["kind"], { case: "mapValue" }>["value"]["entries"][number];

function hasEntry(
  found: ReadonlyMap<never, CelValue> | Iterable<readonly [CelValue, CelValue]>,
  entry: Entry,
  registry: Registry,
): boolean {
  for (const [key, value] of found) if (isExpected(entry.key, key, registry)) return isExpected(entry.value, value, registry);
  return false;
}

function isSameMessage(expected: unknown, found: CelValue, registry: Registry): boolean {
  if (!isReflectMessage(expected) || !isReflectMessage(found) || expected.desc.typeName !== found.desc.typeName) return false;
  return equals(expected.desc, expected.message, found.message, { registry, unpackAny: true, extensions: true, unknown: true });
}

function keyOf(value: Value | undefined, registry: Registry): string | bigint | boolean | ReturnType<typeof celUint> {
  const key = inputOf(value, registry);
  if (typeof key === "string" || typeof key === "bigint" || typeof key === "boolean" || isCelUint(key)) return key;
  throw new Error("the data has a key that cannot be one");
}
