// Every verb with its arguments and flags, as data: the parser, the help and docs/cli.md are made from this table.
// 1. What is not in this table does not exist for the parser, the help or the docs.

import { policyVerbs } from "./policy-verbs.ts";
import { OUTSIDE_VERBS } from "./outside-verbs.ts";
import { STOP_VERBS } from "./stop-verbs.ts";
import { LOOK, NAMESPACE, REASON, STEER } from "./verb-spec.ts";
import type { FlagSpec, VerbSpec } from "./verb-spec.ts";

const START = "Start work";
const JOURNAL = "Journal";
const ACCESS = "Access";

const FOLLOW: FlagSpec = { flags: "--wait", about: "follow the workflow afterwards, until it has ended or waits for a person" };
const DATA: FlagSpec = { flags: "--data <dir>", about: "read the journal in this data directory; its service must be down" };

const SUBMISSION: readonly FlagSpec[] = [
  { flags: "--param <name=value>", about: "a parameter's value; lists and maps as JSON", isRepeated: true },
  { flags: "--expect-count <n>", about: "refuse unless exactly so many targets are selected; the file's own expect must hold too" },
  { flags: "--key <key>", about: "a name, unique among open workflows, accepted wherever an ID is" },
  { flags: "--namespace <name>", about: "where the workflow lives (default: default)" },
  { flags: "--priority <n>", about: "-100 to 100, the larger the earlier (default: 0)" },
  { flags: "--annotation <name=value>", about: "a free field, over the file's own", isRepeated: true },
];

/** Flags that every verb takes, before or after it. */
export const GLOBAL_FLAGS: readonly FlagSpec[] = [
  { flags: "-o, --output <format>", about: "text, or json: JSON lines on stdout, errors as JSON on stderr", choices: ["text", "json"] },
  {
    flags: "--addr <url>",
    about: "the service's address (default: HOLDFAST_ADDR, else what the local service recorded, else http://127.0.0.1:7543)",
  },
  { flags: "--token <token>", about: "the token to show (default: HOLDFAST_TOKEN, else admin.token in the local data directory)" },
  { flags: "--ca <file>", about: "the CA that signed the service's certificate, PEM (default: HOLDFAST_CA, else the system's CAs)" },
  { flags: "--cert <file>", about: "the certificate by which the service knows this client, PEM (default: HOLDFAST_CERT)" },
  { flags: "--cert-key <file>", about: "its private key, PEM (default: HOLDFAST_CERT_KEY)" },
  { flags: "--give-up-after <time>", about: "how long silence of the service is borne in the middle of something (default: 1h)" },
  { flags: "--plain", about: "plain lines on a terminal too" },
];

/** All verbs, in the order of the help. */
export const VERBS: readonly VerbSpec[] = [
  {
    name: "run",
    args: "<file>",
    group: START,
    about: "submit a workflow file, write the ID down, execute it and follow it",
    flags: [...SUBMISSION, { flags: "--no-wait", about: "end once Exec is accepted" }],
  },
  { name: "submit", args: "<file>", group: START, about: "record a workflow; nothing runs before exec", flags: SUBMISSION },
  {
    name: "exec",
    args: "<id>",
    group: START,
    about: "execute a submitted workflow",
    flags: [{ flags: "--digest <digest>", about: "refuse unless this is what was submitted" }, FOLLOW, NAMESPACE],
  },
  {
    name: "resume",
    args: "[id]",
    group: START,
    about: "go through the logbook: finish what a crash cut, follow what runs, report what ended",
    flags: [
      { flags: "--remote", about: "first rebuild the logbook from the service's open workflows" },
      { flags: "--no-wait", about: "finish and report, but do not follow" },
      { flags: "--force", about: "start also what was asked for more than an hour ago, or of another service" },
      { flags: "--discard", about: "drop the entry of a workflow that never started; needs an ID" },
      NAMESPACE,
    ],
  },
  {
    name: "plan",
    args: "<file>",
    group: START,
    about: "run the checks alone: how many tasks would change something?",
    flags: [...SUBMISSION, { flags: "--target <name>", about: "show what would change on this target" }],
  },
  {
    name: "validate",
    args: "<file>",
    group: START,
    about: "check a workflow file, here and by the service; nothing is recorded",
    flags: SUBMISSION,
  },
  { name: "status", args: "<id>", group: LOOK, about: "where a workflow stands", flags: [NAMESPACE] },
  { name: "watch", args: "<id>", group: LOOK, about: "follow a workflow until it has ended or waits for a person", flags: [NAMESPACE] },
  {
    name: "tasks",
    args: "<id>",
    group: LOOK,
    about: "a workflow's tasks, each with its last attempt's input and the end of its output",
    flags: [
      { flags: "--stage <name>", about: "only this stage" },
      { flags: "--target <name>", about: "only this target" },
      { flags: "--outcome <outcome>", about: "only tasks in this outcome, such as failed or unknown", isRepeated: true },
      { flags: "--filter <cel>", about: "CEL over task, such as 'task.attempts > 1'" },
      { flags: "--limit <n>", about: "at most so many" },
      { flags: "--brief", about: "one line a task" },
      NAMESPACE,
    ],
  },
  {
    name: "list",
    args: "",
    group: LOOK,
    about: "workflows, the newest first",
    flags: [
      {
        flags: "--filter <cel>",
        about:
          "CEL over workflow, such as 'workflow.phase == \"RUNNING\"'; what not every one has, with has(): 'has(workflow.annotations.owner)'",
      },
      { flags: "--limit <n>", about: "at most so many" },
      { flags: "--namespace <name>", about: "only this namespace; '*' for all (default: default)" },
    ],
  },
  {
    name: "history",
    args: "<id>",
    group: LOOK,
    about: "what happened to a workflow, event by event",
    flags: [
      { flags: "--details", about: "each attempt's input, output and diff" },
      { flags: "--after <seq>", about: "only events after this number" },
      NAMESPACE,
    ],
  },
  {
    name: "why",
    args: "<id> [target]",
    group: LOOK,
    about: "why a workflow, or one of its targets, stands where it stands",
    flags: [NAMESPACE],
  },
  { name: "cancel", args: "<id>", group: STEER, about: "end a workflow; running attempts are ended", flags: [REASON, FOLLOW, NAMESPACE] },
  {
    name: "pause",
    args: "<id>",
    group: STEER,
    about: "start nothing more until unpause; what runs goes on to its end",
    flags: [REASON, NAMESPACE],
  },
  { name: "unpause", args: "<id>", group: STEER, about: "let a paused workflow go on", flags: [FOLLOW, NAMESPACE] },
  {
    name: "retry",
    args: "<id>",
    group: STEER,
    about: "open a round: run again what failed, was unknown, or never started; and what succeeded, where you name it",
    flags: [
      { flags: "--task <task>", about: "also STAGE/ACTION[@TARGET], though it succeeded" },
      { flags: "--stage <name>", about: "also all of this stage that succeeded" },
      { flags: "--all", about: "also everything that succeeded" },
      REASON,
      { flags: "--digest <digest>", about: "refuse unless this is what was submitted" },
      FOLLOW,
      NAMESPACE,
    ],
  },
  {
    name: "resolve",
    args: "<id> <task> <resolution>",
    group: STEER,
    about: "say what became of a held task: STAGE/ACTION[@TARGET] succeeded|failed|run-again",
    flags: [{ ...REASON, isRequired: true }, FOLLOW, NAMESPACE],
  },
  ...OUTSIDE_VERBS,
  ...STOP_VERBS,
  ...policyVerbs(SUBMISSION),
  {
    name: "journal verify",
    args: "",
    group: JOURNAL,
    about: "read the whole journal and name all damage",
    flags: [
      { flags: "--head <hash>", about: "the head that an earlier verify printed: a lost tail is damage too" },
      DATA,
      { flags: "--backup <file>", about: "check this backup instead; needs no service" },
    ],
  },
  {
    name: "journal backup",
    args: "<file>",
    group: JOURNAL,
    about: "a backup of the running service's journal into a file, with everything that was acknowledged before",
    flags: [{ flags: "--force", about: "replace a file that is there, once the new one is whole" }],
  },
  {
    name: "journal restore",
    args: "<file>",
    group: JOURNAL,
    about: "bring the journal back from a backup; the service then starts frozen, with everything unfinished in doubt",
    flags: [
      {
        flags: "--data <dir>",
        about: "the data directory: a new one, or one without a journal; its service must be down",
        isRequired: true,
      },
      { flags: "--accept-damage", about: "also where the journal was damaged when the backup was taken: what is damaged stands still" },
    ],
  },
  {
    name: "journal dump",
    args: "",
    group: JOURNAL,
    about: "the journal's records as JSON lines",
    flags: [{ flags: "--stream <name>", about: "only this stream: a workflow's ID, or guard" }, DATA],
  },
  {
    name: "token create",
    args: "<name>",
    group: ACCESS,
    about: "make a token and print its secret, this once",
    flags: [
      {
        flags: "--role <role>",
        about: "viewer, submitter, operator, admin or approver:ROLE, such as approver:sre; see docs/security.md",
        isRepeated: true,
        isRequired: true,
      },
      { flags: "--namespace <name>", about: "bind it to this namespace (default: all)", isRepeated: true },
      { flags: "--expires <time>", about: "for how long it is good, such as 12h or 90d (default: until it is revoked)" },
      { flags: "--certificate", about: "no secret: a client certificate whose subject's CN is NAME shows who asks" },
    ],
  },
  { name: "token list", args: "", group: ACCESS, about: "all tokens, the expired ones too; no secrets", flags: [] },
  { name: "token revoke", args: "<name>", group: ACCESS, about: "end a token at once, and what is open with it", flags: [] },
];
