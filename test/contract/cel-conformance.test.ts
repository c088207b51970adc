// The module against the cel-spec conformance data; docs/expressions.md shows the table that this test makes (UPDATE_DOCS=1 writes it).

import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { runConformance } from "./cel-conformance.ts";
import type { ConformanceResult } from "./cel-conformance.ts";

const DOC = new URL("../../docs/expressions.md", import.meta.url);
const BEGIN = "<!-- conformance: begin (made by test/contract/cel-conformance.test.ts) -->";
const END = "<!-- conformance: end -->";
const TESTS = 2_344;
const PASSED_MIN = 1_930;
const SHOWN_FAILURES_MAX = 2;

const results = runConformance();

test(`of ${TESTS} conformance tests no fewer than ${PASSED_MIN} pass`, () => {
  const passed = results.filter(({ failure }) => failure === undefined).length;
  expect(results.length).toBe(TESTS);
  expect(passed).toBeGreaterThanOrEqual(PASSED_MIN);
});

test("no conformance test crashes the module", () => {
  expect(results.filter(({ failure }) => failure?.startsWith("a crash") === true)).toEqual([]);
});

test("docs/expressions.md shows what passes and what does not, as it is", () => {
  const document = readFileSync(DOC, "utf8");
  const [before = "", rest = ""] = document.split(BEGIN);
  const after = rest.split(END)[1] ?? "";
  const wanted = `${before}${BEGIN}\n\n${table(results)}\n\n${END}${after}`;
  if (process.env["UPDATE_DOCS"] === "1") writeFileSync(DOC, wanted);
  else expect(document).toBe(wanted);
});

/** One row a file of the data, and below it one row a section of which something does not pass. */
function table(all: readonly ConformanceResult[]): string {
  const rows: (readonly string[])[] = [["file", "passed", "of", "what does not pass: section (how many), such as"]];
  for (const file of new Set(all.map((result) => result.file))) {
    const inFile = all.filter((result) => result.file === file);
    const failed = inFile.filter(({ failure }) => failure !== undefined);
    const sections = [...new Set(failed.map(({ section }) => section))].map((section) => sectionText(section, failed));
    rows.push([`\`${file}\``, String(inFile.length - failed.length), String(inFile.length), sections.join("; ")]);
  }
  const passed = all.filter(({ failure }) => failure === undefined).length;
  rows.push(["**all**", `**${passed}**`, `**${all.length}**`, ""]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(3, ...rows.map((row) => (row[column] ?? "").length)));
  const line = (cells: readonly string[]): string => `| ${cells.map((cell, column) => padded(cell, widths[column] ?? 0)).join(" | ")} |`;
  const [head = [], ...body] = rows;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("\n");
}

function padded(cell: string, width: number): string {
  return cell + " ".repeat(Math.max(0, width - cell.length));
}

function sectionText(section: string, failed: readonly ConformanceResult[]): string {
  const inSection = failed.filter((result) => result.section === section);
  const names = inSection.slice(0, SHOWN_FAILURES_MAX).map(({ name }) => `\`${name}\``);
  return `${section} (${inSection.length}): ${names.join(", ")}`;
}
