// A walk that cannot fail shows nothing: each rule is bent in turn, and the walk must say which one does not hold.

import { expect, test } from "vitest";
import { FAITHFUL } from "./rules.ts";
import type { Rules } from "./rules.ts";
import { walk } from "./walk.ts";

/** So many walks each bent rule may go unnoticed. */
const RUNS_MAX = 1_000;

const BENT: readonly { readonly name: string; readonly rules: Partial<Rules>; readonly fault: RegExp }[] = [
  { name: "one target fewer may be in flight", rules: { parallelMore: -1 }, fault: /^parallel is/ },
  { name: "one target fewer may be at risk", rules: { atRiskMore: -1 }, fault: /^max_at_risk is/ },
  { name: "nothing may be awaited beside an undo", rules: { mayAwaitBesideUndo: false }, fault: /runs beside an undo/ },
  { name: "what was taken back may not be done again", rules: { isUndoKnown: false }, fault: /is done again/ },
  { name: "no workflow with something undone may succeed", rules: { isFailureAllowed: false }, fault: /^it succeeded, and/ },
  { name: "a replay misses the last event", rules: { eventsLost: 1 }, fault: /^a replay differs/ },
  { name: "nobody thaws what is frozen", rules: { isThawed: false }, fault: /^(nothing moves it|it stands still)/ },
];

test.for(BENT)(`a walk notices within ${RUNS_MAX} seeds when $name`, ({ rules, fault }) => {
  const isNoticed = (seed: number): boolean => fault.test(walk(seed, { ...FAITHFUL, ...rules }).fault ?? "");
  expect(Array.from({ length: RUNS_MAX }, (_, at) => at + 1).some(isNoticed)).toBe(true);
});
