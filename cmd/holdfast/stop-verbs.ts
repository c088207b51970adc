// The verbs of approvals, of the emergency stop, and of what the guard holds: rows of the table of verbs.
// 1. A scope is always said: there is no verb whose bare form means everything.

import { LOOK, NAMESPACE, REASON, STEER } from "./verb-spec.ts";
import type { FlagSpec, VerbSpec } from "./verb-spec.ts";

const STOP = "Emergency stop";

const SCOPE: readonly FlagSpec[] = [
  { flags: "--everything", about: "all workflows" },
  { flags: "--namespace <name>", about: "all workflows of this namespace" },
  { flags: "--workflow <name>", about: "all workflows with this name in their file" },
  { flags: "--label <label=value>", about: "all targets with this label, in all workflows" },
];

/** The rows. */
export const STOP_VERBS: readonly VerbSpec[] = [
  {
    name: "approve",
    args: "<id>",
    group: STEER,
    about: "show what a workflow would do, and approve it once you have confirmed its digest",
    flags: [
      REASON,
      { flags: "--digest <digest>", about: "refuse unless this is what was submitted" },
      { flags: "--yes", about: "ask nothing, for scripts; needs --digest" },
      NAMESPACE,
    ],
  },
  { name: "approvals", args: "<id>", group: LOOK, about: "what an approver has to see; approves nothing", flags: [NAMESPACE] },
  { name: "locks", args: "[prefix]", group: LOOK, about: "locks that are held, who holds them, and who waits", flags: [] },
  { name: "limits", args: "[prefix]", group: LOOK, about: "limits in use: slots, when the next token is there, and who waits", flags: [] },
  {
    name: "sinks",
    args: "[name]",
    group: LOOK,
    about: "where events are delivered, how far each sink is, and what keeps it",
    flags: [{ flags: "--test", about: "deliver a test event to this sink, once; ends with 1 when it is not taken" }],
  },
  {
    name: "freeze",
    args: "",
    group: STOP,
    about: "stop: nothing in the scope starts any more; prints what has stopped and what still runs",
    flags: [
      ...SCOPE,
      { flags: "--reason <text>", about: "why; needed to freeze" },
      { flags: "--abort", about: "end what runs (default: what runs comes to its end)" },
      { flags: "--wait", about: "go on until nothing frozen runs any more" },
      { flags: "--wait-at-most <time>", about: "with --wait, then end with 1 if something still runs (default: 1h)" },
      { flags: "--status", about: "freeze nothing; show what is frozen: ends with 0 when nothing is, else with 6" },
    ],
  },
  {
    name: "thaw",
    args: "[freeze]",
    group: STOP,
    about: "lift one freeze by its ID, or those of exactly one scope; what it stopped goes on from where it stood",
    flags: [...SCOPE, { flags: "--reason <text>", about: "why, for the record" }],
  },
];
