// What attempts await, as status and `why` say it: what, since when, until when, and what would bring it.
// 1. Derived from the state, never stored; constant time, whatever the number of attempts that await something.

import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { assertNever } from "../base/assert.ts";
import type { Hold } from "../gen/holdfast/v1/status_pb.ts";
import { HoldKind, HoldSchema } from "../gen/holdfast/v1/status_pb.ts";
import type { Awaiting } from "./awaiting-table.ts";
import { awaitDueMs } from "./awaiting-table.ts";
import { taskName } from "./outside-holds.ts";
import type { WorkflowState } from "./state.ts";

/** What the workflow's attempts await: the one that ends next by the passing of time, or else has awaited longest, and how many there are. */
export function awaitHolds(state: WorkflowState): readonly Hold[] {
  const { awaiting } = state;
  const task = awaiting.due()?.task ?? awaiting.first();
  if (task === undefined) return [];
  const more = awaiting.size === 1 ? "" : `; ${awaiting.size - 1} more ${awaiting.size === 2 ? "awaits" : "await"} something`;
  return [awaitHold(state, task, more)];
}

/** What one attempt awaits. */
export function awaitHold(state: WorkflowState, task: number, more = ""): Hold {
  const awaiting = state.awaiting.get(task);
  const name = taskName(state, task);
  const dueMs = awaitDueMs(awaiting);
  return create(HoldSchema, {
    kind: HoldKind.AWAITS,
    message: `${name} awaits ${awaitedText(awaiting)}${more}${nextText(state, awaiting, name)}`,
    names: [name],
    ...(dueMs === undefined ? {} : { until: timestampFromMs(dueMs) }),
  });
}

/** What would bring it. */
function nextText({ blueprint: { id } }: WorkflowState, { awaited: { kind } }: Awaiting, name: string): string {
  const task = name.replace(" on ", "@");
  if (kind.case === "signal") return `; "holdfast signal ${id} ${kind.value.name}" sends it`;
  return kind.case === "person" ? `; "holdfast complete ${id} ${task}", or "holdfast fail ${id} ${task} --reason …"` : "";
}

function awaitedText({ awaited: { kind } }: Awaiting): string {
  switch (kind.case) {
    case "moment":
      return "a moment";
    case "signal":
      return `signal ${kind.value.name}`;
    case "person":
      return `a person of role ${kind.value.role}: ${kind.value.title}`;
    case "completion":
      return "its completion from outside";
    case undefined:
      return "what this version does not know";
    default:
      return assertNever(kind);
  }
}
