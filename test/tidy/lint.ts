// Runs the project's own linter where a rule of the house needs a syntax tree, and on snippets that it must refuse.

import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { headerOf, isProductSource, ROOT } from "./source-tree.ts";
import type { Finding, SourceFile } from "./source-tree.ts";

/** What the linter found, and by which rule: `typescript(no-explicit-any)`. */
export interface LintFinding extends Finding {
  readonly rule: string;
}

interface LintReport {
  readonly diagnostics: readonly {
    readonly message: string;
    readonly code: string;
    readonly filename: string;
    readonly labels: readonly { readonly span: { readonly line: number } }[];
  }[];
}

const PARSER_WORD = /\b(pars(e|es|ed|er|ers|ing)|decod(e|es|ed|er|ers|ing)|codecs?)\b/i;
const ASSERTION_RULE = { "typescript/consistent-type-assertions": ["error", { assertionStyle: "never" }] };

/** Lints a scratch tree of these files under the project's configuration. */
export function lintSnippets(files: readonly SourceFile[]): readonly LintFinding[] {
  return inScratchTree(files, (directory) => lint(directory, join(directory, ".oxlintrc.json")));
}

/** Type assertions in sources whose header does not say that they parse or decode. `as const` is none. */
export function checkAssertions(files: readonly SourceFile[]): readonly Finding[] {
  const suspects = files.filter(({ path, text }) => isProductSource(path) && !PARSER_WORD.test(headerOf(text).join(" ")));
  const hasAs = suspects.filter(({ text }) => /\sas\s|<[^>]+>\s*[\w(]/.test(text));
  if (hasAs.length === 0) return [];
  return inScratchTree(hasAs, (directory) => {
    const config = join(directory, "assertions.json");
    const rules = { plugins: ["typescript"], categories: { correctness: "off" }, rules: ASSERTION_RULE };
    writeFileSync(config, JSON.stringify(rules));
    return lint(directory, config).map(({ path, line }) => {
      return { path, line, message: "`as` only in a parser, whose header says that it parses or decodes (or `as const`)" };
    });
  });
}

function inScratchTree<T>(files: readonly SourceFile[], use: (directory: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-tidy-"));
  try {
    for (const name of [".oxlintrc.json", "tsconfig.json", "package.json"]) copyFileSync(join(ROOT, name), join(directory, name));
    symlinkSync(join(ROOT, "node_modules"), join(directory, "node_modules"));
    for (const { path, text } of files) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), text);
    }
    return use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function lint(directory: string, config: string): readonly LintFinding[] {
  const args = ["-c", config, "-f", "json", "internal", "cmd"];
  const { stdout } = spawnSync(join(ROOT, "node_modules", ".bin", "oxlint"), args, {
    cwd: directory,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  const report: LintReport = JSON.parse(stdout);
  return report.diagnostics.map(({ message, code, filename, labels }) => {
    return { path: filename, line: labels[0]?.span.line ?? 1, message, rule: code };
  });
}
