// What every clock promises; `pass` lets so much of its time go by.

import { describe, expect, test } from "vitest";
import type { Clock } from "../../internal/engine/ports.ts";

/** A clock under test. */
export interface ClockUnderTest {
  readonly clock: Clock;
  pass(ms: number): Promise<void>;
}

/** Runs the contract on a clock. */
export function clockContract(name: string, make: () => ClockUnderTest): void {
  describe(name, () => {
    test("a timer fires once, after its delay, and not before", async () => {
      const { clock, pass } = make();
      const startMs = clock.monotonicMs();
      const firedAfterMs: number[] = [];
      clock.after(20, () => firedAfterMs.push(clock.monotonicMs() - startMs));
      expect(firedAfterMs).toEqual([]);
      await pass(60);
      expect(firedAfterMs).toHaveLength(1);
      expect(firedAfterMs[0]).toBeGreaterThanOrEqual(20);
    });

    test("timers fire in the order of their times, not of their starts", async () => {
      const { clock, pass } = make();
      const fired: string[] = [];
      clock.after(40, () => fired.push("late"));
      clock.after(10, () => fired.push("early"));
      clock.after(0, () => fired.push("now"));
      await pass(80);
      expect(fired).toEqual(["now", "early", "late"]);
    });

    test("a cancelled timer does not fire, and cancelling twice or too late does nothing", async () => {
      const { clock, pass } = make();
      const fired: string[] = [];
      const cancel = clock.after(10, () => fired.push("cancelled"));
      const cancelLate = clock.after(5, () => fired.push("kept"));
      cancel();
      cancel();
      await pass(40);
      cancelLate();
      expect(fired).toEqual(["kept"]);
    });

    test("a delay beyond 2^31 ms does not fire at once", async () => {
      const { clock, pass } = make();
      let hasFired = false;
      const cancel = clock.after(2 ** 31 + 5, () => (hasFired = true));
      await pass(20);
      cancel();
      expect(hasFired).toBe(false);
    });

    test("monotonic time does not step back, and wall time is in milliseconds since the epoch", async () => {
      const { clock, pass } = make();
      const before = clock.monotonicMs();
      await pass(5);
      expect(clock.monotonicMs()).toBeGreaterThan(before);
      expect(clock.nowMs()).toBeGreaterThan(1_700_000_000_000);
      expect(Number.isInteger(clock.nowMs())).toBe(true);
    });
  });
}
