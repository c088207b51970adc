// `completion` of an action in a workflow file: `{ within, missing }`.
// 1. It parses: what comes out is within the bounds of the wire, or is a fault with its place.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { AWAIT_MS_MAX } from "../base/limits.ts";
import { CompletionMissing } from "../gen/holdfast/v1/workflow_pb.ts";
import type { CompletionSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import type { FileCursor } from "./file-cursor.ts";

const COMPLETION_FIELDS = ["within", "missing"] as const;

/** Reads what an action awaits of the outside. */
export function readCompletion(field: FileCursor): MessageInitShape<typeof CompletionSchema> | undefined {
  const fields = field.fields(COMPLETION_FIELDS, "completion");
  if (fields === undefined) return undefined;
  const within = fields.need("within", "say how long it is awaited, such as within: 10s");
  const withinMs = within?.durationMs(AWAIT_MS_MAX);
  if (withinMs === 0) within?.refuse("must be longer than nothing");
  const missing = fields.read("missing", readMissing);
  return {
    ...(withinMs === undefined ? {} : { within: durationFromMs(withinMs) }),
    missing: missing ?? CompletionMissing.UNSPECIFIED,
  };
}

function readMissing(field: FileCursor): CompletionMissing | undefined {
  if (field.value === "unknown") return CompletionMissing.UNKNOWN;
  return field.value === "failed" ? CompletionMissing.FAILED : field.refuse("must be unknown or failed");
}
