// The list that a stage runs over: its expression made ready, and its items once they are known.
// 1. Items are strings, or objects with a `name`; they have no connections: their tasks run on the service's own host.

import { create } from "@bufbuild/protobuf";
import type { JsonValue } from "../base/json.ts";
import { isJsonObject } from "../base/json.ts";
import type { Program } from "../expr/program.ts";
import type { Stage, Target } from "../gen/holdfast/v1/workflow_pb.ts";
import { TargetSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import type { FaultList } from "./fault-list.ts";
import { compileIn } from "./names.ts";
import type { NameScope } from "./names.ts";

/** A list, ready to be evaluated when the stage's turn has come. */
export interface ListPlan {
  readonly program: Program;
  readonly max: number;
  /** Its items; undefined: it is not known yet. */
  readonly items: readonly JsonValue[] | undefined;
  /** The number of the event since which that is so. */
  readonly sinceSeq: number;
}

/** Compiles the list of a stage; undefined: it has none, or a fault, which goes to the list of those. */
export function planList(
  { over }: Stage,
  context: { readonly place: string; readonly scope: NameScope; readonly stages: readonly string[]; readonly faults: FaultList },
): ListPlan | undefined {
  if (over?.kind.case !== "list") return undefined;
  const { place, scope, stages, faults } = context;
  const { items, max } = over.kind.value;
  const program = compileIn(items, { place: `${place}.over.list`, scope, stages, faults, isCondition: false });
  return program === undefined ? undefined : { program, max, items: undefined, sinceSeq: 0 };
}

/** What an item is called: itself, or its `name`. Empty: it has none. */
export function itemName(item: JsonValue | undefined): string {
  if (typeof item === "string") return item;
  return isJsonObject(item) && typeof item["name"] === "string" ? item["name"] : "";
}

/** An item as policies see it: a target of that name without labels. Undefined: there is none. */
export function itemTarget(item: JsonValue | undefined): Target | undefined {
  return item === undefined ? undefined : create(TargetSchema, { name: itemName(item) });
}
