import { expect, test } from "vitest";
import { jsonFaultOffset } from "./json-fault.ts";

test.each<readonly [string, number]>([
  ["", 0],
  ["{", 1],
  ['{"a": hush}', 6],
  ['{"a" 1}', 5],
  ['{"a": }', 6],
  ['{"a": 1,}', 8],
  ['{"a": 1 "b": 2}', 8],
  ["[1, 2,]", 6],
  ["[1 2]", 3],
  ["[}", 1],
  ["{]", 1],
  ["{1: 2}", 1],
  ["1 2", 2],
  ["01", 0],
  ["truely", 0],
  ["[1.5.2]", 1],
  ['"open', 0],
  ['"\\x"', 0],
  ["  [] x", 5],
  ["]", 0],
  [",", 0],
])("%j is wrong at %i", (text, offset) => {
  expect(() => JSON.parse(text)).toThrow();
  expect(jsonFaultOffset(text)).toBe(offset);
});
