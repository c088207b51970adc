import { expect, test } from "vitest";
import { HoldfastError } from "../base/errors.ts";
import { someTargets } from "../../test/fakes/policy-question.ts";
import type { Target } from "../gen/holdfast/v1/workflow_pb.ts";
import { countFleet, liveFleet } from "./fleet-counts.ts";

test("the fleet is counted by label and value", () => {
  const fleet = countFleet(someTargets(10, (index) => ({ site: index < 4 ? "ams" : "fra" })));
  expect([fleet.total(), fleet.count("site", "ams"), fleet.count("site", "nowhere"), fleet.count("rack", "1")]).toEqual([10, 4, 0, 0]);
  expect(fleet.values("site")).toEqual(["ams", "fra"]);
  expect(fleet.values("constructor")).toEqual([]);
});

test("a new reading of the inventory is counted anew, and while it is broken the last one stays", () => {
  let targets: readonly Target[] | undefined = someTargets(3);
  const inventory = {
    targets: () => {
      if (targets === undefined) throw new HoldfastError("FAILED_PRECONDITION", "inventory is broken");
      return targets;
    },
  };
  const fleet = liveFleet(inventory);
  expect(fleet().count("site", "ams")).toBe(3);
  targets = someTargets(5);
  expect(fleet().count("site", "ams")).toBe(5);
  targets = undefined;
  expect(fleet().count("site", "ams")).toBe(5);
  expect(() => liveFleet(inventory)()).toThrow("inventory is broken");
});
