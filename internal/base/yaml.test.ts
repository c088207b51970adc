import { expect, test } from "vitest";
import { HoldfastError } from "./errors.ts";
import { YAML_ALIASES_MAX, YAML_DEPTH_MAX } from "./limits.ts";
import { readYaml } from "./yaml.ts";

const OPTIONS = { file: "w.yaml", bytesMax: 1 << 20 };

function refusal(text: string): string {
  try {
    readYaml(text, OPTIONS);
  } catch (cause) {
    if (cause instanceof HoldfastError && cause.code === "INVALID_ARGUMENT") return cause.message;
    throw cause;
  }
  throw new Error("nothing was refused");
}

const WORKFLOW = `name: fix
stages:
  - name: precheck
    actions:
      - { name: a, uses: http, with: { "odd.key": [1, "two"] } }
  - name: fix
    whne: >-
      size(x)
      > 0
`;

test("a workflow file is plain JSON", () => {
  expect(readYaml(WORKFLOW, OPTIONS).value).toEqual({
    name: "fix",
    stages: [
      { name: "precheck", actions: [{ name: "a", uses: "http", with: { "odd.key": [1, "two"] } }] },
      { name: "fix", whne: "size(x) > 0" },
    ],
  });
});

test("every path has a place", () => {
  const file = readYaml(WORKFLOW, OPTIONS);
  expect(file.at("")).toEqual({ line: 1, column: 1 });
  expect(file.at("stages[1].name")).toEqual({ line: 6, column: 11 });
  expect(file.keyAt("stages[1].whne")).toEqual({ line: 7, column: 5 });
  expect(file.at("stages[1].whne")).toEqual({ line: 7, column: 11 });
  expect(file.at('stages[0].actions[0].with["odd.key"][1]')).toEqual({ line: 5, column: 55 });
  expect(file.at("stages[2]")).toBeUndefined();
  expect(file.at("stages[0].when")).toBeUndefined();
  expect(file.at("not a path")).toBeUndefined();
});

test("the place of an error finds the nearest value that there is", () => {
  const file = readYaml(WORKFLOW, OPTIONS);
  expect(file.near("stages[1].name:1:7")).toEqual({ line: 6, column: 11 });
  expect(file.near("stages[0].actions[0].with.url")).toEqual({ line: 5, column: 38 });
  expect(file.near("nothing.like.this")).toEqual({ line: 1, column: 1 });
});

test("only JSON's types come out", () => {
  expect(readYaml("[yes, on, 2026-01-05, 0o17, 0x1f, 1_000, ~, null, true, 1.5, '1', .5]", OPTIONS).value).toEqual([
    "yes",
    "on",
    "2026-01-05",
    15,
    31,
    "1_000",
    null,
    null,
    true,
    1.5,
    "1",
    0.5,
  ]);
  expect(readYaml("200: a\ntrue: b\nnull: c\n", OPTIONS).value).toEqual({ "200": "a", true: "b", null: "c" });
  expect(readYaml("", OPTIONS).value).toBeNull();
  expect(readYaml("# nothing\n", OPTIONS).value).toBeNull();
  expect(readYaml('{"a": [1, {"b": "\\u00e9"}]}', OPTIONS).value).toEqual({ a: [1, { b: "é" }] });
  expect(JSON.stringify(readYaml("__proto__: {a: 1}", OPTIONS).value)).toBe('{"__proto__":{"a":1}}');
});

test("what JSON cannot say is refused with line and column", () => {
  expect(refusal("a: 1\nb: !!binary aGk=\n")).toMatch(/^w.yaml:2:\d+: tags are not supported/);
  expect(refusal("a: !mine x")).toMatch(/^w.yaml:1:\d+: /);
  expect(refusal("a:\n  - .inf")).toBe("w.yaml:2:5: a number must be finite");
  expect(refusal("a: 9007199254740993")).toMatch(/^w.yaml:1:4: an integer beyond/);
  expect(refusal("? [a]\n: 1")).toMatch(/^w.yaml:1:\d+: /);
  expect(refusal("a: &x {b: 1}\nc: { <<: *x }")).toMatch(/^w.yaml:2:6: merge keys/);
  expect(refusal('a: "\\ud800"')).toMatch(/^w.yaml:1:4: a lone surrogate/);
  expect(refusal("%YAML 1.1\n---\na: yes")).toMatch(/directives/);
});

test("duplicate keys and second documents are refused", () => {
  expect(refusal("a: 1\nb: 2\na: 3")).toBe('w.yaml:3:1: the key "a" appears twice');
  expect(refusal("a: {b: 1, 'b': 2}")).toMatch(/^w.yaml:1:11: the key "b"/);
  expect(refusal("a: 1\n---\nb: 2")).toMatch(/^w.yaml:2:\d+: a second document/);
  expect(refusal("---\n".repeat(100_000))).toMatch(/a second document/);
});

test("syntax errors are told together, each with its place", () => {
  expect(refusal("a: [1, 2\nb: }\n")).toMatch(/^w.yaml:\d+:\d+: /);
  expect(refusal("a: b: c")).toMatch(/^w.yaml:1:4: Nested mappings/);
  expect(refusal("\ta: 1")).toMatch(/^w.yaml:1:1: /);
});

test("depth is bounded, and ten thousand brackets are an answer, not a crash", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  expect(readYaml(nested(YAML_DEPTH_MAX + 1), OPTIONS).value).toBeInstanceOf(Array);
  expect(refusal(nested(YAML_DEPTH_MAX + 2))).toMatch(/^w.yaml:1:66: nested deeper than 64/);
  for (const text of [nested(10_000), "[".repeat(10_000), "{a: ".repeat(10_000), "- ".repeat(10_000), "? ".repeat(10_000)]) {
    expect(refusal(text)).toMatch(/^w.yaml:\d+:\d+: nested deeper than 64/);
  }
});

test("aliases are expanded, and a bomb is refused before it grows", () => {
  const file = readYaml("a: &x {b: [1]}\nc: *x\nd: *x\n", OPTIONS);
  expect(file.value).toEqual({ a: { b: [1] }, c: { b: [1] }, d: { b: [1] } });
  expect(file.at("d.b[0]")).toEqual({ line: 1, column: 12 });
  const level = (name: string, of: string) => `${name}: &${name} [${Array.from({ length: 9 }, () => of).join(", ")}]\n`;
  const laughs = level("a", "lol") + level("b", "*a") + level("c", "*b") + level("d", "*c") + level("e", "*d") + level("f", "*e");
  expect(refusal(laughs)).toMatch(/^w.yaml:\d+:\d+: (more than 1000 aliases|aliases expand)/);
  const big = `a: &a [${"1, ".repeat(500)}1]\nb: [${"*a, ".repeat(30)}1]`;
  expect(refusal(big)).toMatch(/^w.yaml:1:\d+: aliases expand to more than/);
  expect(refusal(`a: &a 1\nb: [${"*a, ".repeat(YAML_ALIASES_MAX + 1)}1]`)).toMatch(/more than 1000 aliases/);
  expect(refusal("a: &a [*a]")).toMatch(/^w.yaml:1:8: this alias names no anchor/);
  expect(refusal("a: *nowhere")).toMatch(/^w.yaml:1:4: /);
  expect(refusal("a: &x 1\nb: &x 2")).toMatch(/defined twice/);
});

test("a file at the limit of bytes is read, one byte more is refused", () => {
  const text = `"${"é".repeat(10)}"`;
  expect(readYaml(text, { file: "f", bytesMax: 22 }).value).toBe("é".repeat(10));
  expect(() => readYaml(text, { file: "f", bytesMax: 21 })).toThrow(/^f: the file is larger than 21 bytes/);
});

test("a map of many keys is read in linear time", () => {
  const text = Array.from({ length: 20_000 }, (_, index) => `k${index}: 1`).join("\n");
  const started = performance.now();
  expect(Object.keys(Object(readYaml(text, OPTIONS).value)).length).toBe(20_000);
  expect(performance.now() - started).toBeLessThan(5_000);
});
