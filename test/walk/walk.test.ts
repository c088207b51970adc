// WALK_SEED says from which seed the fresh walks go, WALK_RUNS how many there are of each kind: a failure prints both.

import { randomInt } from "node:crypto";
import { expect, test } from "vitest";
import { FAITHFUL } from "./rules.ts";
import { walk } from "./walk.ts";

const RUNS = Number(process.env["WALK_RUNS"] ?? "2500");
const FRESH_SEED = Number(process.env["WALK_SEED"] ?? randomInt(2 ** 31));
/** Walks that are told when they fail. */
const FAULTS_SHOWN = 3;

/** Walks all seeds, and says what they came to. */
function check(from: number): void {
  const walks = Array.from({ length: RUNS }, (_, at) => ({ seed: from + at, ...walk(from + at, FAITHFUL) }));
  const faults = walks.flatMap(({ seed, fault }) =>
    fault === undefined ? [] : [`WALK_SEED=${seed} WALK_RUNS=1 npx vitest run --project oracle test/walk/walk.test.ts\n${fault}`],
  );
  const sum = (count: (walked: (typeof walks)[number]) => number): number => walks.reduce((total, one) => total + count(one), 0);
  const [events, successes, cancels] = [sum((one) => one.events), sum((one) => Number(one.isSuccess)), sum((one) => one.cancels)];
  console.log(`walk: WALK_SEED=${from}, ${RUNS} walks, ${events} events, ${successes} succeeded, ${cancels} in the known standstill`);
  expect(faults.slice(0, FAULTS_SHOWN).join("\n\n"), `${faults.length} of ${RUNS} walks`).toBe("");
  expect(successes).toBeGreaterThan(0);
}

test("the core keeps every rule, and comes to an end, on the seeds that stay", () => {
  check(1);
});

test("the core keeps every rule, and comes to an end, on fresh seeds", () => {
  check(FRESH_SEED);
});
