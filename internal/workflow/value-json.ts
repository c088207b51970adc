// JSON values to and from google.protobuf.Value, which is how outputs and results travel and are stored.
// 1. The one place of this conversion: a codec.

import { fromJson, toJson } from "@bufbuild/protobuf";
import type { JsonObject as ProtobufObject, JsonValue as ProtobufJson } from "@bufbuild/protobuf";
import type { Value } from "@bufbuild/protobuf/wkt";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import type { JsonObject, JsonValue } from "../base/json.ts";
import { MESSAGE_DEPTH_MAX } from "../base/message-depth.ts";

/** A JSON value as a message. */
export function jsonToValue(value: JsonValue): Value {
  return fromJson(ValueSchema, value as ProtobufJson, { recursionLimit: MESSAGE_DEPTH_MAX });
}

/** A JSON object as a Struct: the same object, which is not changed any more. */
export function jsonToStruct(value: JsonObject): ProtobufObject {
  return value as ProtobufObject;
}

/** A message as a JSON value; an empty message is null. */
export function valueToJson(value: Value): JsonValue {
  return value.kind.case === undefined ? null : toJson(ValueSchema, value);
}
