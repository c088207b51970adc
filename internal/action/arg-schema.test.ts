import { expect, test } from "vitest";
import type { JsonObject } from "../base/json.ts";
import { parseArgs, validateArgs } from "./arg-schema.ts";
import type { ArgSchema } from "./arg-schema.ts";
import { argumentTable } from "./arg-table.ts";

const SCHEMA = {
  path: { type: "string", required: true, description: "Where." },
  count: { type: "int", min: 1, max: 9, default: 3, description: "How many." },
  words: { type: "list", items: { type: "string", description: "A word." }, description: "Words." },
  check: { type: "object", fields: { url: { type: "string", required: true, description: "A URL." } }, description: "A check." },
  env: { type: "object", values: { type: "string", description: "A value." }, description: "Variables." },
  kind: { type: "string", allowed: ["a", "b"], description: "A kind." },
  code: { type: "string", pattern: "^[a-z]+$", description: "A code." },
} as const satisfies ArgSchema;

function check(raw: JsonObject, expected: readonly string[]): void {
  const faults = validateArgs(SCHEMA, raw, "with");
  expect(faults.map(({ place, reason }) => `${place}: ${reason}`)).toEqual(expected);
}

test("defaults are filled in, and null counts as absent", () => {
  const args = parseArgs(SCHEMA, { path: "/x", kind: null, words: ["a"] });
  expect(args).toEqual({ path: "/x", count: 3, words: ["a"] });
});

test("every fault is found at once, with its place and without its value", () => {
  check({ pth: 1, count: 10, words: ["a", 7], check: { ur: "x" }, env: { A: true }, kind: "c", code: "hush!" }, [
    'with.pth: unknown argument; did you mean "path"?',
    "with.path: required argument is missing: Where.",
    "with.count: must be at most 9, found 10",
    "with.words[1]: must be a string, found an int; write it in quotes",
    'with.check.ur: unknown argument; did you mean "url"?',
    "with.check.url: required argument is missing: A URL.",
    "with.env.A: must be a string, found a bool; write it in quotes",
    'with.kind: must be one of "a", "b"',
    "with.code: must be text that matches ^[a-z]+$",
  ]);
});

test("a template passes as any type at submit, and is text at dispatch", () => {
  check(
    {
      path: "${{ params.path }}",
      count: "${{ params.count }}",
      words: "${{ params.words }}",
      check: "${{ params.check }}",
      env: { A: "${{ 1 }}" },
    },
    [],
  );
  expect(() => parseArgs(SCHEMA, { path: "/x", count: "${{ 1 }}" })).toThrow("count: must be an int, found a string");
});

test("a pattern that takes others for ever takes no time here", () => {
  const schema = { x: { type: "string", pattern: "(a+)+$", description: "." } } as const satisfies ArgSchema;
  expect(validateArgs(schema, { x: `${"a".repeat(60)}!` }, "")).toHaveLength(1);
});

test("names such as __proto__ are keys like any other", () => {
  check(JSON.parse('{"path": "/x", "__proto__": 1, "env": {"__proto__": "x", "constructor": "y"}}'), [
    "with.__proto__: unknown argument; known are path, count, words, check, env, kind, code",
  ]);
});

test("the table of documentation names fields by their path", () => {
  expect(argumentTable(SCHEMA)).toContain("| `check.url` | string | **required** | A URL. |");
});
