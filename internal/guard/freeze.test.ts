import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { GuardRun } from "../../test/fakes/guard-run.ts";
import { FREEZES_MAX } from "../base/limits.ts";
import { FreezeMode, FreezeScopeSchema } from "../gen/holdfast/v1/policy_pb.ts";
import type { FreezeScope } from "../gen/holdfast/v1/policy_pb.ts";
import { freezesOf, freezesOn, hasLabelFreezes, liftFreezes, placeFreeze } from "./freeze.ts";

const EVERYTHING: FreezeScope = aScope({ case: "everything", value: true });
const STAGING = aScope({ case: "namespace", value: "staging" });
const ERASE = aScope({ case: "workflowName", value: "erase" });
const AMS = aScope({ case: "label", value: { label: "site", value: "ams" } });
const LIFT = { by: "ann", reason: "found it" };

function aScope(kind: NonNullable<MessageInitShape<typeof FreezeScopeSchema>["kind"]>): FreezeScope {
  return create(FreezeScopeSchema, { kind });
}

/** Places a freeze; returns its ID. */
function freeze(run: GuardRun, scope: FreezeScope, mode: FreezeMode = FreezeMode.FINISH, nowMs = 7): string {
  const { id, events } = placeFreeze(run.guard, { scope, mode, reason: "smoke", by: "bob" }, nowMs);
  run.move(events);
  return id;
}

function idsOn(run: GuardRun, namespace: string, workflowName: string, labels?: Record<string, string>): readonly string[] {
  const subject = labels === undefined ? { namespace, workflowName } : { namespace, workflowName, labels };
  return freezesOn(run.guard, subject).map(({ id }) => id);
}

test("a freeze stops what is in its scope, and nothing else", () => {
  const run = new GuardRun();
  expect(idsOn(run, "staging", "erase", { site: "ams" })).toEqual([]);
  for (const scope of [STAGING, ERASE, AMS]) freeze(run, scope);
  expect(idsOn(run, "staging", "erase", { site: "ams" })).toEqual(["f1", "f2", "f3"]);
  expect(idsOn(run, "staging", "other", { site: "fra" })).toEqual(["f1"]);
  expect(idsOn(run, "default", "erase")).toEqual(["f2"]);
  expect(idsOn(run, "default", "other", { site: "ams", role: "web" })).toEqual(["f3"]);
  expect(idsOn(run, "default", "other", { role: "ams" })).toEqual([]);
  freeze(run, EVERYTHING);
  expect(idsOn(run, "default", "other")).toEqual(["f4"]);
});

test("a freeze of the same scope and mode is the one that is there; another mode is another freeze", () => {
  const run = new GuardRun();
  expect([freeze(run, AMS), freeze(run, AMS), freeze(run, AMS, FreezeMode.UNSPECIFIED), freeze(run, AMS, FreezeMode.ABORT)]).toEqual([
    "f1",
    "f1",
    "f1",
    "f2",
  ]);
  expect(run.events).toHaveLength(2);
});

test("freezes are lifted by ID or by scope, and an ID is never used again", () => {
  const run = new GuardRun();
  freeze(run, AMS);
  freeze(run, AMS, FreezeMode.ABORT);
  freeze(run, EVERYTHING);
  expect(liftFreezes(run.guard, { id: "f9" }, LIFT, 8)).toEqual({ ids: [], events: [] });
  expect(liftFreezes(run.guard, { scope: ERASE }, LIFT, 8).ids).toEqual([]);
  const lifted = liftFreezes(run.guard, { scope: AMS }, LIFT, 8);
  run.move(lifted.events);
  expect([lifted.ids, hasLabelFreezes(run.guard), idsOn(run, "a", "b")]).toEqual([["f1", "f2"], false, ["f3"]]);
  run.move(liftFreezes(run.guard, { id: "f3" }, LIFT, 9).events);
  run.restart();
  expect([freezesOf(run.guard), freeze(run, AMS, FreezeMode.FINISH, 10)]).toEqual([[], "f4"]);
});

test("a freeze is in force after a restart, with its reason, by whom and since when", () => {
  const run = new GuardRun();
  freeze(run, AMS, FreezeMode.ABORT);
  run.restart();
  expect(freezesOf(run.guard)).toEqual([{ id: "f1", scope: AMS, mode: FreezeMode.ABORT, reason: "smoke", by: "bob", atMs: 7 }]);
  expect(hasLabelFreezes(run.guard)).toBe(true);
});

test("as many freezes as the bound are in force, and not one more", () => {
  const run = new GuardRun();
  for (let at = 0; at < FREEZES_MAX; at++) freeze(run, aScope({ case: "workflowName", value: `w${at}` }));
  expect(freezesOf(run.guard)).toHaveLength(FREEZES_MAX);
  expect(freeze(run, aScope({ case: "workflowName", value: "w3" }))).toBe("f4");
  expect(() => freeze(run, EVERYTHING)).toThrow(/lift some/);
});
