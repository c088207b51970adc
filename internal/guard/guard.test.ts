import fc from "fast-check";
import { expect, test } from "vitest";
import type { GuardEvent } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { anId } from "../../test/fakes/journal-entries.ts";
import type { GuardState } from "./guard.ts";
import {
  applyGuardEvent,
  canTakeLock,
  emptyGuard,
  giveAllLocks,
  giveLock,
  lockHolder,
  stopAllWaiting,
  stopWaiting,
  takeLock,
  waitForLock,
} from "./guard.ts";

const [A, B, C] = [anId(1), anId(2), anId(3)];

function move(guard: GuardState, events: readonly GuardEvent[]): readonly string[] {
  for (const event of events) applyGuardEvent(guard, event);
  return events.map(({ kind }) => kind.case ?? "");
}

test("a lock has one holder, and taking it twice is taking it once", () => {
  const guard = emptyGuard();
  expect(move(guard, takeLock(guard, "h1", A))).toEqual(["lockTaken"]);
  expect(takeLock(guard, "h1", A)).toEqual([]);
  expect(canTakeLock(guard, "h1", B)).toBe(false);
  expect(() => takeLock(guard, "h1", B)).toThrow(/a lock is taken only when it can be/);
  expect(guard.seq).toBe(1);
});

test("a lock that is given back goes to the first who waits, in the same step", () => {
  const guard = emptyGuard();
  move(guard, takeLock(guard, "h1", A));
  waitForLock(guard, "h1", { workflow: B, priority: 0 });
  waitForLock(guard, "h1", { workflow: C, priority: 0 });
  waitForLock(guard, "h1", { workflow: B, priority: 0 });
  expect(move(guard, giveLock(guard, "h1", A))).toEqual(["lockReleased", "lockTaken"]);
  expect(lockHolder(guard, "h1")).toBe(B);
  move(guard, giveLock(guard, "h1", B));
  expect(lockHolder(guard, "h1")).toBe(C);
  expect(guard.waiting.size).toBe(0);
});

test("the higher priority comes first among those who wait", () => {
  const guard = emptyGuard();
  move(guard, takeLock(guard, "h1", A));
  waitForLock(guard, "h1", { workflow: B, priority: 0 });
  waitForLock(guard, "h1", { workflow: C, priority: 5 });
  move(guard, giveLock(guard, "h1", A));
  expect(lockHolder(guard, "h1")).toBe(C);
});

test("who waits no longer is not handed the lock, and giving back what one does not hold does nothing", () => {
  const guard = emptyGuard();
  move(guard, takeLock(guard, "h1", A));
  waitForLock(guard, "h1", { workflow: B, priority: 0 });
  stopWaiting(guard, "h1", B);
  expect(giveLock(guard, "h1", B)).toEqual([]);
  expect(move(guard, giveLock(guard, "h1", A))).toEqual(["lockReleased"]);
  expect(lockHolder(guard, "h1")).toBeUndefined();
});

test("a workflow's end gives back all it holds and hands each lock over", () => {
  const guard = emptyGuard();
  for (const key of ["h1", "h2", "h3"]) move(guard, takeLock(guard, key, A));
  waitForLock(guard, "h1", { workflow: B, priority: 0 });
  waitForLock(guard, "h3", { workflow: C, priority: 0 });
  move(guard, takeLock(guard, "h9", B));
  waitForLock(guard, "h9", { workflow: A, priority: 0 });
  expect(move(guard, giveAllLocks(guard, A))).toEqual(["holderReleased", "lockTaken", "lockTaken"]);
  expect([...guard.holders]).toEqual([
    ["h9", B],
    ["h1", B],
    ["h3", C],
  ]);
  expect(giveAllLocks(guard, A)).toEqual([]);
  expect(move(guard, giveLock(guard, "h9", B))).toEqual(["lockReleased"]);
});

test("whatever is asked in whatever order, everybody who waits gets the lock in the end, and a replay holds the same locks", () => {
  const ids = [A, B, C];
  const act = fc.record({
    who: fc.integer({ min: 0, max: 2 }),
    key: fc.constantFrom("h1", "h2"),
    kind: fc.constantFrom("ask", "give", "end", "stop"),
  });
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const guard = emptyGuard();
      const events: GuardEvent[] = [];
      const happen = (made: readonly GuardEvent[]): void => {
        move(guard, made);
        events.push(...made);
      };
      for (const { who, key, kind } of acts) {
        const id = ids[who] ?? A;
        if (kind === "ask") {
          if (canTakeLock(guard, key, id)) happen(takeLock(guard, key, id));
          else waitForLock(guard, key, { workflow: id, priority: 0 });
        } else if (kind === "give") happen(giveLock(guard, key, id));
        else if (kind === "stop") stopAllWaiting(guard, id);
        else happen(giveAllLocks(guard, id));
        for (const waited of guard.waiting.keys()) expect(guard.holders.has(waited)).toBe(true);
      }
      const replayed = emptyGuard();
      move(replayed, events);
      expect(new Map(replayed.holders)).toEqual(new Map(guard.holders));
      expect(replayed.seq).toBe(guard.seq);
      for (let round = 0; round < 10; round++)
        for (const [key, holder] of Array.from(guard.holders)) happen(giveLock(guard, key, ids.find((id) => id === holder) ?? A));
      expect(guard.holders.size + guard.waiting.size + guard.held.size).toBe(0);
    }),
  );
});
