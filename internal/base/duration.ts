// Lengths of time as people write them, in flags, workflow files and arguments alike: 500ms, 60s, 1.5s, 5m, 1h30m, 1d.
// 1. Numbers with units in falling order, each unit at most once; whole milliseconds; never negative; at most 30 days, where a caller says no other bound.

import { DURATION_MS_MAX } from "./limits.ts";

const NUMBER = "(\\d{1,12}(?:\\.\\d{1,3})?)";
const DURATION = new RegExp(`^(?:${NUMBER}d)?(?:${NUMBER}h)?(?:${NUMBER}m)?(?:${NUMBER}s)?(?:${NUMBER}ms)?$`);
const UNITS_MS = [86_400_000, 3_600_000, 60_000, 1_000, 1] as const;
const UNIT_NAMES = ["d", "h", "m", "s", "ms"] as const;

/** What is right, for error messages. */
export const DURATION_FORM = "a number and a unit (ms, s, m, h, d), such as 500ms, 60s, 1.5s, 5m, 2h or 1d";

/** A duration as it can be written: `2h`, `1h30m`, `1d12h`. */
export function durationText(ms: number): string {
  const parts: string[] = [];
  let leftMs = ms;
  for (const [index, unitMs] of UNITS_MS.entries()) {
    const count = Math.floor(leftMs / unitMs);
    leftMs -= count * unitMs;
    if (count > 0) parts.push(`${count}${UNIT_NAMES[index] ?? ""}`);
  }
  return parts.length === 0 ? "0s" : parts.join("");
}

/** Milliseconds of `90s`, `1h30m`, `250ms`; undefined where the text is not a duration, or beyond the longest, 30 days where nothing is said. */
export function parseDurationMs(text: string, msMax: number = DURATION_MS_MAX): number | undefined {
  const match = text === "" ? null : DURATION.exec(text);
  if (match === null) return undefined;
  const ms = Math.round(UNITS_MS.reduce((sum, unitMs, index) => sum + Number(match[index + 1] ?? 0) * unitMs, 0));
  return ms <= msMax ? ms : undefined;
}
