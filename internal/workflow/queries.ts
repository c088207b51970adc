// Queries: named expressions over a workflow as it is now. They change nothing and leave no trace.
// 1. The value is bounded, as the workflow's result is.

import { HoldfastError } from "../base/errors.ts";
import type { JsonValue } from "../base/json.ts";
import { WORKFLOW_OUTPUT_BYTES_MAX } from "../base/limits.ts";
import { didYouMean } from "../base/nearest.ts";
import { workflowScope } from "./expression-scope.ts";
import type { Facts } from "./facts.ts";
import type { WorkflowState } from "./state.ts";

/** What a query comes to now; throws NOT_FOUND where there is none of that name, INVALID_ARGUMENT where it has no value. */
export function answerQuery(state: WorkflowState, name: string, facts: Pick<Facts, "detail">): JsonValue {
  const { id, queries } = state.blueprint;
  const program = queries.get(name);
  if (program === undefined) {
    const known = queries.size === 0 ? "it declares none" : `it declares ${[...queries.keys()].join(", ")}`;
    throw new HoldfastError("NOT_FOUND", `workflow ${id} has no query "${name}"${didYouMean(name, queries.keys())}; ${known}`);
  }
  const value = program.evaluate(workflowScope(state, facts));
  const bytes = Buffer.byteLength(JSON.stringify(value));
  if (bytes <= WORKFLOW_OUTPUT_BYTES_MAX) return value;
  throw new HoldfastError(
    "INVALID_ARGUMENT",
    `query "${name}": its value has ${bytes} bytes as JSON, at most ${WORKFLOW_OUTPUT_BYTES_MAX} are answered`,
  );
}
