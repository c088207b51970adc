// `repeat` of a workflow file: `{ until, max, every }`, of an action or of a stage.
// 1. It parses: what comes out is within the bounds of the wire, or is a fault with its place.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { ITERATIONS_MAX } from "../base/limits.ts";
import type { RepeatSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import type { FileCursor } from "./file-cursor.ts";

const REPEAT_FIELDS = ["until", "max", "every"] as const;

/** Reads a repetition; adds faults where it is none. */
export function readRepeat(field: FileCursor): MessageInitShape<typeof RepeatSchema> | undefined {
  const fields = field.fields(REPEAT_FIELDS, "repeat");
  if (fields === undefined) return undefined;
  const until = fields.need("until", "say when it is done, such as until: scan.output.open == 0");
  const max = fields.need("max", "say how many times it runs at most, such as max: 10");
  const everyMs = fields.read("every", (item) => item.durationMs());
  return {
    until: (typeof until?.value === "boolean" ? String(until.value) : until?.text()) ?? "",
    max: max?.number({ min: 1, max: ITERATIONS_MAX, isWhole: true }) ?? 0,
    ...(everyMs === undefined ? {} : { every: durationFromMs(everyMs) }),
  };
}
