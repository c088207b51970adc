// Scenarios as a person types them: parses the arguments of `npm run sim -- SEED …`, and says the command that runs a scenario again.
// 1. What is said is what is parsed: a scenario, its command and the scenario of that command are the same.

import { FAULTS, SIZES } from "./scenario.ts";
import type { Fault, Scenario } from "./scenario.ts";
import { SIZE_NAMES, isSize, sizeOfSeed } from "./workload-size.ts";

/** The largest seed. */
export const SEED_MAX = 2 ** 32 - 1;
const STEPS_MAX = 100_000;
const CLIENTS_MAX = 64;

/** What is wrong with an argument, for whoever typed it. */
export class ArgumentError extends Error {}

/** Flags that a scenario has, as they were typed. */
export interface ScenarioFlags {
  readonly size?: string | undefined;
  readonly steps?: string | undefined;
  readonly skip?: string | undefined;
  readonly targets?: string | undefined;
  readonly clients?: string | undefined;
  readonly faults?: string | undefined;
}

/** The scenario of a seed and flags. */
export function parseScenario(seed: number, flags: ScenarioFlags): Scenario {
  const size = flags.size ?? sizeOfSeed(seed);
  if (!isSize(size)) throw new ArgumentError(`--size ${size}: there is no such size; there are ${SIZE_NAMES.join(", ")}`);
  const { targets, clients, faults } = flags;
  return {
    seed,
    size,
    steps: flags.steps === undefined ? SIZES[size].steps : parseCount("--steps", flags.steps, STEPS_MAX),
    skip: new Set(flags.skip === undefined ? [] : parseRanges(flags.skip)),
    ...(targets === undefined ? {} : { targetsMax: parseCount("--targets", targets, SIZES.huge.targetsMax) }),
    ...(clients === undefined ? {} : { clientsMax: parseCount("--clients", clients, CLIENTS_MAX) }),
    ...(faults === undefined ? {} : { faults: parseFaults(faults) }),
  };
}

/** A whole number. */
export function parseCount(name: string, text: string, most: number): number {
  const count = Number(text);
  if (!/^[0-9]+$/.test(text) || count > most) throw new ArgumentError(`${name} ${text}: expected a whole number from 0 to ${most}`);
  return count;
}

/** The arguments that make the same scenario: `4711 --steps 20 --skip 1-9,12`. */
export function scenarioText({ seed, size, steps, skip, targetsMax, clientsMax, faults }: Scenario): string {
  const words = [String(seed)];
  if (size !== sizeOfSeed(seed)) words.push("--size", size);
  if (steps !== SIZES[size].steps) words.push("--steps", String(steps));
  if (skip.size > 0) words.push("--skip", rangesText([...skip].toSorted((a, b) => a - b)));
  if (targetsMax !== undefined) words.push("--targets", String(targetsMax));
  if (clientsMax !== undefined) words.push("--clients", String(clientsMax));
  if (faults !== undefined) words.push("--faults", faults.size === 0 ? NO_FAULTS : FAULTS.filter((fault) => faults.has(fault)).join(","));
  return words.join(" ");
}

/** The command that runs a scenario again. */
export function commandOf(scenario: Scenario): string {
  return `npm run sim -- ${scenarioText(scenario)}`;
}

const NO_FAULTS = "none";

function parseFaults(text: string): ReadonlySet<Fault> {
  const names = text === NO_FAULTS ? [] : text.split(",");
  const faults = names.map((name) => {
    const fault = FAULTS.find((known) => known === name);
    if (fault === undefined)
      throw new ArgumentError(`--faults ${name}: there is no such fault; there are ${FAULTS.join(", ")} and ${NO_FAULTS}`);
    return fault;
  });
  return new Set(faults);
}

/** `1-3,7` is 1, 2, 3 and 7. */
function parseRanges(text: string): readonly number[] {
  return text.split(",").flatMap((range) => {
    const [, first = "", last = first] = /^([0-9]+)(?:-([0-9]+))?$/.exec(range) ?? [];
    const [from, to] = [Number(first), Number(last)];
    if (first === "" || from > to || to >= STEPS_MAX)
      throw new ArgumentError(`--skip ${range}: expected numbers of steps such as 3 or 3-9, joined by commas`);
    return Array.from({ length: to - from + 1 }, (_, index) => from + index);
  });
}

function rangesText(numbers: readonly number[]): string {
  const ranges: [first: number, last: number][] = [];
  for (const number of numbers) {
    const range = ranges.at(-1);
    if (range !== undefined && range[1] + 1 === number) range[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(",");
}
