// The benches: `npm run bench -- --help` says all that it does. docs/benchmarks.md explains the rows, their floors and the tables.
// 1. It decides nothing by itself: rows measure, `summary.ts` and `wanted.ts` judge, `ratio-guard.ts` guards.
// 2. It ends with 1 when a row could not be measured or a ratio fell; a wish that is not met is shown, and is no failure.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeDocument } from "./document.ts";
import { machineLine, countMet, rowLines } from "./report.ts";
import { thisMachine } from "./machine.ts";
import { guardRatios, renewGuard } from "./quick-run.ts";
import { writeResults } from "./result.ts";
import type { Result } from "./result.ts";
import { GUARDED_ROWS, measureRow, ROWS } from "./row-list.ts";

const RATIOS = join(import.meta.dirname, "ratios.json");

const USAGE = `npm run bench                          all rows, a process each: median, spread, ratio to the floor, wanted and met
npm run bench -- NAME…                  only these: ${ROWS.join(" ")}
npm run bench -- --json FILE            also as JSON
npm run bench -- --doc                  also into docs/benchmarks.md and test/bench/results.json
npm run bench -- --quick                those that are guarded, a few seconds each: has a ratio fallen below 70 % of test/bench/ratios.json?
npm run bench -- --quick --write        takes the ratios of this run as those to hold
npm run bench -- cel-engines            compares the CEL engines that Node has; a minute
npm run bench -- --top FILE.cpuprofile  the ten functions in which a profile's time went`;

const { values, positionals } = readArguments();

if (values.help === true) console.log(USAGE);
else if (values.top !== undefined) runProgram("profile-top.ts", values.top);
else if (positionals.includes("cel-engines")) runProgram("cel-engines.ts");
else process.exitCode = await measure();

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        help: { type: "boolean" },
        json: { type: "string" },
        doc: { type: "boolean" },
        quick: { type: "boolean" },
        write: { type: "boolean" },
        top: { type: "string" },
      },
    });
  } catch (error) {
    console.error(`bench: ${wordError(error)}\n${USAGE}`);
    process.exit(2);
  }
}

function runProgram(file: string, ...args: readonly string[]): void {
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, file), ...args], { stdio: "inherit" });
  process.exitCode = status ?? 1;
}

async function measure(): Promise<number> {
  const known: readonly string[] = ROWS;
  const unknown = positionals.find((name) => !known.includes(name));
  if (unknown !== undefined || (values.write === true && values.quick !== true) || (values.quick === true && values.doc === true)) {
    console.error(unknown === undefined ? `these options do not go together\n${USAGE}` : `there is no row "${unknown}"\n${USAGE}`);
    return 2;
  }
  const all: readonly string[] = values.quick === true ? GUARDED_ROWS : ROWS;
  const rows = positionals.length === 0 ? all : positionals;
  console.log(machineLine(thisMachine()));
  return values.quick === true ? runQuick(rows) : runFull(rows);
}

async function runQuick(rows: readonly string[]): Promise<number> {
  const results: Result[] = [];
  const measureAndKeep = async (...asked: Parameters<typeof measureRow>): Promise<Result> => {
    const result = await measureRow(...asked);
    results.push(result);
    return result;
  };
  const run = { file: RATIOS, measure: measureAndKeep, say: (line: string) => console.log(line) };
  try {
    return await (values.write === true ? renewGuard(rows, run) : guardRatios(rows, run));
  } catch (error) {
    console.error(`bench: ${wordError(error)}`);
    return 1;
  } finally {
    if (values.json !== undefined) writeResults(values.json, results);
  }
}

async function runFull(rows: readonly string[]): Promise<number> {
  const results: Result[] = [];
  const failed: string[] = [];
  const startMs = performance.now();
  for (const row of rows) {
    try {
      const result = await measureRow(row, "full");
      results.push(result);
      console.log(`\n${rowLines(result).join("\n")}`);
    } catch (error) {
      failed.push(row);
      console.error(`bench: ${wordError(error)}`);
    }
    if (values.json !== undefined) writeResults(values.json, results);
  }
  if (values.doc === true) writeDocument(results);
  const { met, wanted } = countMet(results);
  const minutes = ((performance.now() - startMs) / 60_000).toFixed(1);
  console.log(`\nbench: rows measured: ${results.length} in ${minutes} min; wishes met: ${met} of ${wanted}`);
  if (failed.length > 0) console.error(`bench: FAILED to measure: ${failed.join(" ")}`);
  return failed.length > 0 ? 1 : 0;
}

function wordError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
