import { expect, test } from "vitest";
import { anAttempt } from "../../test/fakes/attempt-context.ts";
import { timeMs } from "../base/ids.ts";
import type { Clock } from "../engine/ports.ts";
import { waitAction } from "./wait.ts";

/** A clock that stands still, and does nothing for anybody. */
function aClock(nowMs: number): Clock {
  const after = (): never => expect.unreachable("nothing of a wait runs");
  return { nowMs: () => timeMs(nowMs), monotonicMs: () => nowMs, bootId: () => "boot", after };
}

const START_MS = Date.parse("2024-01-31T12:00:00Z");

async function awaited(args: { readonly [name: string]: string }, nowMs = START_MS): Promise<string> {
  const result = await waitAction(aClock(nowMs))
    .parse(args)
    .apply(anAttempt({ startedAtMs: timeMs(START_MS), timeoutMs: 4e12 }), "");
  if (result.kind !== "awaits") return result.kind;
  const { kind } = result.awaited;
  return kind.case === "moment" ? new Date(Number(kind.value.atMs)).toISOString() : "";
}

test("a wait is measured from its attempt's start, however late it is asked", async () => {
  expect(await awaited({ for: "90s" }, START_MS + 60_000)).toBe("2024-01-31T12:01:30.000Z");
});

test("months and years go by the calendar, and its last day is meant where a month has no such day", async () => {
  expect(await awaited({ for: "1mo" })).toBe("2024-02-29T12:00:00.000Z");
  expect(await awaited({ for: "1y1mo" })).toBe("2025-02-28T12:00:00.000Z");
  expect(await awaited({ for: "2w1d" })).toBe("2024-02-15T12:00:00.000Z");
  expect(await awaited({ for: "100d" })).toBe("2024-05-10T12:00:00.000Z");
});

test("the next hour, day, week, month or year begins in UTC, and never at the very moment", async () => {
  const nextOf = async (next: string, at = START_MS): Promise<string> => {
    const result = await waitAction(aClock(at))
      .parse({ next })
      .apply(anAttempt({ startedAtMs: timeMs(at), timeoutMs: 4e12 }), "");
    const kind = result.kind === "awaits" ? result.awaited.kind : undefined;
    return kind?.case === "moment" ? new Date(Number(kind.value.atMs)).toISOString() : result.kind;
  };
  expect(await nextOf("hour")).toBe("2024-01-31T13:00:00.000Z");
  expect(await nextOf("day")).toBe("2024-02-01T00:00:00.000Z");
  expect(await nextOf("week")).toBe("2024-02-05T00:00:00.000Z"); // that Wednesday was followed by this Monday
  expect(await nextOf("month")).toBe("2024-02-01T00:00:00.000Z");
  expect(await nextOf("year")).toBe("2025-01-01T00:00:00.000Z");
  const february = Date.parse("2024-02-01T00:00:00Z");
  expect(await nextOf("month", february)).toBe("2024-03-01T00:00:00.000Z");
  expect(await nextOf("month", february - 1)).toBe("2024-02-01T00:00:00.000Z");
  expect(await nextOf("month", Date.parse("2024-12-31T23:59:59.999Z"))).toBe("2025-01-01T00:00:00.000Z");
  expect(await nextOf("week", Date.parse("2024-02-05T00:00:00Z"))).toBe("2024-02-12T00:00:00.000Z");
});

test("a moment that has passed ends the wait at once", async () => {
  expect(await awaited({ until: "2024-01-31T13:00:00+01:00" })).toBe("applied");
});

test("a wait that is longer than its attempt fails at once and says what to do", async () => {
  const result = await waitAction(aClock(1_000_000))
    .parse({ for: "2h" })
    .apply(anAttempt({ timeoutMs: 600_000 }), "");
  expect(result).toMatchObject({ kind: "failed", isRetryable: false, message: expect.stringContaining("timeout:") });
});

test.each([
  {},
  { for: "1h", until: "2027-03-01T05:00:00Z" },
  { for: "1x" },
  { for: "" },
  { for: "1mo1y" },
  { for: "101y" },
  { until: "tomorrow" },
  { next: "spring" },
  { next: "month", for: "1h" },
  { until: "2027-02-30T00:00:00Z" },
])("refuses %j", (args) => {
  expect(waitAction(aClock(0)).validate(args, { place: "with", names: [] })).toHaveLength(1);
});
