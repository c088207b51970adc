import { expect, test } from "vitest";
import { create, fromJson } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { HoldfastError } from "../base/errors.ts";
import { Mode, WorkflowSubmittedSchema } from "../gen/holdfast/v1/event_pb.ts";
import { WorkflowDefinitionSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import { DRILL_ID } from "../../test/fakes/drill.ts";
import { someTargets } from "../../test/fakes/world.ts";
import { namesBefore } from "./action-plan.ts";
import { checkDefinition, makeBlueprint, placeOf, taskAt } from "./blueprint.ts";
import { taskKey } from "./task-key.ts";
import type { Blueprint } from "./blueprint.ts";
import { columnsOf } from "../expr/workflow-parts.ts";
import { FaultList } from "./fault-list.ts";
import { scopeOf } from "./scope-of-work.ts";

type Json = { [key: string]: JsonValue };

function blueprint(stages: Json[], rest: Json = {}): Blueprint {
  const definition = fromJson(WorkflowDefinitionSchema, { name: "test", stages, ...rest });
  return makeBlueprint(create(WorkflowSubmittedSchema, { id: DRILL_ID, definition, targets: [...someTargets(3)], mode: Mode.APPLY }));
}

function places(stages: Json[], rest: Json = {}): readonly string[] {
  const faults = new FaultList();
  try {
    checkDefinition(fromJson(WorkflowDefinitionSchema, { name: "test", stages, ...rest }), Mode.APPLY, faults);
    faults.throwIfAny("x");
    blueprint(stages, rest);
  } catch (error) {
    if (error instanceof HoldfastError && error.code === "INVALID_ARGUMENT") return error.details.map(({ place }) => place);
    throw error;
  }
  return [];
}

const A = { name: "a", uses: "set" };
const over = { targets: true };

test.each<[string, Json[], Json, readonly string[]]>([
  ["no stages", [], {}, ["stages"]],
  ["a milestone over targets", [{ name: "s", over, actions: [] }], {}, ["stages[0].actions"]],
  [
    "a need of a later stage",
    [
      { name: "s", actions: [{ ...A, needs: { actions: ["t.a", "t"] } }], needs: { stages: ["t"] } },
      { name: "t", actions: [A] },
    ],
    {},
    ["stages[0].needs[0]", "stages[0].actions[0].needs[0]", "stages[0].actions[0].needs[1]"],
  ],
  [
    "two stages of a name",
    [
      { name: "s", actions: [A] },
      { name: "s", actions: [A] },
    ],
    {},
    ["stages[1].name"],
  ],
  ["two actions of a name", [{ name: "s", actions: [A, A] }], {}, ["stages[0].actions[1].name"]],
  [
    "names that are one in expressions",
    [
      {
        name: "s",
        actions: [
          { ...A, name: "a-b" },
          { ...A, name: "a_b" },
        ],
      },
    ],
    {},
    ["stages[0].actions[1].name"],
  ],
  ["a name that means something else", [{ name: "s", actions: [{ ...A, name: "target" }] }], {}, ["stages[0].actions[0].name"]],
  [
    "needs of nothing known",
    [{ name: "s", actions: [A, { ...A, name: "b", needs: { actions: ["c", "a", "d"] } }] }],
    {},
    ["stages[0].actions[1].needs[0]", "stages[0].actions[1].needs[2]"],
  ],
  [
    "a circle",
    [
      {
        name: "s",
        actions: [
          { ...A, needs: { actions: ["b"] } },
          { ...A, name: "b", needs: { actions: ["a"] } },
        ],
      },
    ],
    {},
    ["stages[0].actions"],
  ],
  ["an action that needs itself", [{ name: "s", actions: [{ ...A, needs: { actions: ["a"] } }] }], {}, ["stages[0].actions"]],
  ["a rollout of what runs once", [{ name: "s", actions: [A], rollout: { parallel: 2 } }], {}, ["stages[0].rollout"]],
  [
    "a wave of nothing",
    [{ name: "s", over, actions: [A], rollout: { waves: [{ count: 1 }, { count: 0 }, { percent: 0 }] } }],
    {},
    ["stages[0].rollout.waves[1]", "stages[0].rollout.waves[2]"],
  ],
  [
    "an expression that names what comes later",
    [
      {
        name: "s",
        over,
        actions: [
          { ...A, when: "b.changed" },
          { ...A, name: "b" },
        ],
      },
    ],
    {},
    ["stages[0].actions[0].when:1:1"],
  ],
  [
    "a target in what runs once",
    [{ name: "s", actions: [{ ...A, with: { x: "${{ target.name }}" } }] }],
    {},
    ["stages[0].actions[0].with.x:1:5"],
  ],
  ["an output that does not parse", [{ name: "s", actions: [A] }], { output: "1 +" }, ["output:1:3"]],
])("%s is refused with its place", (_, stages, rest, expected) => {
  expect(places(stages, rest)).toEqual(expected);
});

test("all faults are found at once", () => {
  const bad = {
    name: "s",
    actions: [
      { ...A, when: "1 +" },
      { ...A, with: { x: "${{ nowhere }}" } },
    ],
  };
  expect(places([bad, bad], { output: "nothing" })).toHaveLength(8);
});

test("an expression may name all that is certain to have ended before, and nothing else", () => {
  const stage = fromJson(WorkflowDefinitionSchema, {
    stages: [
      {
        actions: [A, { ...A, name: "b-c" }, { ...A, name: "d", needs: { actions: ["a"] } }, { ...A, name: "e", needs: {} }],
        always: [
          { ...A, name: "f" },
          { ...A, name: "g" },
        ],
      },
    ],
  }).stages[0];
  const all = ["a", "b_c", "d", "e"];
  expect(namesBefore(stage === undefined ? [] : columnsOf(stage))).toEqual([[], ["a"], ["a"], [], all, [...all, "f"]]);
});

test("a task's position leads to its place and back, and its key is safe as a file name", () => {
  const made = blueprint([
    { name: "once", actions: [A] },
    { name: "all", over, actions: [A, { ...A, name: "b" }] },
  ]);
  expect(made.tasks).toBe(7);
  for (let task = 0; task < made.tasks; task++) {
    const { stage, ordinal, action } = placeOf(made, task);
    expect(taskAt(stage, ordinal, action.index)).toBe(task);
  }
  expect(() => placeOf(made, 7)).toThrow(/has no task 7/);
  expect(taskKey(made.id, { task: 3, run: 1, generation: 1 })).toMatch(/^[0-9a-f-]+\.3$/);
  expect(taskKey(made.id, { task: 3, run: 2, generation: 1 })).toMatch(/^[0-9a-f-]+\.3-2$/);
  expect(taskKey(made.id, { task: 3, run: 2, generation: 12 })).toMatch(/^[0-9a-f-]+\.3-2\.g12$/);
});

test("defaults are filled in: parallel, budgets, timeouts", () => {
  const [stage] = blueprint([{ name: "s", over, actions: [A, { name: "w", uses: "wait" }] }]).stages;
  expect(stage).toMatchObject({ parallel: 10, failuresMax: 0, atRiskMax: Infinity, pauseMs: 0 });
  expect(stage?.actions[0]).toMatchObject({ timeoutMs: 600_000, totalTimeoutMs: Infinity });
  expect(stage?.actions[1]?.timeoutMs).toBeGreaterThan(86_400_000);
});

test("a scope counts tasks by action and targets by label", () => {
  const scope = scopeOf(
    blueprint([
      { name: "once", actions: [A] },
      { name: "all", over, actions: [A, { name: "b", uses: "touch" }] },
    ]),
  );
  expect(scope).toMatchObject({ targets: 3, tasks: 7, tasksByAction: { set: 4, touch: 3 } });
  expect(scope.targetsByLabel.map(({ label, value, targets }) => `${label}=${value} ${targets}`)).toEqual(["site=ams 2", "site=fra 1"]);
});

test("a condition that is no bool, and stage('x') of no stage, are found at Submit", () => {
  const actions = [
    { ...A, when: "size('a')" },
    { ...A, name: "b", with: { text: "${{ stage('al').failed }}" } },
  ];
  expect(places([{ name: "all", over, actions }], { output: "stage('oll').failed" })).toEqual([
    expect.stringMatching(/^stages\[0\]\.actions\[0\]\.when/),
    "stages[0].actions[1].with",
    "output",
  ]);
});

test("workflows that share their definition share its plan, unless targets, mode or annotations differ", () => {
  const definition = fromJson(WorkflowDefinitionSchema, { name: "test", stages: [{ name: "s", over, actions: [A] }] });
  const stageOf = (parts: { readonly targets?: number; readonly mode?: Mode; readonly ticket?: string }) => {
    const { targets = 3, mode = Mode.APPLY, ticket = "1" } = parts;
    const submitted = { id: DRILL_ID, definition, targets: [...someTargets(targets)], mode, annotations: { ticket } };
    return makeBlueprint(create(WorkflowSubmittedSchema, submitted)).stages[0];
  };
  const first = stageOf({});
  expect(stageOf({})).toBe(first);
  expect([first?.width, stageOf({ targets: 4 })?.width]).toEqual([3, 4]);
  expect([first?.failuresMax, stageOf({ mode: Mode.PLAN })?.failuresMax]).toEqual([0, Infinity]);
  expect(stageOf({ ticket: "2" })?.actions[0]?.annotations).toEqual({ ticket: "2" });
});
