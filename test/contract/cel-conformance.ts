// Runs the cel-spec conformance data through the module: parser, checker, rewriting pass, meter, evaluation; and tells what passed.
// 1. The checker counts, except in tests that disable it. 2. Where an error is expected, a refusal at load is one too, but never
//    a syntax error or a function that is missing: those would hide what is not supported.

import type { CelInput } from "@bufbuild/cel";
import type { SimpleTest } from "@bufbuild/cel-spec/cel/expr/conformance/test/simple_pb.js";
import { getTestRegistry } from "@bufbuild/cel-spec/testdata/registry.js";
import { getConformanceSuite } from "@bufbuild/cel-spec/testdata/tests.js";
import type { IncrementalTestSuite } from "@bufbuild/cel-spec/testdata/tests.js";
import { HoldfastError } from "../../internal/base/errors.ts";
import { compileMessageProgram } from "../../internal/expr/message-program.ts";
import type { ExprFunction } from "../../internal/expr/scope-functions.ts";
import { inputOf, isExpected, typeText } from "./cel-values.ts";

/** What became of one test. */
export interface ConformanceResult {
  readonly file: string;
  readonly section: string;
  readonly name: string;
  readonly expression: string;
  /** Undefined when it passed. */
  readonly failure: string | undefined;
}

const registry = getTestRegistry();
const UNSUPPORTED = /syntax error|no such (?:function|method)|cannot be planned/;

/** Runs all tests. */
export function runConformance(): readonly ConformanceResult[] {
  return getConformanceSuite().suites.flatMap((file) => runSuite(file, file.name, ""));
}

function runSuite(suite: IncrementalTestSuite, file: string, section: string): readonly ConformanceResult[] {
  const own = suite.tests.map((test) => ({
    file,
    section,
    name: test.name,
    expression: test.original.expr,
    failure: runTest(test.original),
  }));
  return [...own, ...suite.suites.flatMap((inner) => runSuite(inner, file, inner.name))];
}

function runTest(test: SimpleTest): string | undefined {
  const expectsError = test.resultMatcher.case === "evalError" || test.resultMatcher.case === "anyEvalErrors";
  try {
    const failure = judge(test);
    return expectsError && failure === undefined ? "expected an error, found a value" : failure;
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    const [reason = ""] = message.split("\n");
    if (!(cause instanceof HoldfastError)) return `a crash: ${reason}`;
    const isSupported = test.disableCheck || !UNSUPPORTED.test(message);
    return expectsError && isSupported ? undefined : reason;
  }
}

function judge(test: SimpleTest): string | undefined {
  const bindings: Record<string, CelInput> = {};
  for (const [name, bound] of Object.entries(test.bindings)) {
    if (bound.kind.case === "value") bindings[name] = inputOf(bound.kind.value, registry);
  }
  const program = compileMessageProgram(test.expr, {
    names: Object.keys(bindings),
    declarations: declarationsOf(test),
    functions: functionsOf(test),
    messages: { registry, container: test.container },
    ...(test.disableCheck ? { types: "ignored" as const } : {}),
  });
  const { resultMatcher: matcher } = test;
  if (matcher.case === "typedResult") {
    const wanted = typeText(matcher.value.deducedType);
    if (matcher.value.deducedType !== undefined && program.type !== wanted) return `expected the type ${wanted}, found ${program.type}`;
  }
  if (test.checkOnly) return undefined;
  const value = program.evaluate(bindings);
  if (matcher.case === undefined) return value === true ? undefined : "expected true";
  const expected = matcher.case === "value" ? matcher.value : matcher.case === "typedResult" ? matcher.value.result : undefined;
  if (expected === undefined) return undefined;
  return isExpected(expected, value, registry) ? undefined : "another value";
}

function declarationsOf(test: SimpleTest): Record<string, string> {
  const declarations: Record<string, string> = {};
  for (const { name, declKind } of test.typeEnv) if (declKind.case === "ident") declarations[name] = typeText(declKind.value.type);
  return declarations;
}

function functionsOf(test: SimpleTest): readonly ExprFunction[] {
  return test.typeEnv.flatMap(({ name, declKind }) => {
    const [overload] = declKind.case === "function" ? declKind.value.overloads : [];
    return overload === undefined ? [] : [{ name, parameters: overload.params.map(typeText), result: typeText(overload.resultType) }];
  });
}
