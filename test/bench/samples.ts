// Arithmetic over what was measured: medians, quantiles and rates.
// 1. Quantiles are measured values (nearest rank), never between two: a p99 of five calls is the slowest of them.

/** What one repeat of many calls gave. */
export interface Rate {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** The value below which a share of all lies; `share` is 0 to 1. Throws for none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  const found = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (found === undefined) throw new Error("there is no quantile of no values");
  return found;
}

/** The middle value, of an even count the mean of the two in the middle. Throws for none. */
export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  const lower = sorted[sorted.length % 2 === 0 ? middle - 1 : middle];
  if (upper === undefined || lower === undefined) throw new Error("there is no median of no values");
  return (lower + upper) / 2;
}

/** The rate of calls that took so long each, and all together `totalMs`. */
export function rateOf(latenciesMs: readonly number[], totalMs: number): Rate {
  return {
    perSecond: (latenciesMs.length * 1_000) / totalMs,
    p50Ms: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
  };
}
