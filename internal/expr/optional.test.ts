import { expect, test } from "vitest";
import { compile } from "./program.ts";

const SCOPE = { target: { labels: { site: "ber", "rack-id": "r1" }, name: "a" }, list: [1, 2, 3], text: "a.?b[?c]" };

function evaluate(source: string): unknown {
  return compile(source, { place: "p", names: ["target", "list", "text", "nothing"] }).evaluate(SCOPE);
}

function check(source: string, expected: unknown) {
  expect({ source, value: evaluate(source) }).toEqual({ source, value: expected });
}

test("what may be absent is taken with .? and [?]", () => {
  check('target.labels[?"site"].orValue("")', "ber");
  check('target.labels[?"zone"].orValue("none")', "none");
  check("target.?labels.?zone.hasValue()", false);
  check("target.?labels.site.value()", "ber");
  check("has(target.?labels.site) && !has(target.?labels.zone)", true);
  check("target.?labels[?'site'].optMap(s, s + '!').orValue('')", "ber!");
  check("list[?7].or(list[?0]).value()", 1);
  check("[1, ?list[?9], ?list[?1]]", [1, 2]);
  check("{'a': 1, ?'b': list[?9], ?'c': list[?2]}", { a: 1, c: 3 });
  check("target . ? labels . ? site . orValue('')", "ber");
  check("[optional.of(1), optional.none()].unwrapOpt()", [1]);
  check("optional.of(1) == optional.of(1) && optional.none() != optional.of(1)", true);
  check("type(optional.none()) == optional_type", true);
});

test("quoted fields read what no name of CEL can", () => {
  check("target.labels.`rack-id`", "r1");
  check("has(target.labels.`rack-id`) && !has(target.labels.`rack-no`)", true);
});

test("strings, comments and conditions are left alone", () => {
  check('"a.?b" + text // .?[?', "a.?ba.?b[?c]");
  check("list[list[0] > 0 ? 1 : 2]", 2);
  check("[list[0] > 0 ? 1 : 2, 3]", [1, 3]);
  check("{'a': list[0] > 1 ? 1 : 2}", { a: 2 });
  check("true?1:2", 1);
});

test("or and orValue evaluate their argument only when it is needed", () => {
  check('target.labels[?"site"].orValue(target.labels.nowhere)', "ber");
  expect(() => evaluate('target.labels[?"zone"].orValue(target.labels.nowhere)')).toThrow(/no such key: nowhere/);
});

test("an optional is no result, and a place that cannot be optional is refused", () => {
  expect(() => evaluate("target.?labels")).toThrow(/end with orValue/);
  expect(() => evaluate("optional.none().value()")).toThrow(/has no value/);
  expect(() => evaluate("size(?list)")).toThrow(/p:1:5: syntax error/);
  expect(() => evaluate("has(target.?labels)")).toThrow(/p:1:12: syntax error: nothing can be optional here/);
  expect(() => evaluate("[?1]")).toThrow(/takes an optional value, found int/);
});

test("macros of two variables, and names for values", () => {
  check("list.all(i, x, x == i + 1) && list.exists(i, x, i == 2 && x == 3) && list.existsOne(i, x, x > 2)", true);
  check("target.labels.transformList(k, v, k + '=' + v)", ["site=ber", "rack-id=r1"]);
  check("target.labels.transformMap(k, v, k == 'site', size(v))", { site: 3 });
  check("list.transformMapEntry(i, x, {string(x): i})", { 1: 0, 2: 1, 3: 2 });
  check("cel.bind(n, size(list), cel.bind(m, n + 1, [n, m].map(x, x * n)))", [9, 12]);
  check("list.transformList(i, x, list.transformList(j, y, i * y))", [
    [0, 0, 0],
    [1, 2, 3],
    [2, 4, 6],
  ]);
  expect(() => evaluate("list.transformMapEntry(i, x, {'a': i})")).toThrow(/the same key twice/);
  expect(() => evaluate("list.transformList(x, x)")).toThrow(/two plain names/);
});
