// Who may import whom, as data: test/tidy.test.ts holds every source file to it, and ARCHITECTURE.md shows it to people.
// 1. A module is a directory of internal/ or cmd/. What a row does not name, the module may not import.

/** One row: what the sources of a module may import, its own files aside. */
export interface ModuleRow {
  readonly module: string;
  /** Modules, or single files of a module (`engine/ports.ts`). `*` is everything in internal/. */
  readonly imports: readonly string[];
  /** Modules of which only types may be imported. */
  readonly types: readonly string[];
  /** Modules that may be loaded only on demand, by `await import(…)`. */
  readonly lazy: readonly string[];
  /** npm packages, and Node's modules as `node:crypto`; `node:*` is all of Node. */
  readonly packages: readonly string[];
  /** Pure modules know no I/O, no clock and no Promise. */
  readonly isPure: boolean;
}

const row = (module: string, fields: Partial<Omit<ModuleRow, "module">>): ModuleRow => ({
  module,
  imports: [],
  types: [],
  lazy: [],
  packages: [],
  isPure: false,
  ...fields,
});

/** Hashing is arithmetic: pure modules may import this of Node, and nothing else. */
const PURE_NODE = ["node:crypto"];

/** An adapter sees the seams and the pure parts, and no other adapter. */
const adapter = (module: string, packages: readonly string[]): ModuleRow =>
  row(module, {
    imports: ["base", "gen", "expr", "engine/ports.ts"],
    types: ["workflow", "guard"],
    packages: ["@bufbuild/protobuf", "node:*", ...packages],
  });

/** The table; test/tidy.test.ts says how to show it in ARCHITECTURE.md. */
export const MODULE_TABLE: readonly ModuleRow[] = [
  row("base", { packages: ["yaml", ...PURE_NODE], isPure: true }),
  row("gen", { packages: ["@bufbuild/protobuf", "@bufbuild/protovalidate"], isPure: true }),
  row("expr", { imports: ["base", "gen"], packages: ["@bufbuild/cel", "@bufbuild/protobuf", ...PURE_NODE], isPure: true }),
  row("workflow", { imports: ["base", "gen", "expr"], packages: ["@bufbuild/protobuf", ...PURE_NODE], isPure: true }),
  row("guard", { imports: ["base", "gen"], packages: ["@bufbuild/protobuf", ...PURE_NODE], isPure: true }),
  row("engine", { imports: ["base", "gen", "expr", "workflow", "guard"], packages: ["@bufbuild/protobuf", "node:*"] }),
  adapter("journal", ["level", "classic-level"]),
  adapter("system", []),
  adapter("policy", ["yaml"]),
  adapter("pace", ["bottleneck"]),
  adapter("inventory", ["yaml"]),
  adapter("action", ["yaml"]),
  adapter("transport", []),
  adapter("sink", []),
  row("api", {
    imports: ["base", "gen", "expr", "workflow", "engine"],
    packages: [
      "@bufbuild/protobuf",
      "@bufbuild/protovalidate",
      "@connectrpc/connect",
      "@connectrpc/connect-node",
      "@connectrpc/validate",
      "node:*",
    ],
  }),
  row("sdk", {
    imports: ["base", "gen", "expr"],
    packages: ["@bufbuild/protobuf", "@connectrpc/connect", "@connectrpc/connect-node", "yaml", "node:*"],
  }),
  row("cmd/holdfast", {
    imports: ["sdk", "base", "gen"],
    lazy: ["journal", "policy"],
    packages: ["@bufbuild/protobuf", "@connectrpc/connect", "commander", "node:*"],
  }),
  row("cmd/holdfastd", { imports: ["*"], packages: ["@bufbuild/protobuf", "commander", "pino", "node:*"] }),
];

/** The table as the lines of Markdown that ARCHITECTURE.md must hold. */
export function moduleTableLines(): readonly string[] {
  const cell = (names: readonly string[]): string => (names.length === 0 ? "nothing" : names.map((name) => `\`${name}\``).join(" "));
  const imports = (entry: ModuleRow): string => {
    const types = entry.types.length === 0 ? "" : `; types of ${cell(entry.types)}`;
    const lazy = entry.lazy.length === 0 ? "" : `; on demand ${cell(entry.lazy)}`;
    return `${entry.imports.includes("*") ? "everything" : cell(entry.imports)}${types}${lazy}`;
  };
  return [
    "| module | may import | packages |",
    "|---|---|---|",
    ...MODULE_TABLE.map((entry) => `| \`${entry.module}\`${entry.isPure ? " (pure)" : ""} | ${imports(entry)} | ${cell(entry.packages)} |`),
  ];
}
