// Hostile and large expressions: bounded, and never a crash. Times are generous, for the machine may be busy.
import { expect, test } from "vitest";
import { HoldfastError } from "../base/errors.ts";
import { EXPR_LENGTH_MAX } from "../base/limits.ts";
import { createMeter } from "./meter.ts";
import { compile } from "./program.ts";

const NAMES = ["s", "list", "x"];
const COMPILE_MS = 250;

function outcome(source: string, scope: Record<string, unknown>, budget = 1_000_000): unknown {
  try {
    return compile(source, { place: "p", names: NAMES }).evaluate(scope, createMeter(budget));
  } catch (cause) {
    if (cause instanceof HoldfastError) return cause.code;
    throw cause;
  }
}

test("sources that are too long, too deep or broken are refused quickly", () => {
  const sources = [
    "(".repeat(10_000),
    "[".repeat(5_000) + "]".repeat(5_000),
    "a".repeat(1 << 20),
    "[".repeat(101) + "]".repeat(101),
    "x?1:".repeat(900) + "1",
    `x.b${".b".repeat(2_000)}`,
    `${"x+".repeat(2_000)}x`,
    "{".repeat(4_000),
    '"'.repeat(4_001),
    "\u0000",
    "x".repeat(EXPR_LENGTH_MAX + 1),
  ];
  for (const source of sources) {
    const started = performance.now();
    expect([source.slice(0, 20), outcome(source, {})]).toEqual([source.slice(0, 20), "INVALID_ARGUMENT"]);
    expect(performance.now() - started).toBeLessThan(COMPILE_MS);
  }
});

test("a source at the limits compiles", () => {
  expect(outcome(`${"(".repeat(100)}1${")".repeat(100)}`, {})).toBe(1);
  expect(outcome(`'${"a".repeat(EXPR_LENGTH_MAX - 2)}'.size()`.slice(0, EXPR_LENGTH_MAX), {})).not.toBe(undefined);
  expect(outcome(`${"1+".repeat(400)}1`, {})).toBe(401);
  expect(outcome(`${"!".repeat(3_000)}true`, {})).toBe(true);
});

test("what grows by doubling, replacing or nesting loops is stopped by the meter", () => {
  const scope = { s: "a".repeat(100), list: Array.from({ length: 2_000 }, (_, index) => index) };
  const sources = [
    `[s]${".map(x, x + x)".repeat(40)}[0].size() > 0`,
    `[s]${".map(x, [x, x])".repeat(40)}`,
    `[s]${".map(x, [x, x])".repeat(40)} == [s]${".map(x, [x, x])".repeat(40)}`,
    `'%s'.format([s]${".map(x, [x, x])".repeat(40)})`,
    `s${'.replace("a", "aaaaaaaaaaaaaaaaaaaa")'.repeat(20)}.size() > 0`,
    `[list]${".map(x, x + x)".repeat(40)}.size() == 2`,
    "list.all(a, list.all(b, list.all(c, a + b + c >= 0)))",
    `s${'.split("").join("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")'.repeat(10)}.size() > 0`,
  ];
  for (const source of sources) {
    expect([source.slice(0, 30), outcome(source, scope)]).toEqual([source.slice(0, 30), "RESOURCE_EXHAUSTED"]);
  }
});

test("an exceeded meter cannot be hidden behind || or a condition", () => {
  const list = Array.from({ length: 2_000 }, (_, index) => index);
  const huge = "list.all(a, list.all(b, a + b >= 0))";
  expect(outcome(`${huge} || true`, { list })).toBe("RESOURCE_EXHAUSTED");
  expect(outcome(`true || ${huge}`, { list })).toBe(true);
  expect(outcome(`[1].exists(x, ${huge} || true)`, { list })).toBe("RESOURCE_EXHAUSTED");
  expect(outcome(`!(${huge} && false)`, { list })).toBe("RESOURCE_EXHAUSTED");
});

test("lists of 100,000 are filtered, mapped and searched in one pass", () => {
  const list = Array.from({ length: 100_000 }, (_, index) => ({ n: index, site: `s${index % 10}` }));
  const budget = 5_000_000;
  expect(outcome('list.filter(t, t.site == "s1").size()', { list }, budget)).toBe(10_000);
  expect(outcome("list.map(t, t.n).size()", { list }, budget)).toBe(100_000);
  expect(outcome("list.map(t, t.n % 2 == 0, t.n)[10]", { list }, budget)).toBe(20);
  expect(outcome("list.exists(t, t.n == 99999)", { list }, budget)).toBe(true);
  expect(outcome("list.map(t, t.n) == list.map(t, t.n)", { list }, budget)).toBe(true);
});

test("a list that a loop gathered is a value of its own", () => {
  expect(outcome("[1, 2].map(x, [3, 4].filter(y, y > x + 1))", {})).toEqual([[3, 4], [4]]);
  expect(outcome("[[1, 2].map(x, x)].map(l, l + l)", {})).toEqual([[1, 2, 1, 2]]);
});

test("regular expressions are RE2: no blow-up", () => {
  expect(outcome("s.matches('(a+)+$')", { s: `${"a".repeat(5_000)}!` })).toBe(false);
  expect(outcome("s.matches('(x+x+)+y')", { s: "x".repeat(5_000) })).toBe(false);
  expect(outcome("s.matches(s)", { s: "a".repeat(5_000) })).toBe("INVALID_ARGUMENT");
});

test("data that is nested deep is refused, not followed into a stack overflow", () => {
  let deep: unknown = 1;
  for (let depth = 0; depth < 20_000; depth++) deep = [deep];
  expect(outcome("list", { list: deep })).toBe("INVALID_ARGUMENT");
  expect(outcome("list == [list]", { list: deep })).toBe("INVALID_ARGUMENT");
  expect(outcome("size(list) == 1", { list: deep })).toBe(true);
});

test("megabytes of digits are no integer", () => {
  expect(outcome("int(s)", { s: "9".repeat(1_000_000) })).toBe("INVALID_ARGUMENT");
  expect(outcome("double(s)", { s: "9".repeat(1_000_000) })).toBe("INVALID_ARGUMENT");
});

test("sources at the limit that the checker could choke on are compiled or refused quickly", () => {
  const binds = Array.from({ length: 60 }, (_, index) => `cel.bind(a${index + 1}, {a${index}: a${index}}, `).join("");
  const sources = [
    `cel.bind(a0, {1: 1}, ${binds}a60${")".repeat(61)}`,
    `cel.bind(a0, [], ${binds.replaceAll("{", "[").replaceAll("}", "]").replaceAll(": ", ", ")}a60${")".repeat(61)}`,
    `[[]]${".map(x, [x, x])".repeat(250)}`,
    `[]${" + []".repeat(800)}`,
    `[${"[],".repeat(1_300)}]`,
    `x${".?b".repeat(400)}`,
    `x${"[?0]".repeat(400)}`,
    `min(${"min(x,".repeat(90)}x${")".repeat(91)}`,
    `x${".orValue(x)".repeat(300)}`,
  ];
  for (const source of sources) {
    // The best of three: on a busy machine any one of them may have to wait for a processor.
    const times = [1, 2, 3].map(() => {
      const started = performance.now();
      outcomeOfCompile(source.slice(0, EXPR_LENGTH_MAX));
      return performance.now() - started;
    });
    expect({ source: source.slice(0, 40), isQuick: Math.min(...times) < COMPILE_MS }).toMatchObject({ isQuick: true });
  }
});

function outcomeOfCompile(source: string): unknown {
  try {
    return compile(source, { place: "p", names: NAMES }).type;
  } catch (cause) {
    if (cause instanceof HoldfastError) return cause.code;
    throw cause;
  }
}
