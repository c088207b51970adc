import { expect, test } from "vitest";
import type { JsonValue } from "@bufbuild/protobuf";
import type { Event } from "../gen/holdfast/v1/event_pb.ts";
import { AttemptOutcome, Mode, WorkflowOutcome } from "../gen/holdfast/v1/event_pb.ts";
import { Decision, Gate } from "../gen/holdfast/v1/policy_pb.ts";
import { VerdictSchema } from "../gen/holdfast/v1/policy_pb.ts";
import { Phase, StagePhase } from "../gen/holdfast/v1/status_pb.ts";
import { create } from "@bufbuild/protobuf";
import { Drill } from "../../test/fakes/drill.ts";
import { applyEvent } from "./apply.ts";
import { timeMs } from "../base/ids.ts";
import { decide } from "./decide.ts";
import { decideJudge, wantedGate } from "./gates.ts";
import { nextStep } from "./dispatch.ts";
import { scopeOf } from "./scope-of-work.ts";
import { statusOf } from "./status.ts";
import { TaskState } from "./task-state.ts";

function aSet(name: string, parts: { readonly [key: string]: JsonValue } = {}): JsonValue {
  return { name, uses: "set", with: { name, value: "1" }, ...parts };
}

interface Parts {
  readonly items: string;
  readonly max?: number;
  readonly rollout?: { readonly [key: string]: JsonValue };
  readonly stage?: { readonly [key: string]: JsonValue };
  readonly more?: JsonValue[];
  readonly rest?: { readonly [key: string]: JsonValue };
  readonly mode?: Mode;
}

/** A stage over a list, alone or with others. */
function aDrill({ items, max = 4, rollout = { parallel: 2 }, stage = {}, more = [], rest = {}, mode = Mode.APPLY }: Parts): Drill {
  const each = { name: "each", over: { list: { items, max } }, rollout, actions: [aSet("do"), aSet("check")], ...stage };
  return new Drill({ targets: 2, mode, definition: { name: "w", stages: [each, ...more], ...rest } });
}

function errorOf({ state: { life } }: Drill): string {
  return life.kind === "ended" ? life.error : "";
}

test("a stage goes through the items of its list, as many side by side as `parallel`, and the rest of the numbers is absent", () => {
  const drill = aDrill({ items: "['a', 'b', 'c']" });
  expect(drill.exec()).toEqual([
    "workflowExecuted",
    "listExpanded",
    "stageStarted",
    "waveStarted",
    "attemptStarted each/do",
    "attemptStarted each/do",
  ]);
  expect(statusOf(drill.state).counts?.tasks).toBe(6);
  expect(drill.state.tasks.get(6)).toBe(TaskState.ABSENT);
  expect(drill.change(0)).toContain("attemptStarted each/check");
  expect(drill.change(1)).toContain("attemptStarted each/do");
  for (const task of [2, 3, 4, 5]) drill.change(task);
  expect(drill.state.life).toMatchObject({ kind: "ended", outcome: WorkflowOutcome.SUCCEEDED });
  expect(statusOf(drill.state).stages[0]).toMatchObject({ items: 3, waves: 1, wave: 1, targets: 0 });
});

test("`max` counts in the scope of work, whatever the list will be", () => {
  const scope = scopeOf(aDrill({ items: "['a']", max: 50 }).state.blueprint);
  expect([scope.tasks, scope.tasksByAction, scope.targets]).toEqual([100, { set: 100 }, 2]);
});

test.each([
  ["['a', 'b', 'c']", 2, "it has 3 items, `max` is 2"],
  ["['a', 'b', 'a']", 4, "items 1 and 3 have the same name"],
  ["[{'name': 'a'}, {'nam': 'b'}]", 4, "item 2 has no name"],
  ["['a', 7]", 4, "item 2 has no name"],
  ["{'a': 1}", 4, "its value is not a list"],
  ["[1 / 0]", 4, "over.list"],
])("a list %s of at most %i fails its stage: %s", (items, max, message) => {
  const drill = aDrill({ items, max, rest: { onFailure: [{ name: "tell", actions: [aSet("tell")] }] } });
  expect(drill.exec()).toEqual(["workflowExecuted", "listExpanded", "stageStarted", "waveStarted", "attemptStarted tell/tell"]);
  drill.change(max * 2);
  expect(errorOf(drill)).toContain(`stage "each": over.list: `);
  expect(errorOf(drill)).toContain(message);
  expect(statusOf(drill.state).stages[0]).toMatchObject({ phase: StagePhase.FAILED, items: 0 });
});

test("an empty list is a stage without work", () => {
  const drill = aDrill({ items: "[]" });
  expect(drill.exec()).toEqual(["workflowExecuted", "listExpanded", "stageStarted", "stageEnded", "workflowEnded"]);
});

test("waves and budgets are of the items that there are", () => {
  const rollout = { waves: [{ percent: 50 }], maxFailures: { percent: 25 }, parallel: 4 };
  const drill = aDrill({ items: "['a', 'b', 'c', 'd']", max: 100, rollout });
  expect(drill.exec().filter((text) => text.startsWith("attemptStarted"))).toHaveLength(2);
  drill.end(0, AttemptOutcome.FAILED, { isRetryable: false });
  expect(drill.state.tasks.get(1)).toBe(TaskState.SKIPPED_AFTER);
  drill.change(2);
  expect(drill.change(3)).toContain("waveStarted");
  expect(drill.end(4, AttemptOutcome.FAILED, { isRetryable: false })).not.toContain("attemptStarted each/check");
  drill.change(6);
  expect(errorOf(drill)).toContain('stage "each": 2 of 4 items failed, max_failures is 1');
});

test("expressions see the item; an item puts no target at risk", () => {
  const stage = { actions: [aSet("do", { when: "item.n > 1" })] };
  const drill = aDrill({ items: "[{'name': 'a', 'n': 1}, {'name': 'b', 'n': 2}]", stage });
  expect(drill.exec().slice(-2)).toEqual(["taskSkipped each/do", "attemptStarted each/do"]);
  drill.startApply(1);
  expect(drill.state.targetsAtRisk).toBe(0);
});

test("later stages need all items; failed ones are named", () => {
  const more = [{ name: "last", needs: { stages: [] }, actions: [aSet("x", { needs: { actions: ["each.do"] } })] }];
  const drill = aDrill({
    items: "['a', 'b']",
    rollout: { maxFailures: { count: 1 } },
    more,
    rest: { output: "stage('each').failed_targets" },
  });
  drill.exec();
  drill.change(0);
  drill.end(2, AttemptOutcome.FAILED, { isRetryable: false });
  expect(drill.change(1)).toContain("taskSkipped last/x");
  expect(statusOf(drill.state).output?.kind).toMatchObject({ case: "listValue", value: { values: [{ kind: { value: "b" } }] } });
});

test("a Retry goes on with the frozen items, and evaluates a list anew that was refused", () => {
  const retry = { kind: "retry", by: "ann", reason: "", digest: "" } as const;
  const drill = aDrill({ items: "['a', 'b']" });
  drill.exec();
  drill.end(0, AttemptOutcome.FAILED, { isRetryable: false });
  drill.end(2, AttemptOutcome.UNCHANGED);
  expect(drill.take(retry)).toEqual([
    "workflowRetried",
    "stageStarted",
    "waveStarted",
    "attemptStarted each/do",
    "attemptStarted each/check",
  ]);
  expect(drill.state.tasks.get(4)).toBe(TaskState.ABSENT);
  const refused = aDrill({ items: "['a', 'b']", max: 1 });
  refused.exec();
  expect(refused.take(retry)).toEqual(["workflowRetried", "listExpanded", "workflowEnded"]);
});

test("in a plan a list that an earlier action would only have put out is empty", () => {
  const before = { name: "first", actions: [aSet("a")] };
  const each = { name: "each", over: { list: { items: "stage('first').actions.a.output.x", max: 2 } }, actions: [aSet("b")] };
  const drill = new Drill({ mode: Mode.PLAN, definition: { name: "w", stages: [before, each] } });
  drill.exec();
  expect(drill.end(0, AttemptOutcome.CHANGED)).toEqual([
    "attemptEnded first/a 2",
    "waveEnded",
    "stageEnded",
    "listExpanded",
    "stageStarted",
    "stageEnded",
    "workflowEnded",
  ]);
});

test("where policies have a say the stage begins with their verdict at the gate `expand`, and waits for people else", () => {
  const drill = aDrill({ items: "['a', 'b']" });
  const facts = { ...drill.facts, isGated: (gate: Gate) => gate === Gate.EXPAND };
  const happen = (event: Event): string => {
    applyEvent(drill.state, event, timeMs(drill.nowMs));
    return event.kind.case ?? "";
  };
  const judge = (decision: Decision): readonly string[] => {
    const rules = decision === Decision.ALLOW ? [] : [{ policy: "p", rule: "r" }];
    const verdict = create(VerdictSchema, { gate: Gate.EXPAND, decision, rules });
    return decideJudge(drill.state, { kind: "judge", gate: Gate.EXPAND, stage: 0, wave: 0, verdict, isFresh: () => true }, facts).map(
      happen,
    );
  };
  for (const event of decide(drill.state, { kind: "exec", by: "ann", digest: "" }, facts)) happen(event);
  const expanded = nextStep(drill.state, facts);
  expect(expanded === undefined ? "" : happen(expanded)).toBe("listExpanded");
  expect(nextStep(drill.state, facts)).toBeUndefined();
  expect(wantedGate(drill.state, facts)).toEqual({ gate: Gate.EXPAND, stage: 0, wave: 0 });
  expect(judge(Decision.APPROVE)).toEqual(["verdictGiven"]);
  expect(statusOf(drill.state).phase).toBe(Phase.WAITING);
  expect(judge(Decision.ALLOW)).toEqual(["verdictGiven", "stageStarted"]);
  expect(statusOf(drill.state).phase).toBe(Phase.RUNNING);
  expect(wantedGate(drill.state, facts)).toBeUndefined();
});
