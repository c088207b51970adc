// `inWindow(now, "Mon-Fri 09:00-17:00", "Europe/Berlin")`: is a moment inside a change window, on the clock of a place?
// 1. Windows are wall-clock time: over a change to or from summer time they keep their hours, and an hour that comes twice counts twice.
// 2. The end is outside; `24:00` is the end of the day; `22:00-06:00` goes into the next day and belongs to the day that it began on.

import { isReflectMessage } from "@bufbuild/protobuf/reflect";
import type { CelValue } from "@bufbuild/cel";
import { isMessage } from "@bufbuild/protobuf";
import { TimestampSchema, timestampMs } from "@bufbuild/protobuf/wkt";
import { EvaluationFault, charge } from "./meter.ts";

interface Window {
  /** 0 is Monday. */
  readonly days: ReadonlySet<number>;
  readonly fromMinute: number;
  readonly toMinute: number;
}

interface WallClock {
  readonly day: number;
  readonly minute: number;
}

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const WINDOW_LENGTH_MAX = 500;
const WINDOW_COST = 100;
const ZONES_CACHED_MAX = 64;
const WINDOW_HELP = 'write "Mon-Fri 09:00-17:00", several separated by semicolons: "Mon,Wed 08:00-12:00; Sat 22:00-06:00"';
const CLOCK = /^([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|(24):(00))$/;

const zones = new Map<string, Intl.DateTimeFormat>();

/** True when the moment is inside one of the windows. Throws EvaluationFault for what cannot be read. */
export function isInWindow(now: CelValue, windows: string, zone: string): boolean {
  if (!isReflectMessage(now) || !isMessage(now.message, TimestampSchema))
    throw new EvaluationFault("inWindow(): the first argument is not a timestamp");
  charge(WINDOW_COST + 4 * windows.length);
  const read = readWindows(windows);
  if (read === undefined) throw new EvaluationFault(`inWindow(): the window cannot be read; ${WINDOW_HELP}`);
  const { day, minute } = wallClock(timestampMs(now.message), zone);
  return read.some(({ days, fromMinute, toMinute }) => {
    if (fromMinute < toMinute) return days.has(day) && minute >= fromMinute && minute < toMinute;
    return (days.has(day) && minute >= fromMinute) || (days.has((day + 6) % 7) && minute < toMinute);
  });
}

/** What is wrong with the text of windows, or undefined. */
export function windowFault(text: string): string | undefined {
  return readWindows(text) === undefined ? `this is not a time window; ${WINDOW_HELP}` : undefined;
}

/** True for the name of a time zone that this system knows. */
export function isTimeZone(name: string): boolean {
  return formatOf(name) !== undefined;
}

function readWindows(text: string): readonly Window[] | undefined {
  if (text.length > WINDOW_LENGTH_MAX) return undefined;
  const windows = text.split(";").map((part) => readWindow(part.trim()));
  const read = windows.filter((window) => window !== undefined);
  return read.length === windows.length ? read : undefined;
}

function readWindow(text: string): Window | undefined {
  const words = text.split(/\s+/);
  const [clock = "", days] = words.length === 1 ? [words[0]] : [words[1], words[0]];
  const found = words.length > 2 ? null : CLOCK.exec(clock);
  const set = readDays(days);
  if (found === null || set === undefined) return undefined;
  const [, fromHour, fromMinute, toHour, toMinute, endHour] = found;
  const from = minuteOf(fromHour, fromMinute);
  const to = endHour === undefined ? minuteOf(toHour, toMinute) : 24 * 60;
  return from === to ? undefined : { days: set, fromMinute: from, toMinute: to };
}

function minuteOf(hour = "0", minute = "0"): number {
  return Number(hour) * 60 + Number(minute);
}

/** `Mon-Fri`, `Mon,Wed`, `Fri-Mon`; every day where no days are given. */
function readDays(text: string | undefined): ReadonlySet<number> | undefined {
  const days = new Set<number>();
  if (text === undefined || text.toLowerCase() === "daily") return new Set(DAYS.keys());
  for (const part of text.toLowerCase().split(",")) {
    const [first = "", last = first, ...more] = part.split("-");
    const [from, to] = [DAYS.indexOf(first), DAYS.indexOf(last)];
    if (from === -1 || to === -1 || more.length > 0) return undefined;
    for (let day = from; ; day = (day + 1) % 7) {
      days.add(day);
      if (day === to) break;
    }
  }
  return days;
}

function wallClock(epochMs: number, zone: string): WallClock {
  const format = formatOf(zone);
  if (format === undefined) throw new EvaluationFault("inWindow(): the time zone is not known here");
  const parts = new Map(format.formatToParts(epochMs).map(({ type, value }) => [type, value] as const));
  const day = DAYS.indexOf((parts.get("weekday") ?? "").toLowerCase());
  return { day, minute: Number(parts.get("hour")) * 60 + Number(parts.get("minute")) };
}

/** A zone's calendar; made once, for making one takes 50 µs. */
function formatOf(zone: string): Intl.DateTimeFormat | undefined {
  const cached = zones.get(zone);
  if (cached !== undefined) return cached;
  if (zone === "" || zone.length > 64) return undefined;
  try {
    const format = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone,
      weekday: "short",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
    if (zones.size >= ZONES_CACHED_MAX) zones.clear();
    zones.set(zone, format);
    return format;
  } catch {
    return undefined;
  }
}
