// What a stage of a workflow file runs over: `targets`, or `{ list: EXPRESSION, max: N }`.
// 1. It parses: what comes out is within the bounds of the wire, or is a fault with its place.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { isJsonObject } from "../base/json.ts";
import { LIST_ITEMS_MAX } from "../base/limits.ts";
import type { StageOverSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import type { FileCursor } from "./file-cursor.ts";

type OverInit = NonNullable<MessageInitShape<typeof StageOverSchema>["kind"]>;

/** Reads `targets`, or a list that an earlier action put out. */
export function readOver(field: FileCursor): OverInit | undefined {
  if (field.value === "targets") return { case: "targets", value: true };
  if (!isJsonObject(field.value)) {
    field.refuse("must be targets, or { list: EXPRESSION, max: N }; leave it out for a stage that runs once");
    return undefined;
  }
  const fields = field.fields(["list", "max"], "over");
  const items = fields?.need("list", "write for example list: stage('scan').actions.find.output")?.text() ?? "";
  const max = fields?.need("max", "say how many items there may be")?.number({ min: 1, max: LIST_ITEMS_MAX, isWhole: true }) ?? 1;
  return { case: "list", value: { items, max } };
}
