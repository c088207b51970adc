// A figure's repeats put together: median and spread, of the values, of the floor's, and of their ratios.
// 1. A ratio is of one repeat and the floor's of the same repeat, so that what disturbed both cancels out.

import type { Figure } from "./row.ts";
import { median } from "./samples.ts";

/** A median, and from where to where. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** What the repeats gave. */
export interface Summary {
  readonly figure: Spread;
  readonly floor: Spread | undefined;
  readonly ratio: Spread | undefined;
}

/** Puts a figure's repeats together. Throws for one that no table can hold, and says why. */
export function summarize(figure: Figure): Summary {
  const { values, floor } = figure;
  checkValues(figure.what, values);
  if (floor === undefined) {
    if (figure.isGuarded === true) throw new Error(`"${figure.what}" is guarded and has no floor: only ratios hold on another machine`);
    return { figure: spreadOf(values), floor: undefined, ratio: undefined };
  }
  checkValues(`${figure.what}: ${floor.what}`, floor.values);
  if (floor.values.length !== values.length) {
    throw new Error(`"${figure.what}" has ${values.length} repeats and its floor ${floor.values.length}: they take turns, one each`);
  }
  const ratios = values.map((value, nth) => value / (floor.values[nth] ?? Number.NaN));
  return { figure: spreadOf(values), floor: spreadOf(floor.values), ratio: spreadOf(ratios) };
}

function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

function checkValues(what: string, values: readonly number[]): void {
  if (values.length === 0) throw new Error(`"${what}" was measured not once`);
  const odd = values.find((value) => !Number.isFinite(value) || value <= 0);
  if (odd !== undefined) throw new Error(`"${what}" was measured as ${odd}, which is no figure`);
}
