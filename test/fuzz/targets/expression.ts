// Expressions: compiled against declared names and against none, evaluated under the meter; templates; filters. internal/expr, all of it.
// 1. What fails is an error with a place in the text, and shows no value that the expression read.
// 2. What is evaluated ends within its budget of steps, and those in their time.

import fc from "fast-check";
import { EXPR_COST_LOOP_MAX } from "../../../internal/base/limits.ts";
import { compileFilter } from "../../../internal/expr/filter.ts";
import { exprTimestamp } from "../../../internal/expr/lift.ts";
import { createMeter } from "../../../internal/expr/meter.ts";
import type { Meter } from "../../../internal/expr/meter.ts";
import { compile } from "../../../internal/expr/program.ts";
import { compileTemplate } from "../../../internal/expr/template.ts";
import { TARGET_TYPE, workflowScopes } from "../../../internal/expr/workflow-types.ts";
import { assertClean } from "../clean-error.ts";
import { oddExpressions } from "../odd-expressions.ts";
import { plainTarget } from "../target.ts";

const CANARY = "Zq7canaryZq7";
const PLACE = "p";
const CODES = ["INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"] as const;
/** Ten times what 100,000 steps of at most 250 ns take. */
const EVALUATION_MS_MAX = 250;
const MODES = ["dyn", "typed", "template", "filter"] as const;
const NOW_MS = 1_767_607_200_000;
const LONG_LENGTH = 20_000;
const NAMES = Array.from({ length: 200 }, (_, index) => `${CANARY}-${index}`);

/** What the expressions read. */
const SCOPE: Readonly<Record<string, unknown>> = {
  target: { name: `${CANARY}-t`, labels: { site: CANARY, rack: "4" } },
  params: { x: CANARY, list: [1, CANARY, null, [2]], n: 3 },
  workflow: { id: CANARY, name: "w", namespace: "n", key: "", annotations: { a: CANARY }, targets: 7 },
  any: { a: { b: [1, { c: CANARY }] } },
  names: NAMES,
  numbers: Array.from({ length: 500 }, (_, index) => index),
  long: CANARY.repeat(LONG_LENGTH / CANARY.length),
  now: exprTimestamp(NOW_MS),
  task: { stage: "s", action: "a", uses: "u", key: CANARY, annotations: {} },
  attempt: 1,
  stage: (name: string) => ({ name, failed: 1 }),
};

const FREE_NAMES = ["target", "params", "workflow", "any", "names", "numbers", "long", "now"];
const TYPED = {
  ...workflowScopes({ params: {}, stages: [], vars: {} }).task({ hasTarget: true, hasItem: false, before: [] }).declarations,
  names: "list(string)",
  numbers: "list(int)",
  long: "string",
  any: "dyn",
  now: "timestamp",
} as const;

/** The target. */
export const expressionTarget = plainTarget("expression", "expressions, templates and filters: compiled, and evaluated under the meter", {
  inputs: fc.tuple(fc.constantFrom(...MODES), oddExpressions).map(([mode, source]) => `${mode}\n${source}`),
  attempt: (input) => {
    const end = input.indexOf("\n");
    const [mode, source] = [input.slice(0, end), input.slice(end + 1)];
    const meter = createMeter(EXPR_COST_LOOP_MAX);
    try {
      const evaluate = compiled(mode, source);
      timed(() => evaluate(meter));
    } catch (error) {
      assertClean(error, { codes: CODES, place: PLACE, mayShow: source });
      const text = error instanceof Error ? error.message : "";
      if (text.includes(CANARY) && !source.includes(CANARY)) throw new Error(`the error shows a value that the expression read: ${text}`);
    }
  },
});

function compiled(mode: string, source: string): (meter: Meter) => unknown {
  switch (mode) {
    case "dyn": {
      const program = compile(source, { place: PLACE, names: FREE_NAMES });
      return (meter) => program.evaluate(SCOPE, meter);
    }
    case "typed": {
      const program = compile(source, { place: PLACE, declarations: TYPED });
      return (meter) => program.evaluate((name: string) => SCOPE[name], meter);
    }
    case "template": {
      const template = compileTemplate(
        { a: `x \${{ ${source} }} y`, b: [`\${{ ${source} }}`], c: source },
        { place: PLACE, names: FREE_NAMES },
      );
      return (meter) => template.render(SCOPE, meter);
    }
    case "filter": {
      const filter = compileFilter(source, { target: TARGET_TYPE, names: "list(string)" }, PLACE);
      return (meter) => filter.matches(SCOPE, meter);
    }
    default:
      throw new Error(`the first line of an input is one of ${MODES.join(", ")}`);
  }
}

/** What took too long is the fault, whatever the evaluation threw. */
function timed(evaluate: () => unknown): void {
  const before = process.threadCpuUsage();
  let thrown: unknown;
  try {
    evaluate();
  } catch (error) {
    thrown = error;
  }
  const { user, system } = process.threadCpuUsage(before);
  const ms = (user + system) / 1_000;
  if (ms > EVALUATION_MS_MAX)
    throw new Error(`the evaluation took ${Math.round(ms)} ms; ${EXPR_COST_LOOP_MAX} steps may take ${EVALUATION_MS_MAX} ms`);
  if (thrown !== undefined) throw thrown instanceof Error ? thrown : new Error("what was thrown is no error", { cause: thrown });
}
