import { expect, test } from "vitest";
import { calendarEndMs } from "./calendar-time.ts";
import { dateOfDay, dayOfDate, parseMomentMs } from "./moment.ts";

const DAY_MS = 86_400_000;

test("every day of three centuries is the date that the calendar says", () => {
  for (let days = 0; days < 110_000; days += 13) {
    const { year, month, day } = dateOfDay(days);
    const two = (value: number): string => String(value).padStart(2, "0");
    expect(parseMomentMs(`${year}-${two(month)}-${two(day)}T00:00:00Z`)).toBe(days * DAY_MS);
    expect(dayOfDate({ year, month, day })).toBe(days);
  }
});

test.each([
  ["1mo", "2027-01-31T23:59:59Z", "2027-02-28T23:59:59Z"],
  ["12mo", "2024-02-29T00:00:00Z", "2025-02-28T00:00:00Z"],
  ["4y", "2024-02-29T00:00:00Z", "2028-02-29T00:00:00Z"],
  ["1y2mo3w4d5h6m7s", "2026-12-30T00:00:00Z", "2028-03-25T05:06:07Z"],
  ["100y", "2026-01-01T00:00:00Z", "2126-01-01T00:00:00Z"],
  ["30d", "2026-01-01T00:00:00Z", "2026-01-31T00:00:00Z"],
])("%s after %s is %s", (text, start, end) => {
  expect(calendarEndMs(text, parseMomentMs(start) ?? 0)).toBe(parseMomentMs(end));
});

test.each(["", "1", "y", "1w1mo", "1y ", "1001y", "40000d", "1.5mo"])("%j is no such time", (text) => {
  expect(calendarEndMs(text, 0)).toBeUndefined();
});
