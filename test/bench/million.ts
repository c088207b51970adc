// One workflow of a million durable tasks in a process of its own: prints as JSON how fast it was, and the most memory that the process held.
//   node test/bench/million.ts [TARGETS [ACTIONS [PARALLEL]]]     `--cpu-prof` before the path profiles it
// 1. Before it comes one of 10,000 tasks, measured in the same way, after another one that warms up.

import { readFileSync } from "node:fs";
import { runDurably } from "./durable-workflow.ts";
import type { WorkflowCost, WorkflowSize } from "./durable-workflow.ts";

const SMALL_TASKS = 10_000;

const [targets = 100_000, actions = 10, parallel = 256] = process.argv.slice(2).map(Number);
const run = (size: WorkflowSize): Promise<WorkflowCost> => runDurably(size, (cost) => cost);
const smallSize = { targets: SMALL_TASKS / actions, actions, parallel };
await run(smallSize);
const small = await run(smallSize);
const large = await run({ targets, actions, parallel });
const [, peakKiB] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
if (peakKiB === undefined) throw new Error("/proc/self/status does not say how much memory the process held");
console.log(JSON.stringify({ small, large, rssPeakMiB: Number(peakKiB) / 1_024 }));
