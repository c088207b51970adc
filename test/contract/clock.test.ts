import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { startTimer, systemClock } from "../../internal/system/clock.ts";
import { FakeClock } from "../fakes/fake-clock.ts";
import { clockContract } from "./clock-contract.ts";

// The real clock is the one thing that has to be waited for.
clockContract("the system's clock", () => ({ clock: systemClock, pass: (ms) => sleep(ms) }));

clockContract("the fake clock", () => {
  const clock = new FakeClock();
  return { clock, pass: (ms) => clock.advanceAsync(ms) };
});

test("a long delay is a chain of short ones, and can be cancelled in any of them", async () => {
  const fired: string[] = [];
  startTimer(25, () => fired.push("whole"), 5);
  const cancel = startTimer(25, () => fired.push("cancelled"), 5);
  await sleep(12);
  expect(fired).toEqual([]);
  cancel();
  await sleep(40);
  expect(fired).toEqual(["whole"]);
});

test("the fake clock fires a timer at its own time, also one that another timer started", () => {
  const clock = new FakeClock();
  const fired: string[] = [];
  const startMs = clock.nowMs();
  const note = (name: string) => fired.push(`${name}@${clock.nowMs() - startMs}`);
  clock.after(10, () => {
    note("first");
    clock.after(5, () => note("second"));
  });
  clock.after(100, () => note("never"));
  clock.advance(50);
  expect(fired).toEqual(["first@10", "second@15"]);
  expect([clock.nowMs() - startMs, clock.timerCount, clock.nextInMs]).toEqual([50, 1, 50]);
});

test("a step of the fake wall clock moves no timer", () => {
  const clock = new FakeClock();
  let hasFired = false;
  clock.after(10, () => (hasFired = true));
  clock.step(-1_000_000);
  clock.advance(9);
  expect(hasFired).toBe(false);
  clock.advance(1);
  expect(hasFired).toBe(true);
});
