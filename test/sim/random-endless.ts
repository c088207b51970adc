// Generated workflows that go on in further generations: a few of them, and what is kept of those before.

import type { JsonValue } from "@bufbuild/protobuf";
import type { Chance } from "./chance.ts";

type Json = { [key: string]: JsonValue };

/** Sometimes the field that makes a workflow go on. */
export function randomContinue(chance: Chance): Json {
  if (!chance.hit(0.15)) return {};
  const keep = chance.pick([undefined, 0, 1]);
  return { continueAsNew: { while: `workflow.generation < ${chance.int(2, 4)}`, ...(keep === undefined ? {} : { keep }) } };
}

/** How many generations a condition of these wants. */
export function generationsWanted(condition: string): number {
  return Number(/< (\d+)$/.exec(condition)?.[1]);
}
