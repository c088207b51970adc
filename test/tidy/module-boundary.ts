// Holds the imports of each source to the module table, and pure modules to their purity.
// 1. Tests beside a source may import what they need; what ships may not.
// 2. A directory of internal/ or cmd/ without a row in the table is itself a finding: new modules say where they stand.

import { posix } from "node:path";
import type { ModuleRow } from "../module-table.ts";
import { isProductSource, lineAt } from "./source-tree.ts";
import type { Finding, SourceFile } from "./source-tree.ts";

/** How one file asks for another. */
interface ImportUse {
  readonly specifier: string;
  readonly kind: "value" | "type" | "lazy";
  readonly line: number;
}

const STATIC_IMPORT = /^(?:import|export)\s+(type\s+)?(?:[^;"'`]*?\sfrom\s*)?["']([^"']+)["']/gm;
const LAZY_IMPORT = /\bimport\(\s*["']([^"']+)["']/g;
const IMPURE = /\b(Promise|async|await)\b/;

/** Every import of a source, exports from elsewhere included. */
export function importsOf(text: string): readonly ImportUse[] {
  const uses: ImportUse[] = [];
  for (const { 1: type, 2: specifier = "", index } of text.matchAll(STATIC_IMPORT)) {
    uses.push({ specifier, kind: type === undefined ? "value" : "type", line: lineAt(text, index) });
  }
  for (const { 1: specifier = "", index } of text.matchAll(LAZY_IMPORT)) {
    uses.push({ specifier, kind: "lazy", line: lineAt(text, index) });
  }
  return uses;
}

/** The module that a path belongs to: `journal`, `cmd/holdfast`; undefined outside internal/ and cmd/. */
export function moduleOf(path: string): string | undefined {
  const [top, directory] = path.split("/");
  if (directory === undefined) return undefined;
  if (top === "internal") return directory;
  return top === "cmd" ? `cmd/${directory}` : undefined;
}

/** What a source imports beyond its row of the table. */
export function checkBoundary({ path, text }: SourceFile, table: readonly ModuleRow[]): readonly Finding[] {
  const module = moduleOf(path);
  if (module === undefined || !isProductSource(path)) return [];
  const row = table.find((entry) => entry.module === module);
  if (row === undefined) return [{ path, line: 1, message: `the module "${module}" has no row in test/module-table.ts` }];
  return importsOf(text).flatMap((use) => {
    const message = use.specifier.startsWith(".") ? refuseFile(path, use, row) : refusePackage(use, row);
    return message === undefined ? [] : [{ path, line: use.line, message }];
  });
}

function refuseFile(path: string, use: ImportUse, row: ModuleRow): string | undefined {
  const target = posix.join(posix.dirname(path), use.specifier);
  const module = moduleOf(target);
  if (module === undefined) return `imports ${target}, which is outside internal/ and cmd/`;
  const isNamed = (names: readonly string[]): boolean => names.includes(module) || names.includes(target.replace(/^internal\//, ""));
  if (module === row.module || isNamed(row.imports)) return undefined;
  if (row.imports.includes("*") && target.startsWith("internal/")) return undefined;
  if (use.kind === "type" && isNamed(row.types)) return undefined;
  if (use.kind === "lazy" && isNamed(row.lazy)) return undefined;
  const hint = isNamed(row.types)
    ? ": only its types are allowed (import type)"
    : isNamed(row.lazy)
      ? ": only await import(…) is allowed"
      : "";
  return `${row.module} may not import ${module} (${target})${hint}`;
}

function refusePackage({ specifier }: ImportUse, row: ModuleRow): string | undefined {
  const parts = specifier.split("/");
  const name = specifier.startsWith("@") ? parts.slice(0, 2).join("/") : specifier.startsWith("node:") ? specifier : (parts[0] ?? "");
  if (row.packages.includes(name)) return undefined;
  if (name.startsWith("node:") && row.packages.includes("node:*")) return undefined;
  return `${row.module} may not import the package ${name}`;
}

/** Where a pure module speaks of promises. */
export function checkPurity({ path, text }: SourceFile, table: readonly ModuleRow[]): readonly Finding[] {
  if (!isProductSource(path)) return [];
  const row = table.find((entry) => entry.module === moduleOf(path));
  if (row?.isPure !== true) return [];
  return text.split("\n").flatMap((line, index) => {
    const found = IMPURE.exec(line.replace(/\/\/.*|\/?\*.*|"[^"]*"|'[^']*'|`[^`]*`/g, ""));
    return found === null ? [] : [{ path, line: index + 1, message: `${row.module} is pure: no ${found[0]} here` }];
  });
}
