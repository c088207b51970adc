// The snippet of an error: the line it is about, and a caret under the spot, wherever in the text that is.

import { expect, test } from "vitest";
import { exprError } from "./expr-error.ts";
import { compile } from "./program.ts";

function snippetAt(source: string, offset: number): string | undefined {
  const error = exprError({ source, place: "p", origin: { line: 1, column: 1 } }, [{ offset, reason: "is wrong" }]);
  return error.details[0]?.snippet;
}

test("the caret stands under the spot, on the line of the spot", () => {
  expect(snippetAt("a +\nbb + c", 0)).toBe("  a +\n  ^");
  expect(snippetAt("a +\nbb + c", 4)).toBe("  bb + c\n  ^");
  expect(snippetAt("a +\nbb + c", 9)).toBe("  bb + c\n       ^");
});

test("a text that begins with a line break has an error at its first place too", () => {
  expect(snippetAt("\n", 0)).toBe("  \n  ^");
  expect(snippetAt("\na", 1)).toBe("  a\n  ^");
  expect(() => compile("\n", { place: "p" })).toThrow("p:1:1: the expression is empty");
});
