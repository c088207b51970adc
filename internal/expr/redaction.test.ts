// No error shows a value that an expression read: over random expressions of every function, with values that are easy to find again.
import fc from "fast-check";
import { expect, test } from "vitest";
import { HoldfastError } from "../base/errors.ts";
import { builtinOverloads } from "./extension-signatures.ts";
import { exprTimestamp } from "./lift.ts";
import { createMeter } from "./meter.ts";
import { compile } from "./program.ts";

const SECRET = "hunter2-9f3a";
const NUMBER = 7_741_133_377;
const SCOPE = {
  text: SECRET,
  number: NUMBER,
  ratio: NUMBER + 0.25,
  list: [SECRET, NUMBER, { key: SECRET }],
  map: { [SECRET]: SECRET, number: NUMBER },
  now: exprTimestamp(NUMBER),
  call: () => {
    throw new Error(SECRET);
  },
};
const NAMES = ["text", "number", "ratio", "list", "map", "now"];

const leaf = fc.constantFrom(...NAMES, "call(text)", "'a'", "0", "1.5", "[]", "{}", "null", "map[text]", "list[number]", "list[?number]");

/** Calls of every function and method with whatever arguments, and the macros. */
const expression = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, depthIdentifier: "node" },
    leaf,
    call(tie("node")),
    fc
      .tuple(tie("node"), fc.constantFrom("+", "-", "*", "/", "%", "<", "==", "in", "&&", "||"), tie("node"))
      .map(([l, o, r]) => `(${l} ${o} ${r})`),
    fc.tuple(tie("node"), fc.constantFrom("map", "filter", "all", "exists_one"), tie("node")).map(([l, m, e]) => `${l}.${m}(x, ${e})`),
    fc.tuple(tie("node"), tie("node")).map(([l, r]) => `${l}[${r}]`),
    fc.tuple(tie("node"), tie("node")).map(([l, r]) => `cel.bind(y, ${l}, ${r})`),
    fc.tuple(tie("node"), tie("node")).map(([l, r]) => `${l}.transformMap(k, v, ${r})`),
    fc.tuple(tie("node"), tie("node")).map(([l, r]) => `{${l}: ${r}, ${r}: ${l}}`),
  ),
})).node;

function call(node: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const keys = [...builtinOverloads().entries()].filter(([key]) => /^[fm] [a-z]/i.test(key));
  const forms = keys.flatMap(([key, overloads]) => overloads.map(({ parameters }) => ({ key, arity: parameters.length })));
  return fc.constantFrom(...forms).chain(({ key, arity }) =>
    fc.array(node, { minLength: arity, maxLength: arity }).map((args) => {
      const name = key.slice(2);
      return key.startsWith("m") ? `${args[0] ?? "''"}.${name}(${args.slice(1).join(", ")})` : `${name}(${args.join(", ")})`;
    }),
  );
}

test("no error of an evaluation shows a value that the expression read", () => {
  let failed = 0;
  fc.assert(
    fc.property(expression, (inner) => {
      // dyn() hides the types from the checker, so that the mistakes are found by the evaluation.
      const source = inner.replace(/\b(text|number|ratio|list|map|now)\b(?!\()/g, "dyn($1)");
      try {
        compile(source, { place: "p", names: NAMES, functions: [{ name: "call", parameters: ["any"] }] }).evaluate(
          SCOPE,
          createMeter(20_000),
        );
      } catch (cause) {
        expect(cause).toBeInstanceOf(HoldfastError);
        failed++;
        const shown = cause instanceof HoldfastError ? cause.message + JSON.stringify(cause.details) + String(cause.stack) : "";
        expect(shown).not.toContain(SECRET);
        expect(shown).not.toContain(String(NUMBER));
      }
    }),
    { numRuns: 4_000 },
  );
  expect(failed).toBeGreaterThan(1_000);
});
