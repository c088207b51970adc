// When a delivery is tried again. Pure.
// 1. Waits double from the first to the longest; each is drawn between half of it and all of it, so that sinks do not come back together.

import type { RetryTerms } from "./sink.ts";

/** How long to wait after so many tries that failed, from 1; `fraction` is uniform in [0, 1). */
export function retryDelayMs(tries: number, { firstMs, maxMs }: RetryTerms, fraction: number): number {
  const doublings = Math.min(Math.max(0, tries - 1), 52);
  const wholeMs = Math.min(maxMs, firstMs * 2 ** doublings);
  return Math.ceil(wholeMs / 2 + (wholeMs / 2) * fraction);
}
