// What one run of the simulator is told: everything else follows from it, so that the same scenario is the same run.
// 1. Each step draws from a chance of its own, forked from the seed and its number; so do targets, policies and every workflow. A step that is
//    left out changes nothing of what the others mean: that is what lets a failing scenario shrink.

import type { CrashPoint } from "./life.ts";

/** How much there is to do: from one task to tens of thousands. */
export type Size = "tiny" | "usual" | "large" | "huge";

/** What may go wrong; a scenario may leave some of it out. */
export type Fault =
  | "crash"
  | "reboot"
  | "clock"
  | "host"
  | "client"
  | "freeze"
  | "policy"
  | "person"
  | "surroundings"
  | "delay"
  /** Work waits for its turn toward its host or origin. */
  | "pace"
  /** The thread that judges gates and chooses targets is slow, away, or ends. */
  | "worker"
  /** An append takes seconds or minutes until it is durable. */
  | "disk";

/** All that may go wrong. */
export const FAULTS: readonly Fault[] = [
  "crash",
  "reboot",
  "clock",
  "host",
  "client",
  "freeze",
  "policy",
  "person",
  "surroundings",
  "delay",
  "pace",
  "worker",
  "disk",
];

/** One run. */
export interface Scenario {
  readonly seed: number;
  readonly size: Size;
  /** How many steps of trouble there are before everything must come to its end. */
  readonly steps: number;
  /** Steps that are left out, by number from 0. */
  readonly skip: ReadonlySet<number>;
  /** True: `lines` tells everything that happened. */
  readonly trace?: boolean;
  /** At most so many targets; absent: as the size says. */
  readonly targetsMax?: number;
  /** At most so many clients; absent: as the size says. */
  readonly clientsMax?: number;
  /** Only these go wrong; absent: all of them. */
  readonly faults?: ReadonlySet<Fault>;
  /** The first life of the service ends here, whatever else goes wrong. */
  readonly crashAt?: CrashPoint;
}

/** What a size means. */
export interface SizeTerms {
  readonly steps: number;
  readonly targetsMin: number;
  readonly targetsMax: number;
  readonly clientsMax: number;
}

/** The sizes. */
export const SIZES: Readonly<Record<Size, SizeTerms>> = {
  tiny: { steps: 25, targetsMin: 1, targetsMax: 2, clientsMax: 2 },
  usual: { steps: 60, targetsMin: 1, targetsMax: 7, clientsMax: 6 },
  large: { steps: 60, targetsMin: 100, targetsMax: 800, clientsMax: 6 },
  huge: { steps: 40, targetsMin: 3_000, targetsMax: 15_000, clientsMax: 3 },
};

/** A run of a seed with nothing left out. */
export function aScenario(seed: number, parts: Partial<Scenario> = {}): Scenario {
  const size = parts.size ?? "usual";
  return { seed, size, steps: SIZES[size].steps, skip: new Set(), ...parts };
}

/** True when such a thing may go wrong in the run. */
export function mayHappen({ faults }: Scenario, fault: Fault): boolean {
  return faults?.has(fault) ?? true;
}

/** True when there is so much to do that what costs as much as there is, is done now and then only. */
export function isLarge({ size }: Scenario): boolean {
  return size === "large" || size === "huge";
}
