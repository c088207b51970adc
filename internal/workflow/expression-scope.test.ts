import { expect, test } from "vitest";
import { create, fromJson } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { compile } from "../expr/program.ts";
import type { ExprTypeDecl } from "../expr/type.ts";
import { workflowScopes } from "../expr/workflow-types.ts";
import { AttemptOutcome } from "../gen/holdfast/v1/event_pb.ts";
import { AttemptDetailSchema } from "../gen/holdfast/v1/status_pb.ts";
import { WorkflowDefinitionSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import { Drill } from "../../test/fakes/drill.ts";
import { taskScope, workflowScope } from "./expression-scope.ts";
import { STAGE_FUNCTION } from "./names.ts";
import { jsonToValue } from "./value-json.ts";

const NAMES = ["params", "workflow", "target", "task", "attempt", "scan", "apply"];
const DEFINITION: JsonValue = {
  name: "test",
  targets: { where: "true" },
  params: { p: {} },
  stages: [
    { name: "first", actions: [{ name: "look-up", uses: "probe" }] },
    {
      name: "fix",
      over: { targets: true },
      rollout: { maxFailures: { count: 2 } },
      actions: [
        { name: "scan", uses: "probe" },
        { name: "apply", uses: "set" },
      ],
    },
  ],
};

function aDrill(): Drill {
  const drill = new Drill({ definition: DEFINITION, params: { p: "v" }, targets: 2 });
  drill.exec();
  drill.details.set(0, create(AttemptDetailSchema, { task: 0, attempt: 1, output: jsonToValue({ id: 7 }) }));
  drill.end(0, AttemptOutcome.UNCHANGED);
  drill.details.set(1, create(AttemptDetailSchema, { task: 1, attempt: 1, output: jsonToValue({ issues: ["x"] }) }));
  drill.end(1, AttemptOutcome.UNCHANGED);
  return drill;
}

const ask = (drill: Drill, task: number, source: string): JsonValue =>
  compile(source, { place: "x", names: NAMES, functions: [STAGE_FUNCTION] }).evaluate(taskScope(drill.state, task, drill.facts));

test.each<[string, JsonValue]>([
  ["params.p", "v"],
  ["target.name + '/' + target.labels.site", "h0/ams"],
  ["task.stage + '/' + task.action + '/' + task.uses", "fix/apply/set"],
  ["task.key == workflow.id + '.2'", true],
  ["attempt", 1],
  ["scan.output.issues.size()", 1],
  ["scan.outcome", "SUCCEEDED"],
  ["scan.changed", false],
  ["has(scan.output)", true],
  ["workflow.targets", 2],
  ["stage('first').actions.look_up.output.id", 7],
  ["stage('first').succeeded", 1],
  ["stage('fix').targets", 2],
  ["stage('fix').failed_targets", []],
])("an expression of a task sees %s", (source, expected) => {
  expect(ask(aDrill(), 2, source)).toEqual(expected);
});

test("what the checker declares is what a scope gives, field by field", () => {
  const drill = aDrill();
  const scopes = workflowScopes(fromJson(WorkflowDefinitionSchema, DEFINITION));
  const { declarations, functions } = scopes.task({ hasTarget: true, hasItem: false, before: ["scan"] });
  const scope = taskScope(drill.state, 2, drill.facts);
  for (const [name, declared] of Object.entries(declarations)) checkDeclared(name, declared, scope(name));
  const stageOf = functions[0]?.resultOf ?? (() => undefined);
  for (const name of ["first", "fix"]) {
    const found = compile(`stage('${name}')`, { place: "x", names: [], functions: [STAGE_FUNCTION] }).evaluate(scope);
    checkDeclared(`stage('${name}')`, stageOf([name]) ?? "dyn", found);
  }
});

function checkDeclared(name: string, declared: ExprTypeDecl, value: unknown) {
  if (typeof declared === "string" || !("object" in declared)) return;
  expect({ name, fields: Object.keys(value ?? {}).sort() }).toEqual({ name, fields: Object.keys(declared.fields).sort() });
  for (const [field, type] of Object.entries(declared.fields)) {
    if (typeof value === "object" && value !== null) checkDeclared(`${name}.${field}`, type, Reflect.get(value, field));
  }
}

test("failed targets are named, and an unknown stage is an error that helps", () => {
  const drill = aDrill();
  drill.end(2, AttemptOutcome.UNREACHABLE);
  const evaluate = (source: string): unknown =>
    compile(source, { place: "x", names: NAMES, functions: [STAGE_FUNCTION] }).evaluate(workflowScope(drill.state, drill.facts));
  expect(evaluate("stage('fix').failed_targets")).toEqual(["h0"]);
  expect(evaluate("stage('fix').unreachable")).toBe(1);
  expect(() => evaluate("stage('fxi')")).toThrow(/stage/);
});

test("an attempt that had nothing to tell does not inherit the output of a failed one before it", () => {
  const drill = aDrill();
  drill.state.tasks.attempts[1] = 2;
  expect(ask(drill, 2, "has(scan.output)")).toBe(false);
});
