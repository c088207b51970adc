// `command`: a program, or text for sh, at the target. What it may change is settled by its guards, or by the shim's status file.
// 1. With `effects: none` it only reads and may run again at any time. With a guard that can prove its work it is idempotent,
//    without one unsafe: never repeated where nobody knows how it ended.
// 2. No shell unless `shell:`. 3. No argument enters a message.

import { Buffer } from "node:buffer";
import type { JsonObject } from "../base/json.ts";
import { COMMAND_ARGV_MAX } from "../base/limits.ts";
import type { ApplyResult, AttemptContext, CheckResult, Failure, PreparedAction, Transport } from "../engine/ports.ts";
import { Effects } from "../gen/holdfast/v1/event_pb.ts";
import type { ArgSchema, ArgsOf } from "./arg-schema.ts";
import { guardArgv, guardScript, hasGuards, hasProof, judgeGuards } from "./command-guards.ts";
import type { Guards } from "./command-guards.ts";
import { commandResult } from "./command-result.ts";
import { defineAction, exactlyOne } from "./definition.ts";
import type { DocumentedAction, RuleFault } from "./definition.ts";
import { lookAtHost, runAtHost } from "./host-run.ts";
import type { HostRequest } from "./host-run.ts";
import { hostPath, pathFault, placeOf } from "./target-path.ts";

const GUARD_NAMES = ["creates", "removes", "unless", "onlyif"] as const;
const NO_NUL = (text: string): string | undefined => (text.includes("\0") ? "must not hold a NUL character" : undefined);
const WORD = { type: "string", refuse: NO_NUL, description: "A word." } as const;
const PATHS = {
  type: ["string", "list"],
  min: 1,
  refuse: pathFault,
  items: { type: "string", refuse: pathFault, description: "A path." },
} as const;
const GUARD = { type: ["list", "string"], min: 1, max: 65_536, refuse: NO_NUL, items: WORD } as const;

const SCHEMA = {
  argv: { type: "list", min: 1, max: COMMAND_ARGV_MAX, items: WORD, description: "Program and arguments, without a shell." },
  shell: { type: "string", min: 1, refuse: NO_NUL, description: "Text for `sh -c`, instead of `argv`." },
  env: {
    type: "object",
    values: { type: "string", refuse: NO_NUL, description: "A value." },
    default: {},
    description:
      "Variables of its environment, besides `HOLDFAST_TARGET`, `HOLDFAST_TASK_KEY`, `HOLDFAST_WORKFLOW_ID` and `HOLDFAST_ATTEMPT`.",
  },
  cwd: { type: "string", refuse: pathFault, description: "Its working directory. Default: the target's root, or the user's home." },
  stdin: { type: "string", default: "", description: "What it reads on standard input." },
  creates: { ...PATHS, description: "Path or paths that it makes: when all are there, there is nothing to do." },
  removes: { ...PATHS, description: "Path or paths that it removes: when none is there, there is nothing to do." },
  unless: { ...GUARD, description: "A check (argv, or text for sh) that reads only: when it ends with 0, there is nothing to do." },
  onlyif: { ...GUARD, description: "A check (argv, or text for sh) that reads only: when it does not end with 0, there is nothing to do." },
  effects: {
    type: "string",
    allowed: ["none", "idempotent", "unsafe"],
    description: "`none`: it only reads. Default: `idempotent` with `creates`, `removes` or `unless`, else `unsafe`.",
  },
  output: {
    type: "string",
    allowed: ["text", "json", "none"],
    default: "text",
    description: "How its stdout becomes the action's output.",
  },
  ok_status: {
    type: "list",
    min: 1,
    max: 256,
    items: { type: "int", min: 0, max: 255, description: "An exit status." },
    default: [0],
    description: "The exit statuses that mean success.",
  },
} as const satisfies ArgSchema;

type CommandArgs = ArgsOf<typeof SCHEMA>;

/** The `command` action. */
export function commandAction(transport: Transport): DocumentedAction {
  return defineAction({
    uses: "command",
    hasPulse: true,
    effects: Effects.UNSAFE,
    schema: SCHEMA,
    rules,
    prepare: (args) => prepareCommand(transport, args),
  });
}

function rules(raw: JsonObject): readonly RuleFault[] {
  const given = GUARD_NAMES.filter((name) => Object.hasOwn(raw, name));
  const faults: RuleFault[] = [...exactlyOne(raw, ["argv", "shell"]), ...envFaults(raw["env"])];
  if (raw["effects"] === "none") {
    for (const argument of given)
      faults.push({ argument, reason: "a guard has no meaning with `effects: none`; use the action's `when:`" });
  }
  if (raw["effects"] === "idempotent" && given.every((name) => name === "onlyif")) {
    faults.push({
      argument: "effects",
      reason: "a command is idempotent only with a guard that proves its work: `creates`, `removes` or `unless`",
    });
  }
  return faults;
}

function envFaults(env: unknown): readonly RuleFault[] {
  if (typeof env !== "object" || env === null) return [];
  return Object.keys(env).flatMap((name): readonly RuleFault[] => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      return [{ argument: "env", reason: "a variable's name is made of letters, digits and _, and begins with no digit" }];
    return name.startsWith("HOLDFAST_") ? [{ argument: "env", reason: "variables that begin with HOLDFAST_ are set by the service" }] : [];
  });
}

function prepareCommand(transport: Transport, args: CommandArgs): PreparedAction {
  const guards: Guards = {
    creates: pathList(args.creates),
    removes: pathList(args.removes),
    unless: guardArgv(args.unless),
    onlyif: guardArgv(args.onlyif),
  };
  const effects = effectsOf(args, guards);
  const isReadOnly = effects === Effects.NONE;
  const prepared: PreparedAction = {
    effects,
    isAtomic: false,
    isSensitive: false,
    check: (context) => checkCommand(transport, context, { args, guards }),
    apply: async (context) => {
      const fault = cwdFault(context, args);
      if (fault !== undefined) return fault;
      const stdin = Buffer.from(args.stdin, "utf8");
      const argv = args.argv ?? ["sh", "-c", args.shell ?? ""];
      const result = await runAtHost(transport, context, { ...place(context, args), argv, stdin, isReadOnly });
      return result.kind === "exited" ? commandResult(args, result) : result;
    },
  };
  if (isReadOnly) return prepared;
  return {
    ...prepared,
    look: async (context): Promise<ApplyResult | { readonly kind: "absent" }> => {
      const found = await lookAtHost(transport, context);
      return found.kind === "exited" ? commandResult(args, found) : found;
    },
  };
}

async function checkCommand(
  transport: Transport,
  context: AttemptContext,
  { args, guards }: { readonly args: CommandArgs; readonly guards: Guards },
): Promise<CheckResult> {
  const fault = cwdFault(context, args);
  if (fault !== undefined) return fault;
  if (!hasGuards(guards)) return { kind: "unknowable" };
  const argv = ["sh", "-c", guardScript(guards, context.target), "holdfast"];
  const result = await runAtHost(transport, context, { ...place(context, args), argv, isReadOnly: true });
  return result.kind === "exited" ? judgeGuards(guards, result) : result;
}

function effectsOf(args: CommandArgs, guards: Guards): Effects {
  if (args.effects === "none") return Effects.NONE;
  return args.effects !== "unsafe" && hasProof(guards) ? Effects.IDEMPOTENT : Effects.UNSAFE;
}

function place(context: AttemptContext, args: CommandArgs): Pick<HostRequest, "env" | "cwd"> {
  return { env: args.env, ...(args.cwd === undefined ? {} : { cwd: hostPath(context.target, args.cwd) }) };
}

function cwdFault(context: AttemptContext, args: CommandArgs): Failure | undefined {
  if (args.cwd === undefined) return undefined;
  const found = placeOf(context.target, args.cwd);
  return "kind" in found ? found : undefined;
}

function pathList(paths: string | readonly string[] | undefined): readonly string[] {
  if (paths === undefined) return [];
  return typeof paths === "string" ? [paths] : paths;
}
