import { expect, test } from "vitest";
import { HoldfastError } from "../base/errors.ts";
import type { JsonValue } from "../base/json.ts";
import { SecretText, hasSecrets, maskRendered, revealRendered } from "./rendered.ts";
import { compileTemplate } from "./template.ts";

const OPTIONS = {
  place: "stages[0].actions[1].with",
  names: ["params", "target"],
  functions: [{ name: "stage", parameters: ["string"] }],
} as const;
const SCOPE = {
  params: { version: "1.27", count: 3, isOn: true, tags: ["a", "b"], nothing: null, ratio: 0.5, nested: { k: 1 } },
  target: { name: "web-1", labels: { role: "web" } },
  stage: () => ({ failed: 0 }),
};

function check(value: JsonValue, expected: unknown) {
  expect(compileTemplate(value, OPTIONS).render(SCOPE)).toEqual(expected);
}

function refusal(run: () => unknown): { place: string; reason: string } {
  try {
    run();
  } catch (cause) {
    if (cause instanceof HoldfastError && cause.details[0] !== undefined) {
      const { place, reason } = cause.details[0];
      return { place, reason };
    }
    throw cause;
  }
  throw new Error("nothing was refused");
}

test("a string that is one expression takes the expression's type", () => {
  check(
    { a: "${{ params.count }}", b: "${{params.tags}}", c: "${{ params.isOn }}", d: "${{ params.nothing }}", e: "${{ params.nested }}" },
    {
      a: 3,
      b: ["a", "b"],
      c: true,
      d: null,
      e: { k: 1 },
    },
  );
});

test("inside text values become text, lists and maps JSON", () => {
  check(
    "v${{ params.version }}/${{ params.count }}-${{params.isOn}} ${{ params.ratio }} ${{ params.tags }} ${{ params.nested }}",
    'v1.27/3-true 0.5 ["a","b"] {"k":1}',
  );
  check(" ${{ params.count }}", " 3");
});

test("null inside text is an error with its place", () => {
  const template = compileTemplate({ path: "/x/${{ params.nothing }}" }, OPTIONS);
  expect(refusal(() => template.render(SCOPE))).toMatchObject({
    place: "stages[0].actions[1].with.path:1:8",
    reason: expect.stringMatching(/null inside text/),
  });
});

test("an expression ends at the first }} outside its strings, comments and braces", () => {
  check("${{ {'a': {'b': 1}}}}", { a: { b: 1 } });
  check("${{ '}}' + \"}}\" }}", "}}}}");
  check("x${{ {'a': 1}.a }}}}", "x1}}");
  check("${{ r'\\' + '''}}''' }}", "\\}}");
  check("${{ 1 // }}\n + 1 }}", 2);
});

test("$${{ is the text ${{, and a } or $ alone is text", () => {
  check("$${{ not.this }} ${{ params.count }} $${{", "${{ not.this }} 3 ${{");
  check("$5 {{ x }} }} $", "$5 {{ x }} }} $");
});

test("keys are never templates", () => {
  check({ "${{ params.count }}": "${{ params.count }}" }, { "${{ params.count }}": 3 });
});

test("errors name the path in the arguments and the position in the string", () => {
  const refused = (value: JsonValue) => refusal(() => compileTemplate(value, OPTIONS));
  expect(refused({ argv: ["x", "a\n ${{ parms.x }}"] })).toEqual({
    place: "stages[0].actions[1].with.argv[1]:2:6",
    reason: 'no such name "parms"; did you mean "params"?',
  });
  expect(refused({ "a.b": "ab ${{ params.x" })).toMatchObject({
    place: 'stages[0].actions[1].with["a.b"]:1:4',
    reason: expect.stringMatching(/has no }}/),
  });
  expect(refused("${{ }}")).toMatchObject({ reason: expect.stringMatching(/empty/) });
});

test("without expressions every rendering is the same prepared constant", () => {
  const template = compileTemplate({ a: [1, { b: "text" }], c: null }, OPTIONS);
  expect(template.hasExpressions).toBe(false);
  expect(template.render(SCOPE)).toEqual({ a: [1, { b: "text" }], c: null });
  expect(template.render(SCOPE)).toBe(template.render({}));
});

test("parts without expressions are shared by all renderings", () => {
  const template = compileTemplate({ fixed: { a: [1] }, name: "${{ target.name }}" }, OPTIONS);
  const [first, second] = [template.render(SCOPE), template.render({ target: { name: "web-2" } })];
  expect(first).toEqual({ fixed: { a: [1] }, name: "web-1" });
  expect(second).toEqual({ fixed: { a: [1] }, name: "web-2" });
  expect(Object(first).fixed).toBe(Object(second).fixed);
});

test("a template tells what it reads", () => {
  const template = compileTemplate(
    { a: "${{ params.x }} ${{ stage('fix').failed }}", b: ["${{ target.labels.role }}", "${{ secret('b') }}${{ secret('a') }}"] },
    OPTIONS,
  );
  expect([...template.names].sort()).toEqual(["params", "target"]);
  expect([...template.paths].sort()).toEqual(["params.x", "target.labels"]);
  expect(template.calls).toMatchObject([{ name: "stage", literals: ["fix"] }]);
  expect(template.secrets).toEqual(["a", "b"]);
});

test("a secret stays a name until it is revealed", () => {
  const template = compileTemplate(
    { header: "Bearer ${{ secret('api-token') }} for ${{ target.name }}", plain: "***", only: '${{secret("x")}}' },
    OPTIONS,
  );
  const rendered = template.render(SCOPE);
  expect(hasSecrets(rendered)).toBe(true);
  expect(Object(rendered).header).toBeInstanceOf(SecretText);
  expect(Object(rendered).header.secrets).toEqual(["api-token"]);
  expect(maskRendered(rendered)).toEqual({ header: "Bearer *** for web-1", plain: "***", only: "***" });
  expect(JSON.stringify(rendered)).toBe('{"header":"Bearer *** for web-1","plain":"***","only":"***"}');
  expect(revealRendered(rendered, (name) => `<${name}>`)).toEqual({ header: "Bearer <api-token> for web-1", plain: "***", only: "<x>" });
});

test("data cannot forge a secret", () => {
  const template = compileTemplate({ a: { parts: [{ secret: "x" }] }, b: "${{ params.forged }}" }, OPTIONS);
  const rendered = template.render({ params: { forged: { parts: [{ secret: "x" }], text: "${{ secret('x') }}" } } });
  expect(hasSecrets(rendered)).toBe(false);
  expect(revealRendered(rendered, () => "LEAKED")).toEqual({
    a: { parts: [{ secret: "x" }] },
    b: { parts: [{ secret: "x" }], text: "${{ secret('x') }}" },
  });
});

test("a secret cannot be computed with", () => {
  const refused = (text: string) => refusal(() => compileTemplate(text, OPTIONS)).reason;
  for (const text of [
    "${{ secret('a') + 'b' }}",
    "${{ size(secret('a')) }}",
    "${{ [secret('a')] }}",
    "${{ params.x ? secret('a') : '' }}",
    "${{ params.secret('a') }}",
  ]) {
    expect(refused(text)).toMatch(/must be all of a/);
  }
  for (const text of [
    "${{ secret(params.x) }}",
    "${{ secret('../x') }}",
    "${{ secret('a', 'b') }}",
    "${{ secret() }}",
    "${{ secret('') }}",
  ]) {
    expect(refused(text)).toMatch(/one literal name/);
  }
});

test("size and depth of templates are bounded", () => {
  const refused = (value: JsonValue) => refusal(() => compileTemplate(value, OPTIONS)).reason;
  expect(refused("${{ 1 }}".repeat(501))).toMatch(/more than 500 expressions/);
  expect(refused(Array.from({ length: 20 }, () => `\${{ '${"a".repeat(4_000)}' }}`))).toMatch(/characters of expressions/);
  let deep: JsonValue = "x";
  for (let depth = 0; depth < 10_000; depth++) deep = [deep];
  expect(refused(deep)).toMatch(/nested deeper/);
  const template = compileTemplate("${{ params.s }}${{ params.s }}", OPTIONS);
  expect(refusal(() => template.render({ params: { s: "a".repeat(3 << 20) } })).reason).toMatch(/longer than/);
});

test("a key named __proto__ is a key", () => {
  const value = JSON.parse('{"__proto__": "${{ params.count }}", "x": {"__proto__": 1}}');
  const rendered = compileTemplate(value, OPTIONS).render(SCOPE);
  expect(JSON.stringify(rendered)).toBe('{"__proto__":3,"x":{"__proto__":1}}');
  expect(JSON.stringify(maskRendered(rendered))).toBe('{"__proto__":3,"x":{"__proto__":1}}');
});
