import { expect, test } from "vitest";
import { Chance } from "../../test/sim/chance.ts";
import { anId } from "../../test/fakes/journal-entries.ts";
import { GuardRun } from "../../test/fakes/guard-run.ts";
import type { WorkflowId } from "../base/ids.ts";
import type { GuardState } from "./guard.ts";
import { releaseHolder } from "./guard.ts";
import type { LockAsk } from "./locks.ts";
import {
  canTakeLocks,
  giveLocks,
  listLocks,
  lockHolder,
  locksOf,
  stageLock,
  stopAllWaiting,
  stopWaiting,
  takeLocks,
  targetLock,
  waitForLocks,
  waitingFor,
} from "./locks.ts";

const [A, B, C] = [anId(1), anId(2), anId(3)];

/** `h1` alone, or with locks of its stage: `h1+db`. */
function ask(workflow: WorkflowId, text: string, priority = 0): LockAsk {
  const [target = "", ...shared] = text.split("+");
  return { workflow, target, keys: [targetLock(target), ...shared.map((key) => stageLock(key))], priority };
}

function holderOf(guard: GuardState, key: string): WorkflowId | string | undefined {
  return lockHolder(guard, key)?.workflow;
}

test("a lock has one holder, and taking it twice is taking it once", () => {
  const run = new GuardRun();
  expect(run.move(takeLocks(run.guard, ask(A, "h1"), 1))).toEqual(["lockTaken"]);
  expect(takeLocks(run.guard, ask(A, "h1"), 1)).toEqual([]);
  expect(canTakeLocks(run.guard, ask(B, "h1"))).toBe(false);
  expect(() => takeLocks(run.guard, ask(B, "h1"), 1)).toThrow(/only when all of them can be/);
  expect(run.guard.seq).toBe(1);
});

test("a lock that is given back goes to the first who waits, in the same step", () => {
  const run = new GuardRun();
  run.move(takeLocks(run.guard, ask(A, "h1"), 1));
  for (const each of [B, C, B]) waitForLocks(run.guard, ask(each, "h1"));
  expect(waitingFor(run.guard, targetLock("h1"))).toEqual([B, C]);
  expect(canTakeLocks(run.guard, ask(C, "h1"))).toBe(false);
  expect(run.move(giveLocks(run.guard, ask(A, "h1"), 2))).toEqual(["lockReleased", "lockTaken"]);
  expect(holderOf(run.guard, targetLock("h1"))).toBe(B);
  run.move(giveLocks(run.guard, ask(B, "h1"), 3));
  expect(holderOf(run.guard, targetLock("h1"))).toBe(C);
  expect(run.guard.locks.queues.size + run.guard.locks.waiters.size).toBe(0);
});

test("the higher priority comes first among those who wait, and passes them", () => {
  const run = new GuardRun();
  run.move(takeLocks(run.guard, ask(A, "h1+db"), 1));
  waitForLocks(run.guard, ask(B, "h2+db"));
  expect(canTakeLocks(run.guard, ask(C, "h2"))).toBe(false);
  expect(canTakeLocks(run.guard, ask(C, "h2", 5))).toBe(true);
  waitForLocks(run.guard, ask(C, "h3+db", 5));
  run.move(giveLocks(run.guard, ask(A, "h1"), 2));
  expect(holderOf(run.guard, stageLock("db"))).toBe(C);
});

test("a target takes its own lock and its stage's together, or none of them", () => {
  const run = new GuardRun();
  run.move(takeLocks(run.guard, ask(A, "h1+db"), 1));
  expect(canTakeLocks(run.guard, ask(B, "h2+db+net"))).toBe(false);
  waitForLocks(run.guard, ask(B, "h2+db+net"));
  expect([holderOf(run.guard, targetLock("h2")), holderOf(run.guard, stageLock("net"))]).toEqual([undefined, undefined]);
  expect(run.move(giveLocks(run.guard, ask(A, "h1"), 2))).toEqual(["lockReleased", "lockReleased", "lockTaken", "lockTaken", "lockTaken"]);
  expect(locksOf(run.guard, { workflow: B, target: "h2" })).toEqual([targetLock("h2"), stageLock("db"), stageLock("net")]);
});

test("two targets of one workflow exclude each other under a stage's lock", () => {
  const run = new GuardRun();
  run.move(takeLocks(run.guard, ask(A, "h1+db"), 1));
  expect(canTakeLocks(run.guard, ask(A, "h2+db"))).toBe(false);
  waitForLocks(run.guard, ask(A, "h2+db"));
  run.move(giveLocks(run.guard, ask(A, "h1"), 2));
  expect(lockHolder(run.guard, stageLock("db"))).toEqual({ workflow: A, target: "h2" });
});

test("nobody passes who wants one of the same keys and came later", () => {
  const run = new GuardRun();
  run.move(takeLocks(run.guard, ask(A, "h1+db"), 1));
  waitForLocks(run.guard, ask(B, "h2+db+net"));
  expect(canTakeLocks(run.guard, ask(C, "h3+net"))).toBe(false);
  waitForLocks(run.guard, ask(C, "h3+net"));
  expect(run.move(stopWaiting(run.guard, B, "h2", 2))).toEqual(["lockTaken", "lockTaken"]);
  expect(holderOf(run.guard, stageLock("net"))).toBe(C);
});

test("a lock that is handed over passes nobody who came earlier for another of the same keys", () => {
  const run = new GuardRun();
  run.move(takeLocks(run.guard, ask(A, "h1+db"), 1));
  run.move(takeLocks(run.guard, ask(A, "h3"), 1));
  waitForLocks(run.guard, ask(B, "h2+db+net"));
  waitForLocks(run.guard, ask(C, "h3+net"));
  expect(run.move(giveLocks(run.guard, ask(A, "h3"), 2))).toEqual(["lockReleased"]);
  run.move(giveLocks(run.guard, ask(A, "h1"), 3));
  expect([holderOf(run.guard, stageLock("net")), holderOf(run.guard, targetLock("h3"))]).toEqual([B, undefined]);
  run.move(giveLocks(run.guard, ask(B, "h2"), 4));
  expect(holderOf(run.guard, targetLock("h3"))).toBe(C);
});

test("who waits no longer is not handed the lock, and giving back what one does not hold does nothing", () => {
  const run = new GuardRun();
  run.move(takeLocks(run.guard, ask(A, "h1"), 1));
  waitForLocks(run.guard, ask(B, "h1"));
  expect(stopAllWaiting(run.guard, B, 2)).toEqual([]);
  expect(giveLocks(run.guard, ask(B, "h1"), 2)).toEqual([]);
  expect(run.move(giveLocks(run.guard, ask(A, "h1"), 2))).toEqual(["lockReleased"]);
  expect(holderOf(run.guard, targetLock("h1"))).toBeUndefined();
});

test("who waits keeps to the same locks, and holds none meanwhile", () => {
  const run = new GuardRun();
  run.move(takeLocks(run.guard, ask(A, "h1+db"), 1));
  waitForLocks(run.guard, ask(B, "h2+db"));
  expect(() => waitForLocks(run.guard, ask(B, "h2"))).toThrow(/keeps to the same ones/);
  expect(() => waitForLocks(run.guard, ask(A, "h1+net"))).toThrow(/while it holds some/);
});

test("locks are listed by key with those who wait, also free ones, at most as many as asked", () => {
  const run = new GuardRun();
  for (const name of ["h3", "h1", "h2"]) run.move(takeLocks(run.guard, ask(A, name), 1));
  waitForLocks(run.guard, ask(B, "h1+db"));
  expect(listLocks(run.guard, "target:", 2)).toEqual({
    count: 3,
    locks: [
      { key: "target:h1", workflow: A, target: "h1", waiting: [B] },
      { key: "target:h2", workflow: A, target: "h2", waiting: [] },
    ],
  });
  expect(listLocks(run.guard, "lock:", 9).locks).toEqual([{ key: "lock:db", workflow: "", target: "", waiting: [B] }]);
});

test("a long line behind one lock goes one by one in its order, however many leave it", () => {
  const run = new GuardRun();
  run.move(takeLocks(run.guard, ask(A, "h0+db"), 1));
  const names = Array.from({ length: 20_000 }, (_, at) => `h${at + 1}`);
  for (const name of names) waitForLocks(run.guard, ask(B, `${name}+db`));
  for (const name of names) if (Number(name.slice(1)) % 10 !== 0) run.move(stopWaiting(run.guard, B, name, 2));
  run.move(giveLocks(run.guard, ask(A, "h0"), 3));
  for (let at = 10; at <= 20_000; at += 10) {
    expect(lockHolder(run.guard, stageLock("db"))?.target).toBe(`h${at}`);
    run.move(giveLocks(run.guard, ask(B, `h${at}`), 4));
  }
  expect([run.guard.locks.holders.size, run.guard.locks.queues.size]).toEqual([0, 0]);
});

const ASKS = ["h1", "h2", "h1+db", "h2+db", "h3+db+net", "h3+net"];

/** Nobody who waits could go: each is behind another for some key, or some key is held. */
function expectNobodyForgotten(guard: GuardState, waiting: ReadonlyMap<string, LockAsk>): void {
  for (const each of waiting.values()) expect(canTakeLocks(guard, each)).toBe(false);
}

test.each(Array.from({ length: 60 }, (_, at) => at + 1))(
  "whatever is asked in whatever order, no lock has two holders, nobody is forgotten, and a replay holds the same (seed %i)",
  (seed) => {
    const chance = new Chance(seed);
    const run = new GuardRun();
    const waiting = new Map<string, LockAsk>();
    const held = new Map<string, string>();
    const happen = (events: Parameters<GuardRun["move"]>[0]): void => {
      run.move(events);
      for (const { kind } of events) {
        if (kind.case === "lockTaken") {
          expect(held.has(kind.value.key)).toBe(false);
          held.set(kind.value.key, `${kind.value.holder} ${kind.value.target}`);
          waiting.delete(`${kind.value.holder} ${kind.value.target}`);
        } else if (kind.case === "lockReleased") held.delete(kind.value.key);
        else if (kind.case === "holderReleased") for (const [key, who] of held) if (who.startsWith(kind.value.holder)) held.delete(key);
      }
    };
    for (let step = 0; step < 300; step++) {
      const who = chance.pick([A, B, C]) ?? A;
      const each = ask(who, chance.pick(ASKS) ?? "h1", chance.int(0, 2));
      const name = `${who} ${each.target}`;
      const holds = locksOf(run.guard, each).length > 0;
      const act = chance.int(0, 99);
      if (act < 50 && !holds && !waiting.has(name)) {
        if (canTakeLocks(run.guard, each)) happen(takeLocks(run.guard, each, step + 1));
        else {
          waitForLocks(run.guard, each);
          waiting.set(name, each);
        }
      } else if (act < 80) happen(giveLocks(run.guard, each, step + 1));
      else if (act < 88) {
        waiting.delete(name);
        happen(stopWaiting(run.guard, who, each.target, step + 1));
      } else if (act < 93) {
        for (const key of waiting.keys()) if (key.startsWith(who)) waiting.delete(key);
        happen(releaseHolder(run.guard, who, step + 1));
      } else if (act < 95) {
        run.restart();
        for (const again of Array.from(waiting.values())) {
          if (canTakeLocks(run.guard, again)) happen(takeLocks(run.guard, again, step + 1));
          else waitForLocks(run.guard, again);
        }
      }
      expectNobodyForgotten(run.guard, waiting);
      expect(new Map([...run.guard.locks.holders].map(([key, holder]) => [key, `${holder.workflow} ${holder.target}`]))).toEqual(held);
    }
    expect(run.replayed().locks.holders).toEqual(run.guard.locks.holders);
    for (const id of [A, B, C, A, B, C]) happen(releaseHolder(run.guard, id, 1_000));
    const { locks } = run.guard;
    expect([locks.holders.size, locks.held.size, locks.queues.size, locks.waiters.size]).toEqual([0, 0, 0, 0]);
  },
);
