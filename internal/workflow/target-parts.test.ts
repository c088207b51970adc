import { expect, test } from "vitest";
import type { JsonValue } from "@bufbuild/protobuf";
import { AttemptOutcome, Mode, Resolution } from "../gen/holdfast/v1/event_pb.ts";
import { Phase, StagePhase } from "../gen/holdfast/v1/status_pb.ts";
import { Drill } from "../../test/fakes/drill.ts";
import { phaseOf, statusOf } from "./status.ts";
import { TaskState } from "./task-state.ts";

const { UNCHANGED, FAILED, UNKNOWN } = AttemptOutcome;
const set = (name: string): JsonValue => ({ name, uses: "set" });
const HANDLED = { onSuccess: [set("good")], onFailure: [set("bad")], always: [set("last")] };
/** Columns: a 0, b 1, good 2, bad 3, last 4. */
const fix = (rollout: JsonValue): JsonValue => ({
  name: "test",
  targets: { where: "true" },
  stages: [{ name: "fix", over: { targets: true }, rollout, actions: [set("a"), set("b")], ...HANDLED }],
});
const final = { isRetryable: false };
const cancel = { kind: "cancel", by: "ann", reason: "" } as const;
const retry = { kind: "retry", by: "ann", reason: "", digest: "" } as const;

test("after a good end on_success and always run, after a failure on_failure and always", () => {
  const drill = new Drill({ targets: 2, definition: fix({ maxFailures: { count: 1 } }) });
  drill.exec();
  drill.end(0, UNCHANGED);
  expect(drill.end(1, UNCHANGED)).toEqual(["attemptEnded h0/b 1", "attemptStarted h0/good"]);
  expect(drill.end(2, UNCHANGED)).toEqual(["attemptEnded h0/good 1", "attemptStarted h0/last"]);
  drill.end(4, UNCHANGED);
  expect(drill.end(5, FAILED, final)).toEqual(["attemptEnded h1/a 3", "attemptStarted h1/bad"]);
  expect(drill.end(8, UNCHANGED)).toContain("attemptStarted h1/last");
  expect(drill.end(9, UNCHANGED)).toContain("stageEnded");
  expect(phaseOf(drill.state)).toBe(Phase.SUCCEEDED);
  expect(statusOf(drill.state).counts).toMatchObject({ unchanged: 6, failed: 1, skipped: 3 });
});

test("what handles an end and fails, fails its target; always runs all the same", () => {
  const drill = new Drill({ targets: 1, definition: fix({}) });
  drill.exec();
  drill.end(0, UNCHANGED);
  drill.end(1, UNCHANGED);
  expect(drill.end(2, FAILED, final)).toEqual(["attemptEnded h0/good 3", "attemptStarted h0/last"]);
  drill.end(4, UNCHANGED);
  expect(statusOf(drill.state)).toMatchObject({ phase: Phase.FAILED, targetsAtRisk: 1 });
  // Nothing else is run again by a Retry.
  expect(drill.take(retry)).toContain("attemptStarted h0/good");
  expect(drill.end(2, UNCHANGED)).toContain("workflowEnded");
  expect(phaseOf(drill.state)).toBe(Phase.SUCCEEDED);
});

test("past the budget no target is begun and none goes on, but what handles the end of those that had begun is done", () => {
  const drill = new Drill({ targets: 4, definition: fix({ parallel: 3 }) });
  drill.exec();
  drill.end(5, UNCHANGED);
  expect(drill.end(0, FAILED, final)).toEqual(["attemptEnded h0/a 3", "attemptStarted h0/bad"]);
  // h1 and h2 run on to the end of what they do; nothing of their main actions begins any more.
  expect(drill.startApply(10)).toEqual(["attemptEnded h2/a deferred 3", "attemptStarted h2/bad"]);
  expect(drill.end(6, UNCHANGED)).toEqual(["attemptEnded h1/b 1", "attemptStarted h1/good"]);
  expect(drill.startApply(7)).toEqual(["applyStarted h1/good"]);
  for (const task of [7, 3, 13, 4, 9]) drill.end(task, UNCHANGED);
  expect(drill.end(14, UNCHANGED)).toEqual(["attemptEnded h2/last 1", "stageEnded", "workflowEnded"]);
  expect(phaseOf(drill.state)).toBe(Phase.FAILED);
  expect(statusOf(drill.state).counts).toMatchObject({ waiting: 0 });
  const again = drill.take(retry);
  expect(again).toContain("attemptStarted h0/a");
  expect(again).not.toContain("attemptStarted h1/a");
});

test("what is unknown keeps what handles the end waiting, until a person says", () => {
  const drill = new Drill({ targets: 1, definition: fix({}) });
  drill.exec();
  drill.startApply(0);
  drill.end(0, UNKNOWN);
  expect(phaseOf(drill.state)).toBe(Phase.WAITING);
  const resolve = { kind: "resolveTask", by: "", task: 0, resolution: Resolution.FAILED, reason: "x" } as const;
  expect(drill.take(resolve)).toEqual(["taskResolved h0/a", "attemptStarted h0/bad"]);
});

test("a Retry of a main action brings what handles its end again, also what had succeeded", () => {
  const drill = new Drill({ targets: 1, definition: fix({}) });
  drill.exec();
  drill.end(0, FAILED, final);
  drill.end(3, UNCHANGED);
  drill.end(4, UNCHANGED);
  drill.take(retry);
  drill.end(0, UNCHANGED);
  expect(drill.end(1, UNCHANGED)).toContain("attemptStarted h0/good");
  expect(drill.end(2, UNCHANGED)).toContain("attemptStarted h0/last");
  expect(drill.state.tasks.attempts[4]).toBe(2);
});

test("a handler that fails again after a Retry does not change how the main actions had ended", () => {
  const stage = {
    name: "fix",
    over: { targets: true },
    undo: "STAGE_UNDO_WAVE",
    actions: [set("a")],
    onSuccess: [set("good"), set("better")],
  };
  const drill = new Drill({ targets: 1, definition: { name: "test", targets: { where: "true" }, stages: [stage] } });
  drill.exec();
  drill.end(0, UNCHANGED);
  drill.end(1, FAILED, final);
  drill.take(retry);
  drill.end(1, FAILED, final);
  expect(drill.take(retry)).toContain("attemptStarted h0/good");
  expect(drill.end(1, UNCHANGED)).toContain("attemptStarted h0/better");
});

test("a plan runs nothing that handles an end", () => {
  const drill = new Drill({ targets: 1, mode: Mode.PLAN, definition: fix({}) });
  drill.exec();
  drill.end(0, UNCHANGED);
  expect(drill.end(1, UNCHANGED)).toEqual(["attemptEnded h0/b 1", "waveEnded", "stageEnded", "workflowEnded"]);
});

const whole: JsonValue = {
  name: "test",
  stages: [
    { name: "one", actions: [set("a")] },
    { name: "two", actions: [set("a")] },
  ],
  onSuccess: [{ name: "good", actions: [set("a")] }],
  onFailure: [
    { name: "bad", actions: [set("a")] },
    { name: "worse", actions: [set("a")] },
  ],
  always: [{ name: "last", actions: [set("a")] }],
};

test("stages of the workflow's own parts run after the main ones, as those ended", () => {
  const drill = new Drill({ definition: whole });
  drill.exec();
  expect(drill.end(0, FAILED, final)).toContain("attemptStarted bad/a");
  // A failure among them is one of the workflow's; what is to be done always is done.
  expect(drill.end(3, FAILED, final)).toContain("attemptStarted last/a");
  drill.end(5, UNCHANGED);
  const { stages, phase } = statusOf(drill.state);
  expect(phase).toBe(Phase.FAILED);
  const { FAILED: BADLY, PENDING, SUCCEEDED } = StagePhase;
  expect(stages.map((stage) => stage.phase)).toEqual([BADLY, PENDING, PENDING, BADLY, PENDING, SUCCEEDED]);
  drill.take(retry);
  drill.end(0, UNCHANGED);
  expect(drill.end(1, UNCHANGED)).toContain("attemptStarted good/a");
  expect(drill.end(2, UNCHANGED)).toContain("attemptStarted last/a");
  expect(drill.end(5, UNCHANGED)).toContain("workflowEnded");
  expect(phaseOf(drill.state)).toBe(Phase.SUCCEEDED);
  expect(() => drill.take(retry)).toThrow("nothing to retry");
});

test("a failed handler makes a workflow fail whose main stages ended well; a cancelled workflow starts none", () => {
  const drill = new Drill({ definition: whole });
  drill.exec();
  drill.end(0, UNCHANGED);
  drill.end(1, UNCHANGED);
  drill.end(2, FAILED, final);
  drill.end(5, UNCHANGED);
  expect(statusOf(drill.state)).toMatchObject({ phase: Phase.FAILED, error: expect.stringContaining('stage "good"') });
  const cancelled = new Drill({ definition: whole });
  cancelled.exec();
  cancelled.take({ kind: "cancel", by: "ann", reason: "" });
  expect(cancelled.end(0, AttemptOutcome.CANCELLED)).toEqual(["attemptEnded one/a 6", "workflowEnded"]);
});

test("what handles an end and was kept from running by a cancel runs when the workflow is retried", () => {
  const drill = new Drill({ definition: whole });
  drill.exec();
  drill.end(0, UNCHANGED);
  drill.end(1, UNCHANGED);
  // It comes in the middle of on_success: what handles the other end stays skipped, and `always` means always.
  drill.take(cancel);
  drill.end(2, AttemptOutcome.CANCELLED);
  const { CANCELLED, SKIPPED } = TaskState;
  expect([2, 3, 4, 5].map((task) => drill.state.tasks.get(task))).toEqual([CANCELLED, SKIPPED, SKIPPED, CANCELLED]);
  expect(drill.take(retry)).toContain("attemptStarted good/a");
  expect(drill.end(2, UNCHANGED)).toContain("attemptStarted last/a");
});

test("a second cancel, before what handles an end has begun again, takes nothing of it away", () => {
  const drill = new Drill({ definition: whole });
  drill.exec();
  for (const task of [0, 1, 2]) drill.end(task, UNCHANGED);
  drill.take(cancel);
  drill.end(5, AttemptOutcome.CANCELLED);
  drill.isGated = true; // so that the stage does not begin in the turn of the Retry
  expect(drill.take(retry)).toEqual(["workflowRetried"]);
  expect(drill.take(cancel)).toContain("workflowEnded");
  drill.isGated = false;
  expect(drill.take(retry)).toContain("attemptStarted last/a");
});
