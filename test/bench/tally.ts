// Gathers the values of several figures over repeats, in the order in which they were first measured.
// 1. Work that it times itself is timed on the core: how long it would take on a machine that does nothing else.

import { cpuSecondsOf, perCpuSecond } from "./cpu-time.ts";
import type { Figure } from "./row.ts";

/** A figure without its values. */
export type FigureName = Omit<Figure, "values" | "floor">;

/** Figures that grow by a value with each repeat. */
export class Tally {
  readonly #values = new Map<string, { readonly name: FigureName; readonly values: number[] }>();

  /** Adds one repeat's value. */
  add(name: FigureName, value: number): void {
    const known = this.#values.get(name.what) ?? { name, values: [] };
    known.values.push(value);
    this.#values.set(name.what, known);
  }

  /** Does `count` things, and adds how many of them are done in a second of a core. */
  async addRate(what: string, count: number, work: () => unknown, more: Partial<FigureName> = {}): Promise<void> {
    this.add({ what: `${what}, on a core`, unit: "/s", better: "higher", ...more }, await perCpuSecond(count, work));
  }

  /** Does the work, and adds how many milliseconds of a core it took. */
  async addTime(what: string, work: () => unknown, more: Partial<FigureName> = {}): Promise<void> {
    this.add({ what: `${what}, on a core`, unit: "ms", better: "lower", ...more }, 1_000 * (await cpuSecondsOf(work)));
  }

  /** All figures. */
  figures(): readonly Figure[] {
    return [...this.#values.values()].map(({ name, values }) => ({ ...name, values }));
  }
}
