// The quick run: are the guarded ratios still what they were? Three tries, ratios alone. Decodes test/bench/ratios.json.
// 1. A row is tried again only while one of its figures has fallen: one good try is enough for each.
// 2. It fails closed: a run in which nothing is guarded has shown nothing.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { isGood, judgeRatios, renewRatios, wordVerdict } from "./ratio-guard.ts";
import type { Ratios, Try } from "./ratio-guard.ts";
import type { Result } from "./result.ts";
import type { Scale } from "./row.ts";

/** How often a row is tried before its ratio counts as fallen. */
export const TRIES = 3;

/** What a quick run is made of. */
export interface QuickRun {
  /** The committed ratios. */
  readonly file: string;
  readonly measure: (row: string, scale: Scale) => Promise<Result>;
  readonly say: (line: string) => void;
}

/** Measures the rows and judges them. The exit code: 0 when each guarded ratio held in a try, else 1. */
export async function guardRatios(rows: readonly string[], { file, measure, say }: QuickRun): Promise<number> {
  const committed = readRatios(file);
  const tries: Try[] = [];
  let pending = rows;
  for (let nth = 1; nth <= TRIES && pending.length > 0; nth++) {
    for (const row of pending) tries.push({ row, figures: (await measure(row, "quick")).figures });
    pending = pending.filter((row) => judgeRatios(committed, [row], tries).some(({ kind }) => kind === "fallen"));
  }
  const verdicts = judgeRatios(committed, rows, tries);
  for (const verdict of verdicts) say(wordVerdict(verdict));
  const bad = verdicts.filter((verdict) => !isGood(verdict)).length;
  say(`bench: ${verdicts.length - bad} of ${verdicts.length} guarded ratios held`);
  return bad === 0 && verdicts.length > 0 ? 0 : 1;
}

/** Measures each row as often as a judgement may, and writes the medians as the ratios to hold. */
export async function renewGuard(rows: readonly string[], { file, measure, say }: QuickRun): Promise<number> {
  const tries: Try[] = [];
  for (let nth = 1; nth <= TRIES; nth++) {
    for (const row of rows) tries.push({ row, figures: (await measure(row, "quick")).figures });
  }
  const renewed = renewRatios(readRatios(file), rows, tries);
  writeFileSync(file, `${JSON.stringify(renewed, undefined, 2)}\n`);
  const count = Object.values(renewed).reduce((sum, figures) => sum + Object.keys(figures).length, 0);
  say(`bench: ${file} holds ${count} ratios now`);
  return 0;
}

function readRatios(file: string): Ratios {
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Ratios) : {};
}
