// `assert`: an expression that must be true. It reads what earlier actions put out and changes nothing.
// 1. What it may name is checked at submit; an expression that fails to evaluate is a failed assertion, never a passed one (H8).

import type { ApplyResult, AttemptContext, PreparedAction } from "../engine/ports.ts";
import { Effects } from "../gen/holdfast/v1/event_pb.ts";
import type { ArgSchema, ArgsOf } from "./arg-schema.ts";
import { celFaults, celProgram, celValue } from "./cel-argument.ts";
import { defineAction } from "./definition.ts";
import type { DocumentedAction } from "./definition.ts";

const SCHEMA = {
  that: {
    type: "string",
    required: true,
    min: 1,
    description: "CEL that must be true: `size(rescan.output.issues) == 0`. Written without `${{ }}`.",
  },
  message: { type: "string", description: "What to say when it is not; `${{ }}` in it is rendered. Default: the expression." },
} as const satisfies ArgSchema;

/** The `assert` action. */
export function assertAction(): DocumentedAction {
  return defineAction({
    uses: "assert",
    effects: Effects.NONE,
    schema: SCHEMA,
    expressions: (raw, context) => celFaults(raw, ["that"], { ...context, result: "bool" }),
    prepare: prepareAssert,
  });
}

function prepareAssert(args: ArgsOf<typeof SCHEMA>): PreparedAction {
  const program = celProgram(args.that, "that");
  return {
    effects: Effects.NONE,
    isAtomic: true,
    isSensitive: false,
    check: async () => ({ kind: "unknowable" }),
    apply: async ({ scope }: AttemptContext): Promise<ApplyResult> => {
      const result = celValue(program, scope);
      if ("fault" in result) return { kind: "failed", message: `the assertion cannot be evaluated: ${result.fault}` };
      if (result.value === true) return { kind: "applied" };
      if (result.value === false) return { kind: "failed", message: args.message ?? `not true: ${args.that}` };
      return { kind: "failed", message: "the assertion is neither true nor false; compare its value with something", isRetryable: false };
    },
  };
}
