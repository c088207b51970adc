import { expect, test } from "vitest";
import { Chance } from "./chance.ts";
import { FAULTS, SIZES, aScenario } from "./scenario.ts";
import type { Scenario } from "./scenario.ts";
import { scenarioText } from "./scenario-text.ts";
import { shrink } from "./shrink.ts";
import type { Shrunk } from "./shrink.ts";

/** What an artificial violation needs in order to happen. */
interface Need {
  readonly steps: readonly number[];
  readonly targets: number;
  readonly fault: (typeof FAULTS)[number];
}

const targetsOf = ({ size, targetsMax }: Scenario): number => Math.min(targetsMax ?? Infinity, SIZES[size].targetsMax);
const happens = ({ steps, targets, fault }: Need, scenario: Scenario): boolean =>
  steps.every((step) => step < scenario.steps && !scenario.skip.has(step)) &&
  targetsOf(scenario) >= targets &&
  (scenario.faults ?? new Set(FAULTS)).has(fault);

function shrinkTo(
  need: Need,
  options: { readonly runsMax?: number; readonly other?: (scenario: Scenario) => boolean } = {},
): Promise<Shrunk> {
  const trial = async (scenario: Scenario): Promise<string | undefined> => {
    if (options.other?.(scenario) === true) return "another";
    return happens(need, scenario) ? "planted" : undefined;
  };
  const bounds = { runsMax: options.runsMax ?? 1_000, untilMs: 1, nowMs: () => 0 };
  return shrink(aScenario(4_711, { size: "large" }), { checker: "planted", trial, bounds });
}

test("a scenario shrinks to the steps, the targets and the fault that its violation needs, whatever they are", async () => {
  for (let seed = 1; seed <= 200; seed++) {
    const chance = new Chance(seed);
    const all = Array.from({ length: 60 }, (_, step) => step);
    const need: Need = {
      steps: chance.some(all, chance.one(0.02, 0.1)),
      targets: chance.int(1, 7),
      fault: chance.pick(FAULTS) ?? "crash",
    };
    const { scenario, isLeast } = await shrinkTo(need);
    const left = all.filter((step) => step < scenario.steps && !scenario.skip.has(step));
    expect(left, `seed ${seed}`).toEqual(need.steps);
    expect(targetsOf(scenario), `seed ${seed}`).toBe(need.targets);
    expect([...(scenario.faults ?? [])], `seed ${seed}`).toEqual([need.fault]);
    expect(isLeast).toBe(true);
  }
});

test("only what fails by the same checker is kept", async () => {
  const need: Need = { steps: [10, 30], targets: 2, fault: "host" };
  const { scenario } = await shrinkTo(need, { other: ({ steps }) => steps < 45 });
  expect(scenario.steps).toBe(45);
  expect(happens(need, scenario)).toBe(true);
});

test("shrinking stops at its bound of runs, with what it has reached by then, which still fails", async () => {
  const need: Need = { steps: [3, 41, 59], targets: 5, fault: "freeze" };
  const { scenario, runs, isLeast } = await shrinkTo(need, { runsMax: 12 });
  expect(runs).toBe(12);
  expect(isLeast).toBe(false);
  expect(happens(need, scenario)).toBe(true);
});

test("a violation that needs nothing shrinks to no step at all, and the command says so", async () => {
  const { scenario } = await shrinkTo({ steps: [], targets: 1, fault: "clock" });
  expect(scenarioText(scenario)).toBe("4711 --size tiny --steps 0 --targets 1 --clients 1 --faults clock");
});
