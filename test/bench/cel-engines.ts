// Compares the CEL engines that Node has, on this machine: `npx node test/bench/cel-engines.ts`. docs/adr/0001-cel-engine.md explains it.
// It measures what decides for Holdfast: conformance, hostile input, integers, typos, and the speed of small predicates.
// NOT measured: memory, start-up, and large inputs (see test/bench and internal/expr/hostile.test.ts for those).

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { CelInput, CelValue } from "@bufbuild/cel";
import { celEnv, isCelError, parse, plan } from "@bufbuild/cel";
import { strings } from "@bufbuild/cel/ext";
import { getTestRegistry } from "@bufbuild/cel-spec/testdata/registry.js";
import { getConformanceSuite } from "@bufbuild/cel-spec/testdata/tests.js";
import type { IncrementalTestSuite } from "@bufbuild/cel-spec/testdata/tests.js";
import { Environment } from "@marcbachmann/cel-js";
import { evaluate as evaluateCelJs, parse as parseCelJs } from "cel-js";
import { createMeter } from "../../internal/expr/meter.ts";
import { compile } from "../../internal/expr/program.ts";
import { runConformance } from "../contract/cel-conformance.ts";
import { inputOf, isExpected } from "../contract/cel-values.ts";

type Evaluate = (bindings: Record<string, unknown>) => unknown;

interface Engine {
  readonly name: string;
  /** Prepares an expression over names; throws for what the engine refuses. */
  readonly prepare: (source: string, names: readonly string[], container?: string) => Evaluate;
}

const HANG_MS = 5_000;
const BENCH_MS = 300;

const registry = getTestRegistry();
const bufbuildEnv = celEnv({ registry, funcs: strings });

const ENGINES: readonly Engine[] = [
  {
    name: "Holdfast (on @bufbuild/cel)",
    prepare: (source, names) => {
      const program = compile(source, { place: "bench", names });
      return (bindings) => program.evaluate(bindings, createMeter());
    },
  },
  {
    name: "@bufbuild/cel",
    prepare: (source, _names, container = "") => {
      const env = container === "" ? bufbuildEnv : celEnv({ registry, funcs: strings, namespace: container });
      const evaluate = plan(env, parse(source));
      return (bindings) => thrown(evaluate(toInputs(bindings)));
    },
  },
  {
    name: "@marcbachmann/cel-js",
    prepare: (source, names) => {
      const environment = new Environment({ unlistedVariablesAreDyn: true });
      for (const name of names) environment.registerVariable(name, "dyn");
      const evaluate = environment.parse(source);
      return (bindings) => evaluate(bindings);
    },
  },
  {
    name: "cel-js",
    prepare: (source) => {
      const parsed = parseCelJs(source);
      if (!parsed.isSuccess) throw new Error(parsed.errors.join("; "));
      return (bindings) => evaluateCelJs(parsed.cst, withNumbers(bindings));
    },
  },
];

const PREDICATES: readonly (readonly [source: string, bindings: Record<string, unknown>])[] = [
  ['target.labels.site == "ber" && target.labels.role != "db"', { target: { labels: { site: "ber", role: "web" } } }],
  ["n > 10 && n < 20", { n: 15n }],
  ['site in ["ber", "muc", "ham"]', { site: "ham" }],
  ["items.exists(x, x == 7)", { items: [1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n] }],
];

const PROBES: readonly (readonly [what: string, source: string, bindings: Record<string, unknown>])[] = [
  ["`v =< 42`, a typo", "v =< 42", { v: 43n }],
  ["`7 / 2`", "7 / 2", {}],
  ["`9007199254740993 - 1`", "9007199254740993 - 1", {}],
  ["`nmae == 1`, not declared", "nmae == 1 || true", {}],
];

const [, , probe, engineName] = process.argv;
if (probe === "--regex") regexProbe(engineName ?? "");
else report();

function report(): void {
  const rows = ENGINES.map((engine) => [
    engine.name,
    String(engine === ENGINES[0] ? ours() : conformance(engine)),
    regexInChild(engine.name),
    ...PROBES.map(([, source, bindings]) => outcome(engine, source, bindings)),
    ...PREDICATES.map(([source, bindings]) => speed(engine, source, bindings)),
  ]);
  const heads = [
    "",
    "conformance of 2,344",
    "`(a+)+$` against 40 a's",
    ...PROBES.map(([what]) => what),
    ...PREDICATES.map(([source]) => `\`${source}\``),
  ];
  const columns = heads.map((head, index) => [head, ...rows.map((row) => row[index] ?? "")]);
  const lines = columns.map((cells) => `| ${cells.map((cell) => cell.replaceAll("||", "\\|\\|")).join(" | ")} |`);
  console.log([lines[0], `|${columns[0]?.map(() => "---").join("|") ?? ""}|`, ...lines.slice(1)].join("\n"));
}

function ours(): number {
  return runConformance().filter(({ failure }) => failure === undefined).length;
}

/** The tests that an engine passes: values compared exactly, int and double being different; errors where errors are expected. */
function conformance(engine: Engine): number {
  const walk = (suite: IncrementalTestSuite): number =>
    suite.tests.filter((test) => isPassed(engine, test.original)).length + suite.suites.reduce((sum, inner) => sum + walk(inner), 0);
  return walk(getConformanceSuite());
}

type Original = IncrementalTestSuite["tests"][number]["original"];

function isPassed(engine: Engine, test: Original): boolean {
  const { resultMatcher: matcher } = test;
  const expectsError = matcher.case === "evalError" || matcher.case === "anyEvalErrors";
  try {
    const bindings: Record<string, unknown> = {};
    for (const [name, bound] of Object.entries(test.bindings)) {
      if (bound.kind.case === "value") bindings[name] = inputOf(bound.kind.value, registry);
    }
    if (test.checkOnly) return false;
    const found = toValue(engine.prepare(test.expr, Object.keys(bindings), test.container)(bindings));
    if (expectsError || found === undefined) return false;
    if (matcher.case === undefined) return found === true;
    const expected = matcher.case === "value" ? matcher.value : matcher.case === "typedResult" ? matcher.value.result : undefined;
    return expected !== undefined && isExpected(expected, found, registry);
  } catch {
    return expectsError;
  }
}

function toValue(value: unknown): CelValue | undefined {
  try {
    return thrown(plan(bufbuildEnv, parse("value"))(toInputs({ value })));
  } catch {
    return undefined;
  }
}

function toInputs(bindings: Record<string, unknown>): Record<string, CelInput> {
  return bindings as Record<string, CelInput>; // a parser of values: what is no input is refused by the library
}

/** cel-js knows JS numbers only. */
function withNumbers(bindings: Record<string, unknown>): Record<string, unknown> {
  const convert = (value: unknown): unknown => {
    if (typeof value === "bigint") return Number(value);
    return Array.isArray(value) ? value.map(convert) : value;
  };
  return Object.fromEntries(Object.entries(bindings).map(([name, value]) => [name, convert(value)]));
}

function thrown<T>(result: T): Exclude<T, Error> {
  if (isCelError(result)) throw result;
  return result as Exclude<T, Error>;
}

function outcome(engine: Engine, source: string, bindings: Record<string, unknown>): string {
  try {
    return String(engine.prepare(source, Object.keys(bindings))(bindings));
  } catch {
    return "refused";
  }
}

function speed(engine: Engine, source: string, bindings: Record<string, unknown>): string {
  try {
    const evaluate = engine.prepare(source, Object.keys(bindings));
    if (evaluate(bindings) !== true) return "wrong";
    let count = 0;
    const started = performance.now();
    while (performance.now() - started < BENCH_MS) for (let index = 0; index < 100; index++, count++) evaluate(bindings);
    return `${(count / BENCH_MS / 1_000).toFixed(2)} M/s`;
  } catch {
    return "fails";
  }
}

/** In a process of its own, for it may never end. */
function regexInChild(name: string): string {
  const { stdout, signal } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), "--regex", name], {
    timeout: HANG_MS,
    encoding: "utf8",
  });
  return signal === null ? stdout.trim() : `hangs (${HANG_MS / 1_000} s and more)`;
}

function regexProbe(name: string): void {
  const engine = ENGINES.find((candidate) => candidate.name === name);
  const started = performance.now();
  try {
    engine?.prepare('s.matches("(a+)+$")', ["s"])({ s: `${"a".repeat(40)}!` });
    console.log(`${(performance.now() - started).toFixed(1)} ms`);
  } catch {
    console.log("no `matches`");
  }
}
