// One walk under way: the core that walks, what it did so far, and what must hold at each step.

import { placeOf, unitName } from "../../internal/workflow/blueprint.ts";
import type { Drill } from "../fakes/drill.ts";
import { brokenNow } from "./rules.ts";
import type { Rules } from "./rules.ts";

/** Something that may happen next; it says what came of it. */
export interface Act {
  readonly name: string;
  readonly take: () => readonly string[];
}

/** The walk. */
export interface Walker {
  readonly drill: Drill;
  readonly rules: Rules;
  /** A line for each step, for the report. */
  readonly log: string[];
}

/** The core broke a rule, or came to no end. */
export class WalkFault extends Error {
  override readonly name = "WalkFault";
}

/** Takes the act, and looks whether the rules hold afterwards. */
export function step({ drill, rules, log }: Walker, { name, take }: Act): void {
  const at = log.push(name) - 1;
  log[at] = `${name}: ${take().join(", ")}`;
  const broken = brokenNow(drill.state, rules);
  if (broken !== undefined) throw new WalkFault(broken);
}

/** The task as a person reads it: `h0/m1`. */
export function taskName({ state: { blueprint } }: Drill, task: number): string {
  const { stage, ordinal, action } = placeOf(blueprint, task);
  return `${unitName(blueprint, stage, ordinal) || stage.name}/${action.name}`;
}
