// The guard of the ratios: a figure whose ratio to its floor fell below 70 % of the committed one, three times in a row, is a regression.
// 1. Only ratios are compared, never times: they are much the same on another machine, and on a busy one.
// 2. It fails closed: a figure that is guarded and not committed, or committed and not measured, is a failure too.
// 3. So is a row that takes its time and guards nothing.

import { assertNever } from "../../internal/base/assert.ts";
import type { Figure } from "./row.ts";
import { summarize } from "./summary.ts";
import { median } from "./samples.ts";

/** The least share of the committed ratio that passes, in one of the tries. */
export const SHARE_MIN = 0.7;

/** Ratios by row and figure, as test/bench/ratios.json holds them. */
export type Ratios = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** What one row's quick run gave. */
export interface Try {
  readonly row: string;
  readonly figures: readonly Figure[];
}

/** What became of one guarded figure. */
export type Verdict =
  | {
      readonly kind: "held" | "fallen";
      readonly row: string;
      readonly what: string;
      readonly committed: number;
      readonly found: readonly number[];
    }
  | { readonly kind: "uncommitted"; readonly row: string; readonly what: string; readonly found: readonly number[] }
  | { readonly kind: "idle"; readonly row: string; readonly count: number }
  | { readonly kind: "unmeasured"; readonly row: string; readonly what: string; readonly committed: number };

/** Judges all tries of the rows in `rows` against the committed ratios. */
export function judgeRatios(committed: Ratios, rows: readonly string[], tries: readonly Try[]): readonly Verdict[] {
  return rows.flatMap((row) => {
    const wanted = new Map(Object.entries(committed[row] ?? {}));
    const measured = guardedOf(tries.filter((each) => each.row === row));
    const verdicts = [...measured].map(([what, { better, found }]): Verdict => {
      const ratio = wanted.get(what);
      if (ratio === undefined) return { kind: "uncommitted", row, what, found };
      const kind = found.some((each) => isHeld(each, ratio, better)) ? "held" : "fallen";
      return { kind, row, what, committed: ratio, found };
    });
    const lost = [...wanted].filter(([what]) => !measured.has(what));
    const unmeasured = lost.map(([what, ratio]): Verdict => ({ kind: "unmeasured", row, what, committed: ratio }));
    const count = tries.find((each) => each.row === row)?.figures.length ?? 0;
    const idle: readonly Verdict[] = measured.size === 0 && count > 0 ? [{ kind: "idle", row, count }] : [];
    return [...verdicts, ...unmeasured, ...idle];
  });
}

/** The committed ratios with those of the measured rows replaced by the median of their tries. */
export function renewRatios(committed: Ratios, rows: readonly string[], tries: readonly Try[]): Ratios {
  const renewed: Record<string, Readonly<Record<string, number>>> = { ...committed };
  for (const row of rows) {
    const measured = guardedOf(tries.filter((each) => each.row === row));
    delete renewed[row];
    if (measured.size > 0) renewed[row] = Object.fromEntries([...measured].map(([what, { found }]) => [what, rounded(median(found))]));
  }
  return renewed;
}

/** Whether a verdict lets the run pass. */
export function isGood({ kind }: Verdict): boolean {
  return kind === "held";
}

/** What a verdict says, and what to do about it. */
export function wordVerdict(verdict: Verdict): string {
  const name = `${verdict.row}: ${verdict.kind === "idle" ? `${verdict.count} figures` : verdict.what}`;
  const renew = `npm run bench -- --quick --write ${verdict.row}`;
  switch (verdict.kind) {
    case "held":
      return `ok        ${name}: ratio ${shown(verdict.found)}, committed ${verdict.committed}`;
    case "fallen":
      return (
        `FALLEN    ${name}: ratio ${shown(verdict.found)} in ${verdict.found.length} tries, committed ${verdict.committed}: ` +
        `none reached ${100 * SHARE_MIN} % of it. Find the change that did it (a profile: node --cpu-prof test/bench/row-process.ts ` +
        `${verdict.row} quick); where it is worth its price, say so in the commit and renew the ratio: ${renew}`
      );
    case "uncommitted":
      return `MISSING   ${name}: ratio ${shown(verdict.found)}, and test/bench/ratios.json has none; write it: ${renew}`;
    case "idle":
      return `IDLE      ${name}, and none of them is guarded: guard one, or answer a quick measurement at once with none`;
    case "unmeasured":
      return (
        `MISSING   ${name}: test/bench/ratios.json has ${verdict.committed}, and the row measured no such guarded figure; ` +
        `measure it again, or drop it: ${renew}`
      );
    default:
      return assertNever(verdict);
  }
}

function guardedOf(tries: readonly Try[]): ReadonlyMap<string, { readonly better: Figure["better"]; readonly found: readonly number[] }> {
  const found = new Map<string, { better: Figure["better"]; found: number[] }>();
  for (const figure of tries.flatMap(({ figures }) => figures)) {
    const ratio = figure.isGuarded === true ? summarize(figure).ratio?.median : undefined;
    if (ratio === undefined) continue;
    const known = found.get(figure.what) ?? { better: figure.better, found: [] };
    known.found.push(ratio);
    found.set(figure.what, known);
  }
  return found;
}

function isHeld(found: number, committed: number, better: Figure["better"]): boolean {
  return better === "higher" ? found >= committed * SHARE_MIN : found <= committed / SHARE_MIN;
}

function rounded(ratio: number): number {
  return Number(ratio.toPrecision(3));
}

function shown(found: readonly number[]): string {
  return found.map((ratio) => String(rounded(ratio))).join(", ");
}
