// Durable tasks a second: one workflow over many targets whose one action finds everything as it is wanted.
// 1. Each task is an attempt that starts and ends, both on disk before anything follows from them.
// 2. What is guarded is time on the cores, against the floor's: it holds on a busy machine. How many syncs there are is guarded in bytes.ts.

import type { WorkflowCost } from "../durable-workflow.ts";
import { runDurably } from "../durable-workflow.ts";
import { measureLevel } from "../floors/level.ts";
import type { Figure, Row, Scale } from "../row.ts";

const SIZES = {
  full: { repeats: 5, targets: 100_000 },
  quick: { repeats: 3, targets: 20_000 },
} as const;
const PARALLEL = 256;
/** Before the first repeat: a service that measures its first second measures V8's compiler. */
const WARM_TARGETS = 10_000;

/** The row. */
export const row: Row = { name: "no-op", title: "One workflow, each target a no-op of an idempotent action, 256 at a time", measure };

async function measure(scale: Scale): Promise<readonly Figure[]> {
  const { repeats, targets } = SIZES[scale];
  await runDurably({ targets: WARM_TARGETS, actions: 1, parallel: PARALLEL }, () => undefined);
  const costs: WorkflowCost[] = [];
  const floors: { readonly perSecond: number; readonly perCpuSecond: number }[] = [];
  for (let repeat = 0; repeat < repeats; repeat++) {
    floors.push(await measureFloor(targets));
    costs.push(await runDurably({ targets, actions: 1, parallel: PARALLEL }, (cost) => cost));
  }
  const what = "bare LevelDB, two 110-byte records a task in synced batches of 512";
  return [
    {
      what: "durable tasks a second",
      unit: "/s",
      better: "higher",
      values: costs.map(({ perSecond }) => perSecond),
      floor: { what, values: floors.map(({ perSecond }) => perSecond) },
      wanted: scale === "full" ? ">= 15,000; >= 20 % of the floor" : ">= 20 % of the floor",
    },
    {
      what: "tasks for each second on the cores",
      unit: "/s",
      better: "higher",
      values: costs.map(({ perCpuSecond }) => perCpuSecond),
      floor: { what, values: floors.map(({ perCpuSecond }) => perCpuSecond) },
      isGuarded: true,
    },
  ];
}

async function measureFloor(tasks: number): Promise<{ readonly perSecond: number; readonly perCpuSecond: number }> {
  const before = process.cpuUsage();
  const { perSecond } = await measureLevel({ tasks });
  const { user, system } = process.cpuUsage(before);
  return { perSecond, perCpuSecond: (tasks * 1_000_000) / (user + system) };
}
