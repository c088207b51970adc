import { expect, test } from "vitest";
import type { JsonValue } from "@bufbuild/protobuf";
import { AttemptOutcome, WorkflowOutcome } from "../gen/holdfast/v1/event_pb.ts";
import { Drill } from "../../test/fakes/drill.ts";
import { nextDueMs } from "./dispatch.ts";

const SET: JsonValue = { name: "apply", uses: "set", with: { name: "a", value: "1" } };
const [UNKNOWN, CANCELLED] = [AttemptOutcome.UNKNOWN, AttemptOutcome.CANCELLED];

function aDrill(parts: { readonly workflow?: string; readonly stage?: string; readonly actions?: JsonValue[] }): Drill {
  const { workflow, stage, actions = [SET] } = parts;
  const stages = [{ name: "fix", over: { targets: true }, actions, ...(stage === undefined ? {} : { deadline: stage }) }];
  const rest = workflow === undefined ? {} : { deadline: workflow };
  const drill = new Drill({
    targets: 2,
    definition: { name: "w", targets: { where: "true" }, stages: [...stages, { name: "after", actions: [SET] }], ...rest },
  });
  drill.exec();
  return drill;
}

function outcome(drill: Drill): readonly [WorkflowOutcome, string] | undefined {
  const { life } = drill.state;
  return life.kind === "ended" ? [life.outcome, life.error.replace(/;.*/s, "")] : undefined;
}

test("a stage's deadline fails it when what runs has ended, and names itself", () => {
  const drill = aDrill({ stage: "60s" });
  expect(nextDueMs(drill.state)).toBe(drill.nowMs + 60_000);
  drill.nowMs += 60_000;
  expect(drill.follow()).toEqual(["deadlinePassed"]);
  expect(drill.state.stageRun?.isOverdue).toBe(true);
  drill.end(0, CANCELLED);
  expect(drill.end(1, CANCELLED)).toContain("stageEnded");
  expect(outcome(drill)).toEqual([WorkflowOutcome.FAILED, 'the deadline of stage "fix" has passed, 1m after its start']);
});

test("the workflow's deadline counts from Exec over all stages, and goes on in a pause", () => {
  const drill = aDrill({ workflow: "3600s" });
  drill.change(0);
  drill.take({ kind: "pause", by: "ann", reason: "" });
  drill.change(1);
  drill.nowMs += 3_600_000;
  expect(drill.follow()).toEqual(["deadlinePassed", "stageEnded", "workflowEnded"]);
  expect(outcome(drill)).toEqual([WorkflowOutcome.FAILED, "the workflow's deadline has passed, 1h after it was executed or retried"]);
});

test("what is unknown when a deadline passes is settled by a person first", () => {
  const drill = aDrill({ stage: "60s" });
  drill.startApply(0);
  drill.change(1);
  drill.nowMs += 60_000;
  drill.follow();
  expect(drill.end(0, UNKNOWN)).not.toContain("stageEnded");
});

test("what fails after its deadline is not tried again", () => {
  const drill = aDrill({
    stage: "60s",
    actions: [{ name: "apply", uses: "set", with: { name: "a", value: "1" }, retry: { attempts: 3 } }],
  });
  drill.nowMs += 60_000;
  drill.follow();
  drill.end(0, AttemptOutcome.FAILED);
  expect(drill.state.backoff.size).toBe(0);
});

test("past its deadline no further target is begun while what handles the end of others is still done", () => {
  const always: JsonValue[] = [{ name: "tidy", uses: "set", with: { name: "b", value: "1" } }];
  const rollout = { parallel: 2, maxFailures: { count: 3 } };
  const stage = { name: "fix", over: { targets: true }, deadline: "60s", rollout, actions: [SET], always };
  const drill = new Drill({ targets: 3, definition: { name: "w", targets: { where: "true" }, stages: [stage] } });
  drill.exec();
  drill.nowMs += 60_000;
  drill.follow();
  expect(drill.end(0, CANCELLED)).toEqual(["attemptEnded h0/apply 3", "attemptStarted h0/tidy"]);
  expect(drill.change(1)).toEqual(["applyStarted h0/tidy", "attemptEnded h0/tidy 2"]);
  expect(drill.end(2, CANCELLED)).toEqual(["attemptEnded h1/apply 3", "attemptStarted h1/tidy"]);
  expect(drill.change(3)).toEqual(["applyStarted h1/tidy", "attemptEnded h1/tidy 2", "stageEnded", "workflowEnded"]);
});

test("a retry gives as much time again", () => {
  const drill = aDrill({ workflow: "60s" });
  drill.nowMs += 60_000;
  drill.follow();
  drill.end(0, CANCELLED);
  drill.end(1, CANCELLED);
  drill.nowMs += 5_000;
  drill.take({ kind: "retry", by: "ann", reason: "", digest: "" });
  expect(drill.state.overdue).toBeUndefined();
  expect(nextDueMs(drill.state)).toBe(drill.nowMs + 60_000);
});
