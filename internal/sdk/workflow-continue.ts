// `continue_as_new` of a workflow file: `{ while, keep }`.
// 1. It parses: what comes out is within the bounds of the wire, or is a fault with its place.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { GENERATIONS_KEPT_MAX } from "../base/endless-limits.ts";
import type { ContinueAsNewSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import type { FileCursor } from "./file-cursor.ts";

const CONTINUE_FIELDS = ["while", "keep"] as const;

/** Reads when a workflow goes on; adds faults where it is not said. */
export function readContinue(field: FileCursor): MessageInitShape<typeof ContinueAsNewSchema> | undefined {
  const fields = field.fields(CONTINUE_FIELDS, "continue_as_new");
  if (fields === undefined) return undefined;
  const condition = fields.need("while", "say when it goes on, such as while: vars.open; or while: true, until somebody cancels it");
  const keep = fields.read("keep", (item) => item.number({ min: 0, max: GENERATIONS_KEPT_MAX, isWhole: true }));
  return {
    while: (typeof condition?.value === "boolean" ? String(condition.value) : condition?.text()) ?? "",
    ...(keep === undefined ? {} : { keep }),
  };
}
