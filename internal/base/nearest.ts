// "Did you mean": the declared name that a misspelled one is nearest to.
// 1. Bounded: long names and long lists cost no more than NEAREST_CANDIDATES_MAX short comparisons.

import { NEAREST_CANDIDATES_MAX } from "./limits.ts";

const COMPARED_LENGTH_MAX = 64;

/** The candidate within a third of the name's length in edits (at most 2, case does not count), or undefined. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  if (name.length > COMPARED_LENGTH_MAX) return undefined;
  const wanted = name.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.min(2, Math.ceil(name.length / 3)) + 1;
  let compared = 0;
  for (const candidate of candidates) {
    if (++compared > NEAREST_CANDIDATES_MAX) break;
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** `; did you mean "x"?` where a candidate is near, else nothing: the end of an error message. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const found = nearest(name, candidates);
  return found === undefined ? "" : `; did you mean "${found}"?`;
}

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
function editDistance(left: string, right: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const row = [i];
    for (let j = 1; j <= right.length; j++) {
      const substitution = at(previous, j - 1) + (left[i - 1] === right[j - 1] ? 0 : 1);
      let cost = Math.min(at(previous, j) + 1, at(row, j - 1) + 1, substitution);
      if (i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1]) cost = Math.min(cost, at(before, j - 2) + 1);
      row.push(cost);
    }
    [before, previous] = [previous, row];
  }
  return at(previous, right.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
