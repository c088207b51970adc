// The short form of `npm run fuzz`: every target for some seconds from a fresh seed, and every input that ever failed.
// FUZZ_SEED tries the inputs of a former run again.

import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { goAside } from "./aside.ts";
import { runTarget } from "./campaign.ts";
import type { CampaignReport } from "./campaign.ts";
import { CPU_MS_MAX, memoryGrowth } from "./fault.ts";
import { TARGET_NAMES } from "./registry.ts";

const FOR_MS = 4_000;
const RUNS_MIN = 100;
const SEED = Number(process.env["FUZZ_SEED"] ?? randomInt(2 ** 31));
const SHOWN_MAX = 4_000;

interface FailedInput {
  readonly target: string;
  readonly input: string;
  /** What went wrong with it. */
  readonly was: string;
}

const FAILED: readonly FailedInput[] = JSON.parse(readFileSync(join(import.meta.dirname, "failed-inputs.json"), "utf8"));

afterAll(goAside());

function faultsOf({ faults }: CampaignReport): readonly string[] {
  return faults.map(
    ({ kind, message, input, seed }) => `${kind} (slice seed ${seed}): ${message}\n${JSON.stringify(input)?.slice(0, SHOWN_MAX)}`,
  );
}

function memoryOf({ heap }: CampaignReport): string {
  const growth = memoryGrowth(heap);
  return growth === undefined ? `memory NOT JUDGED (${heap.length} slices)` : `memory ${Math.round(growth / 1024)} KiB`;
}

describe.concurrent("inputs that nobody chose", () => {
  test.each(TARGET_NAMES)(
    "%s: no crash, no hang, no stray rejection, and no growth where there are slices enough to tell",
    async (target) => {
      const report = await runTarget({ target, seed: SEED, forMs: FOR_MS, runsMin: RUNS_MIN });
      process.stdout.write(
        `fuzz ${target}: FUZZ_SEED=${SEED}, ${report.runs} inputs, at most ${Math.round(report.cpuMaxMs)} ms of CPU, ${memoryOf(report)}\n`,
      );
      for (const { cpuMs, input } of report.slowOnce)
        process.stdout.write(
          `fuzz ${target}: slow once, and not again: ${Math.round(cpuMs)} of ${CPU_MS_MAX} ms: ${JSON.stringify(input).slice(0, SHOWN_MAX)}\n`,
        );
      expect(faultsOf(report), `again: FUZZ_SEED=${SEED}`).toEqual([]);
      expect(report.runs).toBeGreaterThan(1);
    },
  );
});

describe("inputs that failed once", () => {
  const targets = [...new Set(FAILED.map(({ target }) => target))];

  test.each(targets)("%s: none of them fails again", async (target) => {
    const inputs = FAILED.filter((failed) => failed.target === target).map(({ input }) => input);
    const report = await runTarget({ target, seed: SEED, forMs: 0, inputs });
    expect(faultsOf(report)).toEqual([]);
    expect(report.runs).toBe(inputs.length);
  });
});
