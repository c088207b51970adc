import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { Drill } from "../../test/fakes/drill.ts";
import { AgainSchema, AttemptOutcome } from "../gen/holdfast/v1/event_pb.ts";
import { taskScope } from "./expression-scope.ts";

/** Two stages of two targets with two actions each, and one that runs once; all has ended well. */
function aDoneWorkflow(): Drill {
  const actions = ["a", "b"].map((name) => ({ name, uses: "set" }));
  const stages = ["fix", "check"].map((name) => ({ name, over: { targets: true }, actions }));
  const report = { name: "report", actions: [{ name: "tell", uses: "probe" }] };
  const drill = new Drill({ targets: 2, definition: { name: "w", targets: { where: "true" }, stages: [...stages, report] } });
  drill.exec();
  finish(drill);
  expect(drill.state.life).toMatchObject({ kind: "ended" });
  return drill;
}

/** Ends all that runs well, until nothing runs; gives the tasks that ran. */
function finish(drill: Drill): readonly number[] {
  const ran: number[] = [];
  for (let [task] = drill.state.running.keys(); task !== undefined; [task] = drill.state.running.keys()) {
    ran.push(task);
    drill.end(task, AttemptOutcome.UNCHANGED);
  }
  return ran.toSorted((a, b) => a - b);
}

function redo(drill: Drill, kind: NonNullable<MessageInitShape<typeof AgainSchema>["kind"]>, round?: number): readonly string[] {
  const again = create(AgainSchema, { kind });
  return drill.take({ kind: "retry", by: "ann", reason: "once more", digest: "", again, ...(round === undefined ? {} : { round }) });
}

test.each([
  ["a task", { case: "task", value: 3 }, [3]],
  ["a stage", { case: "stage", value: 1 }, [4, 5, 6, 7]],
  ["all", { case: "all", value: true }, [0, 1, 2, 3, 4, 5, 6, 7, 8]],
] as const)("a round with %s runs again these tasks and no other, each under a key of its own", (_, kind, tasks) => {
  const drill = aDoneWorkflow();
  const keys = tasks.map((task) => keyOf(drill, task));
  redo(drill, kind);
  expect(finish(drill)).toEqual(tasks);
  expect(drill.state.life).toMatchObject({ kind: "ended", outcome: 1 });
  const after = tasks.map((task) => keyOf(drill, task));
  expect(after).toEqual(keys.map((key) => `${key}-2`));
  expect(drill.state.tasks.runOf(tasks[0] === 0 ? 8 : 0)).toBe(tasks[0] === 0 ? 2 : 1);
});

test("attempts go on counting over rounds, and the retry rule begins anew", () => {
  const drill = aDoneWorkflow();
  redo(drill, { case: "task", value: 0 });
  expect([drill.state.tasks.attempts[0], drill.state.tasks.forgiven[0]]).toEqual([2, 1]);
});

test("a failure in a round is retried in the same run, for nothing of it is done", () => {
  const drill = aDoneWorkflow();
  redo(drill, { case: "task", value: 0 });
  drill.end(0, AttemptOutcome.FAILED);
  const key = keyOf(drill, 0);
  drill.take({ kind: "retry", by: "ann", reason: "", digest: "" });
  expect(keyOf(drill, 0)).toBe(key);
  expect(finish(drill)).toEqual([0]);
});

test("a round is opened once by its number: a repeated call changes nothing, and one too far is refused", () => {
  const drill = aDoneWorkflow();
  expect(redo(drill, { case: "task", value: 0 }, 2)[0]).toBe("workflowRetried");
  expect(redo(drill, { case: "task", value: 0 }, 2)).toEqual([]);
  finish(drill);
  expect(redo(drill, { case: "task", value: 0 }, 2)).toEqual([]);
  expect(() => redo(drill, { case: "task", value: 0 }, 5)).toThrow(/is in round 2; the next one is 3/);
  expect(() => drill.take({ kind: "retry", by: "ann", reason: "", digest: "" })).toThrow(/"--task", "--stage" or "--all"/);
});

test("while a round is under way no other is opened", () => {
  const drill = aDoneWorkflow();
  redo(drill, { case: "all", value: true });
  expect(() => redo(drill, { case: "all", value: true })).toThrow(/still under way/);
});

test("what handles an end runs again where a round names it, but not what was never to be run", () => {
  const set = (name: string) => ({ name, uses: "set" });
  const stage = {
    name: "fix",
    over: { targets: true },
    actions: [{ ...set("apply"), undo: { uses: "set" } }],
    onSuccess: [set("tell")],
    onFailure: [set("alarm")],
  };
  const drill = new Drill({ targets: 1, definition: { name: "w", targets: { where: "true" }, stages: [stage] } });
  drill.exec();
  finish(drill);
  expect(() => redo(drill, { case: "task", value: 1 })).toThrow(/task fix\/apply\.undo on target "h0" was skipped: what it is there for/);
  expect(() => redo(drill, { case: "task", value: 3 })).toThrow(/fix\/alarm/);
  expect(redo(drill, { case: "task", value: 2 })).toContain("attemptStarted h0/tell");
  expect(finish(drill)).toEqual([2]);
});

function keyOf(drill: Drill, task: number): string {
  const value: unknown = taskScope(drill.state, task, drill.facts)("task");
  return typeof value === "object" && value !== null && "key" in value ? String(value.key) : "";
}
