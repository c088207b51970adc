// What a document names must exist: paths of the project, links, and npm commands.
// 1. A path counts as named when it stands alone in backticks, or is a link's target. Patterns count up to their first `*`.
// 2. The change log speaks of the past: its paths may be gone.

import { posix } from "node:path";
import { lineAt } from "./source-tree.ts";
import type { Finding, SourceFile } from "./source-tree.ts";

/** What there is to be named. */
export interface Existing {
  readonly paths: ReadonlySet<string>;
  readonly npmScripts: ReadonlySet<string>;
}

const TOP = "internal|cmd|test|docs|examples|scripts|bin|proto|policies|actions|\\.ci";
const PATH_IN_TICKS = new RegExp(`\`((?:\\./)?(?:${TOP})/[A-Za-z0-9_./*-]*)(?::\\d+)?\``, "g");
const MADE_BY_BUILD = /^(internal\/gen|dist)(\/|$)/;
const LINK = /\]\(([^)\s#]+)(?:#[^)]*)?\)/g;
const NPM_RUN = /\bnpm (?:run(?:-script)? (?:-s |--silent )?([a-z][a-z0-9:-]*)|(test|start)\b)/g;

/** The paths, links and npm commands of a document that lead nowhere. */
export function checkDocument({ path, text }: SourceFile, existing: Existing): readonly Finding[] {
  if (!path.endsWith(".md")) return [];
  const findings: Finding[] = [];
  const report = (index: number, message: string): void => {
    findings.push({ path, line: lineAt(text, index), message });
  };
  for (const { 1: script, 2: short, index } of text.matchAll(NPM_RUN)) {
    const name = script ?? short ?? "";
    if (!existing.npmScripts.has(name)) report(index, `names "npm run ${name}", which package.json does not have`);
  }
  if (path === "CHANGELOG.md") return findings;
  for (const { 1: named = "", index } of text.matchAll(PATH_IN_TICKS)) {
    if (!exists(posix.normalize(named), existing.paths)) report(index, `names ${named}, which does not exist`);
  }
  for (const { 1: target = "", index } of text.matchAll(LINK)) {
    if (/^[a-z]+:/.test(target)) continue;
    if (!exists(posix.join(posix.dirname(path), target), existing.paths)) report(index, `links to ${target}, which does not exist`);
  }
  return findings;
}

/** A file, a directory, or the fixed part of a pattern. */
function exists(named: string, paths: ReadonlySet<string>): boolean {
  if (MADE_BY_BUILD.test(named)) return true;
  const isPattern = named.includes("*");
  const fixed = isPattern ? named.slice(0, named.indexOf("*")).replace(/[^/]*$/, "") : named;
  const plain = fixed.replace(/\/$/, "");
  if (paths.has(plain)) return true;
  for (const path of paths) if (path.startsWith(`${plain}/`)) return true;
  return false;
}
