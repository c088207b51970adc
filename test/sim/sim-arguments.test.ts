import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { Chance } from "./chance.ts";
import { FAILED_SEEDS } from "./failed-seeds.ts";
import { FAULTS, aScenario } from "./scenario.ts";
import type { Scenario } from "./scenario.ts";
import { scenarioText } from "./scenario-text.ts";
import { parseArguments } from "./sim-arguments.ts";
import { SIZE_NAMES, sizeOfSeed } from "./workload-size.ts";

function parsedScenario(text: string): Scenario | undefined {
  const asked = parseArguments(text.split(" "));
  return asked.kind === "replay" ? asked.scenario : undefined;
}

test("a scenario's command, typed, is the same scenario", () => {
  for (let seed = 1; seed <= 500; seed++) {
    const chance = new Chance(seed);
    const steps = Array.from({ length: 60 }, (_, step) => step);
    const scenario = aScenario(chance.int(0, 2 ** 32 - 1), {
      size: chance.pick(SIZE_NAMES) ?? "usual",
      ...(chance.hit(0.5) ? { steps: chance.int(0, 90) } : {}),
      ...(chance.hit(0.5) ? { skip: new Set(chance.some(steps, 0.5)) } : {}),
      ...(chance.hit(0.5) ? { targetsMax: chance.int(1, 9) } : {}),
      ...(chance.hit(0.5) ? { clientsMax: chance.int(1, 3) } : {}),
      ...(chance.hit(0.5) ? { faults: new Set(chance.some(FAULTS, 0.4)) } : {}),
    });
    expect(parsedScenario(scenarioText(scenario)), scenarioText(scenario)).toEqual(scenario);
  }
});

test("a seed alone is as large as it says, with nothing left out", () => {
  expect(parsedScenario("4711")).toEqual(aScenario(4_711, { size: sizeOfSeed(4_711) }));
});

test("every seed that ever failed is a scenario, with a reason", () => {
  for (const { scenario, why } of FAILED_SEEDS) {
    expect(parsedScenario(scenario), scenario).toBeDefined();
    expect(why).not.toBe("");
  }
});

test.each([
  ["--minutes 2 --from 7", { kind: "seeds", from: 7, forMs: 120_000, runs: Infinity, isCampaign: false }],
  ["--campaign --hours 8 --jobs 3", { kind: "seeds", forMs: 28_800_000, jobs: 3, isCampaign: true }],
  ["--runs 50 --size huge --quiet", { runs: 50, size: "huge", isQuiet: true, forMs: Infinity }],
  ["--known", { isKnown: true }],
  ["12 --no-shrink", { kind: "replay", isShrunk: false }],
  ["12 --help", { kind: "help" }],
])("%s is understood", (text, expected) => {
  expect(parseArguments(text.split(" "))).toMatchObject(expected);
});

test.each([
  ["", "nothing to do"],
  ["x", "seed x: expected a whole number"],
  ["-1", "-1"],
  ["4294967296", "expected a whole number from 0 to 4294967295"],
  ["1 2", "one seed at a time"],
  ["1 --minutes 2", "--minutes is of many seeds"],
  ["--minutes 2 --skip 3", "--skip is of one scenario"],
  ["1 --skip 9-3", "--skip 9-3"],
  ["1 --skip a", "--skip a"],
  ["1 --faults crash,fire", "no such fault"],
  ["1 --size giant", "no such size"],
  ["--minutes 1 --size giant", "no such size"],
  ["--minutes 0", "--minutes 0"],
  ["--minutes 1e9", "--minutes 1e9"],
  ["--minutes 1 --hours 1", "say one of them"],
  ["--minutes 1 --jobs 0", "--jobs 0"],
  ["--known --from 3", "no others"],
  ["--seed 3", "--seed"],
])("%s is refused, with what is wrong", (text, message) => {
  expect(() => parseArguments(text === "" ? [] : text.split(" "))).toThrow(message);
});

test("the command ends with 2 for wrong arguments, says why, and with 0 for help", () => {
  const main = fileURLToPath(new URL("./main.ts", import.meta.url));
  const wrong = spawnSync(process.execPath, [main, "--size", "giant", "--runs", "1"], { encoding: "utf8" });
  expect(wrong.status).toBe(2);
  expect(wrong.stderr).toContain("no such size");
  const help = spawnSync(process.execPath, [main, "--help"], { encoding: "utf8" });
  expect(help.status).toBe(0);
  expect(help.stdout).toContain("npm run sim -- --campaign --hours 8");
});
