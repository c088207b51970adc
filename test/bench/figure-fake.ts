// Figures and results for the benches' own tests, with defaults for all that a test does not say.

import type { Machine } from "./machine.ts";
import type { Result } from "./result.ts";
import type { Figure } from "./row.ts";

/** A figure; `floor` is its floor's values. */
export function aFigure(fields: Partial<Omit<Figure, "floor">> & { readonly floor?: readonly number[] } = {}): Figure {
  const { floor, ...others } = fields;
  const bare: Figure = { what: "tasks a second", unit: "/s", better: "higher", values: [1], ...others };
  return floor === undefined ? bare : { ...bare, floor: { what: "bare", values: floor } };
}

/** A row's result. */
export function aResult(fields: Partial<Result> = {}): Result {
  return { name: "engine", title: "The engine alone", scale: "full", seconds: 3, machine: MACHINE, figures: [aFigure()], ...fields };
}

const MACHINE: Machine = {
  date: "2026-11-21",
  cpu: "2 × Fast",
  memory: "8 GiB",
  kernel: "Linux 6",
  load: "0.1",
  node: "24.0.0",
  packages: "level 10.0.0",
  commit: "abc1234",
};
