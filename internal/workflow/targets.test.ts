import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ParamSchema, ParamType, TargetSchema, TargetSelectorSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import { selectTargets } from "./targets.ts";

const KNOWN = [
  create(TargetSchema, { name: "bare" }),
  create(TargetSchema, { name: "db-01", labels: { role: "db", site: "ams" } }),
  create(TargetSchema, { name: "web-01", labels: { role: "web" } }),
];

const DECLARED = { site: create(ParamSchema, { type: ParamType.STRING }) };

function chosen(where: string): readonly string[] {
  const selector = create(TargetSelectorSchema, { where });
  return selectTargets(selector, { known: KNOWN, params: { site: "ams" }, declared: DECLARED, expected: [] }).map(({ name }) => name);
}

test("a target that lacks the label which a condition asks for is not chosen, negated or not", () => {
  expect(chosen('target.labels.role == "web"')).toEqual(["web-01"]);
  expect(chosen('target.labels.role != "web"')).toEqual(["db-01"]);
  expect(chosen("!(target.labels.site == params.site) || target.labels.role == 'db'")).toEqual(["db-01"]);
  expect(chosen("!has(target.labels.role)")).toEqual(["bare"]);
});

test("a label that no target has is a mistake, with its place", () => {
  expect(() => chosen('target.labels.rol == "web"')).toThrow(/targets\.where:1:\d+: no such key: rol/);
});

test("a field or a parameter that is misspelled, and a label that is compared with a number, are refused before any target is looked at", () => {
  expect(() => chosen('target.label.site == "ams"')).toThrow(
    /targets\.where:1:8: no such field "label" in target; did you mean "labels"\?/,
  );
  expect(() => chosen("target.labels.site == params.stie")).toThrow(/no such field "stie" in params; did you mean "site"\?/);
  expect(() => chosen("target.labels.site > 3")).toThrow(/no such overload: string > int/);
  expect(() => chosen("target.labels.site")).toThrow(/expected bool, found string/);
});

test("a label that may be absent is asked for, not read", () => {
  expect(chosen('"site" in target.labels')).toEqual(["db-01"]);
  expect(chosen('target.labels[?"site"].orValue("") == ""')).toEqual(["bare", "web-01"]);
  expect(chosen("target.labels.?site.hasValue()")).toEqual(["db-01"]);
});

test("a condition that is dear over the whole inventory is refused", () => {
  const known = Array.from({ length: 2_000 }, (_, index) => create(TargetSchema, { name: `h${index}` }));
  const digits = `[${Array.from({ length: 100 }, (_, index) => index).join(",")}]`;
  const selector = create(TargetSelectorSchema, { where: `${digits}.all(a, ${digits}.all(b, a + b >= 0))` });
  expect(() => selectTargets(selector, { known, params: {}, declared: {}, expected: [] })).toThrow(/costs more than 20000000 steps/);
});

test("nothing chosen is an error, and so is another number than expected", () => {
  expect(() => chosen('target.labels.role == "x"')).toThrow(/none of the inventory's 3 targets was chosen/);
  const selector = create(TargetSelectorSchema, { names: ["bare"] });
  expect(() => selectTargets(selector, { known: KNOWN, params: {}, declared: {}, expected: [1, 2] })).toThrow(
    /1 were chosen, 2 are expected/,
  );
});

test("named targets come in the inventory's order, however the list has them; a name that is there twice, or unknown, is an error", () => {
  const named = (...names: string[]) =>
    selectTargets(create(TargetSelectorSchema, { names }), { known: KNOWN, params: {}, declared: {}, expected: [] });
  expect(named("web-01", "bare", "db-01").map(({ name }) => name)).toEqual(["bare", "db-01", "web-01"]);
  expect(() => named("bare", "bare")).toThrow(/a name is there twice/);
  expect(() => named("bare", "web-02")).toThrow(/does not hold 1 of them: "web-02"; did you mean "web-01"/);
});
