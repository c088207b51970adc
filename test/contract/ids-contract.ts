// What every source of IDs and chance promises.

import { describe, expect, test } from "vitest";
import { timeMs, WorkflowId } from "../../internal/base/ids.ts";
import type { Ids } from "../../internal/engine/ports.ts";
import { NOON_MS } from "../fakes/journal-entries.ts";

/** Runs the contract on a source of IDs. */
export function idsContract(name: string, make: () => Ids): void {
  describe(name, () => {
    const at = (ids: Ids, ms: number): WorkflowId => ids.workflowId(timeMs(ms));
    const timeOf = (id: WorkflowId): number => Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16);

    test("an ID is a UUIDv7 of the time it was asked for", () => {
      const id = at(make(), NOON_MS);
      expect(WorkflowId.is(id)).toBe(true);
      expect(timeOf(id)).toBe(NOON_MS);
    });

    test("each ID is above all before it: within a millisecond, when it overflows, and when the clock steps back", () => {
      const ids = make();
      const made: string[] = [];
      for (let n = 0; n < 10_000; n++) made.push(at(ids, NOON_MS));
      for (let n = 0; n < 100; n++) made.push(at(ids, NOON_MS - 1_000_000 + n));
      made.push(at(ids, NOON_MS + 1_000));
      expect(made.toSorted()).toEqual(made);
      expect(new Set(made).size).toBe(made.length);
      expect(timeOf(WorkflowId.parse(made.at(-1) ?? ""))).toBe(NOON_MS + 1_000);
    });

    test("fractions are in [0, 1) and spread evenly", () => {
      const ids = make();
      const buckets = Array.from({ length: 10 }, () => 0);
      for (let n = 0; n < 10_000; n++) {
        const fraction = ids.fraction();
        expect(fraction >= 0 && fraction < 1).toBe(true);
        const bucket = Math.floor(fraction * 10);
        buckets[bucket] = (buckets[bucket] ?? 0) + 1;
      }
      expect(Math.min(...buckets)).toBeGreaterThan(800);
    });
  });
}
