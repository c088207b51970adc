// What generated workflows declare of signals, variables and queries: one variable that signals and actions add to, one signal that is awaited.

import type { JsonValue } from "@bufbuild/protobuf";

type Json = { [key: string]: JsonValue };

/** The names of the two signals. */
export const SIGNALS = { adding: "add", awaited: "go" } as const;

/** What an action sets. */
export const ADDS_ONE: Json = { set: { n: "vars.n + 1" } };

const WHOLE: Json = { type: "PARAM_TYPE_INT" };

/** Declared, and left at their defaults. */
const IDLE: Json = {
  plain: {},
  text: { type: "PARAM_TYPE_STRING", pattern: "^[a-z]*$", max: 9, description: "some text" },
  ratio: { type: "PARAM_TYPE_NUMBER", min: 0, defaultValue: 0.5 },
  choice: { type: "PARAM_TYPE_STRING", allowed: ["a", "b"], defaultValue: "a" },
  flag: { type: "PARAM_TYPE_BOOL" },
  list: { type: "PARAM_TYPE_LIST" },
  map: { type: "PARAM_TYPE_OBJECT" },
};

/** The declarations of a workflow; only where an action awaits it, the signal that is awaited. */
export function signalDeclarations(isAwaited: boolean): Json {
  const awaited = { [SIGNALS.awaited]: { fields: { n: WHOLE }, description: "lets one action go on" } };
  return {
    vars: { n: WHOLE, ...IDLE },
    signals: {
      [SIGNALS.adding]: { fields: { n: { ...WHOLE, required: true }, ...IDLE }, set: { n: "vars.n + signal.n" } },
      ...(isAwaited ? awaited : {}),
    },
    queries: { n: "vars.n" },
  };
}
