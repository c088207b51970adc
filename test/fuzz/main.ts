// `npm run fuzz -- [--minutes N] [--target NAME] [--seed N]`: a long run of one target, or of all of them in turn, with a table at the end.
// 1. What it prints is enough to try an input again: with --target NAME --input TEXT, which tries that alone; or paste it into
//    test/fuzz/failed-inputs.json, and every run tries it.

import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { goAside } from "./aside.ts";
import { runTarget } from "./campaign.ts";
import type { CampaignReport } from "./campaign.ts";
import { memoryGrowth } from "./fault.ts";
import { TARGET_NAMES } from "./registry.ts";

const MINUTES_DEFAULT = 10;
const MINUTE_MS = 60_000;
const SHOWN_MAX = 2_000;

const { values } = parseArgs({
  options: {
    minutes: { type: "string" },
    target: { type: "string", multiple: true },
    seed: { type: "string" },
    input: { type: "string", multiple: true },
  },
});
const minutes = Number(values.minutes ?? MINUTES_DEFAULT);
const seed = Number(values.seed ?? randomInt(2 ** 31));
const targets = values.target ?? TARGET_NAMES;
const { input: inputs } = values;
const isAmbiguous = inputs !== undefined && targets.length !== 1;
if (!(minutes > 0) || !Number.isSafeInteger(seed) || isAmbiguous || targets.some((name) => !TARGET_NAMES.includes(name))) {
  process.stderr.write(
    `usage: npm run fuzz -- [--minutes N] [--target NAME]… [--seed N], or --target NAME --input TEXT…; targets: ${TARGET_NAMES.join(", ")}\n`,
  );
  process.exit(2);
}

const goBack = goAside();
if (inputs === undefined) process.stdout.write(`seed ${seed}, ${minutes} minutes, ${targets.length} targets\n`);
const reports: CampaignReport[] = [];
for (const target of targets) {
  const report = await runTarget({
    target,
    seed,
    forMs: (minutes * MINUTE_MS) / targets.length,
    ...(inputs === undefined ? {} : { inputs }),
  });
  reports.push(report);
  process.stdout.write(lineOf(report));
  for (const fault of report.faults) {
    const input = fault.input === undefined ? "(no one input)" : JSON.stringify({ target, input: fault.input });
    process.stdout.write(
      `  ${fault.kind.toUpperCase()} (slice seed ${fault.seed}, path ${fault.path}): ${shown(fault.message)}\n  ${shown(input)}\n`,
    );
  }
  for (const { cpuMs, input } of report.slowOnce)
    process.stdout.write(`  slow once, and not again: ${Math.round(cpuMs)} ms: ${shown(JSON.stringify(input))}\n`);
}
const runs = reports.reduce((sum, report) => sum + report.runs, 0);
const faults = reports.reduce((sum, report) => sum + report.faults.length, 0);
const again = inputs === undefined ? `; again: npm run fuzz -- --minutes ${minutes} --seed ${seed}` : "";
process.stdout.write(`${runs} inputs, ${faults} faults${again}\n`);
goBack();
process.exit(faults === 0 ? 0 : 1);

function lineOf({ target, runs: tried, ms, cpuMaxMs, slowest, faults: found, heap }: CampaignReport): string {
  const growth = memoryGrowth(heap);
  const memory = growth === undefined ? "memory: too few slices" : `memory ${growth >= 0 ? "+" : ""}${Math.round(growth / 1024)} KiB`;
  const rate = Math.round((tried * 1_000) / ms);
  return `${target.padEnd(16)} ${String(tried).padStart(8)} inputs ${String(rate).padStart(6)}/s  CPU at most ${cpuMaxMs.toFixed(0).padStart(5)} ms (an input of ${slowest.length} characters)  ${memory}  faults ${found.length}\n`;
}

function shown(text: string): string {
  return text.length <= SHOWN_MAX ? text : `${text.slice(0, SHOWN_MAX)}… (${text.length} characters)`;
}
