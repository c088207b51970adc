// Rules on single files: their names, how they open, and the marks inside their comments.

import { headerOf, isProductSource, lineAt } from "./source-tree.ts";
import type { Finding, SourceFile } from "./source-tree.ts";

const CODE = /^(internal|cmd|test|scripts|bin|examples)\/.*\.(ts|mjs)$/;
const KEBAB_PATH = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$/;
const NAMELESS = new Set(["util", "utils", "helper", "helpers", "common", "misc"]);
const HEADER_LINES_MIN = 2;
const HEADER_LINES_MAX = 6;

/** Paths are kebab-case nouns; `utils` and its kin show a missing noun; only the SDK has an index.ts. */
export function checkName({ path }: SourceFile): readonly Finding[] {
  if (!CODE.test(path)) return [];
  const parts = path.split("/");
  const stem = (parts.at(-1) ?? "").replace(/\..*$/, "");
  const names = [...parts.slice(0, -1), stem];
  const findings: string[] = [];
  if (!parts.every((part) => KEBAB_PATH.test(part))) findings.push("a path is kebab-case: lower-case words joined by dashes");
  if (names.some((name) => NAMELESS.has(name))) findings.push("no utils, helpers or common: find the noun that is missing");
  if (stem === "index" && path !== "internal/sdk/index.ts") findings.push("no index.ts except internal/sdk/index.ts");
  return findings.map((message) => ({ path, line: 1, message }));
}

/** A product source opens with 2–6 lines: what it owns, its invariants. */
export function checkHeader({ path, text }: SourceFile): readonly Finding[] {
  if (!isProductSource(path)) return [];
  const count = headerOf(text).length;
  if (count >= HEADER_LINES_MIN && count <= HEADER_LINES_MAX) return [];
  const message = `opens with ${count} lines of comment: say what the file owns and its invariants, in ${HEADER_LINES_MIN} to ${HEADER_LINES_MAX}`;
  return [{ path, line: 1, message }];
}

/** An open end names its issue. The rule's own files speak of the word. */
export function checkTodo({ path, text }: SourceFile): readonly Finding[] {
  if (path.startsWith("test/tidy")) return [];
  return [...text.matchAll(/\b(TODO|FIXME|XXX)\b(?!\(#\d+\))/g)].map(({ index, 1: word }) => {
    return { path, line: lineAt(text, index), message: `${word} without its issue: write TODO(#123)` };
  });
}

/** A switch over the tag of a closed union ends in assertNever, so that a new case does not compile until it is handled. */
export function checkSwitches({ path, text }: SourceFile): readonly Finding[] {
  if (!isProductSource(path)) return [];
  return [...text.matchAll(/\bswitch \((?:[\w.]*\.)?(type|kind)\) \{/g)]
    .filter(({ index, 0: opening }) => !blockAt(text, index + opening.length).includes("assertNever("))
    .map(({ index, 1: tag }) => {
      return { path, line: lineAt(text, index), message: `a switch over ".${tag}" without "default: return assertNever(…)"` };
    });
}

/** The text from `start`, just after an opening brace, to the brace that closes it. */
function blockAt(text: string, start: number): string {
  let depth = 1;
  for (let at = start; at < text.length; at++) {
    if (text[at] === "{") depth += 1;
    if (text[at] === "}") depth -= 1;
    if (depth === 0) return text.slice(start, at);
  }
  return text.slice(start);
}

/** `crash:` in a comment names a crash test that exists, given all paths of the project. */
export function checkCrashReferences({ path, text }: SourceFile, paths: ReadonlySet<string>): readonly Finding[] {
  if (!isProductSource(path)) return [];
  return [...text.matchAll(/\/\/ crash: *(\S*)/g)]
    .filter(({ 1: test = "" }) => !(/^test\/crash\/.+\.test\.ts$/.test(test) && paths.has(test)))
    .map(({ index, 1: test }) => ({ path, line: lineAt(text, index), message: `names the crash test "${test}", which does not exist` }));
}
