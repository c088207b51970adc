// Results as tables of Markdown, for the terminal and for docs/benchmarks.md alike.
// 1. Every figure stands beside its floor; whether a wish is met is said of the median, and the spread is shown.

import type { Machine } from "./machine.ts";
import type { Result } from "./result.ts";
import type { Figure } from "./row.ts";
import { summarize } from "./summary.ts";
import type { Spread } from "./summary.ts";
import { isMet } from "./wanted.ts";
import type { Met } from "./wanted.ts";

const HEADS = ["", "median (from – to)", "its floor", "ratio", "wanted", "met"];

/** The lines about one row. */
export function rowLines(result: Result): readonly string[] {
  const { name, title, figures, seconds, machine } = result;
  const commit = machine.commit === "" ? "" : `, commit ${machine.commit}`;
  const when = `${machine.date}${commit}, load before ${machine.load}, took ${seconds} s`;
  return [`### ${title} (\`${name}\`)`, "", ...tableOf([HEADS, ...figures.map(cellsOf)]), "", when];
}

/** One line about where it was measured. */
export function machineLine({ cpu, memory, kernel, node, packages }: Machine): string {
  return `${cpu}, ${memory}, ${kernel}, Node ${node}, ${packages}`;
}

/** How many wishes are met, of how many. */
export function countMet(results: readonly Result[]): { readonly met: number; readonly wanted: number } {
  const all = results.flatMap(({ figures }) => figures).map((figure) => isMet(figure.wanted, figure.unit, summarize(figure)));
  const wanted = all.filter((each) => each !== undefined);
  return { met: wanted.filter(Boolean).length, wanted: wanted.length };
}

/** A number as it is shown: three digits that mean something, thousands apart. */
export function shown(value: number): string {
  if (value >= 1_000) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(3)));
}

function cellsOf(figure: Figure): readonly string[] {
  const { what, unit, floor, wanted = "" } = figure;
  const summary = summarize(figure);
  return [
    what,
    `${shown(summary.figure.median)} ${unit}${spread(summary.figure, figure.values.length)}`,
    floor === undefined || summary.floor === undefined ? "" : `${shown(summary.floor.median)} ${unit}: ${floor.what}`,
    summary.ratio === undefined ? "" : `${shown(summary.ratio.median)}${spread(summary.ratio, figure.values.length)}`,
    wanted,
    wordMet(isMet(figure.wanted, unit, summary)),
  ];
}

function spread({ min, max }: Spread, repeats: number): string {
  return repeats === 1 ? "" : ` (${shown(min)} – ${shown(max)})`;
}

function wordMet(met: Met): string {
  if (met === undefined) return "";
  return met ? "yes" : "**no**";
}

function tableOf(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = HEADS.map((_, column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)));
  const [heads = "", ...lines] = rows.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`);
  return [heads, `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`, ...lines];
}
