import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import type { JsonValue } from "@bufbuild/protobuf";
import { AttemptOutcome, AwaitedSchema, DeferReason, Mode } from "../gen/holdfast/v1/event_pb.ts";
import { HoldKind, Phase } from "../gen/holdfast/v1/status_pb.ts";
import { Drill } from "../../test/fakes/drill.ts";
import { hasStalled } from "./stall.ts";
import { phaseOf, statusOf } from "./status.ts";

const { CHANGED, UNCHANGED, FAILED, UNKNOWN } = AttemptOutcome;
const final = { isRetryable: false };
const retry = { kind: "retry", by: "ann", reason: "", digest: "" } as const;
type Json = { [key: string]: JsonValue };
const set = (name: string, rest: Json = {}): Json => ({ name, uses: "set", ...rest });
const UNDO = { undo: { uses: "set" } };
/** Tasks of a target: a 0, b 1, check 2, a.undo 3, b.undo 4. */
const upgrade = (rollout: Json, rest: Json = {}): JsonValue => ({
  name: "test",
  targets: { where: "true" },
  stages: [{ name: "up", over: { targets: true }, rollout, actions: [set("a", UNDO), set("b", UNDO), set("check")], ...rest }],
});

test("what changed on a target that failed is taken back, the last first; undone well it is not at risk", () => {
  const drill = new Drill({ targets: 1, definition: upgrade({}) });
  drill.exec();
  drill.change(0);
  drill.change(1);
  expect(statusOf(drill.state).targetsAtRisk).toBe(1);
  expect(drill.end(2, FAILED, final)).toEqual(["attemptEnded h0/check 3", "attemptStarted h0/b.undo"]);
  expect(drill.change(4)).toContain("attemptStarted h0/a.undo");
  expect(drill.change(3)).toContain("workflowEnded");
  expect(statusOf(drill.state)).toMatchObject({ phase: Phase.FAILED, targetsAtRisk: 0, counts: { changed: 4, failed: 1 } });
  // A Retry does what was undone again.
  expect(drill.take(retry)).toContain("attemptStarted h0/a");
  drill.change(0);
  drill.change(1);
  drill.end(2, UNCHANGED);
  expect(statusOf(drill.state)).toMatchObject({ phase: Phase.SUCCEEDED, targetsAtRisk: 0, counts: { skipped: 2 } });
});

test("a Retry does again what was to be undone with its wave and was not, and undoes nothing of a target that goes on", () => {
  const definition = upgrade({ parallel: 2 }, { undo: "STAGE_UNDO_WAVE", actions: [set("a", UNDO), set("check")] });
  const drill = new Drill({ targets: 2, definition });
  drill.exec();
  drill.change(0);
  drill.change(3);
  drill.end(4, UNCHANGED);
  drill.end(1, FAILED, final);
  drill.change(2);
  expect(drill.end(5, FAILED, final)).toContain("workflowEnded");
  expect(drill.take(retry)).toEqual(expect.arrayContaining(["attemptStarted h0/a", "attemptStarted h1/a"]));
  for (const task of [0, 3]) drill.end(task, UNCHANGED);
  for (const task of [1, 4]) drill.end(task, UNCHANGED);
  expect(phaseOf(drill.state)).toBe(Phase.SUCCEEDED);
  expect(drill.state.tasks.attempts[5]).toBe(1);
});

test("a Retry asks again what had succeeded after what was undone, and not what came before it", () => {
  const actions = [set("before"), set("a", UNDO), set("check"), set("last")];
  const drill = new Drill({ targets: 1, definition: upgrade({}, { actions }) });
  drill.exec();
  for (const task of [0, 1, 2]) drill.change(task);
  drill.end(3, FAILED, final);
  drill.change(4);
  expect(drill.take(retry)).toContain("attemptStarted h0/a");
  expect(drill.change(1)).toContain("attemptStarted h0/check");
  drill.end(2, UNCHANGED);
  drill.end(3, UNCHANGED);
  expect(phaseOf(drill.state)).toBe(Phase.SUCCEEDED);
  expect([...drill.state.tasks.attempts]).toEqual([1, 2, 2, 2, 1]);
});

test("the order in which actions are taken back holds also past one that has nothing to take back", () => {
  const actions = [
    set("a", UNDO),
    set("b", UNDO),
    set("alone", { ...UNDO, needs: { actions: [] } }),
    set("check", { needs: { actions: ["b", "alone"] } }),
  ];
  const drill = new Drill({ targets: 1, definition: upgrade({}, { actions }) });
  drill.exec();
  drill.change(0);
  drill.end(2, UNCHANGED);
  drill.change(1);
  expect(drill.end(3, FAILED, final)).toEqual(["attemptEnded h0/check 3", "attemptStarted h0/b.undo"]);
  expect(drill.change(5)).toContain("attemptStarted h0/a.undo");
});

test("what was unchanged is not undone, what failed after it had begun is; one undo that fails ends the others, and the target stays at risk", () => {
  const drill = new Drill({ targets: 2, definition: upgrade({ parallel: 1, maxFailures: { count: 1 } }) });
  drill.exec();
  drill.end(0, UNCHANGED);
  drill.startApply(1);
  expect(drill.end(1, FAILED, final)).toEqual(["attemptEnded h0/b 3", "attemptStarted h0/b.undo"]);
  drill.end(4, UNCHANGED);
  expect(statusOf(drill.state)).toMatchObject({ targetsAtRisk: 0, counts: { skipped: 2 } });
  drill.change(5);
  drill.change(6);
  drill.end(7, FAILED, final);
  expect(drill.end(9, FAILED, final)).toContain("workflowEnded");
  expect(statusOf(drill.state)).toMatchObject({ phase: Phase.FAILED, targetsAtRisk: 1 });
});

test("past the budget of a wave all of it is undone: what had ended, what was under way, what failed; other waves are left", () => {
  const waves = { waves: [{ count: 1 }, { count: 4 }], parallel: 2 };
  const drill = new Drill({ targets: 5, definition: upgrade(waves, { undo: "STAGE_UNDO_WAVE" }) });
  drill.exec();
  const upgraded = (ordinal: number): void => {
    drill.change(ordinal * 5);
    drill.change(ordinal * 5 + 1);
  };
  upgraded(0);
  drill.end(2, UNCHANGED);
  upgraded(1);
  drill.end(7, UNCHANGED);
  upgraded(2);
  drill.change(15);
  drill.startApply(16);
  expect(drill.end(12, FAILED, final)).toEqual(["attemptEnded h2/check 3", "attemptStarted h2/b.undo"]);
  // h3 was under way: what runs comes to its end, and is undone; h1 had ended, and is opened again; h4 is never begun.
  expect(drill.end(16, CHANGED)).toContain("attemptStarted h3/b.undo");
  drill.change(14);
  expect(drill.change(13)).toContain("attemptStarted h1/b.undo");
  for (const task of [19, 18]) drill.change(task);
  drill.change(9);
  expect(drill.change(8)).toEqual(["applyStarted h1/a.undo", "attemptEnded h1/a.undo 2", "stageEnded", "workflowEnded"]);
  expect(statusOf(drill.state)).toMatchObject({ phase: Phase.FAILED, targetsAtRisk: 0 });
  expect(drill.state.tasks.attempts.slice(3, 5)).toEqual(new Uint16Array([0, 0]));
  const again = drill.take(retry);
  expect(again).toContain("attemptStarted h1/a");
  expect(again).not.toContain("attemptStarted h0/a");
});

test("a plan whose deadline passes takes nothing back", () => {
  const drill = new Drill({
    targets: 2,
    mode: Mode.PLAN,
    definition: upgrade({ parallel: 1 }, { undo: "STAGE_UNDO_WAVE", deadline: "60s" }),
  });
  drill.exec();
  for (const task of [0, 1, 2]) drill.end(task, CHANGED);
  drill.nowMs += 60_000;
  drill.follow();
  expect(drill.end(5, CHANGED)).toEqual(["attemptEnded h1/a 2", "stageEnded", "workflowEnded"]);
});

test("undoing a wave never puts more targets at risk than max_at_risk: it waits for a person where there is no room", () => {
  const drill = new Drill({ targets: 2, definition: upgrade({ parallel: 1, maxAtRisk: { count: 1 } }, { undo: "STAGE_UNDO_WAVE" }) });
  drill.exec();
  drill.change(0);
  drill.change(1);
  drill.end(2, UNCHANGED);
  drill.change(5);
  drill.end(6, FAILED, final);
  drill.end(8, FAILED, final);
  expect(statusOf(drill.state)).toMatchObject({ phase: Phase.WAITING, targetsAtRisk: 1 });
  expect(drill.hold(0)).toMatchObject({ kind: HoldKind.AT_RISK, message: expect.stringContaining("waits for room") });
});

test("what handles an end waits while its target is undone with its wave, and what is for a good end is not run on", () => {
  const actions = [set("a", UNDO)];
  const handlers = {
    onSuccess: [set("good", { retry: { attempts: 2 } }), set("better")],
    always: [set("last", { retry: { attempts: 2 } })],
  };
  const definition = upgrade({ parallel: 4, maxFailures: { count: 1 } }, { actions, undo: "STAGE_UNDO_WAVE", ...handlers });
  /** Tasks of a target: a 0, a.undo 1, good 2, better 3, last 4. */
  const drill = new Drill({ targets: 4, definition });
  drill.exec();
  // h0 is in its on_success; h1 in what is always done, twice; h2 has failed; h3 fails, and with that the wave.
  drill.change(0);
  drill.change(5);
  drill.end(7, UNCHANGED);
  drill.end(8, UNCHANGED);
  drill.startApply(9);
  drill.end(10, FAILED, final);
  drill.end(14, FAILED, final);
  expect(drill.end(15, FAILED, final)).toEqual(["attemptEnded h3/a 3", "attemptStarted h3/last"]);
  // What runs already comes to its end first: nothing of a target is undone beside it.
  expect(drill.end(9, FAILED)).toEqual(["attemptEnded h1/last 3", "attemptStarted h1/a.undo"]);
  expect(drill.startApply(2)).toEqual(["attemptEnded h0/good deferred 3", "attemptStarted h0/a.undo"]);
  expect(drill.change(1)).toContain("attemptStarted h0/last");
  expect(drill.change(6)).toContain("attemptStarted h1/last");
  expect(drill.state.tasks.attempts.slice(2, 4)).toEqual(new Uint16Array([0, 0]));
});

test("a wave is not undone beside what handles an end and runs; what only awaits is not waited for, and a `repeat` goes on after the undo", () => {
  const always = [{ name: "again", uses: "probe", repeat: { until: "false", max: 9 } }];
  const definition = upgrade(
    { parallel: 4, maxFailures: { count: 1 } },
    {
      actions: [set("a", UNDO)],
      undo: "STAGE_UNDO_WAVE",
      onSuccess: [{ name: "soak", uses: "wait", with: { for: "1d" }, when: "target.name != 'h1'" }],
      always,
    },
  );
  /** Tasks of a target: a 0, a.undo 1, soak 2, again 3. */
  const drill = new Drill({ targets: 4, definition });
  drill.exec();
  // h0 awaits the end of a day, h1 is in the middle of its second iteration; h2 has failed; h3 fails, and with that the wave.
  drill.change(0);
  const awaited = create(AwaitedSchema, { kind: { case: "moment", value: { atMs: 86_400_000n } } });
  expect(drill.end(2, UNCHANGED, { awaited })).toEqual(["attemptAwaits h0/soak"]);
  drill.change(4);
  expect(drill.end(7, UNCHANGED)).toEqual(["attemptEnded h1/again 1", "attemptStarted h1/again"]);
  drill.end(8, FAILED, final);
  drill.end(11, UNCHANGED);
  expect(drill.end(12, FAILED, final)).toEqual(["attemptEnded h3/a 3", "attemptStarted h3/again", "attemptStarted h0/a.undo"]);
  expect(drill.end(7, UNCHANGED)).toEqual(["attemptEnded h1/again 1", "attemptStarted h1/a.undo"]);
  expect(drill.change(5)).toContain("attemptStarted h1/again");
});

test("of what handles an end and waits for the undo, attempts are counted on, and its bounds anew: it cannot help the undo", () => {
  const last = set("last", { retry: { attempts: 3, delay: "1s" }, totalTimeout: "60s", scheduleTimeout: "70s" });
  const rest = { actions: [set("a", UNDO)], undo: "STAGE_UNDO_WAVE", always: [last] };
  /** Tasks of a target: a 0, a.undo 1, last 2. */
  const drill = new Drill({ targets: 2, definition: upgrade({ parallel: 4 }, rest) });
  drill.exec();
  drill.change(0);
  drill.end(2, FAILED);
  expect(drill.end(3, FAILED, final)).toEqual(["attemptEnded h1/a 3", "attemptStarted h1/last", "attemptStarted h0/a.undo"]);
  drill.nowMs += 100_000;
  expect(drill.change(1)).toContain("attemptStarted h0/last");
  drill.end(2, FAILED);
  drill.nowMs += 1_000;
  expect(drill.follow()).toEqual(["attemptStarted h0/last"]);
  drill.nowMs += 60_000;
  expect(drill.end(2, FAILED)).toEqual(["attemptEnded h0/last 3"]);
  expect(drill.state.tasks.attempts[2]).toBe(3);
});

test("a deadline that passes between two waves undoes none: the one before it has ended, the next has not begun", () => {
  const rest = { undo: "STAGE_UNDO_WAVE", deadline: "60s", actions: [set("a", UNDO)] };
  const drill = new Drill({ targets: 2, definition: upgrade({ waves: [{ count: 1 }], pause: "120s" }, rest) });
  drill.exec();
  expect(drill.change(0)).toContain("waveEnded");
  drill.nowMs += 60_000;
  expect(drill.follow()).toEqual(["deadlinePassed", "stageEnded", "workflowEnded"]);
});

test("what is undone with its wave and waits for a limit does not wait for a person", () => {
  const rest = { undo: "STAGE_UNDO_WAVE", actions: [set("a", UNDO), set("b")] };
  const drill = new Drill({ targets: 2, definition: upgrade({ parallel: 1 }, rest) });
  drill.exec();
  drill.change(0);
  drill.change(1);
  drill.change(3);
  expect(drill.end(4, FAILED, final)).toContain("attemptStarted h1/a.undo");
  drill.take({ kind: "pause", by: "ann", reason: "" });
  drill.change(5);
  drill.state.entrance.park(2, { key: "limit:x", kind: HoldKind.LIMIT, message: "", isShared: true });
  expect(hasStalled(drill.state)).toBe(false);
});

test("a Retry does not do again what was to be undone and never was begun to be, and undoes it when the wave fails once more", () => {
  const rest = { undo: "STAGE_UNDO_WAVE", locks: ["one"], actions: [set("a", UNDO), set("check")] };
  const drill = new Drill({ targets: 2, definition: upgrade({ parallel: 1 }, rest) });
  drill.exec();
  drill.change(0);
  drill.end(1, UNCHANGED);
  drill.change(3);
  expect(drill.end(4, FAILED, final)).toContain("attemptStarted h1/a.undo");
  drill.startApply(5);
  expect(drill.end(5, UNKNOWN)).toContain("attemptStarted h0/a.undo");
  drill.lockedTargets.add("h0"); // by h1, which is unknown
  expect(drill.startApply(2)).toEqual([`attemptEnded h0/a.undo deferred ${DeferReason.LOCK}`]);
  const again = drill.take(retry);
  expect(again).toContain("attemptStarted h1/a");
  expect(again).not.toContain("attemptStarted h0/a");
  expect(statusOf(drill.state).counts).toMatchObject({ changed: 1, unchanged: 1, skipped: 1 });
  drill.lockedTargets.clear();
  drill.change(3);
  expect(drill.end(4, FAILED, final)).toContain("attemptStarted h1/a.undo");
  expect(drill.change(5)).toContain("attemptStarted h0/a.undo");
  expect(drill.change(2)).toContain("workflowEnded");
});

test("a Retry does again what a freeze found half undone", () => {
  const drill = new Drill({ targets: 1, definition: upgrade({}) });
  drill.exec();
  drill.change(0);
  drill.end(1, FAILED, final);
  expect(drill.state.running.has(3)).toBe(true);
  drill.startApply(3);
  drill.take({ kind: "cancel", by: "ann", reason: "" });
  expect(drill.end(3, AttemptOutcome.DEFERRED, { deferredFor: DeferReason.FROZEN })).toContain("workflowEnded");
  expect(drill.take(retry)).toContain("attemptStarted h0/a");
});

test("a Retry does again what was taken back with its wave, also where nothing but the time was wrong", () => {
  const rest = { undo: "STAGE_UNDO_WAVE", deadline: "60s", actions: [set("a", UNDO)] };
  const drill = new Drill({ targets: 1, definition: upgrade({}, rest) });
  drill.exec();
  drill.startApply(0);
  drill.nowMs += 60_000;
  drill.follow();
  expect(drill.end(0, CHANGED)).toContain("attemptStarted h0/a.undo");
  expect(drill.change(1)).toContain("workflowEnded");
  expect(drill.take(retry)).toContain("attemptStarted h0/a");
  drill.end(0, UNCHANGED);
  expect(phaseOf(drill.state)).toBe(Phase.SUCCEEDED);
});
