// Lengths of time as people write them: 500ms, 60s, 1.5s, 5m, 2h, 1d.
// 1. One number and one unit; whole milliseconds; never negative.

import { DURATION_MS_MAX } from "../base/limits.ts";

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

/** What is right, for error messages. */
export const DURATION_FORM = "a number and a unit (ms, s, m, h, d), such as 500ms, 60s, 1.5s, 5m, 2h or 1d";

/** Milliseconds, or undefined where the text is not a duration. */
export function parseDurationMs(text: string): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text);
  const unitMs = UNIT_MS.get(match?.[2] ?? "");
  if (match === null || unitMs === undefined) return undefined;
  const ms = Math.round(Number(match[1]) * unitMs);
  return ms > DURATION_MS_MAX ? undefined : ms;
}

/** A duration for people: 740ms, 12s, 3m05s, 2h07m, 4d03h. */
export function formatDurationMs(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))}ms`;
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)}h${two(minutes % 60)}m`;
  const hours = Math.floor(minutes / 60);
  return `${Math.floor(hours / 24)}d${two(hours % 24)}h`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
