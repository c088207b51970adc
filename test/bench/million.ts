// The million: 100,000 targets × 10 no-op actions through the engine, on a journal that forgets.
// Run: npm run bench -- million, or npx node test/bench/million.ts [TARGETS [ACTIONS [PARALLEL]]]; `--cpu-prof` before the path profiles it.

import { runNoOps } from "./no-op-workflow.ts";
import { inMs, perSecond, printTable } from "./table.ts";

const [targets = 100_000, actions = 10, parallel = 100] = process.argv.slice(2).map(Number);
const cost = await runNoOps({ targets, actions, parallel });
const each = (count: number): string => (count / cost.tasks).toFixed(3);
printTable(`${cost.tasks.toLocaleString("en")} tasks: ${targets.toLocaleString("en")} targets × ${actions} actions that do nothing`, [
  { what: "tasks a second, from Exec to the end", figure: perSecond(cost.tasks, cost.seconds * 1_000) },
  { what: "Submit", figure: inMs(cost.submitSeconds * 1_000) },
  { what: "events and appends for each task", figure: `${each(cost.events)} and ${each(cost.appends)}` },
  { what: "memory of the process at the end", figure: `${cost.rssMiB} MiB` },
]);
