import { describe, expect, test } from "vitest";
import { aFigure } from "./figure-fake.ts";
import { summarize } from "./summary.ts";
import { isMet } from "./wanted.ts";

describe("a summary", () => {
  test("holds median and spread of values, floor and ratios", () => {
    expect(summarize(aFigure({ values: [10, 40, 30], floor: [100, 100, 100] }))).toEqual({
      figure: { median: 30, min: 10, max: 40 },
      floor: { median: 100, min: 100, max: 100 },
      ratio: { median: 0.3, min: 0.1, max: 0.4 },
    });
  });

  test("takes each ratio within one repeat, so that a machine that is slow in one of them changes nothing", () => {
    const steady = summarize(aFigure({ values: [50, 50, 50], floor: [100, 100, 100] }));
    const noisy = summarize(aFigure({ values: [50, 5, 500], floor: [100, 10, 1_000] }));
    expect(noisy.ratio).toEqual(steady.ratio);
  });

  test.each([
    ["no repeat", { values: [] }, "not once"],
    ["a zero", { values: [1, 0] }, "measured as 0"],
    ["what is no number", { values: [Number.NaN] }, "measured as NaN"],
    ["a floor of fewer repeats", { values: [1, 2], floor: [1] }, "take turns"],
    ["a guarded figure without a floor", { values: [1], isGuarded: true }, "has no floor"],
  ])("%s is refused", (_, fields, message) => {
    expect(() => summarize(aFigure(fields))).toThrow(message);
  });
});

describe("a wish", () => {
  const met = (wanted: string, unit: string, value: number, floor?: number): unknown =>
    isMet(wanted, unit, summarize(aFigure({ unit, values: [value], ...(floor === undefined ? {} : { floor: [floor] }) })));

  test.each([
    [">= 15,000", "/s", 15_000, true],
    [">= 15,000", "/s", 14_999, false],
    ["≥ 2,000 /s", "/s", 2_000, true],
    ["<= 1 GiB", "MiB", 1_024, true],
    ["<= 1 GiB", "MiB", 1_025, false],
    ["<= 10 s", "ms", 10_001, false],
    ["<= 10 s", "s", 10, true],
    ["<= 2.5 ms", "ms", 2.6, false],
    ["<= 250", "B", 250, true],
  ])("%s of %s %d is %s", (wanted, unit, value, expected) => {
    expect(met(wanted, unit, value)).toBe(expected);
  });

  test.each([
    [">= 20 % of the floor", 20, 100, true],
    [">= 20 % of the floor", 19, 100, false],
    [">= 3x the floor", 300, 100, true],
    [">= 3× the floor", 299, 100, false],
    [">= 15; >= 20 % of the floor", 20, 100, true],
    [">= 15; >= 20 % of the floor", 16, 100, false],
    [">= 50; >= 20 % of the floor", 20, 100, false],
  ])("%s: %d beside a floor of %d is %s", (wanted, value, floor, expected) => {
    expect(met(wanted, "/s", value, floor)).toBe(expected);
  });

  test("that is not there is neither met nor missed", () => {
    expect(isMet(undefined, "/s", summarize(aFigure({ values: [1] })))).toBe(undefined);
  });

  test.each([
    ["fast", "/s"],
    ["> 5", "/s"],
    [">= 5 ms", "/s"],
    ["<= 5 MiB", "s"],
    [">= 5 of the floor", "/s"],
    [">= 5 %", "/s"],
    [">= 5, >= 2x the floor", "/s"],
  ])("%s of a figure in %s cannot be read, and is an error", (wanted, unit) => {
    expect(() => met(wanted, unit, 1, 1)).toThrow("cannot be read");
  });

  test("about a floor that is not there is an error", () => {
    expect(() => met(">= 2x the floor", "/s", 1)).toThrow("has no floor");
  });
});
