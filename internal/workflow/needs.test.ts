import { expect, test } from "vitest";
import type { JsonValue } from "@bufbuild/protobuf";
import { AttemptOutcome } from "../gen/holdfast/v1/event_pb.ts";
import { Phase, StagePhase } from "../gen/holdfast/v1/status_pb.ts";
import { Drill } from "../../test/fakes/drill.ts";
import type { NeedAnswer } from "./needs.ts";
import { needAnswer, stageNeedAnswer } from "./needs.ts";
import { phaseOf, statusOf } from "./status.ts";
import { TaskState } from "./task-state.ts";

/** Every state of what is needed: the answer within the stage, when it has `continue_on_error`, and of a stage that is over. */
const TABLE: Readonly<Record<keyof typeof TaskState, readonly [plain: NeedAnswer, continued: NeedAnswer, over: NeedAnswer]>> = {
  PENDING: ["wait", "wait", "skip"],
  READY: ["wait", "wait", "skip"],
  RUNNING: ["wait", "wait", "skip"],
  BACKOFF: ["wait", "wait", "skip"],
  DEFERRED: ["wait", "wait", "skip"],
  UNCHANGED: ["go", "go", "go"],
  CHANGED: ["go", "go", "go"],
  FAILED: ["skip", "go", "skip"],
  UNREACHABLE: ["skip", "go", "skip"],
  UNKNOWN: ["wait", "wait", "skip"],
  SKIPPED: ["go", "go", "go"],
  SKIPPED_AFTER: ["skip", "skip", "skip"],
  SKIPPED_FINISH: ["skip", "skip", "skip"],
  ABSENT: ["go", "go", "go"],
  CANCELLED: ["skip", "skip", "skip"],
};

test.each(Object.entries(TaskState))("the table of needs: after %s", (name, state) => {
  const [plain, continued, over] = TABLE[name as keyof typeof TaskState];
  expect(needAnswer(state, { isContinued: false, isOver: false })).toBe(plain);
  expect(needAnswer(state, { isContinued: true, isOver: false })).toBe(continued);
  expect(needAnswer(state, { isContinued: false, isOver: true })).toBe(over);
  expect(needAnswer(state, { isContinued: true, isOver: true })).toBe(continued === "wait" ? "skip" : continued);
});

test("the table of needs between stages", () => {
  const results = ["pending", "running", "succeeded", "failed", "skipped"] as const;
  expect(results.map((result) => stageNeedAnswer(result, false))).toEqual(["wait", "wait", "go", "skip", "skip"]);
  expect(results.map((result) => stageNeedAnswer(result, true))).toEqual(["wait", "wait", "go", "go", "skip"]);
});

const OVER = { over: { targets: true }, rollout: { maxFailures: { count: 9 } } };
const set = (name: string, rest: { [key: string]: JsonValue } = {}): JsonValue => ({ name, uses: "set", ...rest });
const needs = (...actions: string[]): { [key: string]: JsonValue } => ({ needs: { actions } });
const workflow = (...stages: JsonValue[]): JsonValue => ({ name: "test", targets: { where: "true" }, stages });

test("a need across stages is asked on the same target, and what it keeps from starting is skipped with what needs that", () => {
  const drill = new Drill({
    targets: 2,
    definition: workflow(
      { name: "a", ...OVER, actions: [set("x")] },
      { name: "b", ...OVER, actions: [set("y", needs("a.x")), set("z"), set("free", needs())] },
    ),
  });
  drill.exec();
  drill.end(0, AttemptOutcome.FAILED, { isRetryable: false });
  const events = drill.end(1, AttemptOutcome.UNCHANGED);
  expect(events).toContain("taskSkipped h0/y");
  expect(events).toContain("taskSkipped h0/z");
  expect(events).toContain("attemptStarted h0/free");
  expect(events).toContain("attemptStarted h1/y");
  for (const task of [4, 5, 7]) drill.end(task, AttemptOutcome.UNCHANGED);
  drill.end(6, AttemptOutcome.UNCHANGED);
  expect(phaseOf(drill.state)).toBe(Phase.SUCCEEDED);
  // A Retry of what failed brings what needs it as well.
  const again = drill.take({ kind: "retry", by: "ann", reason: "", digest: "" });
  expect(again).toContain("attemptStarted h0/x");
  expect(drill.end(0, AttemptOutcome.UNCHANGED)).toContain("attemptStarted h0/y");
});

test("a stage that runs once needs all targets of the earlier stage; a stage over targets needs the one task of a stage that ran once", () => {
  const definition = workflow(
    { name: "once", actions: [set("o", { continueOnError: true })] },
    { name: "all", ...OVER, actions: [set("x", needs("once.o"))] },
    { name: "then", actions: [set("t", needs("all.x")), set("other", needs())] },
  );
  const run = (last: AttemptOutcome): readonly string[] => {
    const drill = new Drill({ targets: 2, definition });
    drill.exec();
    expect(drill.end(0, AttemptOutcome.FAILED, { isRetryable: false })).toContain("attemptStarted h1/x");
    drill.end(1, AttemptOutcome.UNCHANGED);
    return drill.end(2, last, { isRetryable: false });
  };
  expect(run(AttemptOutcome.UNCHANGED)).toContain("attemptStarted then/t");
  expect(run(AttemptOutcome.FAILED)).toContain("taskSkipped then/t");
  expect(run(AttemptOutcome.FAILED)).toContain("attemptStarted then/other");
});

test("a failure with continue_on_error is kept and shown, and neither fails the target nor puts it at risk", () => {
  const drill = new Drill({
    targets: 1,
    definition: workflow({ name: "a", over: { targets: true }, actions: [set("x", { continueOnError: true }), set("y")] }),
  });
  drill.exec();
  drill.startApply(0);
  expect(drill.end(0, AttemptOutcome.FAILED, { isRetryable: false })).toContain("attemptStarted h0/y");
  drill.end(1, AttemptOutcome.UNCHANGED);
  expect(phaseOf(drill.state)).toBe(Phase.SUCCEEDED);
  expect(statusOf(drill.state)).toMatchObject({ targetsAtRisk: 0, counts: { failed: 1, unchanged: 1 } });
  // What is unknown is held all the same.
  const other = new Drill({
    targets: 1,
    definition: workflow({ name: "a", over: { targets: true }, actions: [set("x", { continueOnError: true }), set("y")] }),
  });
  other.exec();
  other.startApply(0);
  other.end(0, AttemptOutcome.UNKNOWN);
  expect(phaseOf(other.state)).toBe(Phase.WAITING);
});

test("a stage with continue_on_error that failed lets the workflow go on and succeed; one that needs a failed stage is skipped and says why", () => {
  const stage = (name: string, rest: { [key: string]: JsonValue } = {}): JsonValue => ({ name, actions: [set("x")], ...rest });
  const drill = new Drill({
    definition: workflow(
      stage("a", { continueOnError: true }),
      stage("b"),
      stage("c", { needs: { stages: ["a", "b"] } }),
      stage("d"),
      stage("e", { needs: {} }),
      { name: "done" },
    ),
  });
  drill.exec();
  expect(drill.end(0, AttemptOutcome.FAILED, { isRetryable: false })).toContain("attemptStarted b/x");
  expect(drill.end(1, AttemptOutcome.FAILED, { isRetryable: false })).toEqual([
    "attemptEnded b/x 3",
    "stageEnded",
    "stageSkipped",
    "stageStarted",
    "waveStarted",
    "attemptStarted e/x",
  ]);
  drill.end(4, AttemptOutcome.UNCHANGED);
  const { stages, phase, error } = statusOf(drill.state);
  expect(stages.map((each) => each.phase)).toEqual([
    StagePhase.FAILED,
    StagePhase.FAILED,
    StagePhase.SKIPPED,
    StagePhase.PENDING,
    StagePhase.SUCCEEDED,
    StagePhase.PENDING,
  ]);
  expect(stages[2]?.note).toBe('it needs stage "b", which failed');
  expect(phase).toBe(Phase.FAILED);
  expect(error).toContain('stage "b"');
  // A Retry takes the stages up again where they failed, and e stays as it is.
  expect(drill.take({ kind: "retry", by: "ann", reason: "", digest: "" })).toContain("attemptStarted a/x");
  for (const task of [0, 1, 2]) drill.end(task, AttemptOutcome.UNCHANGED);
  expect(drill.end(3, AttemptOutcome.UNCHANGED)).toEqual([
    "attemptEnded d/x 1",
    "waveEnded",
    "stageEnded",
    "stageStarted",
    "stageEnded",
    "workflowEnded",
  ]);
  expect(phaseOf(drill.state)).toBe(Phase.SUCCEEDED);
});
