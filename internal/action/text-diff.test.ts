import fc from "fast-check";
import { expect, test } from "vitest";
import { DIFF_LENGTH_MAX } from "../base/limits.ts";
import { unifiedDiff } from "./text-diff.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("a diff has three lines around each change, and changes far apart have hunks of their own", () => {
  const lines = Array.from({ length: 30 }, (_, index) => `line ${index + 1}`);
  const changed = lines.map((line, index) => (index === 4 || index === 24 ? `${line} new` : line));
  expect(unifiedDiff("/x", bytes(`${lines.join("\n")}\n`), bytes(`${changed.join("\n")}\n`))).toBe(
    "--- /x\n+++ /x\n@@ -2,7 +2,7 @@\n line 2\n line 3\n line 4\n-line 5\n+line 5 new\n line 6\n line 7\n line 8\n@@ -22,7 +22,7 @@\n line 22\n line 23\n line 24\n-line 25\n+line 25 new\n line 26\n line 27\n line 28\n",
  );
});

test("a new file, a removed one, and a missing last newline are told as diff(1) tells them", () => {
  expect(unifiedDiff("/x", undefined, bytes("a\n"))).toBe("--- /dev/null\n+++ /x\n@@ -0,0 +1 @@\n+a\n");
  expect(unifiedDiff("/x", bytes("a\n"), undefined)).toBe("--- /x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n");
  expect(unifiedDiff("/x", bytes("a\n"), bytes("a"))).toBe("--- /x\n+++ /x\n@@ -1 +1 @@\n-a\n+a\n\\ No newline at end of file\n");
});

test("every diff, applied to the text that was there, makes the wanted one", () => {
  const text = fc.array(fc.constantFrom("a", "b", "c", ""), { maxLength: 40 }).map((lines) => lines.join("\n"));
  fc.assert(
    fc.property(text, text, (before, after) => {
      expect(patch(before, unifiedDiff("x", bytes(before), bytes(after)))).toBe(after);
    }),
  );
});

/** Applies a unified diff strictly: every line of context and of removal must stand where the hunk says. */
function patch(before: string, diff: string): string {
  const left = before === "" ? [] : before.split(/(?<=\n)/);
  const right: string[] = [];
  let at = 0;
  const body = diff
    .replaceAll(/\n\\ No newline at end of file\n/g, "~")
    .split(/(?<=[\n~])/)
    .slice(2);
  for (const line of body.map((each) => each.replace("~", ""))) {
    const start = /^@@ -(\d+)(?:,(\d+))? /.exec(line);
    if (start !== null) while (at < Number(start[1]) - (start[2] === "0" ? 0 : 1)) right.push(left[at++] ?? "");
    else if (line.startsWith("+")) right.push(line.slice(1));
    else if (line.slice(1) !== left[at]) throw new Error(`line ${at + 1} is not what the diff says`);
    else if (line.startsWith("-")) at++;
    else right.push(left[at++] ?? "");
  }
  return [...right, ...left.slice(at)].join("");
}

test("large changes are cut, and binary content gives sizes only", () => {
  const before = Array.from({ length: 4_000 }, (_, index) => `old ${index}`).join("\n");
  const after = Array.from({ length: 4_000 }, (_, index) => `new ${index}`).join("\n");
  const diff = unifiedDiff("/x", bytes(before), bytes(after));
  expect(diff.length).toBeLessThan(DIFF_LENGTH_MAX + 100);
  expect(diff).toMatch(/\[cut: the diff is longer than \d+ characters\]\n$/);
  expect(unifiedDiff("/x", Uint8Array.of(0, 1), bytes("a"))).toBe("binary or large content: 2 bytes → 1 bytes\n");
});
