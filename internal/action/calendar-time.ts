// Long times as people write them: `3d`, `2w`, `6mo`, `1y6mo`, and what `base/duration.ts` reads. Without a clock.
// 1. Months and years go by the calendar in UTC; where a month has no such day, its last one is meant. All shorter units are fixed lengths.

import { assertNever } from "../base/assert.ts";
import { parseDurationMs } from "../base/duration.ts";
import { AWAIT_MS_MAX } from "../base/limits.ts";
import { dateOfDay, dayOfDate } from "./moment.ts";

/** What is right, for error messages. */
export const CALENDAR_FORM = "a time with units, the largest first, such as 90s, 1h30m, 3d, 2w, 6mo or 1y6mo";

const CALENDAR = /^(?:(\d{1,3})y)?(?:(\d{1,4})mo)?(?:(\d{1,4})w)?(.*)$/;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** Day 0 of the epoch, counted from Monday. */
const THURSDAY = 3;

interface CalendarTime {
  readonly months: number;
  readonly ms: number;
}

/** True for text that is such a time, of at most 100 years. */
export function isCalendarTime(text: string): boolean {
  return calendarEndMs(text, 0) !== undefined;
}

/** The moment that lies so long after `startMs`; undefined where the text is no such time, or is longer than 100 years. */
export function calendarEndMs(text: string, startMs: number): number | undefined {
  const time = parse(text);
  if (time === undefined) return undefined;
  const endMs = addMonths(startMs, time.months) + time.ms;
  return endMs - startMs <= AWAIT_MS_MAX ? endMs : undefined;
}

/** What a year is cut into, as people name it. */
export const CALENDAR_UNITS = ["hour", "day", "week", "month", "year"] as const;

/** One of them. */
export type CalendarUnit = (typeof CALENDAR_UNITS)[number];

/** The start of the next hour, day, week (on Monday), month or year after `startMs`, in UTC; never `startMs` itself. */
export function nextStartMs(unit: CalendarUnit, startMs: number): number {
  const today = Math.floor(startMs / DAY_MS);
  const { year, month } = dateOfDay(today);
  switch (unit) {
    case "hour":
      return (Math.floor(startMs / HOUR_MS) + 1) * HOUR_MS;
    case "day":
      return (today + 1) * DAY_MS;
    case "week":
      return (today + 7 - ((today + THURSDAY) % 7)) * DAY_MS;
    case "month":
      return dayOfDate(month === 12 ? { year: year + 1, month: 1, day: 1 } : { year, month: month + 1, day: 1 }) * DAY_MS;
    case "year":
      return dayOfDate({ year: year + 1, month: 1, day: 1 }) * DAY_MS;
    default:
      return assertNever(unit);
  }
}

function parse(text: string): CalendarTime | undefined {
  const match = text === "" ? null : CALENDAR.exec(text);
  if (match === null) return undefined;
  const [, years = "0", months = "0", weeks = "0", rest = ""] = match;
  const restMs = rest === "" ? 0 : parseDurationMs(rest, AWAIT_MS_MAX);
  return restMs === undefined ? undefined : { months: Number(years) * 12 + Number(months), ms: Number(weeks) * 7 * DAY_MS + restMs };
}

function addMonths(startMs: number, months: number): number {
  if (months === 0) return startMs;
  const days = Math.floor(startMs / DAY_MS);
  const { year, month, day } = dateOfDay(days);
  const index = year * 12 + (month - 1) + months;
  return dayOfDate({ year: Math.floor(index / 12), month: (index % 12) + 1, day }) * DAY_MS + (startMs - days * DAY_MS);
}
