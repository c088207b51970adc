// What a row wants, read and judged: ">= 15,000", "<= 1 GiB", ">= 20 % of the floor", ">= 3x the floor", several with "; " between.
// 1. The median is judged, of the ratio where it speaks of the floor. What cannot be read is an error: a wish that nothing judges is none.

import type { Spread, Summary } from "./summary.ts";

/** What became of a wish: undefined where there is none. */
export type Met = boolean | undefined;

interface Bound {
  readonly isAtLeast: boolean;
  readonly value: number;
  readonly of: "figure" | "ratio";
}

const CLAUSE = /^(>=|<=|≥|≤) ([\d,.]+) ?(\/s|ms|s|B|KiB|MiB|GiB|%)?([x×])?( of the floor| the floor)?$/;

/** How many of its family's smallest unit a unit is. */
const UNITS: Readonly<Record<string, { readonly family: string; readonly size: number }>> = {
  ms: { family: "time", size: 1 },
  s: { family: "time", size: 1_000 },
  B: { family: "bytes", size: 1 },
  KiB: { family: "bytes", size: 2 ** 10 },
  MiB: { family: "bytes", size: 2 ** 20 },
  GiB: { family: "bytes", size: 2 ** 30 },
};

/** Whether all that is wanted of a figure is so. Throws for a wish that cannot be read, or that speaks of a floor where there is none. */
export function isMet(wanted: string | undefined, unit: string, summary: Summary): Met {
  if (wanted === undefined) return undefined;
  return wanted.split("; ").every((clause) => {
    const bound = readClause(clause, unit);
    const { median } = bound.of === "figure" ? summary.figure : (summary.ratio ?? noFloor(clause));
    return bound.isAtLeast ? median >= bound.value : median <= bound.value;
  });
}

function readClause(clause: string, unit: string): Bound {
  const [, comparison, digits = "", said, times, floor] = CLAUSE.exec(clause) ?? unreadable(clause, unit);
  const isAtLeast = comparison === ">=" || comparison === "≥";
  const value = Number(digits.replaceAll(",", ""));
  if (floor === undefined) {
    if (said === "%" || times !== undefined) unreadable(clause, unit);
    return { isAtLeast, value: value * (said === undefined || said === unit ? 1 : conversion(said, unit, clause)), of: "figure" };
  }
  if ((said === "%") === (times !== undefined)) unreadable(clause, unit);
  return { isAtLeast, value: said === "%" ? value / 100 : value, of: "ratio" };
}

function conversion(from: string, to: string, clause: string): number {
  const [source, goal] = [UNITS[from], UNITS[to]];
  if (source === undefined || goal === undefined || source.family !== goal.family) return unreadable(clause, to);
  return source.size / goal.size;
}

function unreadable(clause: string, unit: string): never {
  throw new Error(
    `"${clause}" is wanted of a figure in "${unit}", which cannot be read; say ">= 15,000", "<= 1 GiB" or ">= 20 % of the floor"`,
  );
}

function noFloor(clause: string): Spread {
  throw new Error(`"${clause}" is wanted of a figure that has no floor`);
}
