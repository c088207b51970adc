import { expect, test } from "vitest";
import { anId } from "../../test/fakes/journal-entries.ts";
import { GuardRun } from "../../test/fakes/guard-run.ts";
import type { MachineTime } from "./guard-time.ts";
import { anchorClock, guardNow, guardWallMs } from "./guard-time.ts";
import { beginPause } from "./limits.ts";

const NOON = 1_767_268_800_000;
const BOOT: MachineTime = { bootId: "b1", monotonicMs: 5_000, wallMs: NOON };

/** A guard that was anchored at noon and saw its last event a second later. */
function aRun(boot: MachineTime = BOOT): GuardRun {
  const run = new GuardRun();
  run.move(anchorClock(run.guard, boot));
  const later = { ...boot, monotonicMs: boot.monotonicMs + 1_000, wallMs: boot.wallMs + 1_000 };
  run.move(beginPause(run.guard, anId(1), 1, guardNow(run.guard, later)));
  return run;
}

test("the guard's time begins with the wall clock's and follows the monotonic clock in whole milliseconds", () => {
  const run = aRun();
  expect(guardNow(run.guard, { ...BOOT, monotonicMs: 7_000.9 })).toBe(NOON + 2_000);
  expect(anchorClock(run.guard, { ...BOOT, monotonicMs: 7_000.9, wallMs: NOON + 2_000 })).toEqual([]);
});

test.each([-86_400_000, -1, 0, 1, 86_400_000])(
  "a wall clock that is set by %i ms changes nothing while the machine runs, nor over a restart",
  (stepMs) => {
    const run = aRun();
    const time = { ...BOOT, monotonicMs: 9_000, wallMs: NOON + 4_000 + stepMs };
    expect(guardNow(run.guard, time)).toBe(NOON + 4_000);
    run.restart();
    expect(guardNow(run.guard, time)).toBe(NOON + 4_000);
    run.move(anchorClock(run.guard, time));
    expect(guardNow(run.guard, { ...time, monotonicMs: 10_000 })).toBe(NOON + 5_000);
  },
);

test.each([
  [60_000, 60_000],
  [0, 0],
  [-86_400_000, 0],
])("after a reboot with the wall clock %i ms on, the guard's time is %i ms on", (awayMs, movedMs) => {
  const run = aRun();
  run.restart();
  const time = { bootId: "b2", monotonicMs: 3, wallMs: NOON + 1_000 + awayMs };
  expect(guardNow(run.guard, time)).toBe(NOON + 1_000 + movedMs);
  expect(run.move(anchorClock(run.guard, time))).toEqual(["clockAnchored"]);
  expect(anchorClock(run.guard, time)).toEqual([]);
  expect(guardNow(run.guard, { ...time, monotonicMs: 13, wallMs: 0 })).toBe(NOON + 1_010 + movedMs);
});

test("a wall clock that was set is anchored anew, so that a reboot after it is measured from there; the guard's time does not move by it", () => {
  const run = aRun();
  const set = { ...BOOT, monotonicMs: 7_000, wallMs: NOON + 2_000 + 3_600_000 };
  expect(run.move(anchorClock(run.guard, set))).toEqual(["clockAnchored"]);
  expect(guardNow(run.guard, set)).toBe(NOON + 2_000);
  expect(guardWallMs(run.guard, NOON + 2_000)).toBe(set.wallMs);
  expect(guardNow(run.guard, { bootId: "b2", monotonicMs: 0, wallMs: set.wallMs + 5_000 })).toBe(NOON + 7_000);
});

test("a monotonic clock that lags behind the last event holds the guard's time", () => {
  expect(guardNow(aRun().guard, { ...BOOT, monotonicMs: 4_000 })).toBe(NOON + 1_000);
});

test("where the boot cannot be told, every start counts as a reboot, and time still follows the monotonic clock after it", () => {
  const unknown = { ...BOOT, bootId: "" };
  const run = aRun(unknown);
  expect(guardNow(run.guard, { ...unknown, monotonicMs: 7_000, wallMs: 0 })).toBe(NOON + 2_000);
  run.restart();
  const time = { bootId: "", monotonicMs: 9_000, wallMs: NOON + 1_500 };
  expect(guardNow(run.guard, time)).toBe(NOON + 1_500);
  expect(run.move(anchorClock(run.guard, time))).toEqual(["clockAnchored"]);
  expect(anchorClock(run.guard, time)).toEqual([]);
});
