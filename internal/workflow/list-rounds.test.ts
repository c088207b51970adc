import { expect, test } from "vitest";
import { create } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { Drill } from "../../test/fakes/drill.ts";
import { CONTINUE_MS_MIN } from "../base/endless-limits.ts";
import { AgainSchema, AttemptOutcome, WorkflowOutcome } from "../gen/holdfast/v1/event_pb.ts";
import type { Again } from "../gen/holdfast/v1/event_pb.ts";
import { AttemptDetailSchema } from "../gen/holdfast/v1/status_pb.ts";
import { itemName } from "./list-plan.ts";
import { statusOf } from "./status.ts";
import { TaskState } from "./task-state.ts";
import { jsonToValue } from "./value-json.ts";

type Json = { readonly [key: string]: JsonValue };

/** A scan, and a stage over what it put out; then perhaps more. */
function aDrill(stage: Json = {}, rest: Json = {}): Drill {
  const stages = [
    { name: "scan", actions: [{ name: "find", uses: "probe" }] },
    {
      name: "each",
      over: { list: { items: "stage('scan').actions.find.output", max: 4 } },
      actions: [{ name: "do", uses: "set", with: { name: "x", value: "1" } }],
      ...stage,
    },
  ];
  const drill = new Drill({ targets: 0, definition: { name: "w", stages, ...rest } });
  drill.exec();
  return drill;
}

/** The scan puts these out. */
function find(drill: Drill, items: JsonValue): readonly string[] {
  const attempt = drill.state.tasks.attempts[0] ?? 0;
  const detail = create(AttemptDetailSchema, { task: 0, attempt, output: jsonToValue(items) });
  return drill.end(0, AttemptOutcome.UNCHANGED, { detail });
}

function again(kind: Again["kind"]): {
  readonly kind: "retry";
  readonly by: string;
  readonly reason: string;
  digest: string;
  again: Again;
} {
  return { kind: "retry", by: "ann", reason: "", digest: "", again: create(AgainSchema, { kind }) };
}

function items({ state }: Drill): readonly string[] | undefined {
  return state.blueprint.stages[1]?.list?.items?.map(itemName);
}

function runs(drill: Drill): readonly number[] {
  return [1, 2, 3, 4].map((task) => drill.state.tasks.runOf(task));
}

test("a round of one item runs it again, over the items that were frozen", () => {
  const drill = aDrill();
  find(drill, ["a", "b"]);
  drill.change(1);
  drill.change(2);
  expect(drill.take(again({ case: "task", value: 2 }))).toEqual([
    "workflowRetried",
    "stageStarted",
    "waveStarted",
    "attemptStarted each/do",
  ]);
  expect([items(drill), runs(drill)]).toEqual([
    ["a", "b"],
    [1, 2, 1, 1],
  ]);
  expect(drill.change(2)).toContain("workflowEnded");
});

test("a round of the earlier stage alone leaves the list as it was frozen", () => {
  const drill = aDrill();
  find(drill, ["a"]);
  drill.change(1);
  drill.take(again({ case: "stage", value: 0 }));
  expect(find(drill, ["b", "c"])).toContain("workflowEnded");
  expect(items(drill)).toEqual(["a"]);
});

test("a round of the whole, or of the stage itself, evaluates the list anew, and what was tried under a number begins another run", () => {
  const drill = aDrill({ rollout: { maxFailures: { count: 2 } } });
  find(drill, ["a", "b"]);
  drill.end(1, AttemptOutcome.FAILED, { isRetryable: false });
  drill.change(2);
  expect(drill.take(again({ case: "all", value: true }))).toEqual([
    "workflowRetried",
    "stageStarted",
    "waveStarted",
    "attemptStarted scan/find",
  ]);
  expect(items(drill)).toBeUndefined();
  expect(statusOf(drill.state).stages[1]).toMatchObject({ items: 0, waves: 0 });
  expect(find(drill, ["c", "d", "e"])).toContain("listExpanded");
  expect([items(drill), runs(drill)]).toEqual([
    ["c", "d", "e"],
    [2, 2, 1, 1],
  ]);
  expect([3, 4].map((task) => drill.state.tasks.get(task))).toEqual([TaskState.RUNNING, TaskState.ABSENT]);
  for (const task of [1, 2, 3]) drill.change(task);
  expect(drill.take(again({ case: "stage", value: 1 }))).toEqual([
    "workflowRetried",
    "listExpanded",
    "stageStarted",
    "waveStarted",
    "attemptStarted each/do",
    "attemptStarted each/do",
    "attemptStarted each/do",
  ]);
  expect(runs(drill)).toEqual([3, 3, 2, 1]);
});

test("a Retry goes on with the items that were frozen, in the same run", () => {
  const drill = aDrill();
  find(drill, ["a"]);
  drill.end(1, AttemptOutcome.FAILED, { isRetryable: false });
  expect(drill.take({ kind: "retry", by: "ann", reason: "", digest: "" })).not.toContain("listExpanded");
  expect([items(drill), runs(drill)]).toEqual([["a"], [1, 1, 1, 1]]);
});

test("a handler of the end of the workflow goes over a list that is evaluated anew, in another run", () => {
  const tell = { name: "tell", over: { list: { items: "stage('each').failed_targets", max: 2 } }, actions: [{ name: "say", uses: "set" }] };
  const drill = aDrill({}, { onFailure: [tell] });
  find(drill, ["a", "b"]);
  drill.end(1, AttemptOutcome.FAILED, { isRetryable: false });
  drill.end(2, AttemptOutcome.UNCHANGED);
  drill.end(5, AttemptOutcome.FAILED, { isRetryable: false });
  drill.take({ kind: "retry", by: "ann", reason: "", digest: "" });
  drill.end(1, AttemptOutcome.FAILED, { isRetryable: false });
  expect([drill.state.tasks.runOf(5), drill.state.tasks.get(6)]).toEqual([2, TaskState.ABSENT]);
});

test("each iteration of a stage goes through the same items; absent numbers stay absent", () => {
  const drill = aDrill({ repeat: { until: "stage('each').changed == 0", max: 2, every: "1s" } });
  find(drill, ["a", "b"]);
  drill.change(1);
  expect(drill.change(2)).toContain("stageRepeated");
  drill.nowMs += 1_000;
  expect(drill.follow()).toEqual(["waveStarted", "attemptStarted each/do", "attemptStarted each/do"]);
  expect([items(drill), runs(drill), drill.state.tasks.get(3)]).toEqual([["a", "b"], [2, 2, 1, 1], TaskState.ABSENT]);
  drill.end(1, AttemptOutcome.UNCHANGED);
  expect(drill.end(2, AttemptOutcome.UNCHANGED)).toContain("workflowEnded");
});

test("a Retry after the last iteration does the stage again as a whole; one after a refused list only evaluates it", () => {
  const retry = { kind: "retry", by: "ann", reason: "", digest: "" } as const;
  const drill = aDrill({ repeat: { until: "false", max: 1 } });
  find(drill, ["a"]);
  drill.change(1);
  expect(drill.state.life).toMatchObject({ kind: "ended", outcome: WorkflowOutcome.FAILED });
  expect(drill.take(retry)).toEqual(["workflowRetried", "listExpanded", "stageStarted", "waveStarted", "attemptStarted each/do"]);
  expect(runs(drill)).toEqual([2, 1, 1, 1]);
  const refused = aDrill({ repeat: { until: "true", max: 1 } });
  find(refused, [1]);
  expect(refused.take(retry)).toEqual(["workflowRetried", "listExpanded", "workflowEnded"]);
});

test("what no attempt of this generation was made of is at its first run, also where all of it is done again", () => {
  const drill = aDrill({}, { continueAsNew: { while: "true" } });
  drill.nowMs += CONTINUE_MS_MIN;
  find(drill, ["a"]);
  drill.change(1);
  expect(drill.state.generation.number).toBe(2);
  drill.end(0, AttemptOutcome.FAILED);
  drill.take(again({ case: "all", value: true }));
  find(drill, ["b"]);
  expect([items(drill), runs(drill)]).toEqual([["b"], [1, 1, 1, 1]]);
});
