// The count of a campaign, by kind of trouble, as a table for people.

import type { RunResult } from "./one-run.ts";
import { TROUBLES } from "./run-plan.ts";

const COLUMNS = [
  "runs",
  "kills",
  "client kills",
  "stops",
  "full disks",
  "ended itself",
  "tasks",
  "lost",
  "doubled",
  "faults",
  "held",
] as const;

/** The table, and whether anything is in it that may not be. */
export function tally(results: readonly RunResult[]): { readonly lines: readonly string[]; readonly isClean: boolean } {
  const rows = TROUBLES.map((trouble) => ({ name: `${trouble}`, numbers: count(results.filter((result) => result.trouble === trouble)) }));
  const all = [...rows.filter(({ numbers }) => numbers[0] !== 0), { name: "all", numbers: count(results) }];
  const width = Math.max(...all.map(({ name }) => name.length));
  const line = (name: string, cells: readonly (string | number)[]): string =>
    `${name.padEnd(width)}${cells.map((cell, index) => `  ${String(cell).padStart(Math.max(5, COLUMNS[index]?.length ?? 0))}`).join("")}`;
  return {
    lines: [line("trouble", COLUMNS), ...all.map(({ name, numbers }) => line(name, numbers))],
    isClean: results.every(({ findings }) => findings.length === 0),
  };
}

/** What to say of a run in which something was found. */
export function complaint({ seed, trouble, findings, kept }: RunResult, repeat: string): string {
  const lines = findings.map(({ kind, what }) => `  ${kind}: ${what}`);
  return [`seed ${seed}, ${trouble}:`, ...lines, `  kept in ${kept}`, `  again: ${repeat}`].join("\n");
}

function count(results: readonly RunResult[]): readonly number[] {
  const sum = (of: (result: RunResult) => number): number => results.reduce((total, result) => total + of(result), 0);
  const found = (kind: string) => (result: RunResult) => result.findings.filter((finding) => finding.kind === kind).length;
  return [
    results.length,
    sum(({ serviceKills }) => serviceKills),
    sum(({ clientKills }) => clientKills),
    sum(({ stops }) => stops),
    sum(({ fills }) => fills),
    sum(({ selfEnds }) => selfEnds),
    sum(({ tasks }) => tasks),
    sum(found("lost")),
    sum(found("doubled")),
    sum(found("fault")),
    sum(({ held }) => held),
  ];
}
