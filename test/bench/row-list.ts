// Which rows there are, in the order of the table of docs/benchmarks.md, and how one is measured.
// 1. Each row runs in a process of its own, so that no row inherits another one's memory or compiled code.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { readResults } from "./result.ts";
import type { Result } from "./result.ts";
import type { Scale } from "./row.ts";
import { withScratch } from "./scratch.ts";

/** The names of all rows: the files of test/bench/rows/. */
export const ROWS = [
  "floors",
  "no-op",
  "three-step",
  "submit",
  "million",
  "watchers",
  "restart",
  "pages",
  "bytes",
  "ssh",
  "cli",
  "engine",
  "guard",
  "policies",
  "loop",
] as const;

/** Those of which something is guarded: what a quick run measures unless it is told otherwise. */
export const GUARDED_ROWS = ["no-op", "three-step", "submit", "bytes", "cli", "engine"] as const;

const PROGRAM = join(import.meta.dirname, "row-process.ts");
const ROW_MS_MAX = 1_200_000;

/** Measures a row in a process of its own. Rejects when that failed; what it said went to stderr. */
export function measureRow(name: string, scale: Scale): Promise<Result> {
  return withScratch(async (directory) => {
    const file = join(directory, "result.json");
    const child = spawn(process.execPath, [PROGRAM, name, scale, file], { stdio: ["ignore", "inherit", "inherit"], timeout: ROW_MS_MAX });
    const [code, signal] = await once(child, "close");
    if (code !== 0) throw new Error(`the row "${name}" was not measured: its process ended with ${String(code ?? signal)}`);
    const [result] = readResults(file);
    if (result === undefined) throw new Error(`the row "${name}" left no result`);
    return result;
  });
}
