// The million: 100,000 targets × 10 no-op actions through the engine, printed as one line of JSON.
// Usage: npx node test/bench/million.ts [TARGETS [ACTIONS [PARALLEL]]]; `--cpu-prof` before the path profiles it.

import { runNoOps } from "./no-op-workflow.ts";

const [targets = 100_000, actions = 10, parallel = 100] = process.argv.slice(2).map(Number);
const cost = await runNoOps({ targets, actions, parallel });
console.log(JSON.stringify({ ...cost, tasksPerSecond: Math.round(cost.tasks / cost.seconds) }));
