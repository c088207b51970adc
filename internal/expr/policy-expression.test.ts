// The expression of the sample policy `blast-radius`, as policies compile it: types, values, and what each misspelling in it says.
import { expect, test } from "vitest";
import { HoldfastError } from "../base/errors.ts";
import { compile, evaluateBoolean } from "./program.ts";
import type { Program } from "./program.ts";
import { TARGET_TYPE } from "./workflow-types.ts";

const PER_SITE =
  'countBy(targets, "site").all(site, n, ledger.touched("1h", "site", site) + n <= max(params.at_least, fleet.count("site", site) * params.max_percent / 100))';

const OPTIONS = {
  place: "policies/blast-radius.yaml",
  declarations: {
    targets: { list: TARGET_TYPE },
    params: { object: "params", fields: { max_percent: "int", at_least: "int" } },
  },
  functions: [
    { name: "ledger.touched", parameters: ["string", "string", "string"], result: "int" },
    { name: "fleet.count", parameters: ["string", "string"], result: "int" },
  ],
  result: "bool",
  origin: { line: 6, column: 12 },
};

interface World {
  /** The sites of the gate's targets, one entry a target; "": no label. */
  readonly sites: readonly string[];
  readonly touched?: Readonly<Record<string, number>>;
  readonly fleet?: Readonly<Record<string, number>>;
}

function judge(program: Program, { sites, touched = {}, fleet = {} }: World): boolean {
  const scope: Readonly<Record<string, unknown>> = {
    targets: sites.map((site, index) => ({ name: `h${index}`, labels: site === "" ? { role: "web" } : { role: "web", site } })),
    params: { max_percent: 5, at_least: 1 },
    "ledger.touched": (_window: string, _label: string, value: string) => touched[value] ?? 0,
    "fleet.count": (_label: string, value: string) => fleet[value] ?? 0,
  };
  return evaluateBoolean(program, scope);
}

test("a budget for each site compiles with types, and reads what it says", () => {
  const program = compile(PER_SITE, OPTIONS);
  expect(program.type).toBe("bool");
  expect([...program.names].sort()).toEqual(["params", "targets"]);
  expect(program.calls.map(({ name, literals }) => [name, literals])).toEqual([
    ["ledger.touched", ["1h", "site", undefined]],
    ["fleet.count", ["site", undefined]],
  ]);
});

test.each<[string, World, boolean]>([
  ["one target of a small site is always allowed", { sites: ["ams"], fleet: { ams: 10 } }, true],
  ["two of a small site are not", { sites: ["ams", "ams"], fleet: { ams: 10 } }, false],
  ["five of a hundred are", { sites: Array(5).fill("ams"), fleet: { ams: 100 } }, true],
  ["six of a hundred are not", { sites: Array(6).fill("ams"), fleet: { ams: 100 } }, false],
  ["5 % of 39 are 1: the division rounds down", { sites: ["ams", "ams"], fleet: { ams: 39 } }, false],
  ["5 % of 40 are 2", { sites: ["ams", "ams"], fleet: { ams: 40 } }, true],
  ["what others touched counts", { sites: ["ams"], touched: { ams: 1 }, fleet: { ams: 39 } }, false],
  ["each site has its own budget", { sites: ["ams", "fra"], touched: { ams: 0, fra: 1 }, fleet: { ams: 20, fra: 40 } }, true],
  ["one site over its budget is enough to refuse", { sites: ["ams", "fra"], touched: { fra: 2 }, fleet: { ams: 20, fra: 40 } }, false],
  ["targets without the label share the budget of no site", { sites: ["", ""], fleet: {} }, false],
  ["nothing is within every budget", { sites: [] }, true],
])("%s", (_, world, expected) => {
  expect(judge(compile(PER_SITE, OPTIONS), world)).toBe(expected);
});

test.each([
  ["countBy", "countyBy", "countyBy(", 'no such function "countyBy"; did you mean "countBy"?'],
  ["(targets,", "(target,", "target,", 'no such name "target"; did you mean "targets"?'],
  [".all(", ".al(", "al(site", 'no such method "al"'],
  ["all(site, n,", "all(stie, n,", "site) + n", 'no such name "site"; did you mean "stie"?'],
  ["ledger.touched", "ledgre.touched", "ledgre.touched(", 'did you mean "ledger.touched"?'],
  ["ledger.touched", "ledger.tuched", "ledger.tuched(", 'did you mean "ledger.touched"?'],
  ["+ n <=", "+ m <=", "m <=", 'no such name "m"; did you mean "n"?'],
  ["max(", "mxa(", "mxa(", 'no such function "mxa"; did you mean "max"?'],
  ["params.at_least", "params.at_lest", "at_lest", 'no such field "at_lest" in params; did you mean "at_least"?'],
  ["params.at_least", "parms.at_least", "parms", 'no such name "parms"; did you mean "params"?'],
  ["fleet.count", "fleet.cuont", "fleet.cuont", 'did you mean "fleet.count"?'],
  ["params.max_percent", "params.max_precent", "max_precent", 'no such field "max_precent" in params; did you mean "max_percent"?'],
  ['touched("1h", "site", site)', 'touched("1h", "site", n)', "n) + n", "ledger.touched(): argument 3 is int, expected string"],
  ['"1h", "site", site)', '"1h", site)', "touched(", "ledger.touched() takes 3 arguments, found 2"],
  ["/ 100", "/ 100.0", "/ 100.0", "no such overload: int / double"],
  ["<= max", "+ max", "+ max(", "expected bool, found int"],
])("%s written as %s is told with its place", (right, wrong, at, reason) => {
  const source = PER_SITE.replace(right, wrong);
  const details = refusalsOf(source);
  const told = details.find((detail) => detail.reason.includes(reason));
  expect({ details, told: told?.reason }).toMatchObject({ told: expect.stringContaining(reason) });
  expect(told?.place).toMatch(/^policies\/blast-radius\.yaml:6:\d+$/);
  const offset = Number(told?.place.split(":").at(-1)) - OPTIONS.origin.column;
  expect(source.slice(offset, offset + at.length)).toBe(at);
});

test("a misspelled key of countBy is caught by no type: it counts all targets as one group, which no share of nothing allows", () => {
  const program = compile(PER_SITE.replace('(targets, "site")', '(targets, "siet")'), OPTIONS);
  expect(judge(program, { sites: ["ams", "fra"], fleet: { ams: 1_000, fra: 1_000 } })).toBe(false);
});

test("a gate of 10,000 targets at 100 sites is judged within the budget of the event loop", () => {
  const sites = Array.from({ length: 10_000 }, (_, index) => `s${index % 100}`);
  const fleet = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`s${index}`, 2_000]));
  expect(judge(compile(PER_SITE, OPTIONS), { sites, fleet })).toBe(true);
});

function refusalsOf(source: string) {
  try {
    compile(source, OPTIONS);
  } catch (cause) {
    if (cause instanceof HoldfastError) return cause.details;
    throw cause;
  }
  return [];
}
