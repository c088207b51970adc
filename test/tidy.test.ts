// The rules of the house that a compiler does not know. Each has two tests: the project keeps it, and it can fail.
// 1. The rules themselves are functions in test/tidy/; who may import whom is data, in test/module-table.ts.
// 2. Rules that need a syntax tree are the linter's (.oxlintrc.json): here they are only shown to bite.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { file_buf_validate_validate as upstreamRules } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { describe, expect, test } from "vitest";
import { MODULE_TABLE, moduleTableLines } from "./module-table.ts";
import { checkDocument } from "./tidy/doc-reference.ts";
import { checkCrashReferences, checkHeader, checkName, checkSwitches, checkTodo } from "./tidy/file-rule.ts";
import { checkAssertions, lintSnippets } from "./tidy/lint.ts";
import { checkBoundary, checkPurity, importsOf } from "./tidy/module-boundary.ts";
import { readSourceTree, ROOT } from "./tidy/source-tree.ts";
import type { Finding, SourceFile } from "./tidy/source-tree.ts";

const TREE = readSourceTree();
const PATHS = new Set(TREE.map(({ path }) => path));
const NPM_SCRIPTS = new Set(Object.keys(JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).scripts));

const HEADER = "// Owns a thing.\n// 1. It is one thing.\n\n";
const file = (path: string, text: string): SourceFile => ({ path, text });
const lines = (findings: readonly Finding[]): readonly string[] => findings.map(({ path, line, message }) => `${path}:${line}: ${message}`);

/** The project keeps a rule. */
function keeps(rule: (source: SourceFile) => readonly Finding[]): void {
  expect(lines(TREE.flatMap((source) => rule(source)))).toEqual([]);
}

describe("names", () => {
  test("every source is a noun in kebab-case, and none is a drawer for the homeless", () => keeps(checkName));

  test.each([
    ["internal/engine/tokenBucket.ts", "kebab-case"],
    ["internal/Engine/turn.ts", "kebab-case"],
    ["internal/engine/utils.ts", "no utils"],
    ["internal/common/turn.ts", "no utils"],
    ["internal/engine/index.ts", "no index.ts"],
  ])("%s is refused", (path, message) => {
    expect(lines(checkName(file(path, ""))).join()).toContain(message);
  });

  test("the SDK may have an index, and a test its double suffix", () => {
    expect(checkName(file("internal/sdk/index.ts", ""))).toEqual([]);
    expect(checkName(file("internal/guard/token-bucket.test.ts", ""))).toEqual([]);
  });
});

describe("headers", () => {
  test("every source opens with two to six lines that say what it owns", () => keeps(checkHeader));

  test.each([
    ["no header", "export const a = 1;\n"],
    ["one line", "// Owns a thing.\n\nexport const a = 1;\n"],
    ["seven lines", `${"// A line.\n".repeat(7)}\nexport const a = 1;\n`],
  ])("%s is refused", (_, text) => {
    expect(checkHeader(file("internal/base/a.ts", text))).toHaveLength(1);
  });

  test("two lines will do, and a test needs none", () => {
    expect(checkHeader(file("internal/base/a.ts", HEADER))).toEqual([]);
    expect(checkHeader(file("internal/base/a.test.ts", ""))).toEqual([]);
  });
});

describe("modules", () => {
  const boundary = (source: SourceFile): readonly Finding[] => checkBoundary(source, MODULE_TABLE);
  const purity = (source: SourceFile): readonly Finding[] => checkPurity(source, MODULE_TABLE);

  test("imports point inward only", () => keeps(boundary));

  test("pure modules know no Promise", () => keeps(purity));

  test("ARCHITECTURE.md shows the table that is enforced", ({ skip }) => {
    const path = join(ROOT, "ARCHITECTURE.md");
    skip(!existsSync(path), "there is no ARCHITECTURE.md yet");
    const table = moduleTableLines().join("\n");
    expect(readFileSync(path, "utf8").includes(table), `ARCHITECTURE.md must hold exactly this table:\n\n${table}\n`).toBe(true);
  });

  test.each([
    ["an adapter of another adapter", "internal/journal/a.ts", 'import { a } from "../transport/a.ts";'],
    ["a pure module of the engine", "internal/workflow/a.ts", 'import type { A } from "../engine/ports.ts";'],
    ["an adapter of the engine beyond its ports", "internal/action/a.ts", 'import { a } from "../engine/turn.ts";'],
    ["an adapter of more than the types of the core", "internal/action/a.ts", 'import { a } from "../workflow/plan.ts";'],
    ["a re-export", "internal/base/a.ts", 'export { a } from "../engine/turn.ts";'],
    ["an import over several lines", "internal/base/a.ts", 'import {\n  a,\n  b,\n} from "../engine/turn.ts";'],
    ["the client of the journal at start", "cmd/holdfast/a.ts", 'import { a } from "../../internal/journal/a.ts";'],
    ["a pure module of the disk", "internal/guard/a.ts", 'import { readFileSync } from "node:fs";'],
    ["a package that is not the module's", "internal/engine/a.ts", 'import pino from "pino";'],
    ["a package, on demand", "internal/engine/a.ts", 'await import("pino");'],
    ["a test by a source", "internal/engine/a.ts", 'import { a } from "../../test/a.ts";'],
    ["a module that has no row", "internal/new-thing/a.ts", ""],
  ])("the import of %s is refused", (_, path, text) => {
    expect(boundary(file(path, text))).toHaveLength(1);
  });

  test.each([
    ["internal/action/a.ts", 'import type { Transport } from "../engine/ports.ts";'],
    ["internal/action/a.ts", 'import type { A } from "../workflow/plan.ts";'],
    ["internal/journal/a.test.ts", 'import { a } from "../transport/a.ts";'],
    ["cmd/holdfast/a.ts", 'const { a } = await import("../../internal/journal/a.ts");'],
    ["cmd/holdfastd/main.ts", 'import { a } from "../../internal/transport/a.ts";'],
  ])("%s may say %s", (path, text) => {
    expect(boundary(file(path, text))).toEqual([]);
  });

  test("every form of import is seen", () => {
    const text =
      'import "./a.ts";\nimport b, { c } from "./b.ts";\nimport * as d from \'./d.ts\';\nexport * from "./e.ts";\nimport("./f.ts");\n';
    expect(importsOf(text).map(({ specifier }) => specifier)).toEqual(["./a.ts", "./b.ts", "./d.ts", "./e.ts", "./f.ts"]);
  });

  test("a Promise in a pure module is refused, but not in a comment", () => {
    expect(purity(file("internal/guard/a.ts", "export async function a() {}"))).toHaveLength(1);
    expect(purity(file("internal/guard/a.ts", "// no Promise here"))).toEqual([]);
  });
});

describe("comments", () => {
  test("an open end names its issue", () => keeps(checkTodo));

  test("a bare one is refused", () => {
    expect(checkTodo(file("internal/base/a.ts", "// TODO: later"))).toHaveLength(1);
    expect(checkTodo(file("internal/base/a.ts", "// TODO(#12): later"))).toEqual([]);
  });

  test("a line that matters in a crash names a crash test that exists", () => keeps((source) => checkCrashReferences(source, PATHS)));

  test("a crash test that does not exist is refused", () => {
    const source = file("internal/engine/a.ts", "// crash: test/crash/after-append.test.ts");
    expect(checkCrashReferences(source, new Set())).toHaveLength(1);
    expect(checkCrashReferences(source, new Set(["test/crash/after-append.test.ts"]))).toEqual([]);
  });
});

describe("documents", () => {
  const existing = { paths: PATHS, npmScripts: NPM_SCRIPTS };

  test("paths, links and npm commands in documents exist", () => keeps((source) => checkDocument(source, existing)));

  test.each([
    ["a path", "see `internal/nowhere/a.ts`"],
    ["a path with a line", "see `internal/nowhere/a.ts:12`"],
    ["a directory", "see `docs/nowhere/`"],
    ["a pattern's fixed part", "see `internal/nowhere/**`"],
    ["a link", "see [there](nowhere.md#part)"],
    ["a script", "run `npm run nothing`"],
  ])("%s that leads nowhere is refused", (_, text) => {
    expect(checkDocument(file("docs/a.md", text), existing)).toHaveLength(1);
  });

  test("what exists, what is generated, and what lies on the web may be named", () => {
    const text = "`test/tidy.test.ts` `internal/gen/` `test/tidy/*.ts` [web](https://example.com/) [up](../test/tidy.test.ts) `npm test`";
    expect(checkDocument(file("docs/a.md", text), existing)).toEqual([]);
  });
});

describe("the language", () => {
  test("type assertions stand only in parsers", () => {
    expect(lines(checkAssertions(TREE))).toEqual([]);
  });

  test("an assertion outside a parser is refused, `as const` is not", () => {
    const text = (header: string): string => `${header}\nexport const a = { b: 1 } as const;\nexport const c = a as unknown;\n`;
    const bad = file("internal/base/bad.ts", text(HEADER));
    const parser = file("internal/base/good.ts", text("// Parses a thing.\n// 1. One.\n"));
    expect(checkAssertions([bad, parser]).map(({ path, line }) => `${path}:${line}`)).toEqual(["internal/base/bad.ts:6"]);
  });

  test("a switch over a closed union ends in assertNever", () => keeps(checkSwitches));

  test("a switch over a tag with another default is refused", () => {
    const text = (end: string): string => `switch (event.type) { case "a": { return 1; } default: ${end} }\nassertNever(1);\n`;
    expect(checkSwitches(file("internal/base/a.ts", text("return 2;")))).toHaveLength(1);
    expect(checkSwitches(file("internal/base/a.ts", text("return assertNever(event);")))).toEqual([]);
  });

  const long = (count: number, head: string, tail: string): string => `${head}${"\n".repeat(count)}${tail}`;
  const UNION = "type U = { type: 'a' } | { type: 'b' };\n";
  const REFUSED: readonly (readonly [rule: string, text: string])[] = [
    ["typescript(no-explicit-any)", "export const a: any = 1;"],
    ["typescript(no-non-null-assertion)", "export const a = (b: string | null): string => b!;"],
    ["typescript(no-namespace)", "export namespace A { export const b = 1; }"],
    ["typescript(parameter-properties)", "export class A { constructor(readonly a: string) {} }"],
    ["typescript(no-floating-promises)", "async function a(): Promise<void> {}\nexport function b(): void { a(); }"],
    ["eslint(default-case)", `${UNION}export function a(u: U): number { switch (u.type) { case "a": return 1; case "b": return 2; } }`],
    ["import(no-default-export)", "export default 1;"],
    ["eslint(no-restricted-globals)", "export const a = Date.now();"],
    ["eslint(no-restricted-globals)", "export const a = process.pid;"],
    ["eslint(no-restricted-globals)", "setTimeout(() => {}, 1);"],
    ["eslint(no-restricted-properties)", "export const a = Math.random();"],
    ["eslint(no-restricted-imports)", 'import { setTimeout } from "node:timers/promises";\nexport const a = setTimeout;'],
    ["eslint(no-empty)", "export function a(): void { try { JSON.parse(''); } catch {} }"],
    ["eslint(max-lines)", long(300, "export const a = 1;", "export const b = 1;\n")],
    ["eslint(max-lines-per-function)", long(60, "export function a(): number {", "return 1; }\n")],
  ];

  test("the linter refuses each thing that the style forbids", () => {
    const cases = REFUSED.map(([rule, text], index) => ({ rule, source: file(`internal/base/case-${index}.ts`, text) }));
    const findings = lintSnippets(cases.map(({ source }) => source));
    const missed = cases.filter(({ rule, source }) => !findings.some((found) => found.path === source.path && found.rule === rule));
    expect(missed.map(({ rule, source }) => `${rule} missed: ${source.text}`)).toEqual([]);
  });

  test("time and the process may be reached for in internal/system and cmd", () => {
    const text = "export const a = [Date.now(), process.pid, Math.random()];";
    expect(lintSnippets([file("internal/system/a.ts", text), file("cmd/holdfastd/a.ts", text)])).toEqual([]);
  });

  test("an enum does not compile", () => {
    expect(JSON.parse(readFileSync(join(ROOT, "tsconfig.json"), "utf8").replace(/^\s*\/\/.*$/gm, "")).compilerOptions).toMatchObject({
      erasableSyntaxOnly: true,
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
    });
  });
});

describe("the rules of protovalidate", () => {
  test("our hand-written subset has upstream's field numbers", () => {
    const image = execFileSync(join(ROOT, "node_modules", ".bin", "buf"), ["build", "-o", "-#format=json", "--path", "proto/buf"], {
      cwd: ROOT,
      encoding: "utf8",
    });
    const upstream = new Map<string, number>(
      upstreamRules.messages.flatMap((message) => message.fields.map((field) => [`${message.name}.${field.name}`, field.number] as const)),
    );
    const ours: { name: string; messageType: { name: string; field: { name: string; number: number }[] }[] }[] = JSON.parse(image).file;
    const messages = ours.find(({ name }) => name === "buf/validate/validate.proto")?.messageType ?? [];
    const fields = messages.flatMap((message) => message.field.map(({ name, number }) => ({ key: `${message.name}.${name}`, number })));
    expect(fields.length).toBeGreaterThan(100);
    expect(fields.filter(({ key, number }) => upstream.get(key) !== number)).toEqual([]);
  });
});
