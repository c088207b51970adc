// JSON values to and from google.protobuf.Value, which is how outputs and results travel and are stored.
// 1. The one place of this conversion: a codec.

import { fromJson, toJson } from "@bufbuild/protobuf";
import type { JsonValue as ProtobufJson } from "@bufbuild/protobuf";
import type { Value } from "@bufbuild/protobuf/wkt";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import type { JsonValue } from "../base/json.ts";

/** A JSON value as a message. */
export function jsonToValue(value: JsonValue): Value {
  return fromJson(ValueSchema, value as ProtobufJson);
}

/** A message as a JSON value; an empty message is null. */
export function valueToJson(value: Value): JsonValue {
  return value.kind.case === undefined ? null : toJson(ValueSchema, value);
}
