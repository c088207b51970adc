import { expect, test } from "vitest";
import { HoldfastError } from "../base/errors.ts";
import { compileFilter } from "./filter.ts";
import { TARGET_TYPE } from "./workflow-types.ts";
import { exprDuration, exprTimestamp } from "./lift.ts";
import { createMeter } from "./meter.ts";
import { compile, evaluateBoolean } from "./program.ts";

const NAMES = ["scan", "target", "params", "workflow", "attempt", "now", "list"];
const FUNCTIONS = [
  { name: "stage", parameters: ["string"] },
  { name: "ledger.touched", parameters: ["string", "string"] },
] as const;

const SCOPE = {
  scan: { output: { issues: [1, 2, { deep: null }] } },
  target: { name: "web-1", labels: { role: "web", "a.b": "dotted" } },
  params: { version: "1.2", count: 3, ratio: 1.5, nothing: null, huge: 2n ** 60n },
  list: [3, 1, 2],
  stage: (name: string) => (name === "fix" ? { failed: 2 } : undefined),
  "ledger.touched": (window: string, label: string) => window.length + label.length,
};

function compiled(source: string) {
  return compile(source, { place: "w.when", names: NAMES, functions: FUNCTIONS });
}

function check(source: string, expected: unknown, scope: Record<string, unknown> = SCOPE) {
  expect({ source, value: compiled(source).evaluate(scope) }).toEqual({ source, value: expected });
}

function failure(run: () => unknown): HoldfastError {
  try {
    run();
  } catch (cause) {
    if (cause instanceof HoldfastError) return cause;
    throw cause;
  }
  throw new Error("nothing was refused");
}

function checkRefused(source: string, place: string, reason: RegExp, scope: Record<string, unknown> = SCOPE) {
  const error = failure(() => compiled(source).evaluate(scope));
  const found = { source, code: error.code, ...error.details[0] };
  expect(found).toMatchObject({ source, code: "INVALID_ARGUMENT", place: `w.when:${place}`, reason: expect.stringMatching(reason) });
}

test("conditions of the workflow file evaluate over plain values", () => {
  check("size(scan.output.issues) > 0", true);
  check('target.labels.role == "web" && params.count in [1, 2, 3]', true);
  check('target.labels["a.b"]', "dotted");
  check("stage('fix').failed > 0", true);
  check("ledger.touched('1h', 'site')", 6);
  check("[1, 2].map(list, list * 2)", [2, 4]);
});

test("numbers keep CEL's types: JS integers are int, others double, bigint is int", () => {
  check("7 / 2", 3);
  check("params.count / 2", 1);
  check("params.ratio * 2.0", 3);
  check("params.huge", "1152921504606846976");
  check("params.huge + 1 > params.huge", true);
  check("1 == 1.0 && 1u == 1 && params.count == 3.0", true);
});

test("results come back as JSON", () => {
  check('[1u, b"abc", timestamp("2026-01-05T10:00:00Z"), duration("1500ms"), {1: 2, "a": [{}]}, null]', [
    1,
    "YWJj",
    "2026-01-05T10:00:00Z",
    "1.500s",
    { 1: 2, a: [{}] },
    null,
  ]);
  check("now + duration('1h')", "2026-01-05T11:00:00Z", { now: exprTimestamp(Date.UTC(2026, 0, 5, 10)) });
  check("now > duration('1s')", true, { now: exprDuration(1_500) });
  checkRefused("0.0 / 0.0", "1:1", /not finite/);
  expect(Object.keys(Object(compiled("{'__proto__': 1}").evaluate({})))).toEqual(["__proto__"]);
});

test("a key that holds null is there, a missing one is not", () => {
  check("has(params.nothing) && params.nothing == null", true);
  check("has(params.other)", false);
  check("'nothing' in params", true);
  check("has(scan.output) ? 1 : 2", 2, {});
});

test("nothing of a JS prototype is visible", () => {
  checkRefused("params.constructor", "1:8", /no such key: constructor/);
  checkRefused("params.__proto__", "1:8", /no such key: __proto__/);
  checkRefused("constructor", "1:1", /no such name "constructor"/);
  checkRefused("target.name", "1:1", /not known here/, { target: new (class Named {})() });
});

test("all that is wrong is told at once, with line, column, caret and the near name", () => {
  const error = failure(() => compiled("scna.output ||\n  tagret.x == size2(1)"));
  expect(error.details).toMatchObject([
    { place: "w.when:1:1", reason: 'no such name "scna"; did you mean "scan"?' },
    { place: "w.when:2:3", reason: 'no such name "tagret"; did you mean "target"?' },
    { place: "w.when:2:15", reason: 'no such function "size2"; did you mean "size"?' },
  ]);
  expect(error.message.split("\n").slice(0, 3)).toEqual([
    'w.when:1:1: no such name "scna"; did you mean "scan"?',
    "  scna.output ||",
    "  ^",
  ]);
});

test("syntax errors have a place", () => {
  checkRefused("params.count =< 42", "1:14", /found "="/);
  checkRefused("", "1:1", /empty/);
  checkRefused("'abc", "1:1", /never closed/);
  checkRefused("(1", "1:1", /never closed/);
  checkRefused("1 +\n 2]", "2:3", /closes nothing/);
  checkRefused("'\ud800'", "1:2", /lone surrogate/);
  checkRefused("9223372036854775808", "1:1", /64 bits/);
  checkRefused("list.matches('(a')", "1:14", /regular expression/);
});

test("calls are checked when they are compiled", () => {
  checkRefused("size(1, 2)", "1:1", /takes 1 argument/);
  checkRefused("upperAscii('x')", "1:1", /it is a method/);
  checkRefused("list.size2()", "1:6", /no such method "size2"; did you mean "size"/);
  checkRefused("list.map(1, 2)", "1:6", /plain name/);
  checkRefused("has(params)", "1:1", /takes one field/);
  checkRefused("stage(1)", "1:7", /argument 1 is int, expected string/);
  checkRefused("stage('a', 'b')", "1:1", /takes 1 argument, found 2/);
  checkRefused("stage", "1:1", /is a function/);
  checkRefused("secret('x')", "1:1", /must be all of a/);
  checkRefused("google.protobuf.Duration{seconds: 1}", "1:1", /write a map/);
});

test("comments may stand anywhere, also several in a row", () => {
  check("// one\n// two\nparams.count > 1 // three\n // four\n && true", true);
  check("'// no comment'", "// no comment");
});

test("an evaluation that fails names the place and types, never a value", () => {
  const scope = { params: { key: "TOP-SECRET", count: 1 }, target: { labels: {} } };
  const fails = [
    ["target.labels[params.key]", /no such key \(it is computed/],
    ["int(params.key)", /the text is no int/],
    ["bool(params.key)", /a value that cannot be used/],
    ["timestamp(params.key)", /a value that cannot be used/],
    ["{params.key: 1, params.key + '': 2}", /same key twice/],
    ["params.key + 1", /no such overload: string \+ int/],
    ["params.key.matches(params.key + '(')", /a value that cannot be used/],
    ["params.key == 'x' || params.key", /take true or false/],
    ["[1][params.count]", /index out of range/],
    ["params.count ? 1 : 2", /condition before/],
    ["1 / (params.count - 1)", /division by zero/],
    ["target.labels.site", /no such key: site/],
    ["scan.output", /not known here yet/],
    ["false || target.labels.site == int(params.key)", /no such key: site/],
  ] as const;
  for (const [source, reason] of fails) {
    const error = failure(() => compiled(source).evaluate(scope));
    expect([source, error.details[0]?.reason]).toEqual([source, expect.stringMatching(reason)]);
    expect(error.message).not.toContain("TOP-SECRET");
  }
});

test("a function of the scope may refuse in its own words, and its bugs stay inside", () => {
  const refuse = () => {
    throw new HoldfastError("NOT_FOUND", "no stage of that name has run");
  };
  checkRefused("stage('x')", "1:1", /no stage of that name/, { stage: refuse });
  const broken = () => {
    throw new Error("TOP-SECRET");
  };
  checkRefused("stage('x')", "1:1", /^stage\(\): it failed$/, { stage: broken });
  checkRefused("stage('x')", "1:1", /not available here/, {});
  checkRefused("stage('x')", "1:1", /no such thing/);
});

test("only true and false are conditions", () => {
  expect(evaluateBoolean(compiled("params.count > 1"), SCOPE)).toBe(true);
  for (const [source, found] of [
    ["1", /found a number/],
    ["null", /found null/],
    ["[true]", /found a list/],
    ["{}", /found a map/],
    ["'true'", /found a string/],
  ] as const) {
    expect(failure(() => evaluateBoolean(compiled(source), SCOPE)).message).toMatch(found);
  }
});

test("a program tells what it reads and which functions it calls", () => {
  const program = compiled(
    "scan.output.x > 1 && has(target.labels) && params['version'] == list[0] && stage('fix').failed == list.filter(t, t.x == 1).size()",
  );
  expect([...program.names].sort()).toEqual(["list", "params", "scan", "target"]);
  expect([...program.paths].sort()).toEqual(["list", "params.version", "scan.output", "target.labels"]);
  expect(program.calls).toMatchObject([{ name: "stage", literals: ["fix"] }]);
});

test("a scope that is a function is asked once for each name and evaluation", () => {
  const asked: string[] = [];
  const scope = (name: string) => {
    asked.push(name);
    return [1, 2, 3];
  };
  expect(compiled("list.all(x, x in list) && size(list) == 3").evaluate(scope)).toBe(true);
  expect(asked).toEqual(["list"]);
});

test("evaluations nest: a function of the scope may evaluate another program", () => {
  const inner = compiled("params.count + 1");
  check("stage('x') + params.count", 13, { params: { count: 10 }, stage: () => inner.evaluate({ params: { count: 2 } }) });
});

test("the origin moves line and column to where the expression stands", () => {
  const error = failure(() => compile("x\n+ y", { place: "p", names: [], origin: { line: 3, column: 8 } }));
  expect(error.details.map(({ place }) => place)).toEqual(["p:3:8", "p:4:3"]);
});

test("a filter keeps what it says true of", () => {
  const filter = compileFilter('target.labels.role == "web"', { target: TARGET_TYPE }, "--where");
  expect(filter.matches({ target: { labels: { role: "web" } } })).toBe(true);
  expect(filter.matches({ target: { labels: { role: "db" } } })).toBe(false);
  expect(() => filter.matches({ target: { labels: {} } })).toThrow(/--where:1:15: no such key: role/);
  expect(() => compileFilter("phase", { target: TARGET_TYPE }, "--where")).toThrow(/no such name "phase"; known here: target/);
  expect(() => compileFilter("target.name", { target: TARGET_TYPE }, "--where")).toThrow(/expected bool, found string/);
  expect(() => compileFilter("target.nmae == ''", { target: TARGET_TYPE }, "--where")).toThrow(/did you mean "name"/);
});

test("one meter may bound several evaluations together", () => {
  const program = compiled("list.all(x, x > 0)");
  const meter = createMeter(60);
  program.evaluate(SCOPE, meter);
  expect(failure(() => Array.from({ length: 10 }, () => program.evaluate(SCOPE, meter))).code).toBe("RESOURCE_EXHAUSTED");
});
