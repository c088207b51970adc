import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryDirectory } from "../fakes/temp-directory.ts";
import { documentTexts, mergeResults, withBlock } from "./document.ts";
import { aFigure, aResult } from "./figure-fake.ts";
import { countMet, rowLines, shown } from "./report.ts";
import { readResults, writeResults } from "./result.ts";
import { ROWS } from "./row-list.ts";

describe("the document", () => {
  const text = "before\n<!-- benchmarks: begin -->\nold\n<!-- benchmarks: end -->\nafter\n";

  test("is renewed between its marks and nowhere else, as often as one likes", () => {
    const renewed = withBlock(text, ["new", "lines"]);
    expect(renewed).toBe("before\n<!-- benchmarks: begin -->\n\nnew\nlines\n\n<!-- benchmarks: end -->\nafter\n");
    expect(withBlock(renewed, ["new", "lines"])).toBe(renewed);
  });

  test("shows the results that are committed, and explains each row", () => {
    const { found, wanted } = documentTexts();
    expect(found).toBe(wanted);
    for (const name of ROWS) expect(found).toContain(`\n| \`${name}\` | `);
  });

  test("without its marks is not written", () => {
    expect(() => withBlock("before\nafter\n", [])).toThrow("lost its marks");
  });

  test("keeps the rows that were not measured again, in the order of the table, and drops those that are no rows", () => {
    const known = [aResult({ name: "engine", seconds: 1 }), aResult({ name: "floors", seconds: 1 }), aResult({ name: "gone" })];
    const merged = mergeResults(known, [aResult({ name: "engine", seconds: 2 })]);
    expect(merged.map(({ name, seconds }) => [name, seconds])).toEqual([
      ["floors", 1],
      ["engine", 2],
    ]);
  });
});

describe("a table", () => {
  test("shows a figure beside its floor, with spread, ratio, wish and verdict", () => {
    const figures = [
      aFigure({ values: [1_500, 1_000, 2_000], floor: [10_000, 10_000, 10_000], wanted: ">= 2,000; >= 10 % of the floor" }),
      aFigure({ what: "p99", unit: "ms", better: "lower", values: [2.3456], wanted: "<= 3 ms" }),
    ];
    expect(rowLines(aResult({ figures }))).toEqual([
      "### The engine alone (`engine`)",
      "",
      "|                | median (from – to)       | its floor       | ratio            | wanted                         | met    |",
      "|----------------|--------------------------|-----------------|------------------|--------------------------------|--------|",
      "| tasks a second | 1,500 /s (1,000 – 2,000) | 10,000 /s: bare | 0.15 (0.1 – 0.2) | >= 2,000; >= 10 % of the floor | **no** |",
      "| p99            | 2.35 ms                  |                 |                  | <= 3 ms                        | yes    |",
      "",
      "2026-11-21, commit abc1234, load before 0.1, took 3 s",
    ]);
  });

  test("counts the wishes that are met", () => {
    const figures = [aFigure({ wanted: ">= 1" }), aFigure({ what: "b", wanted: ">= 2" }), aFigure({ what: "c" })];
    expect(countMet([aResult({ figures })])).toEqual({ met: 1, wanted: 2 });
  });

  test.each([
    [1_234_567.8, "1,234,568"],
    [123.456, "123"],
    [12.3456, "12.3"],
    [0.012345, "0.0123"],
    [100, "100"],
  ])("%d is shown as %s", (value, text) => {
    expect(shown(value)).toBe(text);
  });
});

describe("a row's result", () => {
  test("is read back as it was written", () => {
    const path = join(temporaryDirectory(), "result.json");
    const results = [aResult({ figures: [aFigure({ values: [1, 2], floor: [3, 4], wanted: ">= 1", isGuarded: true })] })];
    writeResults(path, results);
    expect(readResults(path)).toEqual(results);
  });

  test.each([
    ["a figure twice", [aFigure(), aFigure()], "there twice"],
    ["a wish that cannot be read", [aFigure({ wanted: "soon" })], "cannot be read"],
    ["no repeat", [aFigure({ values: [] })], "not once"],
  ])("with %s is refused, and the row is named", (_, figures, message) => {
    const path = join(temporaryDirectory(), "result.json");
    writeFileSync(path, JSON.stringify([aResult({ figures })]));
    expect(() => readResults(path)).toThrow(message);
    expect(() => readResults(path)).toThrow("engine: ");
  });
});

describe("the rows", () => {
  const files = readdirSync(join(import.meta.dirname, "rows")).filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"));

  test("are the files of test/bench/rows/, all of them", () => {
    expect([...ROWS].sort()).toEqual(files.map((file) => file.replace(/\.ts$/, "")).sort());
  });

  test.each(files)("%s exports a row of its own name", (file) => {
    const text = readFileSync(join(import.meta.dirname, "rows", file), "utf8");
    expect(text).toContain("export const row: Row");
    expect(text).toContain(`name: "${file.replace(/\.ts$/, "")}"`);
  });
});
