// `finish`: ends the workflow early, as succeeded or failed. It changes nothing; what follows of it is the core's (workflow/finishing.ts).
// 1. Only main actions of a workflow's stages finish it: that is checked at Submit (workflow/action-plan.ts).

import { WORKFLOW_OUTPUT_BYTES_MAX } from "../base/limits.ts";
import type { ApplyResult, PreparedAction } from "../engine/ports.ts";
import { Effects } from "../gen/holdfast/v1/event_pb.ts";
import type { ArgSchema, ArgsOf } from "./arg-schema.ts";
import { defineAction } from "./definition.ts";
import type { DocumentedAction } from "./definition.ts";

const SCHEMA = {
  outcome: {
    type: "string",
    required: true,
    allowed: ["succeeded", "failed"],
    description: "How the workflow ends.",
  },
  message: {
    type: "string",
    default: "",
    max: 1_024,
    description: "Why, for people: it is in the status, and in the error of one that failed.",
  },
  output: { type: "any", description: "The workflow's result, instead of what its `output` says. At most 64 KiB as JSON." },
} as const satisfies ArgSchema;

/** The `finish` action. */
export function finishAction(): DocumentedAction {
  return defineAction({ uses: "finish", effects: Effects.NONE, schema: SCHEMA, prepare: prepareFinish });
}

function prepareFinish({ outcome, message, output }: ArgsOf<typeof SCHEMA>): PreparedAction {
  return {
    effects: Effects.NONE,
    isAtomic: true,
    isSensitive: false,
    check: async () => ({ kind: "unknowable" }),
    apply: async (): Promise<ApplyResult> => {
      const bytes = output === undefined ? 0 : Buffer.byteLength(JSON.stringify(output));
      if (bytes > WORKFLOW_OUTPUT_BYTES_MAX)
        return {
          kind: "failed",
          message: `output: its JSON has ${bytes} bytes, at most ${WORKFLOW_OUTPUT_BYTES_MAX} are kept; put out less`,
          isRetryable: false,
        };
      return { kind: "finishes", isSuccess: outcome === "succeeded", message, ...(output === undefined ? {} : { output }) };
    },
  };
}
