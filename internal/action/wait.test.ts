import { expect, test } from "vitest";
import { anAttempt } from "../../test/fakes/attempt-context.ts";
import { timeMs } from "../base/ids.ts";
import type { Clock } from "../engine/ports.ts";
import { waitAction } from "./wait.ts";

/** A clock that stands still, and the delays that were asked of it. */
function aClock(nowMs: number): Clock & { readonly delays: number[]; fire(): void } {
  const waiting: (() => void)[] = [];
  const delays: number[] = [];
  return {
    delays,
    nowMs: () => timeMs(nowMs),
    monotonicMs: () => nowMs,
    bootId: () => "boot",
    after(delayMs, callback) {
      delays.push(delayMs);
      waiting.push(callback);
      return () => void waiting.splice(waiting.indexOf(callback), 1);
    },
    fire: () => waiting.splice(0).forEach((callback) => callback()),
  };
}

test("a wait that began before a restart waits only for what is left", async () => {
  const clock = aClock(1_000_000);
  const waiting = waitAction(clock)
    .parse({ for: "90s" })
    .apply(anAttempt({ startedAtMs: timeMs(940_000) }), "");
  expect(clock.delays).toEqual([30_000]);
  clock.fire();
  expect(await waiting).toMatchObject({ kind: "applied" });
});

test("a moment that has passed ends the wait at once", async () => {
  const clock = aClock(Date.parse("2027-03-01T05:00:00Z"));
  expect(await waitAction(clock).parse({ until: "2027-03-01T05:00:00+01:00" }).apply(anAttempt(), "")).toMatchObject({ kind: "applied" });
  expect(clock.delays).toEqual([]);
});

test("an aborted wait ends at once and forgets its timer", async () => {
  const clock = aClock(1_000_000);
  const abort = new AbortController();
  const waiting = waitAction(clock)
    .parse({ for: "30s" })
    .apply(anAttempt({ signal: abort.signal }), "");
  abort.abort();
  expect(await waiting).toMatchObject({ kind: "cancelled" });
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
  { for: "31d" },
  { until: "tomorrow" },
  { until: "2027-02-30T00:00:00Z" },
])("refuses %j", (args) => {
  expect(waitAction(aClock(0)).validate(args, { place: "with", names: [] })).toHaveLength(1);
});
