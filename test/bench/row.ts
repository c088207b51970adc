// The contract of a row of the benchmarks: what it measures, and what the machine would allow, in the same run.
// 1. A row's repeats and those of its floor take turns, so that a noisy machine slows both; what counts is their ratio.
// 2. A row runs in a process of its own (test/bench/row-process.ts), and leaves no process and no file behind.
// 3. A row with nothing to guard answers a quick measurement at once, with no figures. What is guarded holds on a busy machine with a slow disk:
//    time on a core beside time on a core, bytes beside bytes, counts beside counts.

/** How thorough: `full` for the table of docs/benchmarks.md, `quick` a few seconds for the guard of the ratios in CI. */
export type Scale = "full" | "quick";

/** One thing measured, several times. */
export interface Figure {
  /** Such as "durable tasks a second"; unique in its row. */
  readonly what: string;
  /** "/s", "ms", "s", "MiB", "B". */
  readonly unit: string;
  readonly better: "higher" | "lower";
  /** One for each repeat, in turn with those of the floor. */
  readonly values: readonly number[];
  /** The same unit, and as many values: each is of the same repeat as the figure's. The ratio is the median of value / floor. */
  readonly floor?: { readonly what: string; readonly values: readonly number[] };
  /** What the project promises itself: ">= 15,000", "<= 1 GiB", ">= 20 % of the floor", ">= 3x the floor"; several with "; " between. */
  readonly wanted?: string;
  /** CI holds the quick run's ratio to 70 % of the committed one. */
  readonly isGuarded?: boolean;
}

/** One row: `test/bench/rows/NAME.ts` exports it as `row`. */
export interface Row {
  /** The name of its file. */
  readonly name: string;
  /** What the table says above its figures. */
  readonly title: string;
  measure(scale: Scale): Promise<readonly Figure[]>;
}
