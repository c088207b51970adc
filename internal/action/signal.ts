// `signal`: awaits a signal that somebody sends to the workflow. It changes nothing, and nothing of it runs while it waits.
// 1. Which signals there are the workflow declares; that the name is one of them is checked at Submit (workflow/action-plan.ts).

import { create } from "@bufbuild/protobuf";
import type { PreparedAction } from "../engine/ports.ts";
import { AwaitedSchema, Effects } from "../gen/holdfast/v1/event_pb.ts";
import type { ArgSchema } from "./arg-schema.ts";
import { defineAction } from "./definition.ts";
import type { DocumentedAction } from "./definition.ts";

const SCHEMA = {
  name: {
    type: "string",
    required: true,
    min: 1,
    max: 64,
    description: "Which signal, by its name in the workflow's `signals`. Written out: it holds no `${{ }}`.",
  },
} as const satisfies ArgSchema;

/** The `signal` action. */
export function signalAction(): DocumentedAction {
  return defineAction({ uses: "signal", effects: Effects.NONE, schema: SCHEMA, prepare: ({ name }) => prepareSignal(name) });
}

function prepareSignal(name: string): PreparedAction {
  return {
    effects: Effects.NONE,
    isAtomic: true,
    isSensitive: false,
    check: async () => ({ kind: "unknowable" }),
    apply: async () => ({ kind: "awaits", awaited: create(AwaitedSchema, { kind: { case: "signal", value: { name } } }) }),
  };
}
