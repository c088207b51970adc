import { expect, test } from "vitest";
import { Chance } from "./chance.ts";
import { SlowDisk } from "./slow-disk.ts";

/** The disk of a seed after each of many appends, a second apart: for how long it is busy. */
function busyAfter(seed: number, of: { readonly mayBeSlow?: boolean; readonly isCalm?: boolean } = {}): readonly number[] {
  const { mayBeSlow = true, isCalm = false } = of;
  const root = new Chance(seed);
  let nowMs = 0;
  const disk = new SlowDisk({ root, mayBeSlow, isCalm: () => isCalm, chance: () => root, trueMs: () => nowMs, note: () => undefined });
  return Array.from({ length: 300 }, () => {
    disk.appended();
    nowMs += 1_000;
    return disk.busyMs;
  });
}

const SEEDS = Array.from({ length: 40 }, (_, seed) => seed);

test("the disk of some runs is slow now and then, by its seed; that of most never is", () => {
  const slow = SEEDS.filter((seed) => busyAfter(seed).some((ms) => ms > 0));
  expect(slow.length).toBeGreaterThan(0);
  expect(slow.length).toBeLessThan(SEEDS.length / 2);
  const [seed = 0] = slow;
  expect(busyAfter(seed)).toEqual(busyAfter(seed));
  expect(busyAfter(seed)).toContain(0);
});

test("no disk is slow that may not be, or becomes so when nothing goes wrong any more", () => {
  for (const seed of SEEDS) {
    expect(Math.max(...busyAfter(seed, { mayBeSlow: false }))).toBe(0);
    expect(Math.max(...busyAfter(seed, { isCalm: true }))).toBe(0);
  }
});

test("a disk that is slow takes its time as long as that lasts, and wakes when it is told to", () => {
  const root = new Chance(SEEDS.find((seed) => busyAfter(seed).some((ms) => ms > 0)) ?? 0);
  let nowMs = 0;
  const disk = new SlowDisk({ root, mayBeSlow: true, isCalm: () => false, chance: () => root, trueMs: () => nowMs, note: () => undefined });
  while (disk.busyMs === 0) disk.appended();
  const forMs = disk.busyMs;
  disk.appended();
  nowMs = forMs - 1;
  expect(disk.busyMs).toBe(1);
  disk.wake();
  expect(disk.busyMs).toBe(0);
});
