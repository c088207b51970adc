import { expect, test } from "vitest";
import { create } from "@bufbuild/protobuf";
import { TargetSelectorSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import { someTargets } from "../../test/fakes/world.ts";
import { selectTargets } from "./targets.ts";

function select(selector: { where?: string; names?: string[] }, expected?: number): readonly string[] {
  const selection = { known: someTargets(5), params: { site: "fra" }, expected };
  return selectTargets(create(TargetSelectorSchema, selector), selection).map((target) => target.name);
}

test("CEL chooses by name, labels and params; names choose in the inventory's order", () => {
  expect(select({ where: "target.labels.site == params.site" })).toEqual(["h1", "h3"]);
  expect(select({ where: "target.name in ['h4', 'h0']" })).toEqual(["h0", "h4"]);
  expect(select({ names: ["h3", "h1"] })).toEqual(["h1", "h3"]);
});

test.each<[string, { where?: string; names?: string[] }, RegExp]>([
  ["nothing chosen", { where: "false" }, /none of the inventory's 5 targets was chosen/],
  ["neither", {}, /say either/],
  ["both", { where: "true", names: ["h1"] }, /say either/],
  ["an unknown name", { names: ["h1", "h11", "x"] }, /does not hold 2 of them: "h11"/],
  ["a name twice", { names: ["h1", "h1"] }, /a name is there twice/],
  ["what is not true or false", { where: "target.name" }, /expected true or false/],
  ["an unknown name in CEL", { where: "host.name == 'x'" }, /targets\.where/],
])("%s is an error, never all", (_, selector, message) => {
  expect(() => select(selector)).toThrow(message);
});

test("another number than was expected is an error", () => {
  expect(select({ where: "true" }, 5)).toHaveLength(5);
  expect(() => select({ where: "true" }, 4)).toThrow(/5 were chosen, 4 are expected/);
});
