// What a run says of a mutant: caught, survived, or nothing at all.
// 1. Caught: the named test passed without the mutant and failed with it, by a check of its own or of the product.
// 2. Code that does not load, a name that is not defined, a test that hangs: that is no catch, however red it looks.

import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { patched } from "./mutant.ts";
import type { Mutant, NamedTest } from "./mutant.ts";
import { ROOT } from "./mutation.ts";
import type { RunReport, TestReport } from "./test-run.ts";

/** What became of a mutant. */
export interface Outcome {
  readonly kind:
    | "caught"
    /** The named test passed all the same. */
    | "survived"
    /** The mutant says nothing: its patch fits no more, or what it makes does not load, or hangs. */
    | "broken"
    /** The named test is not there, is skipped, or fails without the mutant. */
    | "no test";
  /** How the test failed, or what is wrong. */
  readonly text: string;
  readonly ms: number;
}

/** Failures that say nothing about behaviour. */
const NOT_A_CHECK =
  /^(SyntaxError|ReferenceError|TypeError|RangeError|EvalError)\b|timed out in \d+ ?ms|Failed to (load|resolve|parse)|Cannot find (module|package)|ERR_MODULE_NOT_FOUND/;

/** Why the mutant cannot be made, or undefined: each patch fits once, and what comes of it can be read as TypeScript. */
export function faultOfPatches({ patches }: Pick<Mutant, "patches">): string | undefined {
  const texts = new Map<string, string>();
  try {
    for (const patch of patches) {
      if (patch.find === patch.replace) return `mutation of ${patch.file}: it changes nothing`;
      texts.set(patch.file, patched(texts.get(patch.file) ?? readFileSync(`${ROOT}${patch.file}`, "utf8"), patch));
    }
    for (const text of texts.values()) stripTypeScriptTypes(text);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Judges a mutant by the run without it and the run with it. */
export function judge({ caughtBy }: Pick<Mutant, "caughtBy">, runs: { readonly base: RunReport; readonly mutated: RunReport }): Outcome {
  const before = reportOf(caughtBy, runs.base);
  const ms = reportOf(caughtBy, runs.mutated)?.ms ?? 0;
  if (before?.state !== "passed") return { kind: "no test", text: whyNoTest(before, runs.base), ms };
  const after = reportOf(caughtBy, runs.mutated);
  if (after === undefined || after.state === "skipped")
    return { kind: "broken", text: firstLine(runs.mutated.faults) || "the test did not run", ms };
  if (after.state === "passed") return { kind: "survived", text: "the test passes all the same", ms };
  const noCheck = after.faults.find((fault) => NOT_A_CHECK.test(fault));
  if (noCheck !== undefined) return { kind: "broken", text: firstLine([noCheck]), ms };
  return { kind: "caught", text: firstLine(after.faults), ms };
}

function reportOf({ file, name }: NamedTest, run: RunReport): TestReport | undefined {
  return run.tests.find((test) => test.file === file && test.name === name);
}

function whyNoTest(report: TestReport | undefined, { faults }: RunReport): string {
  if (report === undefined) return `there is no such test${faults.length === 0 ? "" : `: ${firstLine(faults)}`}`;
  return report.state === "skipped" ? "the test is skipped" : `the test fails without the mutant: ${firstLine(report.faults)}`;
}

function firstLine(faults: readonly string[]): string {
  return faults[0]?.split("\n")[0] ?? "";
}
