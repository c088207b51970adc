// The rule of a `repeat`, ready to run: its condition compiled, its bounds as numbers.
// 1. It follows from the definition alone, so a replay makes the same one.

import { durationMs } from "@bufbuild/protobuf/wkt";
import type { Program } from "../expr/program.ts";
import type { Repeat } from "../gen/holdfast/v1/workflow_pb.ts";
import type { CompileContext } from "./names.ts";
import { compileIn } from "./names.ts";

/** A repetition, ready to run. */
export interface RepeatRule {
  readonly until: Program;
  /** Iterations in all. */
  readonly max: number;
  readonly everyMs: number;
}

/** Compiles a repetition; undefined where there is none, or its condition is at fault. */
export function planRepeat(repeat: Repeat | undefined, context: CompileContext): RepeatRule | undefined {
  if (repeat === undefined) return undefined;
  const until = compileIn(repeat.until, { ...context, place: `${context.place}.repeat.until`, isCondition: true });
  const everyMs = repeat.every === undefined ? 0 : durationMs(repeat.every);
  return until === undefined ? undefined : { until, max: Math.max(1, repeat.max), everyMs };
}
