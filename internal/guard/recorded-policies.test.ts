import { expect, test } from "vitest";
import { GuardRun } from "../../test/fakes/guard-run.ts";
import { RECORDED_POLICIES_MAX } from "../base/limits.ts";
import { recordedPolicies, recordPolicies } from "./recorded-policies.ts";

function aVersion(n: number) {
  return { name: "blast-radius", digest: `sha256:${String(n).padStart(64, "0")}`, file: "blast.yaml", source: `# ${n}` };
}

test("a version is recorded once, and is there after a restart", () => {
  const run = new GuardRun();
  expect(run.move(recordPolicies(run.guard, [aVersion(1), aVersion(2), aVersion(1)], 1))).toEqual(["policyRecorded", "policyRecorded"]);
  expect(recordPolicies(run.guard, [aVersion(2)], 2)).toEqual([]);
  run.restart();
  expect(recordedPolicies(run.guard)).toEqual([aVersion(1), aVersion(2)]);
});

test("as many versions as the bound are recorded, and not one more", () => {
  const run = new GuardRun();
  const versions = Array.from({ length: RECORDED_POLICIES_MAX }, (_, at) => aVersion(at));
  run.move(recordPolicies(run.guard, versions, 1));
  expect(recordPolicies(run.guard, versions, 2)).toEqual([]);
  expect(() => recordPolicies(run.guard, [aVersion(-1)], 2)).toThrow(/at most/);
});
