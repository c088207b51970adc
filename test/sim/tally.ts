// What a run of the simulator came to, in numbers: what a campaign adds up.
// 1. Each number grows only, and is the same whenever the scenario is run again.

import type { PaceCounts } from "./pace-keeper.ts";

/** What a run came to. */
export interface Tally {
  /** Attempts that ended, and tasks that were skipped. */
  tasks: number;
  workflows: number;
  steps: number;
  crashes: number;
  appends: number;
  clients: number;
  /** Deaths of clients. */
  kills: number;
  /** Changes at hosts. */
  changes: number;
}

/** What a run went through. */
export interface Coverage {
  /** Crashes by their point, as `before action.apply`. */
  readonly crashes: ReadonlyMap<string, number>;
  /** Calls of ports, by name. */
  readonly calls: ReadonlyMap<string, number>;
  /** Undefined: nothing was paced. */
  readonly pace: PaceCounts | undefined;
}
