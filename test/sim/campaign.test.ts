import { expect, test } from "vitest";
import { LOST, runCampaign } from "./campaign.ts";
import type { CampaignOptions } from "./campaign.ts";
import { aScenario } from "./scenario.ts";
import { freshScenarios } from "./seed-run.ts";

const campaign = (parts: Partial<CampaignOptions>) => {
  const scenarios = freshScenarios({ from: 1, runs: 3, size: "tiny" });
  const next = () => scenarios.next().value;
  return runCampaign({ next, jobs: 1, failuresMax: Infinity, scenarioMsMax: 60_000, onProgress: () => undefined, ...parts });
};

test("a campaign runs every scenario once, however many processes there are, and adds up what they count", async () => {
  const told: number[] = [];
  const one = await campaign({ onProgress: ({ scenarios }) => told.push(scenarios) });
  const several = await campaign({ jobs: 3 });
  expect(told).toEqual([1, 2, 3]);
  expect(one.failures).toEqual([]);
  expect(several.scenarios).toBe(3);
  expect(several.tally).toEqual(one.tally);
  expect(one.tally["steps"]).toBe(3 * aScenario(1, { size: "tiny" }).steps);
});

test("a scenario that takes too long is a finding, its process is ended, and the others go on", async () => {
  const { failures, scenarios } = await campaign({ scenarioMsMax: 1 });
  expect(scenarios).toBe(3);
  expect(failures.map(({ finding, scenario }) => `${scenario.seed} ${finding.checker}`)).toEqual(
    [1, 2, 3].map((seed) => `${seed} ${LOST}`),
  );
  expect(failures[0]?.finding.message).toContain("it was not over after 0.001 s");
});

test("after so many failures nothing more is begun", async () => {
  const { scenarios } = await campaign({ scenarioMsMax: 1, failuresMax: 2 });
  expect(scenarios).toBe(2);
});
