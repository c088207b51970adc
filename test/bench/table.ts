// Prints what a bench measured as a table of Markdown. Figures are of the machine that it runs on; `wanted` is what the project promises itself.

/** One figure. */
export interface Row {
  readonly what: string;
  readonly figure: string;
  /** Empty: nothing is promised. */
  readonly wanted?: string;
}

/** Prints a table with a heading. */
export function printTable(title: string, rows: readonly Row[]): void {
  const cells = [["", "measured", "wanted"], ...rows.map(({ what, figure, wanted = "" }) => [what, figure, wanted])];
  const widths = [0, 1, 2].map((column) => Math.max(8, ...cells.map((row) => row[column]?.length ?? 0)));
  const lines = cells.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`);
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  console.log([`\n### ${title}\n`, lines[0], rule, ...lines.slice(1)].join("\n"));
}

/** So many a second. */
export function perSecond(count: number, ms: number): string {
  return `${Math.round((count * 1_000) / ms).toLocaleString("en")}/s`;
}

/** Milliseconds. */
export function inMs(ms: number): string {
  return `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}

/** Runs work a few times, and says how long the fastest took. */
export async function fastest(rounds: number, work: () => Promise<void> | void): Promise<number> {
  let best = Infinity;
  for (let round = 0; round < rounds; round++) {
    const startMs = performance.now();
    await work();
    best = Math.min(best, performance.now() - startMs);
  }
  return best;
}
