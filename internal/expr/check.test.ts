import { expect, test } from "vitest";
import { HoldfastError } from "../base/errors.ts";
import { compile } from "./program.ts";
import type { ExprFunction } from "./scope-functions.ts";
import type { ExprTypeDecl } from "./type.ts";

const TARGET: ExprTypeDecl = { object: "target", fields: { name: "string", labels: "map(string, string)" } };
const DECLARATIONS: Record<string, ExprTypeDecl> = {
  target: TARGET,
  targets: { list: TARGET },
  workflow: { object: "workflow", fields: { name: "string", stages: "list(string)" }, isOpen: true },
  params: "map(string, dyn)",
  now: "timestamp",
  count: "int",
  ratio: "double",
};
const FUNCTIONS: readonly ExprFunction[] = [{ name: "ledger.touched", parameters: ["string", "string", "string"], result: "int" }];

function typeOf(source: string, result?: ExprTypeDecl): string {
  const options = { place: "p", declarations: DECLARATIONS, functions: FUNCTIONS };
  return compile(source, result === undefined ? options : { ...options, result }).type;
}

function check(source: string, type: string) {
  expect({ source, type: typeOf(source) }).toEqual({ source, type });
}

function checkRefused(source: string, place: string, reason: RegExp, result?: ExprTypeDecl) {
  let error: unknown;
  try {
    typeOf(source, result);
  } catch (cause) {
    error = cause;
  }
  if (!(error instanceof HoldfastError)) throw new Error(`${source} was not refused`);
  expect({ source, ...error.details[0] }).toMatchObject({ source, place: `p:${place}`, reason: expect.stringMatching(reason) });
}

test("types are known before anything runs", () => {
  check("target.labels.site", "string");
  check('targets.filter(t, t.labels.site == "a").map(t, t.name)', "list(string)");
  check("targets.map(t, size(t.name)).exists(n, n > 3)", "bool");
  check("params.anything.at.all", "dyn");
  check("now - duration('1h') < now", "bool");
  check("{'a': 1, 'b': 2}", "map(string, int)");
  check("[1, 'a']", "list(dyn)");
  check("count > 1 ? 'a' : 'b'", "string");
  check("countBy(targets, 'site')", "map(string, int)");
  check(
    "countBy(targets, 'site').all(site, n, ledger.touched('1h', 'site', site) + n <= max(1, count * params.max_percent / 100))",
    "bool",
  );
  check("cel.bind(n, size(targets), n * n)", "int");
  check("targets.transformMap(i, t, t.name)", "map(int, string)");
  check('target.labels[?"site"]', "optional(string)");
  check('target.labels[?"site"].orValue("")', "string");
  check("target.?name.optMap(n, size(n)).orValue(0)", "int");
  check("workflow.annotations", "dyn");
  check("count < ratio && count == ratio", "bool");
  check("min(count, 2) + 1", "int");
});

test("fields, names and functions that are misspelled are refused where they stand, with the near one", () => {
  checkRefused("target.lables.site", "1:8", /no such field "lables" in target; did you mean "labels"/);
  checkRefused('target["nam"] == ""', "1:7", /no such field "nam" in target; did you mean "name"/);
  checkRefused("targets.all(t, t.nme == '')", "1:18", /no such field "nme" in target; did you mean "name"/);
  checkRefused("tagret.name", "1:1", /no such name "tagret"; did you mean "target"/);
  checkRefused("target.name.startWith('a')", "1:13", /no such method "startWith"; did you mean "startsWith"/);
  checkRefused("ledger.touched(1, 'site', 'a')", "1:16", /ledger.touched\(\): argument 1 is int, expected string/);
});

test("types that do not fit are refused with what would", () => {
  checkRefused("target.name + 1", "1:13", /no such overload: string \+ int/);
  checkRefused("target.name == 1", "1:13", /no such overload: string == int/);
  checkRefused("!count", "1:1", /no such overload: !int/);
  checkRefused("count && true", "1:1", /expected bool, found int/);
  checkRefused("true || target.name", "1:16", /expected bool, found string/);
  checkRefused("count ? 1 : 2", "1:1", /expected bool, found int/);
  checkRefused("count + ratio", "1:7", /no such overload: int \+ double/);
  checkRefused("size(count)", "1:1", /no such overload: size\(int\)/);
  checkRefused("count.map(x, x)", "1:1", /cannot go through int/);
  checkRefused("target.name.first", "1:13", /string has no fields/);
  checkRefused("targets['a']", "1:8", /the index of a list is an int/);
  checkRefused("params[1]", "1:7", /its keys are string/);
  checkRefused("targets.all(t, t.name)", "1:18", /bool/);
  checkRefused("count.orValue(1)", "1:7", /orValue/);
  checkRefused("{[1]: 2}", "1:2", /a key of a map must be/);
});

test("the type that is wanted is checked, and dyn is left to the evaluation", () => {
  expect(typeOf("count > 1", "bool")).toBe("bool");
  expect(typeOf("params.x", "bool")).toBe("dyn");
  checkRefused("count", "1:1", /expected bool, found int/, "bool");
  checkRefused("targets.map(t, t.name)", "1:9", /expected list\(int\), found list\(string\)/, "list(int)");
});

test("literals that are a language of their own are read at load", () => {
  checkRefused("target.name.matches('(a')", "1:21", /regular expression/);
  checkRefused("matches(target.name, '(a')", "1:22", /regular expression/);
  checkRefused("now > timestamp('2026-13-05T10:00:00Z')", "1:17", /not a timestamp/);
  checkRefused("now - duration('1 hour') < now", "1:16", /not a duration/);
  checkRefused("now.getHours('Europe/Berlim') > 1", "1:14", /not a time zone/);
  checkRefused("inWindow(now, 'Mon-Fry 09:00-17:00', 'UTC')", "1:15", /not a time window/);
  checkRefused("inWindow(now, 'Mon-Fri 09:00-17:00', 'Mars')", "1:38", /not a time zone/);
  checkRefused("inCidr('10.0.0.1', '10.0.0.0')", "1:20", /not a network/);
  checkRefused("semverCompare('1.2', target.name)", "1:15", /not a version/);
});

test("all errors are told at once, each with its caret", () => {
  let message = "";
  try {
    typeOf("target.lables.x == 1 ||\n  count + 'a' > 2 ||\n  nobody.x");
  } catch (cause) {
    message = cause instanceof Error ? cause.message : "";
  }
  expect(message.split("\n").filter((line) => line.startsWith("p:"))).toEqual([
    'p:1:8: no such field "lables" in target; did you mean "labels"?',
    expect.stringMatching(/^p:2:9: no such overload: int \+ string/),
    expect.stringMatching(/^p:3:3: no such name "nobody"/),
  ]);
});

test("one mistake is told once", () => {
  for (const source of ["nobody.a.b + 1 == 2 && nobody.c", "target.lables.x.y + 1 > 2"]) {
    let count = 0;
    try {
      typeOf(source);
    } catch (cause) {
      count = cause instanceof HoldfastError ? new Set(cause.details.map(({ reason }) => reason)).size : 0;
    }
    expect({ source, count }).toEqual({ source, count: 1 });
  }
});

test("a name that is declared without a type may hold anything", () => {
  const { type, names } = compile("x.y + 1 > z[0]", { place: "p", names: ["x", "z"] });
  expect(type).toBe("bool");
  expect([...names].sort()).toEqual(["x", "z"]);
});
