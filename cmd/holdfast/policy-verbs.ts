// The verbs of policies: rows of the table of verbs.
// 1. Nothing here changes anything: `check` needs no service, the others ask it.

import type { FlagSpec, VerbSpec } from "./verb-spec.ts";

const POLICIES = "Policies";

/** The rows; `submission` are the flags of what is submitted. */
export function policyVerbs(submission: readonly FlagSpec[]): readonly VerbSpec[] {
  return [
    {
      name: "policy check",
      args: "<paths...>",
      group: POLICIES,
      about: "read policy files as the service would and run their tests; ends with 1 on any fault. Needs no service",
      flags: [{ flags: "--brief", about: "only what is wrong" }],
    },
    {
      name: "policy explain",
      args: "<file>",
      group: POLICIES,
      about: "what each rule and limit says of a workflow file, gate by gate, now, and why; nothing is recorded",
      flags: [...submission, { flags: "--broken", about: "only the rules that do not hold" }],
    },
    {
      name: "policy replay",
      args: "",
      group: POLICIES,
      about: "which workflows of the past would be newly denied or newly allowed",
      flags: [
        { flags: "--since <time>", about: "those submitted in this time until now, such as 90d", isRequired: true },
        { flags: "--policies <path>", about: "by these files instead of those in force: a file, or a directory", isRepeated: true },
      ],
    },
    { name: "policy list", args: "", group: POLICIES, about: "the policies in force, and the files that are broken", flags: [] },
  ];
}
