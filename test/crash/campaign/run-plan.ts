// A run of the campaign, drawn from its seed: the kind of trouble, the hosts, the work, who asks for it and how.
// 1. The seed decides the plan and every choice in it; when exactly a blow falls among real processes it cannot decide.
// 2. Seeds that follow each other take the kinds in turn, so that a short campaign has every kind.

import { Chance } from "../../sim/chance.ts";
import { drawPolicy, drawWork } from "./work.ts";
import type { Work } from "./work.ts";

/** The kinds of trouble. */
export const TROUBLES = [
  "service killed",
  "service killed at appends",
  "client killed",
  "both killed",
  "service stopped",
  "client stopped",
  "disk full",
  "killed while recovering",
] as const;

/** What a run suffers. */
export type Trouble = (typeof TROUBLES)[number];

/** One client: what it asks for, and when after the start of the run. */
export interface PlannedClient {
  readonly work: Work;
  /** `run` follows, `start` is run without following, `submit` is a Submit and then an Exec by another process. */
  readonly verb: "run" | "start" | "submit";
  readonly afterMs: number;
}

/** A whole run. */
export interface RunPlan {
  readonly seed: number;
  readonly trouble: Trouble;
  readonly hosts: number;
  readonly policy: string | undefined;
  readonly clients: readonly PlannedClient[];
  /** Whether the service is ended by SIGTERM before its last start, or by SIGKILL. */
  readonly isPolite: boolean;
  /** For the choices while it runs. */
  readonly chance: Chance;
}

/** Draws the run of a seed. */
export function drawRun(seed: number): RunPlan {
  // Neighbouring seeds must not begin alike.
  const chance = new Chance((Math.imul(seed, 0x9e3779b1) >>> 0) + 1);
  const trouble = TROUBLES[seed % TROUBLES.length] ?? "service killed";
  return {
    seed,
    trouble,
    hosts: chance.int(2, 4),
    policy: drawPolicy(chance),
    clients: Array.from({ length: chance.int(2, 3) }, (_, index) => ({
      work: drawWork(chance, `w${index}`),
      verb: chance.pick(["run", "run", "start", "submit"] as const) ?? "run",
      afterMs: chance.int(0, 600),
    })),
    isPolite: chance.hit(0.5),
    chance,
  };
}
