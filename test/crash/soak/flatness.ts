// Is it flat? Pure arithmetic over the samples of a service's lives: what may grow is the journal, and nothing else.
// 1. Within the longest life: Theil and Sen's slope (the median of all slopes between two samples, which single peaks do not move) over what
//    follows the warm-up. What it adds up to over that stretch is bounded.
// 2. Over all lives: the memory at one age, so that a service which starts on a longer journal is not allowed to start larger.

import type { LifeSample } from "./life-report.ts";

/** What must hold, and what was found. */
export interface Criterion {
  readonly name: string;
  readonly found: string;
  readonly isMet: boolean;
}

/** How much of its own median something may grow over the longest life. */
const GROWTH_MAX = 0.1;
/** How much larger than the first lives the last ones may be at one age. */
const AGE_GROWTH_MAX = 0.2;
const FDS_GROWTH_MAX = 8;
const WARM_UP = 0.2;
const SAMPLES_MIN = 12;
const AGE_MS = { least: 9_000, most: 16_000 } as const;
const MIB = 1024 * 1024;

/** Judges the samples of all lives. */
export function judgeFlatness(samples: readonly LifeSample[]): readonly Criterion[] {
  const lives = [...Map.groupBy(samples, ({ pid }) => pid).values()];
  const longest = lives.toSorted((a, b) => span(b) - span(a))[0] ?? [];
  const settled = longest.slice(Math.floor(longest.length * WARM_UP));
  return [
    {
      name: `the longest life has ${SAMPLES_MIN} samples or more after its warm-up`,
      found: `${settled.length} in ${Math.round(span(settled) / 1_000)} s`,
      isMet: settled.length >= SAMPLES_MIN,
    },
    within(settled, "heap after collection", ({ heapBytes }) => heapBytes),
    within(settled, "memory of its own (RssAnon)", ({ anonBytes }) => anonBytes),
    descriptors(settled),
    atOneAge(lives),
  ];
}

/** The median of a list; 0 of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

function within(samples: readonly LifeSample[], what: string, of: (sample: LifeSample) => number): Criterion {
  const growth = slope(samples.map((sample) => ({ x: sample.ageMs, y: of(sample) }))) * span(samples);
  const share = growth / Math.max(1, median(samples.map(of)));
  return {
    name: `${what} grows by at most ${GROWTH_MAX * 100} % over the longest life`,
    found: `${mib(growth)} MiB of ${mib(median(samples.map(of)))}, ${percent(share)}`,
    isMet: samples.length > 0 && share <= GROWTH_MAX,
  };
}

function descriptors(samples: readonly LifeSample[]): Criterion {
  const quarter = Math.ceil(samples.length / 4);
  const [first, last] = [samples.slice(0, quarter), samples.slice(-quarter)].map((part) => median(part.map(({ fds }) => fds)));
  return {
    name: `file descriptors, first against last quarter, grow by at most ${FDS_GROWTH_MAX}`,
    found: `${first} and ${last}`,
    isMet: (last ?? 0) - (first ?? 0) <= FDS_GROWTH_MAX,
  };
}

function atOneAge(lives: readonly (readonly LifeSample[])[]): Criterion {
  const points = lives.flatMap((life) => {
    const sample = life.find(({ ageMs }) => ageMs >= AGE_MS.least && ageMs <= AGE_MS.most);
    return sample === undefined ? [] : [{ x: sample.atMs, y: sample.heapBytes }];
  });
  const growth = slope(points) * ((points.at(-1)?.x ?? 0) - (points[0]?.x ?? 0));
  const share = growth / Math.max(1, median(points.map(({ y }) => y)));
  return {
    name: `the heap of lives at the age of ${AGE_MS.least / 1_000} to ${AGE_MS.most / 1_000} s grows by at most ${AGE_GROWTH_MAX * 100} % over all lives`,
    found: `${points.length} lives, ${mib(growth)} MiB of ${mib(median(points.map(({ y }) => y)))}, ${percent(share)}`,
    isMet: share <= AGE_GROWTH_MAX,
  };
}

/** Theil and Sen's slope; 0 of fewer than two points. */
function slope(points: readonly { readonly x: number; readonly y: number }[]): number {
  const slopes: number[] = [];
  for (const [index, a] of points.entries())
    for (const b of points.slice(index + 1)) if (b.x !== a.x) slopes.push((b.y - a.y) / (b.x - a.x));
  return median(slopes);
}

function span(samples: readonly LifeSample[]): number {
  return (samples.at(-1)?.ageMs ?? 0) - (samples[0]?.ageMs ?? 0);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(1);
}
