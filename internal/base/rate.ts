// Rates as people write them: so many in a time, `30/m`, `5/10m`.
// 1. A bare unit is one of it: `30/m` is `30/1m`.

import { parseDurationMs } from "./duration.ts";
import { RATE_TOKENS_MAX } from "./limits.ts";

const UNITS: readonly string[] = ["s", "m", "h", "d"];

/** The two halves of a rate, not looked at yet; undefined where the text is none. */
export function splitRate(text: string): { readonly count: number; readonly periodMs: number | undefined } | undefined {
  const [, count = "", time = ""] = /^(\d+(?:\.\d+)?) *\/ *(\S+)$/.exec(text) ?? [];
  return count === "" ? undefined : { count: Number(count), periodMs: parseDurationMs(UNITS.includes(time) ? `1${time}` : time) };
}

/** A rate; undefined where the text is none, or out of bounds. */
export function parseRate(text: string): { readonly tokens: number; readonly periodMs: number } | undefined {
  const { count: tokens = 0, periodMs = 0 } = splitRate(text) ?? {};
  return Number.isInteger(tokens) && tokens >= 1 && tokens <= RATE_TOKENS_MAX && periodMs > 0 ? { tokens, periodMs } : undefined;
}
