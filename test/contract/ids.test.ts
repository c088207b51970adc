import { expect, test } from "vitest";
import { timeMs } from "../../internal/base/ids.ts";
import { makeIds } from "../../internal/system/ids.ts";
import { fakeIds } from "../fakes/fake-ids.ts";
import { NOON_MS } from "../fakes/journal-entries.ts";
import { idsContract } from "./ids-contract.ts";

idsContract("the system's IDs", makeIds);
idsContract("seeded IDs", () => fakeIds(1));

test("a seed gives the same IDs again, another seed others", () => {
  const five = (seed: number) => {
    const ids = fakeIds(seed);
    return Array.from({ length: 5 }, () => ids.workflowId(timeMs(NOON_MS)));
  };
  expect(five(1)).toEqual(five(1));
  expect(five(1)).not.toEqual(five(2));
});

test("two processes make different IDs in the same millisecond", () => {
  const made = Array.from({ length: 100 }, () => makeIds().workflowId(timeMs(NOON_MS)));
  expect(new Set(made).size).toBe(100);
});
