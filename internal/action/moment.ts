// Moments as people write them in arguments: a small parser without a clock.
// 1. A moment is RFC 3339 with a zone.

const MOMENT = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/;

/** Epoch milliseconds of an RFC 3339 moment; undefined for what is none, such as the 30th of February. */
export function parseMomentMs(text: string): number | undefined {
  const match = MOMENT.exec(text);
  if (match === null) return undefined;
  const [, year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.map(Number);
  if (month < 1 || month > 12 || day < 1 || day > daysOf(year, month) || hour > 23 || minute > 59 || second > 59) return undefined;
  const offsetMinutes = zoneMinutes(match[8] ?? "Z");
  if (offsetMinutes === undefined) return undefined;
  const fractionMs = Math.trunc(Number(`0.${match[7] ?? "0"}`) * 1_000);
  const days = dayOfDate({ year, month, day });
  return ((days * 24 + hour) * 60 + minute - offsetMinutes) * 60_000 + second * 1_000 + fractionMs;
}

/** A day of the calendar, in UTC; months and days from 1. */
export interface CalendarDate {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

/** Days from the epoch to a date; a day that its month does not have is the month's last. */
export function dayOfDate({ year, month, day }: CalendarDate): number {
  const before = Array.from({ length: month - 1 }, (_, index) => daysOf(year, index + 1)).reduce((sum, count) => sum + count, 0);
  return daysBefore(year) + before + Math.min(day, daysOf(year, month)) - 1;
}

/** The date of a day, counted from the epoch. */
export function dateOfDay(days: number): CalendarDate {
  let year = 1970 + Math.floor(days / 366);
  while (daysBefore(year + 1) <= days) year += 1;
  let left = days - daysBefore(year);
  let month = 1;
  while (left >= daysOf(year, month)) left -= daysOf(year, month++);
  return { year, month, day: left + 1 };
}

function zoneMinutes(zone: string): number | undefined {
  if (/^z$/i.test(zone)) return 0;
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(4, 6))];
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith("-") ? -1 : 1) * (hours * 60 + minutes);
}

function daysOf(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}

/** Days from the epoch to the first of January of a year. */
function daysBefore(year: number): number {
  const before = year - 1;
  return before * 365 + Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400) - 719_162;
}
