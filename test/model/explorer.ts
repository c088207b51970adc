// Explores every state that a model can reach, breadth first, so that the first path to a broken rule is a shortest one.
// 1. States are told apart by their text alone: whatever a state holds must be in it.
// 2. Also shown: from every state an end can be reached by steps that are no misfortune. A state from which none can is a dead end.

import { assert } from "../../internal/base/assert.ts";

/** A step out of a state. */
export interface Step<S> {
  readonly name: string;
  readonly next: S;
  /** A crash, a death, a lost answer: it may happen, and nothing may depend on it. */
  readonly isMisfortune?: boolean;
}

/** What is explored. */
export interface Model<S> {
  readonly first: S;
  text(state: S): string;
  steps(state: S): readonly Step<S>[];
  /** The rule that the state breaks; undefined: none. */
  broken(state: S): string | undefined;
  isEnd(state: S): boolean;
}

/** What was found. */
export interface Exploration {
  readonly states: number;
  readonly steps: number;
  /** Of the longest of all shortest paths. */
  readonly depth: number;
  readonly ends: number;
  /** The first broken rule, or a dead end, and the steps that lead there. */
  readonly found: { readonly rule: string; readonly path: readonly string[] } | undefined;
}

interface Seen<S> {
  readonly state: S;
  readonly depth: number;
  readonly from: number;
  readonly by: string;
}

/** Explores until all is seen, a rule is broken, or `statesMax` (a bug of the model: it asserts). */
export function explore<S>(model: Model<S>, statesMax: number): Exploration {
  const seen: Seen<S>[] = [];
  const numbers = new Map<string, number>();
  /** For each state, those from which a step that is no misfortune leads to it. */
  const before: number[][] = [];
  const ends: number[] = [];
  let steps = 0;
  const visit = (state: S, from: number, by: string): number => {
    const text = model.text(state);
    const known = numbers.get(text);
    if (known !== undefined) return known;
    assert(seen.length < statesMax, "the model has more states than it is meant to have");
    const number = seen.push({ state, from, by, depth: from < 0 ? 0 : at(seen, from).depth + 1 }) - 1;
    numbers.set(text, number);
    before.push([]);
    if (model.isEnd(state)) ends.push(number);
    return number;
  };
  visit(model.first, -1, "");
  for (let number = 0; number < seen.length; number++) {
    const { state } = at(seen, number);
    const rule = model.broken(state);
    if (rule !== undefined) return { ...figures(seen, steps, ends), found: { rule, path: pathTo(seen, number) } };
    for (const step of model.steps(state)) {
      steps += 1;
      const next = visit(step.next, number, step.name);
      if (step.isMisfortune !== true) at(before, next).push(number);
    }
  }
  const stuck = firstStuck(before, ends);
  return { ...figures(seen, steps, ends), found: stuck === undefined ? undefined : { rule: "dead end", path: pathTo(seen, stuck) } };
}

/** The first state from which no end can be reached. */
function firstStuck(before: readonly (readonly number[])[], ends: readonly number[]): number | undefined {
  const isGood = new Uint8Array(before.length);
  const left = [...ends];
  for (const end of ends) isGood[end] = 1;
  for (let number = left.pop(); number !== undefined; number = left.pop()) {
    for (const earlier of at(before, number)) {
      if (isGood[earlier] === 1) continue;
      isGood[earlier] = 1;
      left.push(earlier);
    }
  }
  const found = isGood.indexOf(0);
  return found === -1 ? undefined : found;
}

function figures<S>(seen: readonly Seen<S>[], steps: number, ends: readonly number[]) {
  return { states: seen.length, steps, depth: seen.at(-1)?.depth ?? 0, ends: ends.length };
}

function pathTo<S>(seen: readonly Seen<S>[], number: number): readonly string[] {
  const path: string[] = [];
  for (let here = number; here > 0; here = at(seen, here).from) path.unshift(at(seen, here).by);
  return path;
}

function at<T>(list: readonly T[], index: number): T {
  const found = list[index];
  assert(found !== undefined, "the explorer's lists grow together");
  return found;
}
