// Who judges and chooses off the event loop: one worker thread for policies and targets.
// 1. The thread starts when it is first needed.

import type { Clock, Inventory, TargetChooser } from "../../internal/engine/ports.ts";
import { judgeOffLoop } from "../../internal/policy/judge-off-loop.ts";
import type { GateJudge } from "../../internal/policy/policies.ts";
import { WorkerCargo } from "../../internal/policy/worker-cargo.ts";
import { createChooser } from "../../internal/policy/worker-chooser.ts";
import { WorkerThread } from "../../internal/policy/worker-thread.ts";
import { selectTargets } from "../../internal/workflow/targets.ts";

/** Judge and chooser, and the end of their thread. */
export interface Judging {
  readonly judge: GateJudge;
  readonly chooser: TargetChooser;
  close(): void;
}

/** Built, the worker's entry stands beside this module as JavaScript; from sources, as TypeScript. */
const ENTRY = new URL(import.meta.url.endsWith(".ts") ? "./judge-worker.ts" : "./judge-worker.js", import.meta.url);

/** Makes them; `questionMsMax` and `entry` are for tests. */
export function openJudging(options: {
  readonly clock: Clock;
  readonly inventory: Inventory;
  readonly log: (line: string) => void;
  readonly questionMsMax?: number;
  readonly entry?: URL;
}): Judging {
  const { inventory, clock } = options;
  const thread = new WorkerThread({ entry: ENTRY, ...options });
  const cargo = new WorkerCargo(clock);
  return {
    judge: judgeOffLoop({ thread, cargo, inventory }),
    chooser: createChooser({ thread, cargo, select: selectTargets }),
    close: () => thread.close(),
  };
}
