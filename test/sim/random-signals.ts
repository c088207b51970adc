// What generated workflows declare of signals, variables and queries: one variable that signals and actions add to, one signal that is awaited.

import type { JsonValue } from "@bufbuild/protobuf";

type Json = { [key: string]: JsonValue };

/** The names of the two signals. */
export const SIGNALS = { adding: "add", awaited: "go" } as const;

/** What an action sets. */
export const ADDS_ONE: Json = { set: { n: "vars.n + 1" } };

const WHOLE: Json = { type: "PARAM_TYPE_INT" };

/** The declarations of a workflow; only where an action awaits it, the signal that is awaited. */
export function signalDeclarations(isAwaited: boolean): Json {
  const awaited = { [SIGNALS.awaited]: { fields: { n: WHOLE }, description: "lets one action go on" } };
  return {
    vars: { n: WHOLE },
    signals: {
      [SIGNALS.adding]: { fields: { n: { ...WHOLE, required: true } }, set: { n: "vars.n + signal.n" } },
      ...(isAwaited ? awaited : {}),
    },
    queries: { n: "vars.n" },
  };
}
