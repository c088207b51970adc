import { expect, test } from "vitest";
import type { JsonValue } from "@bufbuild/protobuf";
import { AttemptOutcome, Mode, Resolution } from "../gen/holdfast/v1/event_pb.ts";
import { HoldKind, Phase } from "../gen/holdfast/v1/status_pb.ts";
import { Drill } from "../../test/fakes/drill.ts";
import { nextDueMs, nextStep } from "./dispatch.ts";
import { workflowHolds } from "./holds.ts";
import { phaseOf, statusOf } from "./status.ts";

type Json = { [key: string]: JsonValue };
const SET: Json = { name: "apply", uses: "set" };
const fix = (rollout: Json, actions: Json[] = [SET], rest: Json = {}): JsonValue => ({
  name: "test",
  targets: { where: "true" },
  stages: [{ name: "fix", over: { targets: true }, rollout, actions }],
  ...rest,
});

test("the next step changes nothing: asked twice it says the same", () => {
  const drill = new Drill({ definition: fix({}, [SET, { name: "b", uses: "set", needs: {} }]) });
  drill.exec();
  const before = statusOf(drill.state);
  nextStep(drill.state, drill.facts);
  expect(statusOf(drill.state)).toEqual(before);
});

test("parallel bounds the targets in flight, not their tasks", () => {
  const drill = new Drill({ definition: fix({ parallel: 2 }, [SET, { name: "b", uses: "set", needs: {} }]) });
  expect(drill.exec().slice(3)).toEqual([
    "attemptStarted h0/apply",
    "attemptStarted h0/b",
    "attemptStarted h1/apply",
    "attemptStarted h1/b",
  ]);
  drill.end(0, AttemptOutcome.UNCHANGED);
  expect(drill.end(1, AttemptOutcome.UNCHANGED)).toContain("attemptStarted h2/apply");
});

test("a wave starts when every target of the one before has ended and the pause is over, to the millisecond", () => {
  const drill = new Drill({ targets: 2, definition: fix({ waves: [{ count: 1 }], pause: "10s" }) });
  drill.exec();
  drill.change(0);
  expect(drill.state.stageRun?.resumeAtMs).toBe(drill.nowMs + 10_000);
  expect(workflowHolds(drill.state)[0]?.kind).toBe(HoldKind.WAVE);
  drill.nowMs += 9_999;
  expect(drill.follow()).toEqual([]);
  drill.nowMs += 1;
  expect(drill.follow()).toEqual(["waveStarted", "attemptStarted h1/apply"]);
});

test("while failed and unknown targets are more than max_failures no new target is begun, and one that was resolved goes on", () => {
  const drill = new Drill({ targets: 4, definition: fix({ parallel: 2, maxFailures: { count: 1 } }, [SET, { name: "b", uses: "set" }]) });
  drill.exec();
  for (const task of [0, 2]) {
    drill.startApply(task);
    drill.end(task, AttemptOutcome.UNKNOWN);
  }
  expect(drill.state.tasks.totalCounts()).toMatchObject({ unknown: 2, running: 1 });
  drill.end(4, AttemptOutcome.UNCHANGED);
  drill.end(5, AttemptOutcome.UNCHANGED);
  expect(phaseOf(drill.state)).toBe(Phase.WAITING);
  expect(drill.hold(3)?.kind).toBe(HoldKind.UNKNOWN);
  expect(drill.take({ kind: "resolveTask", by: "", task: 0, resolution: Resolution.SUCCEEDED, reason: "x" })).toContain(
    "attemptStarted h0/b",
  );
});

test("a resolved target goes on although others are still unknown beyond max_failures", () => {
  const drill = new Drill({ targets: 2, definition: fix({ parallel: 2 }, [SET, { name: "b", uses: "set" }]) });
  drill.exec();
  for (const task of [0, 2]) {
    drill.startApply(task);
    drill.end(task, AttemptOutcome.UNKNOWN);
  }
  expect(drill.take({ kind: "resolveTask", by: "", task: 0, resolution: Resolution.SUCCEEDED, reason: "x" })).toEqual([
    "taskResolved h0/apply",
    "attemptStarted h0/b",
  ]);
});

test("the workflow does not end while a task is unknown, and is WAITING only when nothing else moves", () => {
  const drill = new Drill({ targets: 2, definition: fix({ maxFailures: { count: 2 } }) });
  drill.exec();
  drill.startApply(0);
  drill.end(0, AttemptOutcome.UNKNOWN);
  expect(phaseOf(drill.state)).toBe(Phase.RUNNING);
  expect(drill.change(1)).not.toContain("waveEnded");
  expect(phaseOf(drill.state)).toBe(Phase.WAITING);
});

test("waiting for another workflow's lock is not WAITING: its holder will give it back", () => {
  const drill = new Drill({ targets: 1 });
  drill.lockedTargets.add("h0");
  drill.exec();
  drill.startApply(0);
  expect(phaseOf(drill.state)).toBe(Phase.RUNNING);
  expect(workflowHolds(drill.state)[0]).toMatchObject({ kind: HoldKind.LOCK, names: ["h0"] });
});

test("`when` is asked at the start of a task; false skips it, an error fails it before any attempt", () => {
  const actions: Json[] = [
    { ...SET, when: "target.name != 'h1'" },
    { name: "b", uses: "set", when: "apply.outcome == 'SKIPPED'" },
    { name: "c", uses: "set", when: "apply.output.x == 1" },
  ];
  const drill = new Drill({ targets: 2, definition: fix({ maxFailures: { count: 2 } }, actions) });
  expect(drill.exec()).toContain("taskSkipped h1/apply");
  expect(drill.state.tasks.attempts[4]).toBe(1);
  drill.end(0, AttemptOutcome.UNCHANGED);
  expect(drill.end(4, AttemptOutcome.UNCHANGED)).toEqual([
    `attemptEnded h1/b ${AttemptOutcome.UNCHANGED}`,
    "taskRefused h1/c",
    "waveEnded",
    "stageEnded",
    "workflowEnded",
  ]);
  expect(drill.state.tasks.totalCounts()).toMatchObject({ failed: 2, skipped: 2 });
});

test("needs make a graph: what needs two waits for both, what needs nothing starts at once, what failed stops the rest", () => {
  const set = (name: string, needs: string[]): Json => ({ name, uses: "set", needs: { actions: needs } });
  const drill = new Drill({ targets: 1, definition: fix({}, [set("left", []), set("right", []), set("join", ["left", "right"])]) });
  expect(drill.exec().slice(3)).toEqual(["attemptStarted h0/left", "attemptStarted h0/right"]);
  expect(drill.end(0, AttemptOutcome.UNCHANGED)).toHaveLength(1);
  expect(drill.end(1, AttemptOutcome.FAILED)).toContain("workflowEnded");
  expect(drill.state.tasks.totalCounts()).toMatchObject({ unchanged: 1, failed: 1, skipped: 1 });
});

test("a retried task waits for its back-off and keeps its target in flight", () => {
  const drill = new Drill({ targets: 2, definition: fix({ parallel: 1 }, [{ ...SET, retry: { attempts: 2, delay: "3s" } }]) });
  drill.exec();
  drill.end(0, AttemptOutcome.FAILED);
  expect(nextDueMs(drill.state)).toBe(4_000);
  expect(drill.hold(0)?.kind).toBe(HoldKind.RETRY);
  expect(drill.hold(1)?.kind).toBe(HoldKind.PARALLEL);
  drill.nowMs = 4_000;
  expect(drill.follow()).toEqual(["attemptStarted h0/apply"]);
});

test("stages run strictly in order, once stages among them; a stage past its budget is the last", () => {
  const definition: JsonValue = {
    name: "test",
    targets: { where: "true" },
    stages: [
      { name: "one", actions: [SET] },
      { name: "two", over: { targets: true }, actions: [SET] },
      { name: "three", actions: [SET] },
    ],
  };
  const drill = new Drill({ targets: 1, definition });
  expect(drill.exec().at(-1)).toBe("attemptStarted one/apply");
  expect(drill.change(0)).toContain("attemptStarted h0/apply");
  expect(drill.end(1, AttemptOutcome.FAILED).slice(1)).toEqual(["stageEnded", "workflowEnded"]);
  expect(statusOf(drill.state).error).toMatch(/stage "two": 1 of 1 targets failed/);
});

test("the result is evaluated at the end; one that cannot be makes the workflow FAILED", () => {
  const good = new Drill({ targets: 1, definition: fix({}, [SET], { output: "{'n': stage('fix').changed}" }) });
  good.exec();
  good.change(0);
  expect(statusOf(good.state).output?.kind.value).toMatchObject({ fields: { n: { kind: { value: 1 } } } });
  const bad = new Drill({ targets: 1, definition: fix({}, [SET], { output: "stage('fix').nothing" }) });
  bad.exec();
  bad.change(0);
  expect(phaseOf(bad.state)).toBe(Phase.FAILED);
  expect(statusOf(bad.state).error).toMatch(/output/);
});

test.each(["0.0 / 0.0", "1.0 / 0.0"])("a result that JSON cannot say, %s, fails the workflow and not the service", (output) => {
  const drill = new Drill({ targets: 1, definition: fix({}, [SET], { output }) });
  drill.exec();
  drill.change(0);
  expect(phaseOf(drill.state)).toBe(Phase.FAILED);
});

test("a plan knows no waves and no budgets, and skips what it cannot know", () => {
  const actions: Json[] = [SET, { name: "b", uses: "set", when: "apply.output.x == 1" }];
  const drill = new Drill({ mode: Mode.PLAN, definition: fix({ waves: [{ count: 1 }], pause: "60s", maxAtRisk: { count: 0 } }, actions) });
  drill.exec();
  expect(drill.state.running.size).toBe(3);
  drill.end(0, AttemptOutcome.FAILED);
  expect(drill.end(2, AttemptOutcome.CHANGED)).toContain("taskSkipped h1/b");
  drill.end(4, AttemptOutcome.UNCHANGED);
  expect(phaseOf(drill.state)).toBe(Phase.SUCCEEDED);
});

test("stage('x').failed_targets is scanned once for each change of the failures, however many tasks ask", () => {
  const stages: Json[] = [
    { name: "one", over: { targets: true }, rollout: { maxFailures: { count: 9 } }, actions: [SET] },
    { name: "two", over: { targets: true }, actions: [{ ...SET, when: "!(target.name in stage('one').failed_targets)" }] },
  ];
  const drill = new Drill({ definition: { name: "test", targets: { where: "true" }, stages } });
  drill.exec();
  drill.end(0, AttemptOutcome.FAILED);
  drill.change(1);
  expect(drill.change(2)).toContain("taskSkipped h0/apply");
  expect(drill.state.failedTargets.get(0)).toEqual({ version: 1, names: ["h0"] });
});
