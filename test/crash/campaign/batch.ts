// A batch of runs, one after the other or a few side by side, until there were so many or the time is over.

import { oneRun } from "./one-run.ts";
import type { RunOptions, RunResult } from "./one-run.ts";

/** How many runs, and how. */
export interface Batch extends RunOptions {
  readonly firstSeed: number;
  readonly runs: number;
  readonly jobs: number;
  /** No run begins later. */
  readonly isOver: () => boolean;
  readonly onResult: (result: RunResult) => void;
}

/** Makes the runs of seeds that follow each other. */
export async function runBatch(batch: Batch): Promise<readonly RunResult[]> {
  const results: RunResult[] = [];
  let next = 0;
  const job = async (): Promise<void> => {
    while (next < batch.runs && !batch.isOver()) {
      const result = await oneRun(batch.firstSeed + next++, batch);
      results.push(result);
      batch.onResult(result);
    }
  };
  await Promise.all(Array.from({ length: batch.jobs }, job));
  return results;
}
