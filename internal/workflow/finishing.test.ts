import { expect, test } from "vitest";
import type { JsonValue } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { AgainSchema, AttemptOutcome, FinishDecidedSchema, WorkflowOutcome } from "../gen/holdfast/v1/event_pb.ts";
import { Phase } from "../gen/holdfast/v1/status_pb.ts";
import { Drill } from "../../test/fakes/drill.ts";
import { statusOf } from "./status.ts";
import { TaskState } from "./task-state.ts";
import { jsonToValue } from "./value-json.ts";

const { SUCCEEDED, FAILED } = WorkflowOutcome;

function aSet(name: string, parts: { readonly [key: string]: JsonValue } = {}): JsonValue {
  return { name, uses: "set", with: { name, value: "1" }, ...parts };
}

const STOP: { readonly [key: string]: JsonValue } = { name: "stop", uses: "finish", with: { outcome: "succeeded" } };

interface Parts {
  readonly targets?: number;
  readonly stage?: { readonly [key: string]: JsonValue };
  readonly actions?: JsonValue[];
  readonly rest?: { readonly [key: string]: JsonValue };
}

/** A stage over targets whose first action may finish the workflow, and one after it. */
function aDrill({ targets = 3, stage = {}, actions = [STOP, aSet("fix")], rest = {} }: Parts = {}): Drill {
  const first = { name: "look", over: { targets: true }, rollout: { parallel: 2 }, actions, ...stage };
  const drill = new Drill({
    targets,
    definition: { name: "w", targets: { where: "true" }, stages: [first, { name: "after", actions: [aSet("b")] }], ...rest },
  });
  drill.exec();
  return drill;
}

function finish(drill: Drill, task: number, outcome: typeof SUCCEEDED | typeof FAILED, output?: JsonValue): readonly string[] {
  const value = output === undefined ? {} : { output: jsonToValue(output) };
  const decided = create(FinishDecidedSchema, { task, outcome, message: "enough", ...value });
  const ended = outcome === SUCCEEDED ? AttemptOutcome.UNCHANGED : AttemptOutcome.FAILED;
  return drill.end(task, ended, { finish: decided, isRetryable: false });
}

function endOf({ state: { life } }: Drill): readonly [WorkflowOutcome, string] | undefined {
  return life.kind === "ended" ? [life.outcome, life.error] : undefined;
}

test("a finish as succeeded lets targets that have begun go to their end, and begins nothing else", () => {
  const drill = aDrill();
  expect(finish(drill, 0, SUCCEEDED)).toEqual(["attemptEnded h0/stop 1", "finishDecided h0/stop"]);
  expect(drill.state.tasks.get(1)).toBe(TaskState.SKIPPED_FINISH);
  expect(drill.end(2, AttemptOutcome.UNCHANGED)).toContain("attemptStarted h1/fix");
  expect(drill.change(3)).toEqual(["applyStarted h1/fix", "attemptEnded h1/fix 2", "waveEnded", "stageEnded", "workflowEnded"]);
  expect(endOf(drill)).toEqual([SUCCEEDED, ""]);
  expect([4, 5, 6].map((task) => drill.state.tasks.get(task))).toEqual(Array(3).fill(TaskState.SKIPPED_FINISH));
  const { stages, finish: shown } = statusOf(drill.state);
  expect(stages[1]?.note).toBe("finished early as succeeded by look/stop@h0: enough");
  expect(shown).toMatchObject({ stage: "look", action: "stop", target: "h0", outcome: SUCCEEDED, message: "enough" });
});

test("a finish as failed fails the workflow, within the stage's budget of failures too", () => {
  const drill = aDrill({ targets: 2, stage: { rollout: { parallel: 1, maxFailures: { count: 2 } } } });
  finish(drill, 0, FAILED);
  expect(endOf(drill)).toEqual([FAILED, "finished early as failed by look/stop@h0: enough"]);
});

test("what handles the end of targets and of the workflow runs after a finish, by its outcome", () => {
  const rest = {
    onSuccess: [{ name: "glad", actions: [aSet("g")] }],
    onFailure: [{ name: "sad", actions: [aSet("s")] }],
    always: [{ name: "tidy", actions: [aSet("t")] }],
  };
  const well = aDrill({ targets: 1, stage: { always: [aSet("close")] }, rest });
  expect(finish(well, 0, SUCCEEDED)).toContain("attemptStarted h0/close");
  expect(well.change(2)).toContain("attemptStarted glad/g");
  expect(well.change(4)).toContain("attemptStarted tidy/t");
  const badly = aDrill({ targets: 1, rest });
  expect(finish(badly, 0, FAILED)).toContain("attemptStarted sad/s");
});

test("its output is the workflow's result; without one the workflow's own is", () => {
  const drill = aDrill({ targets: 1, rest: { output: "stage('look').tasks" } });
  finish(drill, 0, SUCCEEDED, { found: 3 });
  expect(statusOf(drill.state).output).toEqual(jsonToValue({ found: 3 }));
  const other = aDrill({ targets: 1, rest: { output: "stage('look').tasks" } });
  finish(other, 0, SUCCEEDED);
  expect(statusOf(other.state).output).toEqual(jsonToValue(2));
});

test("the first finish decides; too many failures after it fail the workflow all the same", () => {
  const drill = aDrill({ targets: 2 });
  finish(drill, 0, SUCCEEDED, "first");
  expect(finish(drill, 2, SUCCEEDED, "second")).not.toContain("attemptStarted h1/fix");
  expect(statusOf(drill.state).output).toEqual(jsonToValue("first"));
  const failing = aDrill({ targets: 2 });
  finish(failing, 0, SUCCEEDED);
  failing.end(2, AttemptOutcome.FAILED, { isRetryable: false });
  expect(endOf(failing)?.[0]).toBe(FAILED);
});

test("what is unknown is settled by a person first, and a cancel is stronger", () => {
  const drill = aDrill({ targets: 2, actions: [STOP, aSet("fix")] });
  drill.end(2, AttemptOutcome.UNCHANGED);
  drill.startApply(3);
  drill.end(3, AttemptOutcome.UNKNOWN);
  finish(drill, 0, SUCCEEDED);
  expect(statusOf(drill.state).phase).toBe(Phase.WAITING);
  drill.take({ kind: "cancel", by: "ann", reason: "" });
  expect(endOf(drill)?.[0]).toBe(WorkflowOutcome.CANCELLED);
});

test("another action of the finishing target that has begun goes on, and its alternatives with it", () => {
  const tried: JsonValue = { name: "send", needs: { actions: [] }, try: [{ uses: "set" }, { uses: "set" }] };
  const drill = aDrill({ targets: 1, actions: [STOP, tried, aSet("rest", { needs: { actions: ["send"] } })] });
  finish(drill, 0, SUCCEEDED);
  expect(drill.end(1, AttemptOutcome.FAILED, { isRetryable: false })).toContain("attemptStarted h0/send.2");
  expect(drill.change(2)).toContain("workflowEnded");
  expect(drill.state.tasks.get(3)).toBe(TaskState.SKIPPED_FINISH);
});

test("a retry asks a finish again with what it skipped, where something is to be retried", () => {
  const retry = { kind: "retry", by: "ann", reason: "", digest: "" } as const;
  const well = aDrill({ targets: 1 });
  finish(well, 0, SUCCEEDED);
  expect(() => well.take(retry)).toThrow("nothing to retry");
  const badly = aDrill({ targets: 1 });
  finish(badly, 0, FAILED);
  expect(badly.take(retry)).toContain("attemptStarted h0/stop");
  expect(badly.end(0, AttemptOutcome.UNCHANGED)).toContain("attemptStarted h0/fix");
  expect(badly.change(1)).toContain("attemptStarted after/b");
  badly.change(2);
  expect(endOf(badly)).toEqual([SUCCEEDED, ""]);
  expect(statusOf(badly.state).finish).toBeUndefined();
});

test("a stage that finishes the workflow is not repeated, and whether it is done is not asked", () => {
  const drill = aDrill({ targets: 1, stage: { repeat: { until: "false", max: 3 } } });
  expect(finish(drill, 0, SUCCEEDED)).toEqual([
    "attemptEnded h0/stop 1",
    "finishDecided h0/stop",
    "waveEnded",
    "stageEnded",
    "workflowEnded",
  ]);
  expect(endOf(drill)).toEqual([SUCCEEDED, ""]);
});

test("an action of the finishing target that is repeated has begun, and goes on to its last iteration", () => {
  const ask: JsonValue = { name: "ask", uses: "set", needs: { actions: [] }, repeat: { until: "ask.attempts > 1", max: 3, every: "5s" } };
  const drill = aDrill({ targets: 1, actions: [STOP, ask, aSet("rest")] });
  drill.change(1);
  expect(finish(drill, 0, SUCCEEDED)).not.toContain("workflowEnded");
  drill.nowMs += 5_000;
  expect(drill.follow()).toEqual(["attemptStarted h0/ask"]);
  expect(drill.change(1)).toContain("workflowEnded");
  expect(drill.state.tasks.get(2)).toBe(TaskState.SKIPPED_FINISH);
});

test("a round that runs again what had succeeded asks a finish again, with all that it skipped", () => {
  const drill = aDrill({ targets: 2, stage: { rollout: { parallel: 1 } } });
  finish(drill, 0, SUCCEEDED);
  const again = create(AgainSchema, { kind: { case: "task", value: 0 } });
  expect(drill.take({ kind: "retry", by: "ann", reason: "", digest: "", again })).toContain("attemptStarted h0/stop");
  expect([drill.state.tasks.runOf(0), drill.state.tasks.runOf(1)]).toEqual([2, 1]);
  drill.end(0, AttemptOutcome.UNCHANGED);
  expect(drill.change(1)).toContain("attemptStarted h1/stop");
});

test("only main actions of main stages finish a workflow, and once", () => {
  expect(() => aDrill({ actions: [aSet("a"), { ...STOP, repeat: { until: "true", max: 2 } }] })).toThrow("it takes no repeat");
  expect(() => aDrill({ stage: { always: [STOP] } })).toThrow("what handles an end does not finish the workflow");
  expect(() => aDrill({ rest: { always: [{ name: "tidy", actions: [STOP] }] } })).toThrow("what handles an end does not finish");
  expect(() => aDrill({ actions: [{ name: "send", try: [{ uses: "finish" }] }] })).toThrow("an alternative does not finish the workflow");
  expect(() => aDrill({ actions: [aSet("fix", { undo: { uses: "finish" } })] })).toThrow("what is taken back does not finish");
});
