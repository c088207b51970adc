import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { lockTaken, anId } from "../../test/fakes/journal-entries.ts";
import { GuardRun } from "../../test/fakes/guard-run.ts";
import { GuardEventSchema } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { applyGuardEvent, emptyGuard, releaseHolder } from "./guard.ts";
import { guardEvent } from "./guard-event.ts";
import { ledgerTouched, reserveTargets, touchTarget } from "./ledger.ts";
import { beginPause, hasLimits, nextForLimit, pauseEndsMs, takeLimits, waitForLimit } from "./limits.ts";
import type { LimitAsk } from "./limits.ts";
import { lockHolder, takeLocks, targetLock, waitForLocks } from "./locks.ts";

const [A, B] = [anId(1), anId(2)];
const SLOT: LimitAsk = { key: "k", concurrency: 1, intervalMs: 0, burst: 1, spacingMs: 0, each: undefined, knownMs: 0 };

test("a workflow's end gives back all it holds: locks, slots, its pause, reservations; and hands its locks over", () => {
  const run = new GuardRun();
  const { guard } = run;
  const targets = ["h1", "h2"].map((name) => ({ name, labels: {} }));
  const keys = [targetLock("h1")];
  run.move(takeLocks(guard, { workflow: A, target: "h1", keys, priority: 0 }, 1));
  run.move(takeLimits(guard, { workflow: A, task: 3, priority: 0, attempt: 1, limits: [SLOT] }, 2));
  run.move(beginPause(guard, A, 60_000, 3));
  run.move(reserveTargets(guard, { workflow: A, targets, uses: ["file"], principal: "ann" }, 4));
  run.move(touchTarget(guard, { workflow: A, target: "h1", uses: "file" }, 5));
  waitForLocks(guard, { workflow: B, target: "h1", keys, priority: 0 });
  waitForLimit(guard, "k", { workflow: A, priority: 0 });
  waitForLimit(guard, "k", { workflow: B, priority: 0 });
  expect(pauseEndsMs(guard, A)).toBe(60_003);
  expect(run.move(releaseHolder(guard, A, 6))).toEqual(["holderReleased", "lockTaken"]);
  expect([lockHolder(guard, targetLock("h1")), hasLimits(guard, { workflow: A, task: 3 }), pauseEndsMs(guard, A)]).toEqual([
    { workflow: B, target: "h1" },
    false,
    0,
  ]);
  expect(nextForLimit(guard, "k")).toBe(B);
  expect(ledgerTouched(guard, "1h", { kind: "all" }, 6).count).toBe(1);
  expect(ledgerTouched(guard, "1h", { kind: "all" }, 6 + 3_600_000).count).toBe(0);
  expect(releaseHolder(guard, A, 7)).toEqual([]);
  expect(guard.seq).toBe(7);
});

test("a journal from before targets and times were in the events replays to locks of targets", () => {
  const guard = emptyGuard();
  applyGuardEvent(guard, lockTaken("h1", A));
  applyGuardEvent(guard, lockTaken("target:h2", A));
  applyGuardEvent(guard, lockTaken("h3", A));
  applyGuardEvent(guard, create(GuardEventSchema, { kind: { case: "lockReleased", value: { key: "h3", holder: A } } }));
  expect(lockHolder(guard, targetLock("h1"))).toEqual({ workflow: A, target: "h1" });
  expect(lockHolder(guard, targetLock("h2"))).toEqual({ workflow: A, target: "h2" });
  expect(lockHolder(guard, targetLock("h3"))).toBeUndefined();
  applyGuardEvent(guard, create(GuardEventSchema, { kind: { case: "holderReleased", value: { holder: A } } }));
  expect(lockHolder(guard, targetLock("h1"))).toBeUndefined();
});

test("an event that says nothing, or one from the past, is a bug", () => {
  const guard = emptyGuard();
  applyGuardEvent(guard, guardEvent(10, { case: "holderReleased", value: { holder: A } }));
  expect(() => applyGuardEvent(guard, guardEvent(9, { case: "holderReleased", value: { holder: A } }))).toThrow(/never goes backward/);
  expect(() => applyGuardEvent(guard, create(GuardEventSchema, {}))).toThrow(/says what happened/);
});
