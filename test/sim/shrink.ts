// Makes a scenario that fails as short as it gets: fewer kinds of faults, a smaller size, fewer targets and clients, fewer steps.
// 1. Only what fails by the same checker is kept, so that another fault does not take the place of the one that is looked for.
// 2. Steps are left out by delta debugging (Zeller and Hildebrandt, 2002). Runs and time have bounds: what was reached by then is told.

import { FAULTS, SIZES } from "./scenario.ts";
import type { Scenario } from "./scenario.ts";
import { scenarioText } from "./scenario-text.ts";
import { SIZE_NAMES } from "./workload-size.ts";

/** How a scenario is tried: the checker that it fails by; undefined: it keeps every rule. */
export type Trial = (scenario: Scenario) => Promise<string | undefined>;

/** How long to go on. */
export interface ShrinkBounds {
  readonly runsMax: number;
  readonly untilMs: number;
  nowMs(): number;
}

/** What came of it. */
export interface Shrunk {
  readonly scenario: Scenario;
  readonly runs: number;
  /** True: no single reduction fails any more; false: a bound was reached first. */
  readonly isLeast: boolean;
}

/** Shrinks a scenario that fails by `checker`. */
export async function shrink(
  scenario: Scenario,
  options: { readonly checker: string; readonly trial: Trial; readonly bounds: ShrinkBounds },
): Promise<Shrunk> {
  const search = new Search(scenario, options);
  for (let before: Scenario | undefined; before !== search.best && !search.isOver;) {
    before = search.best;
    await search.dropFaults();
    await search.reduceSize();
    await search.halve("clientsMax", SIZES[search.best.size].clientsMax, 1);
    await search.halve("targetsMax", SIZES[search.best.size].targetsMax, 1);
    await search.halve("steps", search.best.steps, 0);
    await search.dropSteps();
  }
  return { scenario: search.best, runs: search.runs, isLeast: !search.isOver };
}

class Search {
  best: Scenario;
  runs = 0;
  readonly #checker: string;
  readonly #trial: Trial;
  readonly #bounds: ShrinkBounds;
  /** Scenarios that were tried and do not fail so. */
  readonly #passed = new Set<string>();

  constructor(scenario: Scenario, options: { readonly checker: string; readonly trial: Trial; readonly bounds: ShrinkBounds }) {
    this.best = scenario;
    this.#checker = options.checker;
    this.#trial = options.trial;
    this.#bounds = options.bounds;
  }

  get isOver(): boolean {
    return this.runs >= this.#bounds.runsMax || this.#bounds.nowMs() >= this.#bounds.untilMs;
  }

  async dropFaults(): Promise<void> {
    for (const fault of FAULTS) {
      const faults = this.best.faults ?? new Set(FAULTS);
      if (faults.has(fault)) await this.#keeps({ faults: new Set([...faults].filter((other) => other !== fault)) });
    }
  }

  async reduceSize(): Promise<void> {
    for (const size of SIZE_NAMES.slice(0, SIZE_NAMES.indexOf(this.best.size))) if (await this.#keeps({ size })) return;
  }

  /** The least that still fails, by halving: not every number between is tried, and the next round looks again. */
  async halve(knob: "steps" | "targetsMax" | "clientsMax", most: number, least: number): Promise<void> {
    let fails = this.best[knob] ?? most;
    for (let passes = least - 1; fails - passes > 1 && !this.isOver;) {
      const middle = Math.floor((fails + passes) / 2);
      if (await this.#keeps({ [knob]: middle })) fails = middle;
      else passes = middle;
    }
  }

  async dropSteps(): Promise<void> {
    for (let size = Math.ceil(this.#left().length / 2); size >= 1 && !this.isOver; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      const left = this.#left();
      // The last ones first: what comes after the fault is needed least.
      for (let end = left.length; end > 0 && !this.isOver; end -= size)
        await this.#keeps({ skip: new Set([...this.best.skip, ...left.slice(Math.max(0, end - size), end)]) });
    }
  }

  /** Steps that are not left out yet. */
  #left(): readonly number[] {
    const { steps, skip } = this.best;
    return Array.from({ length: steps }, (_, step) => step).filter((step) => !skip.has(step));
  }

  /** Tries a reduction, and keeps it when it fails by the same checker. */
  async #keeps(change: Partial<Scenario>): Promise<boolean> {
    if (this.isOver) return false;
    const smaller = tidied({ ...this.best, ...change });
    const text = scenarioText(smaller);
    if (this.#passed.has(text)) return false;
    this.runs += 1;
    const isSame = (await this.#trial(smaller)) === this.#checker;
    if (!isSame) this.#passed.add(text);
    if (isSame) this.best = smaller;
    return isSame;
  }
}

/** Steps at the end that are all left out are no steps. */
function tidied(scenario: Scenario): Scenario {
  let { steps } = scenario;
  while (steps > 0 && scenario.skip.has(steps - 1)) steps -= 1;
  return { ...scenario, steps, skip: new Set([...scenario.skip].filter((step) => step < steps)) };
}
