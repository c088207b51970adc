// What one row gave, with where and when: as files between processes, and as test/bench/results.json beside the table. Decodes both.
// 1. A row's figures are checked when they are read: a table is written of none that cannot be true.

import { readFileSync, writeFileSync } from "node:fs";
import type { Machine } from "./machine.ts";
import type { Figure, Scale } from "./row.ts";
import { summarize } from "./summary.ts";
import { isMet } from "./wanted.ts";

/** A row that was measured. */
export interface Result {
  readonly name: string;
  readonly title: string;
  readonly scale: Scale;
  readonly seconds: number;
  readonly machine: Machine;
  readonly figures: readonly Figure[];
}

/** Writes results as JSON. */
export function writeResults(path: string, results: readonly Result[]): void {
  writeFileSync(path, `${JSON.stringify(results, undefined, 2)}\n`);
}

/** Reads what writeResults wrote. Throws for a figure that no table can hold. */
export function readResults(path: string): readonly Result[] {
  const results = JSON.parse(readFileSync(path, "utf8")) as readonly Result[];
  for (const { name, figures } of results) checkFigures(name, figures);
  return results;
}

function checkFigures(row: string, figures: readonly Figure[]): void {
  const names = new Set<string>();
  for (const figure of figures) {
    if (names.has(figure.what)) throw new Error(`${row}: "${figure.what}" is there twice`);
    names.add(figure.what);
    try {
      isMet(figure.wanted, figure.unit, summarize(figure));
    } catch (cause) {
      throw new Error(`${row}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
  }
}
