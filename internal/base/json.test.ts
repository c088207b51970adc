import { expect, test } from "vitest";
import { canonicalJson } from "./json.ts";

test("equal values have one text, whatever the order of their keys", () => {
  expect(canonicalJson({ b: 1, a: [true, null, { d: "x", c: 0.5 }] })).toBe('{"a":[true,null,{"c":0.5,"d":"x"}],"b":1}');
  expect(canonicalJson({ "10": 1, "9": 2, é: 3, Z: 4 })).toBe('{"10":1,"9":2,"Z":4,"é":3}');
  expect(canonicalJson(JSON.parse('{"__proto__":1,"a":-0}'))).toBe('{"__proto__":1,"a":0}');
});

test("what JSON cannot say is refused", () => {
  let deep: readonly unknown[] = [];
  for (let depth = 0; depth < 10_000; depth++) deep = [deep];
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, undefined, [undefined], 1n, new Map(), new Date(0), deep]) {
    expect(() => Reflect.apply(canonicalJson, undefined, [value])).toThrow(/not a JSON value/);
  }
});
