// Fresh seeds each time, every seed that ever failed, and that a seed says everything about its run.
// SIM_SECONDS says for how long fresh seeds are run: two minutes in CI, else twenty seconds.

import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { runCampaign } from "./campaign.ts";
import type { CampaignFigures } from "./campaign.ts";
import { FAILED_SEEDS } from "./failed-seeds.ts";
import { aScenario } from "./scenario.ts";
import type { Scenario, Size } from "./scenario.ts";
import { runScenario } from "./scenario-run.ts";
import { SEED_MAX, commandOf } from "./scenario-text.ts";
import { SCENARIO_MS_MAX, figuresText, freshScenarios, knownScenarios } from "./seed-run.ts";
import { shrink } from "./shrink.ts";

const SECONDS = Number(process.env["SIM_SECONDS"] ?? (process.env["CI"] === "true" ? "120" : "20"));
const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));
const TIMEOUT_MS = 900_000;

/** The failures as a person replays them; the command shrinks them. */
const told = ({ failures }: CampaignFigures): readonly string[] =>
  failures.map(({ scenario, finding }) => `${commandOf(scenario)}\n${finding.message}`);

function run(next: () => Scenario | undefined): Promise<CampaignFigures> {
  const jobs = availableParallelism();
  return runCampaign({ next, jobs, failuresMax: Infinity, scenarioMsMax: SCENARIO_MS_MAX, onProgress: () => undefined });
}

test("every seed that ever failed keeps every rule", { timeout: TIMEOUT_MS }, async () => {
  const scenarios = knownScenarios();
  const figures = await run(() => scenarios.next().value);
  expect(told(figures)).toEqual([]);
  expect(figures.scenarios).toBe(FAILED_SEEDS.length);
});

test("fresh seeds keep every rule through crashes and troubles", { timeout: TIMEOUT_MS }, async () => {
  const from = randomInt(SEED_MAX);
  const scenarios = freshScenarios({ from, runs: Infinity });
  const untilMs = performance.now() + SECONDS * 1_000;
  const figures = await run(() => (performance.now() < untilMs ? scenarios.next().value : undefined));
  console.log(`sim: seeds from ${from}, ${figuresText(figures)}`);
  expect(told(figures)).toEqual([]);
  expect(figures.tally["tasks"]).toBeGreaterThan(0);
});

test.each<[Size, number]>([
  ["tiny", 12],
  ["usual", 12],
  ["large", 1],
])("a %s scenario that is run again is the same run, byte by byte (%i seeds)", { timeout: TIMEOUT_MS }, async (size, seeds) => {
  for (let seed = 1; seed <= seeds; seed++) {
    const scenario = aScenario(seed, { size, trace: true });
    const [first, second] = [await runScenario(scenario), await runScenario(scenario)];
    expect(second.lines.join("\n"), `seed ${seed}`).toBe(first.lines.join("\n"));
    expect(second.tally).toEqual(first.tally);
    expect(first.lines.length).toBeGreaterThan(0);
  }
});

test("the command replays a seed in a process of its own as it was here, and says how to repeat it", async () => {
  const { lines } = await runScenario(aScenario(7, { size: "usual", trace: true }));
  const { stdout, status } = spawnSync(process.execPath, [MAIN, "7", "--size", "usual", "--no-shrink"], { encoding: "utf8" });
  expect(stdout.startsWith(`${lines.join("\n")}\n`)).toBe(true);
  expect(stdout).toContain("npm run sim -- 7");
  expect(status).toBe(0);
});

test("a violation that is planted in real runs shrinks to a short scenario that still has it", { timeout: TIMEOUT_MS }, async () => {
  // It happens when the service was killed twice, and something was frozen.
  const trial = async (scenario: Scenario): Promise<string | undefined> => {
    const { lines, tally } = await runScenario({ ...scenario, trace: true });
    return tally.crashes >= 2 && lines.some((line) => line.includes("freezePlaced")) ? "planted" : undefined;
  };
  let seed = 1;
  while ((await trial(aScenario(seed))) === undefined) seed += 1;
  const bounds = { runsMax: 300, untilMs: performance.now() + 60_000, nowMs: () => performance.now() };
  const { scenario } = await shrink(aScenario(seed), { checker: "planted", trial, bounds });
  expect(await trial(scenario)).toBe("planted");
  expect(scenario.steps - scenario.skip.size, commandOf(scenario)).toBeLessThanOrEqual(8);
});
