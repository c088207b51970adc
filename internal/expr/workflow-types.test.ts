import { expect, test } from "vitest";
import { fromJson } from "@bufbuild/protobuf";
import { HoldfastError } from "../base/errors.ts";
import { WorkflowDefinitionSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import { exprDouble } from "./lift.ts";
import { compile } from "./program.ts";
import { selectorScope, workflowScopes } from "./workflow-types.ts";

const DEFINITION = fromJson(WorkflowDefinitionSchema, {
  name: "w",
  params: {
    version: {},
    count: { type: "PARAM_TYPE_INT" },
    ratio: { type: "PARAM_TYPE_NUMBER" },
    dry: { type: "PARAM_TYPE_BOOL" },
    sites: { type: "PARAM_TYPE_LIST" },
    more: { type: "PARAM_TYPE_OBJECT" },
  },
  stages: [
    { name: "pre", actions: [{ name: "look-up", uses: "http" }] },
    { name: "fix", over: { targets: true }, actions: [{ name: "scan", uses: "command" }] },
  ],
});
const SCOPES = workflowScopes(DEFINITION);
const IN_TASK = SCOPES.task({ hasTarget: true, hasItem: false, before: ["scan", "re_scan"] });

function typeOf(source: string, scope = IN_TASK): string {
  return compile(source, { place: "p", ...scope }).type;
}

function refusal(source: string, scope = IN_TASK): string {
  try {
    return `accepted as ${typeOf(source, scope)}`;
  } catch (cause) {
    if (cause instanceof HoldfastError) return cause.details.map(({ place, reason }) => `${place}: ${reason}`).join("\n");
    throw cause;
  }
}

test.each([
  ["target.name + target.labels.site", "string"],
  ['target.labels[?"site"].orValue("")', "string"],
  ['"site" in target.labels', "bool"],
  ["has(target.labels.site)", "bool"],
  ["workflow.annotations.ticket", "string"],
  ["workflow.targets * 2", "int"],
  ["task.key", "string"],
  ["attempt", "int"],
  ["params.version", "string"],
  ["params.count + 1", "int"],
  ["params.ratio / 2.0", "double"],
  ["params.dry", "bool"],
  ["params.sites", "list(dyn)"],
  ["params.more.any.thing", "dyn"],
  ["scan.changed", "bool"],
  ["scan.output.issues", "dyn"],
  ["has(re_scan.output)", "bool"],
  ["scan == re_scan", "bool"],
  ["(attempt > 1 ? scan : re_scan).changed", "bool"],
  ["scan.?output.?issues.orValue([]).size()", "int"],
  ["stage('fix').failed + stage('fix').tasks", "int"],
  ["stage('fix').failed_targets", "list(string)"],
  ["stage('pre').actions.look_up.output.id", "dyn"],
  ["stage(params.version).actions.look_up.changed", "bool"],
])("in a task %s is of type %s", (source, type) => {
  expect(refusal(source)).toBe(`accepted as ${type}`);
});

test.each([
  ["target.label.site", 'p:1:8: no such field "label" in target; did you mean "labels"?'],
  ["params.verison", 'p:1:8: no such field "verison" in params; did you mean "version"?'],
  ["scan.ouput", 'p:1:6: no such field "ouput" in scan; did you mean "output"?'],
  ['scan["ouput"]', 'p:1:5: no such field "ouput" in scan; did you mean "output"?'],
  ["stage('fix').faild > 0", 'p:1:14: no such field "faild" in stage("fix"); did you mean "failed"?'],
  ["stage('pre').actions.lok_up", 'p:1:22: no such field "lok_up" in stage("pre").actions; did you mean "look_up"?'],
  ["stage('pre').actions.look_up.outputs", 'p:1:30: no such field "outputs" in look-up; did you mean "output"?'],
  ["workflow.target", 'p:1:10: no such field "target" in workflow; did you mean "targets"?'],
  ["tagret.name", 'p:1:1: no such name "tagret"; did you mean "target"?'],
  ["secon.output", 'p:1:1: no such name "secon"'],
])("the misspelled %s is refused where it stands", (source, reason) => {
  expect(refusal(source)).toContain(reason);
});

test.each([
  ["target.labels.racks > 3", /no such overload: string > int/],
  ["params.ratio / 2", /no such overload: double \/ int/],
  ["params.count + params.ratio", /no such overload: int \+ double/],
  ["scan.changed == 'yes'", /no such overload: bool == string/],
  ["stage(1)", /stage\(\): argument 1 is int, expected string/],
  ["stage('fix').actions.scan", /no such field "actions" in stage\("fix"\)/],
])("%s is refused for its types", (source, reason) => {
  expect(refusal(source)).toMatch(reason);
});

test("a parameter of type NUMBER is a double also where it is whole: arithmetic does not depend on the value", () => {
  const half = compile("params.ratio / 2.0", { place: "p", ...IN_TASK });
  expect(half.evaluate({ params: { ratio: exprDouble(3) } })).toBe(1.5);
  expect(half.evaluate({ params: { ratio: exprDouble(3.5) } })).toBe(1.75);
  expect(compile("params.ratio", { place: "p", ...IN_TASK }).evaluate({ params: { ratio: exprDouble(3) } })).toBe(3);
  expect(compile("params.count / 2", { place: "p", ...IN_TASK }).evaluate({ params: { count: 3 } })).toBe(1);
});

test("each place sees its own names: an output no task, a selector no stage, what runs once no target", () => {
  expect(refusal("attempt", SCOPES.output)).toMatch(/no such name "attempt"/);
  expect(refusal("stage('fix').failed", SCOPES.output)).toBe("accepted as int");
  expect(refusal("workflow.name", SCOPES.selector)).toMatch(/no such name "workflow"/);
  expect(refusal("target.labels.site == params.version", SCOPES.selector)).toBe("accepted as bool");
  expect(refusal("target.name", SCOPES.task({ hasTarget: false, hasItem: false, before: [] }))).toMatch(/no such name "target"/);
  expect(refusal("params.x", selectorScope({}))).toMatch(/no such field "x" in params; it has no fields/);
});

test("all of several mistakes are told at once, each with its caret", () => {
  let message = "";
  try {
    typeOf("target.label.site == params.verison\n  && scan.ouput > 1");
  } catch (cause) {
    message = cause instanceof Error ? cause.message : "";
  }
  expect(message.split("\n")).toEqual([
    'p:1:8: no such field "label" in target; did you mean "labels"?',
    "  target.label.site == params.verison",
    "         ^",
    'p:1:29: no such field "verison" in params; did you mean "version"?',
    "  target.label.site == params.verison",
    "                              ^",
    'p:2:11: no such field "ouput" in scan; did you mean "output"?',
    "    && scan.ouput > 1",
    "            ^",
  ]);
});
