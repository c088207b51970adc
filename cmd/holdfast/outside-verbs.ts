// Verbs by which people and other systems take part in a workflow, as rows of the table of verbs.
// 1. It is data: what they do is in verbs/outside.ts.

import { LOOK, NAMESPACE, REASON, STEER } from "./verb-spec.ts";
import type { VerbSpec } from "./verb-spec.ts";

/** signal, complete, fail, query. */
export const OUTSIDE_VERBS: readonly VerbSpec[] = [
  {
    name: "signal",
    args: "<id> <name>",
    group: STEER,
    about: "send a signal that the workflow declares; it is kept until an action awaits it",
    flags: [
      { flags: "--data <json>", about: "what comes with it, a JSON object as the workflow declares it" },
      { flags: "--key <key>", about: "names this signal: sent again with the same key and data it changes nothing (default: a new one)" },
      NAMESPACE,
    ],
  },
  {
    name: "complete",
    args: "<id> [task]",
    group: STEER,
    about:
      "say that a task that awaits a person was done: STAGE/ACTION[@TARGET]; needs the task's role. Or, with a completion token alone, that what came with it is done",
    flags: [{ flags: "--data <json>", about: "what was filled in, or what came of it: a JSON object" }, REASON, NAMESPACE],
  },
  {
    name: "fail",
    args: "<id> [task]",
    group: STEER,
    about:
      "refuse a task that awaits a person, or say that it cannot be done; needs the task's role. Or, with a completion token alone, say that what came with it has failed",
    flags: [{ ...REASON, isRequired: true }, NAMESPACE],
  },
  {
    name: "query",
    args: "<id> <name>",
    group: LOOK,
    about: "ask a query that the workflow declares, also after its end; prints its value as JSON",
    flags: [NAMESPACE],
  },
];
