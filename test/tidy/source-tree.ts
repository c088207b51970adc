// The project's own files as text, for the rules that test/tidy.test.ts holds them to.
// Generated, installed and built files are not ours, and neither is what tests leave behind.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** One file of the project: its path from the top, with slashes, and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** What a rule found: where, and what to do about it. */
export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

/** The project's top directory. */
export const ROOT = join(import.meta.dirname, "..", "..");

const NOT_OURS = new Set(["node_modules", ".git", "dist", ".cache", "coverage", "internal/gen", "package-lock.json"]);
const TEXT = /\.(ts|mjs|md|proto|json|jsonl|ya?ml|sh)$|^\.ci\/run$|^LICENSE$/;

/** Every text file of the project, sorted by path. */
export function readSourceTree(): readonly SourceFile[] {
  const files: SourceFile[] = [];
  const walk = (directory: string): void => {
    for (const entry of readdirSync(join(ROOT, directory), { withFileTypes: true })) {
      const path = directory === "" ? entry.name : `${directory}/${entry.name}`;
      if (NOT_OURS.has(path) || entry.name === "node_modules") continue;
      if (entry.isDirectory()) walk(path);
      else if (entry.isFile() && TEXT.test(path)) files.push({ path, text: readFileSync(join(ROOT, path), "utf8") });
    }
  };
  walk("");
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** True for the TypeScript that ships: neither a test nor a configuration. */
export function isProductSource(path: string): boolean {
  return /^(internal|cmd)\/.*\.ts$/.test(path) && !path.endsWith(".test.ts");
}

/** The comment that opens a file, without its marks; empty when there is none. */
export function headerOf(text: string): readonly string[] {
  const lines = text.replace(/^#!.*\n/, "").split("\n");
  const end = lines.findIndex((line) => !line.startsWith("//"));
  return lines.slice(0, end === -1 ? lines.length : end).map((line) => line.slice(2).trim());
}

/** The number of the line that holds the character at `offset`, from 1. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}
