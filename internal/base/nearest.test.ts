import { expect, test } from "vitest";
import { didYouMean, nearest } from "./nearest.ts";

test("a typo finds its name, a different word finds nothing", () => {
  expect(nearest("tagret", ["params", "target"])).toBe("target");
  expect(nearest("Site", ["site", "size"])).toBe("site");
  expect(nearest("xy", ["params", "target"])).toBeUndefined();
  expect(nearest("a".repeat(1_000), ["a".repeat(999)])).toBeUndefined();
  expect(didYouMean("whne", ["when", "with"])).toBe('; did you mean "when"?');
  expect(didYouMean("zzz", ["when"])).toBe("");
});
