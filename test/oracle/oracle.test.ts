import fc from "fast-check";
import { expect, test } from "vitest";
import { difference } from "./comparison.ts";
import { ANY_PLAN } from "./random-plan.ts";
import { FAITHFUL } from "./rules.ts";
import { runPlan } from "./subject.ts";

/** ORACLE_SEED replays a run of the test, ORACLE_RUNS says how many plans. */
const SEED = Number(process.env["ORACLE_SEED"] ?? "1");
const RUNS = Number(process.env["ORACLE_RUNS"] ?? "500");
/** A plan that fails is made smaller for so long. */
const TIME_MAX_MS = 600_000;

test(`the service does what the docs say, on ${RUNS} random plans (ORACLE_SEED=${SEED})`, { timeout: 2 * TIME_MAX_MS }, async () => {
  let happenings = 0;
  const property = fc.asyncProperty(ANY_PLAN, async (plan) => {
    const run = await runPlan(plan);
    happenings += run.happenings.length;
    const found = difference(plan, run, FAITHFUL);
    if (found !== undefined) throw new Error(`${found}\n${run.happenings.map(({ atMs, text }) => `${atMs} ${text}`).join("\n")}`);
  });
  const result = await fc.check(property, { seed: SEED, numRuns: RUNS, interruptAfterTimeLimit: TIME_MAX_MS });
  const error = result.errorInstance;
  expect(result.failed ? `${fc.defaultReportMessage(result)}\n${error instanceof Error ? error.message : ""}` : "").toBe("");
  process.stdout.write(`${RUNS} plans, ${happenings} happenings: no difference\n`);
});
