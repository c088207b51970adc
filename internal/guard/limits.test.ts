import { expect, test } from "vitest";
import { anId } from "../../test/fakes/journal-entries.ts";
import { GuardRun } from "../../test/fakes/guard-run.ts";
import { askOf } from "../../test/fakes/limit-oracle.ts";
import type { Terms } from "../../test/fakes/limit-oracle.ts";
import type { WorkflowId } from "../base/ids.ts";
import { SPACED_START_KEPT_MS } from "../base/limits.ts";
import { releaseHolder } from "./guard.ts";
import { renewLimits } from "./limit-renewal.ts";
import {
  listLimits,
  nextForLimit,
  returnLimits,
  roomFor,
  stopWaitingForLimits,
  takeLimits,
  takerOf,
  waitForLimit,
  wakenForLimits,
} from "./limits.ts";
import type { Room } from "./limits.ts";

const [A, B, C] = [anId(1), anId(2), anId(3)];
const SLOTS: Terms = { key: "slots", concurrency: 2 };
const SITE: Terms = { key: "site", tokens: 1, periodMs: 3_600_000, isEach: true };
const HOUR = 3_600_000;

/** Takes the limit when there is room; returns what there was. */
function take(run: GuardRun, who: WorkflowId, task: number, nowMs: number, terms: Terms = SLOTS, value = ""): Room {
  const ask = { workflow: who, task, priority: 0, attempt: 1, limits: [askOf(terms, value)] };
  const room = roomFor(run.guard, ask, nowMs);
  if (room.kind === "room") run.move(takeLimits(run.guard, ask, nowMs));
  return room;
}

function giveBack(run: GuardRun, who: WorkflowId, task: number, nowMs: number, isUnused = false): void {
  expect(run.move(returnLimits(run.guard, { workflow: who, task, isUnused }, nowMs))).toEqual(["limitsReturned"]);
}

test("slots are held until they are returned, over restarts, and not one too many is given", () => {
  const run = new GuardRun();
  take(run, A, 0, 1);
  take(run, B, 0, 1);
  run.restart();
  expect(take(run, C, 0, 9 * HOUR)).toEqual({ kind: "blocked", key: "slots", untilMs: undefined });
  giveBack(run, A, 0, 9 * HOUR);
  expect(take(run, C, 0, 9 * HOUR).kind).toBe("room");
  expect(returnLimits(run.guard, { workflow: A, task: 0, isUnused: false }, 9 * HOUR)).toEqual([]);
});

test("a task takes all its limits or none, and takes them once", () => {
  const run = new GuardRun();
  const limits = [askOf(SLOTS, ""), askOf(SITE, "ams")];
  expect(run.move(takeLimits(run.guard, { workflow: A, task: 0, priority: 0, attempt: 1, limits }, 1))).toEqual(["limitsTaken"]);
  const other = { workflow: A, task: 1, priority: 0, attempt: 1, limits: [askOf(SLOTS, ""), askOf(SITE, "fra")] };
  expect(roomFor(run.guard, other, 2)).toEqual({ kind: "blocked", key: "site", untilMs: HOUR + 1 });
  expect(() => takeLimits(run.guard, other, 2)).toThrow(/where there is room/);
  expect(() => takeLimits(run.guard, { ...other, task: 0, limits: [askOf(SLOTS, "")] }, 2)).toThrow(/once/);
  expect(takeLimits(run.guard, { ...other, limits: [] }, 2)).toEqual([]);
});

test("one new site an hour: its machines go on, the next site waits for the hour, over a restart too", () => {
  const run = new GuardRun();
  for (let machine = 0; machine < 50; machine++) expect(take(run, A, machine, 1 + machine, SITE, "ams").kind).toBe("room");
  expect(take(run, A, 50, HOUR, SITE, "fra")).toMatchObject({ kind: "blocked", untilMs: HOUR + 1 });
  run.restart();
  expect(take(run, B, 0, HOUR, SITE, "fra").kind).toBe("blocked");
  expect(take(run, B, 0, HOUR + 1, SITE, "fra").kind).toBe("room");
});

test("who waits for a new site does not hold up the machines of the one that is under way", () => {
  const run = new GuardRun();
  take(run, A, 0, 1, SITE, "ams");
  expect(take(run, B, 0, 2, SITE, "fra").kind).toBe("blocked");
  waitForLimit(run.guard, "site", { workflow: B, priority: 0 });
  expect(take(run, A, 1, 3, SITE, "ams").kind).toBe("room");
  expect(take(run, A, 2, 2 * HOUR, SITE, "lon")).toEqual({ kind: "blocked", key: "site", untilMs: undefined });
});

test("a start that found nothing to do leaves what was there before it", () => {
  const run = new GuardRun();
  take(run, A, 0, 1, SITE, "ams");
  giveBack(run, A, 0, 2, true);
  expect(take(run, B, 0, 3, SITE, "fra").kind).toBe("room");
});

test("a token that others have gone by is given back with the last of them, when none found anything to do", () => {
  const run = new GuardRun();
  take(run, A, 0, 1, SITE, "ams");
  take(run, A, 1, 2, SITE, "ams");
  giveBack(run, A, 0, 3, true);
  expect(take(run, B, 0, 4, SITE, "fra").kind).toBe("blocked");
  giveBack(run, A, 1, 5, true);
  expect(listLimits(run.guard, "", { max: 9, nowMs: 5 }).limits).toMatchObject([{ nextAtMs: undefined, each: [] }]);
  expect(take(run, B, 0, 6, SITE, "fra").kind).toBe("room");
});

test("a token of a value stays spent when others took since, and the value is known from when it was taken", () => {
  const run = new GuardRun();
  const two = { ...SITE, burst: 2 };
  take(run, A, 0, 1, two, "ams");
  take(run, B, 0, 2, two, "fra");
  giveBack(run, A, 0, 3, true);
  expect(take(run, C, 0, HOUR, two, "ams").kind).toBe("room");
  giveBack(run, C, 0, HOUR, true);
  expect(take(run, C, 0, HOUR, two, "lon").kind).toBe("blocked");
});

/** Renews what a task holds; returns the kinds of the events. */
function renew(run: GuardRun, who: WorkflowId, task: number, nowMs: number): readonly string[] {
  return run.move(renewLimits(run.guard, { workflow: who, task }, nowMs));
}

test("limits that are renewed count from then on, once for all tasks of a value, and nobody loses what it holds", () => {
  const run = new GuardRun();
  for (const task of [0, 1, 2]) take(run, A, task, 1 + task, SITE, "ams");
  const kinds = ["limitsReturned", "limitsReturned", "limitsReturned", "limitsTaken", "limitsTaken", "limitsTaken"];
  expect([renew(run, A, 1, HOUR), renew(run, A, 0, HOUR), renew(run, A, 2, HOUR)]).toEqual([kinds, [], []]);
  run.restart();
  expect(take(run, B, 0, HOUR + 1, SITE, "fra")).toMatchObject({ kind: "blocked", untilMs: 2 * HOUR });
  for (const task of [0, 1, 2]) giveBack(run, A, task, HOUR + 2, true);
  expect(take(run, B, 0, HOUR + 3, SITE, "fra").kind).toBe("room");
});

test("limits that are renewed keep their slots, though tasks of looser terms took more beside them than their own terms allow", () => {
  const run = new GuardRun();
  const strict: Terms = { ...SITE, concurrency: 2 };
  const loose: Terms = { ...strict, concurrency: 3 };
  take(run, A, 0, 1, strict, "ams");
  for (const task of [0, 1]) expect(take(run, B, task, 2, loose, "ams").kind).toBe("room");
  expect(renew(run, A, 0, HOUR)).toHaveLength(6);
  expect(listLimits(run.guard, "", { max: 9, nowMs: HOUR }).limits).toMatchObject([{ slots: 3 }]);
  for (const terms of [strict, loose]) expect(take(run, C, 0, HOUR, terms, "ams").kind).toBe("blocked");
});

test("nothing is renewed where others took since, for slots alone, and for a value that was used", () => {
  const run = new GuardRun();
  take(run, A, 0, 1);
  take(run, A, 1, 1, SITE, "ams");
  take(run, B, 0, HOUR + 1, SITE, "fra");
  take(run, B, 1, HOUR + 2, SITE, "fra");
  expect([renew(run, A, 0, 2 * HOUR), renew(run, A, 1, 2 * HOUR), renew(run, C, 0, 2 * HOUR)]).toEqual([[], [], []]);
  giveBack(run, B, 1, 2 * HOUR);
  expect(renew(run, B, 0, 2 * HOUR)).toEqual([]);
});

test("a token that another start has used stays spent, though that start has ended", () => {
  const run = new GuardRun();
  take(run, A, 0, 1, SITE, "ams");
  take(run, A, 1, 2, SITE, "ams");
  giveBack(run, A, 1, 3);
  giveBack(run, A, 0, 4, true);
  expect(take(run, B, 0, 5, SITE, "fra")).toMatchObject({ kind: "blocked", untilMs: HOUR + 1 });
});

test("an edited limit is in force from the next start on, over slots that were taken before", () => {
  const run = new GuardRun();
  for (const task of [0, 1]) take(run, A, task, 1);
  expect(take(run, A, 2, 1, { ...SLOTS, concurrency: 3 }).kind).toBe("room");
  expect(take(run, A, 3, 1, { ...SLOTS, concurrency: 1 }).kind).toBe("blocked");
  for (const task of [0, 1]) giveBack(run, A, task, 2);
  expect(take(run, A, 3, 2, { ...SLOTS, concurrency: 1 }).kind).toBe("blocked");
});

test("those who wait go by priority, then in the order in which they came; who was served goes to the back", () => {
  const run = new GuardRun();
  for (const task of [0, 1]) take(run, A, task, 1);
  for (const workflow of [A, B]) waitForLimit(run.guard, "slots", { workflow, priority: 0 });
  waitForLimit(run.guard, "slots", { workflow: C, priority: 1 });
  giveBack(run, A, 0, 2);
  expect(wakenForLimits(run.guard)).toEqual([{ workflow: C, key: "slots" }]);
  expect([take(run, A, 2, 2).kind, take(run, C, 0, 2).kind]).toEqual(["blocked", "room"]);
  expect(wakenForLimits(run.guard)).toEqual([{ workflow: A, key: "slots" }]);
  giveBack(run, C, 0, 3);
  take(run, A, 2, 3);
  waitForLimit(run.guard, "slots", { workflow: A, priority: 0 });
  expect(nextForLimit(run.guard, "slots")).toBe(B);
  giveBack(run, A, 2, 4);
  expect([take(run, A, 3, 4).kind, take(run, B, 0, 4).kind]).toEqual(["blocked", "room"]);
});

test("who goes from one line to another unserved keeps the place of its first arrival", () => {
  const run = new GuardRun();
  waitForLimit(run.guard, "slots", { workflow: A, priority: 0 });
  waitForLimit(run.guard, "other", { workflow: B, priority: 0 });
  stopWaitingForLimits(run.guard, A, new Set(["other"]));
  waitForLimit(run.guard, "other", { workflow: A, priority: 0 });
  expect(nextForLimit(run.guard, "other")).toBe(A);
});

test("who leaves a line lets the next one go, also at its end", () => {
  const run = new GuardRun();
  for (const task of [0, 1]) take(run, A, task, 1);
  for (const workflow of [A, B, C]) waitForLimit(run.guard, "slots", { workflow, priority: 0 });
  expect(stopWaitingForLimits(run.guard, A, new Set(["slots"]))).toEqual([]);
  expect(stopWaitingForLimits(run.guard, A)).toEqual(["slots"]);
  expect(wakenForLimits(run.guard)).toEqual([{ workflow: B, key: "slots" }]);
  expect(wakenForLimits(run.guard)).toEqual([]);
  stopWaitingForLimits(run.guard, B);
  run.move(releaseHolder(run.guard, A, 2));
  expect(wakenForLimits(run.guard)).toEqual([{ workflow: C, key: "slots" }]);
  expect([releaseHolder(run.guard, C, 3), nextForLimit(run.guard, "slots")]).toEqual([[], undefined]);
});

test("all who wait for a value are told when it becomes known, for they need no token any more", () => {
  const run = new GuardRun();
  take(run, A, 0, 1, SITE, "ams");
  for (const workflow of [B, C]) waitForLimit(run.guard, "site", { workflow, priority: 0 });
  wakenForLimits(run.guard);
  const ask = { workflow: A, task: 1, priority: 9, attempt: 1, limits: [askOf(SITE, "fra")] };
  run.move(takeLimits(run.guard, ask, HOUR + 1));
  expect(wakenForLimits(run.guard)).toEqual([
    { workflow: B, key: "site" },
    { workflow: C, key: "site" },
  ]);
  expect(take(run, C, 0, HOUR + 2, SITE, "fra").kind).toBe("room");
});

test("limits are shown with slots, the next token, known values and those who wait", () => {
  const run = new GuardRun();
  take(run, A, 0, 1);
  take(run, A, 1, 1, SITE, "ams");
  waitForLimit(run.guard, "other", { workflow: B, priority: 0 });
  expect(listLimits(run.guard, "", { max: 2, nowMs: 2 })).toEqual({
    count: 3,
    limits: [
      { key: "other", slots: 0, nextAtMs: undefined, each: [], waiting: [B] },
      { key: "site", slots: 0, nextAtMs: HOUR + 1, each: ["ams"], waiting: [] },
    ],
  });
});

test("what says nothing any more is dropped: keys and values, however many there were", () => {
  const run = new GuardRun();
  const many: Terms = { key: "many", tokens: 1_000, periodMs: 1_000, burst: 1_000, isEach: true };
  for (let at = 0; at < 30_000; at++) {
    const nowMs = 1 + at * 40_000; // a start that keeps a distance is remembered for an hour
    const limits = [askOf({ ...SLOTS, key: `slots/${at}`, spacingMs: 50 }, ""), askOf(many, `site ${at}`)];
    run.move(takeLimits(run.guard, { workflow: A, task: 0, priority: 0, attempt: 1, limits }, nowMs));
    run.move(returnLimits(run.guard, { workflow: A, task: 0, isUnused: at % 3 === 0 }, nowMs + 1));
    const { keys, due } = run.guard.limits;
    expect(keys.size + due.length + (keys.get("many")?.each.size ?? 0)).toBeLessThan(400);
  }
  const endMs = 30_000 * 40_000 + SPACED_START_KEPT_MS;
  take(run, B, 0, endMs, { ...SLOTS, key: "first" });
  giveBack(run, B, 0, endMs + 1);
  take(run, B, 0, endMs + 100, { ...SLOTS, key: "last" });
  expect([...run.guard.limits.keys.keys()]).toEqual(["last"]);
});

test("a start is remembered for a version that asks for a greater distance", () => {
  const run = new GuardRun();
  take(run, A, 0, 1_000, { ...SLOTS, key: "k", spacingMs: 2_000 });
  giveBack(run, A, 0, 1_001);
  take(run, A, 1, 8_000, { ...SLOTS, key: "other" });
  const room = roomFor(
    run.guard,
    { workflow: B, task: 0, priority: 0, limits: [askOf({ ...SLOTS, key: "k", spacingMs: 9_000 }, "")] },
    9_000,
  );
  expect(room).toMatchObject({ kind: "blocked", untilMs: 10_000 });
});

test("which attempt took what a task holds is known until it is returned, over restarts and renewals; of older journals it is not", () => {
  const run = new GuardRun();
  const at = { workflow: A, task: 0 };
  const limits = [askOf({ key: "tokens", tokens: 1, periodMs: HOUR }, "")];
  run.move(takeLimits(run.guard, { ...at, priority: 0, attempt: 3, limits }, 1));
  run.restart();
  expect(takerOf(run.guard, at)).toBe(3);
  run.move(renewLimits(run.guard, at, 2));
  run.restart();
  expect(takerOf(run.guard, at)).toBe(3);
  run.move(returnLimits(run.guard, { ...at, isUnused: true }, 3));
  expect(takerOf(run.guard, at)).toBeUndefined();
  run.move(takeLimits(run.guard, { ...at, priority: 0, attempt: 0, limits }, 4));
  expect(takerOf(run.guard, at)).toBeUndefined();
});
