import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { TargetSchema, TargetSelectorSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import { selectTargets } from "./targets.ts";

const KNOWN = [
  create(TargetSchema, { name: "bare" }),
  create(TargetSchema, { name: "db-01", labels: { role: "db", site: "ams" } }),
  create(TargetSchema, { name: "web-01", labels: { role: "web" } }),
];

function chosen(where: string): readonly string[] {
  const selector = create(TargetSelectorSchema, { where });
  return selectTargets(selector, { known: KNOWN, params: { site: "ams" }, expected: [] }).map(({ name }) => name);
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

test("nothing chosen is an error, and so is another number than expected", () => {
  expect(() => chosen('target.labels.role == "x"')).toThrow(/none of the inventory's 3 targets was chosen/);
  const selector = create(TargetSelectorSchema, { names: ["bare"] });
  expect(() => selectTargets(selector, { known: KNOWN, params: {}, expected: [1, 2] })).toThrow(/1 were chosen, 2 are expected/);
});
