// The block of docs/benchmarks.md that a program writes, between two marks, and the results that it is written of.
// 1. A run of some rows renews those alone; each row says when, of which commit and under which load it was measured.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { countMet, machineLine, rowLines } from "./report.ts";
import { readResults, writeResults } from "./result.ts";
import type { Result } from "./result.ts";
import { ROWS } from "./row-list.ts";

const DOCUMENT = join(import.meta.dirname, "..", "..", "docs", "benchmarks.md");
const RESULTS = join(import.meta.dirname, "results.json");
const BEGIN = "<!-- benchmarks: begin -->";
const END = "<!-- benchmarks: end -->";

/** Renews the document's tables with what was measured. */
export function writeDocument(measured: readonly Result[]): void {
  const known = existsSync(RESULTS) ? readResults(RESULTS) : [];
  const results = mergeResults(known, measured);
  const text = withBlock(readFileSync(DOCUMENT, "utf8"), blockLines(results));
  writeResults(RESULTS, results);
  writeFileSync(DOCUMENT, text);
}

/** The document as it is, and as the committed results would have it. */
export function documentTexts(): { readonly found: string; readonly wanted: string } {
  const found = readFileSync(DOCUMENT, "utf8");
  return { found, wanted: withBlock(found, blockLines(readResults(RESULTS))) };
}

/** The newest result of each row, in the order of the table; rows that there are no more are dropped. */
export function mergeResults(known: readonly Result[], measured: readonly Result[]): readonly Result[] {
  const newest = new Map([...known, ...measured].map((result) => [result.name, result]));
  return ROWS.flatMap((name) => newest.get(name) ?? []);
}

/** The document with other lines between its marks. Throws when it lost its marks. */
export function withBlock(text: string, lines: readonly string[]): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin === -1 || end < begin) throw new Error(`docs/benchmarks.md has lost its marks: ${BEGIN} … ${END}`);
  return `${text.slice(0, begin + BEGIN.length)}\n\n${lines.join("\n")}\n\n${text.slice(end)}`;
}

function blockLines(results: readonly Result[]): readonly string[] {
  const { met, wanted } = countMet(results);
  const machines = new Set(results.map(({ machine }) => machineLine(machine)));
  const heading = [...machines].map((line) => `Measured on: ${line}.`);
  return [...heading, `Wishes that are met: ${met} of ${wanted}.`, ...results.flatMap((result) => ["", ...rowLines(result)])];
}
