// What every pace promises: the bound and the spacing at each origin, and that work whose signal aborts before its turn never begins.
// 1. No order is promised: neither among those who wait at one origin, nor between two.

import { describe, expect, test } from "vitest";
import type { Clock, Pace } from "../../internal/engine/ports.ts";

/** How the pace of a test is made. */
interface PaceTerms {
  readonly concurrentMax: number;
  readonly startIntervalMs: number;
}

/** A pace under test. */
export interface PaceUnderTest {
  readonly clock: Clock;
  make(terms: PaceTerms): Pace;
  /** Lets so much of its time go by. */
  pass(ms: number): Promise<void>;
  /** What the work comes to, with as much time as it takes. */
  end<T>(work: Promise<T>): Promise<T>;
}

const never = new AbortController().signal;

/** Runs the contract on a pace. */
export function paceContract(name: string, under: () => PaceUnderTest): void {
  const aPace = (changes: Partial<PaceTerms> = {}) => {
    const tested = under();
    return { ...tested, pace: tested.make({ concurrentMax: 1, startIntervalMs: 0, ...changes }) };
  };

  describe(name, () => {
    test("passes on what the work returns, and what it throws", async () => {
      const { pace, end } = aPace();
      expect(await end(pace.run("a", async () => 7, never))).toBe(7);
      const failing = async (): Promise<never> => {
        throw new TypeError("no");
      };
      await expect(end(pace.run("a", failing, never))).rejects.toThrow(new TypeError("no"));
      expect(await end(pace.run("a", async () => 8, never))).toBe(8);
    });

    test("no more work than the bound goes on at one origin, and another origin does not wait for it", async () => {
      const { pace, clock, end } = aPace({ concurrentMax: 2 });
      let [running, most] = [0, 0];
      const work = async (): Promise<void> => {
        running += 1;
        most = Math.max(most, running);
        await new Promise<void>((resolve) => void clock.after(10, resolve));
        running -= 1;
      };
      let release: () => void = () => undefined;
      const held = pace.run("b", () => new Promise<void>((resolve) => (release = resolve)), never);
      await end(Promise.all(Array.from({ length: 20 }, () => pace.run("a", work, never))));
      expect(most).toBe(2);
      release();
      await end(held);
    });

    test("starts at one origin are no closer together than the interval", async () => {
      const { pace, clock, end } = aPace({ concurrentMax: 10, startIntervalMs: 50 });
      const starts: number[] = [];
      await end(Promise.all([1, 2, 3].map(() => pace.run("a", async () => void starts.push(clock.monotonicMs()), never))));
      expect((starts[2] ?? 0) - (starts[0] ?? 0)).toBeGreaterThanOrEqual(95);
    });

    test("work that is aborted in the queue never begins and says CANCELLED; what has begun goes on", async () => {
      const { pace, pass, end } = aPace();
      const abort = new AbortController();
      let release: () => void = () => undefined;
      let hasBegun = false;
      const first = pace.run("a", () => new Promise<string>((resolve) => (release = () => resolve("done"))), abort.signal);
      await pass(20);
      const second = pace.run("a", async () => (hasBegun = true), abort.signal);
      await pass(20);
      abort.abort();
      await expect(end(second)).rejects.toMatchObject({ code: "CANCELLED" });
      release();
      expect(await end(first)).toBe("done");
      expect(await end(pace.run("a", async () => "next", never))).toBe("next");
      expect(hasBegun).toBe(false);
      await expect(end(pace.run("a", async () => 1, abort.signal))).rejects.toMatchObject({ code: "CANCELLED" });
    });

    test("who leaves the queue while the interval passes gives nobody's turn away", async () => {
      const { pace, pass, end } = aPace({ startIntervalMs: 50 });
      const abort = new AbortController();
      await end(pace.run("a", async () => undefined, never));
      const leaving = pace.run("a", async () => "left", abort.signal);
      const staying = pace.run("a", async () => "stayed", never);
      await pass(5);
      abort.abort();
      await expect(end(leaving)).rejects.toMatchObject({ code: "CANCELLED" });
      expect(await end(staying)).toBe("stayed");
    });

    test("ten thousand origins, one after the other, all have their turn", async () => {
      const { pace, end } = aPace();
      for (let n = 0; n < 10_000; n += 100)
        await end(Promise.all(Array.from({ length: 100 }, (_, m) => pace.run(`origin-${n + m}`, async () => m, never))));
    });
  });
}
