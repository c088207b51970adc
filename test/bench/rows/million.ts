// One workflow of a million tasks: does a task cost the same as in one of ten thousand, and what does it hold in memory?
// 1. Each repeat is a process of its own (million.ts): its peak of memory is that of its workflows alone.

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { WorkflowCost } from "../durable-workflow.ts";
import type { Figure, Row, Scale } from "../row.ts";

const PROGRAM = join(import.meta.dirname, "..", "million.ts");
const REPEATS = 3;

interface Measured {
  readonly small: WorkflowCost;
  readonly large: WorkflowCost;
  readonly rssPeakMiB: number;
}

/** The row. */
export const row: Row = {
  name: "million",
  title: "One workflow of 1,000,000 no-op tasks: 100,000 targets × 10, 256 targets at a time",
  measure,
};

async function measure(scale: Scale): Promise<readonly Figure[]> {
  if (scale === "quick") return [];
  const runs = Array.from({ length: REPEATS }, (): Measured => JSON.parse(execFileSync(process.execPath, [PROGRAM], { encoding: "utf8" })));
  return [
    {
      what: "durable tasks a second",
      unit: "/s",
      better: "higher",
      values: runs.map(({ large }) => large.perSecond),
      floor: { what: "the same with 10,000 tasks", values: runs.map(({ small }) => small.perSecond) },
      wanted: ">= 80 % of the floor",
    },
    {
      what: "tasks for each second on the cores",
      unit: "/s",
      better: "higher",
      values: runs.map(({ large }) => large.perCpuSecond),
      floor: { what: "the same with 10,000 tasks", values: runs.map(({ small }) => small.perCpuSecond) },
      wanted: ">= 80 % of the floor",
    },
    {
      what: "peak memory of the process",
      unit: "MiB",
      better: "lower",
      values: runs.map(({ rssPeakMiB }) => rssPeakMiB),
      wanted: "<= 1 GiB",
    },
  ];
}
