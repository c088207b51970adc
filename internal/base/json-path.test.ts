import { expect, test } from "vitest";
import { indexPath, keyPath, parsePath } from "./json-path.ts";

test("a path is written as people read it, and read back", () => {
  const path = keyPath(indexPath(keyPath("", "stages"), 1), 'odd "key".');
  expect(keyPath(path, "with-dash")).toBe('stages[1]["odd \\"key\\"."].with-dash');
  expect(parsePath(keyPath(path, "with-dash"))).toEqual(["stages", 1, 'odd "key".', "with-dash"]);
  expect(parsePath("")).toEqual([]);
  expect(parsePath(keyPath("", ""))).toEqual([""]);
});

test("what is no path is undefined", () => {
  for (const text of ["a b", "[x]", "a[", "a..b", "a]"]) expect([text, parsePath(text)]).toEqual([text, undefined]);
});
