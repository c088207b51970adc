// The contract of the Pace port, kept by bottleneck.
import { describe, expect, test } from "vitest";
import { createPace } from "../../internal/pace/pace.ts";
import type { PaceOptions } from "../../internal/pace/pace.ts";
import { systemClock } from "../../internal/system/clock.ts";

const never = new AbortController().signal;
const aPace = (changes: Partial<PaceOptions>): ReturnType<typeof createPace> =>
  createPace({ clock: systemClock, concurrentMax: 1, startIntervalMs: 0, ...changes });

describe("pace", () => {
  test("passes on what the work returns, and what it throws", async () => {
    const pace = aPace({});
    expect(await pace.run("a", async () => 7, never)).toBe(7);
    const failing = async (): Promise<never> => {
      throw new TypeError("no");
    };
    await expect(pace.run("a", failing, never)).rejects.toThrow(new TypeError("no"));
    expect(await pace.run("a", async () => 8, never)).toBe(8);
  });

  test("no more work than the bound goes on at one origin, and another origin does not wait for it", async () => {
    const pace = aPace({ concurrentMax: 2 });
    let [running, most] = [0, 0];
    const work = async (): Promise<void> => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 10));
      running -= 1;
    };
    let release: () => void = () => undefined;
    const held = pace.run("b", () => new Promise<void>((resolve) => (release = resolve)), never);
    await Promise.all(Array.from({ length: 20 }, () => pace.run("a", work, never)));
    expect(most).toBe(2);
    release();
    await held;
  });

  test("starts at one origin are no closer together than the interval", async () => {
    const pace = aPace({ concurrentMax: 10, startIntervalMs: 50 });
    const starts: number[] = [];
    await Promise.all([1, 2, 3].map(() => pace.run("a", async () => void starts.push(performance.now()), never)));
    expect((starts[2] ?? 0) - (starts[0] ?? 0)).toBeGreaterThanOrEqual(95);
  });

  test("work that is aborted in the queue never begins and says CANCELLED; what has begun goes on", async () => {
    const pace = aPace({});
    const abort = new AbortController();
    let release: () => void = () => undefined;
    let hasBegun = false;
    const first = pace.run("a", () => new Promise<string>((resolve) => (release = () => resolve("done"))), abort.signal);
    const second = pace.run("a", async () => (hasBegun = true), abort.signal);
    await new Promise((resolve) => setTimeout(resolve, 20));
    abort.abort();
    await expect(second).rejects.toMatchObject({ code: "CANCELLED" });
    release();
    expect(await first).toBe("done");
    expect(await pace.run("a", async () => "next", never)).toBe("next");
    expect(hasBegun).toBe(false);
    await expect(pace.run("a", async () => 1, abort.signal)).rejects.toMatchObject({ code: "CANCELLED" });
  });

  test("ten thousand origins, one after the other, all have their turn", async () => {
    const pace = aPace({});
    for (let n = 0; n < 10_000; n += 100)
      await Promise.all(Array.from({ length: 100 }, (_, m) => pace.run(`origin-${n + m}`, async () => m, never)));
  });
});
