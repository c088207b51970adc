// One run of the command line client in a given world: parse, load the verb's own module, run it, and turn what went wrong into an
// exit code and a message that ends with what to do next.

import { CommanderError } from "commander";
import { HoldfastError } from "../../internal/base/errors.ts";
import { Context } from "./context.ts";
import { EXIT_DONE, EXIT_INTERRUPTED, EXIT_USAGE, exitCodeOfError } from "./exit-code.ts";
import type { Options } from "./options.ts";
import { Output } from "./output.ts";
import { plainLines } from "./plain-text.ts";
import { buildProgram } from "./program.ts";
import type { ParsedCommand } from "./program.ts";
import type { World } from "./world.ts";

/** The client's version. */
export const VERSION = "0.1.0";

/** What a verb's module exports: it resolves to the exit code. */
export type Verb = (context: Context, args: readonly string[], options: Options) => Promise<number>;

const MODULES: ReadonlyMap<string, () => Promise<Verb>> = new Map<string, () => Promise<Verb>>([
  ["run", async () => (await import("./verbs/run.ts")).run],
  ["submit", async () => (await import("./verbs/run.ts")).submit],
  ["exec", async () => (await import("./verbs/run.ts")).exec],
  ["resume", async () => (await import("./verbs/resume.ts")).resume],
  ["plan", async () => (await import("./verbs/plan.ts")).plan],
  ["validate", async () => (await import("./verbs/plan.ts")).validate],
  ["status", async () => (await import("./verbs/status.ts")).status],
  ["watch", async () => (await import("./verbs/status.ts")).watch],
  ["why", async () => (await import("./verbs/status.ts")).why],
  ["list", async () => (await import("./verbs/status.ts")).list],
  ["tasks", async () => (await import("./verbs/tasks.ts")).tasks],
  ["history", async () => (await import("./verbs/history.ts")).history],
  ["cancel", async () => (await import("./verbs/steer.ts")).cancel],
  ["pause", async () => (await import("./verbs/steer.ts")).pause],
  ["unpause", async () => (await import("./verbs/steer.ts")).unpause],
  ["retry", async () => (await import("./verbs/steer.ts")).retry],
  ["resolve", async () => (await import("./verbs/steer.ts")).resolve],
  ["approve", async () => (await import("./verbs/approve.ts")).approve],
  ["approvals", async () => (await import("./verbs/approve.ts")).approvals],
  ["freeze", async () => (await import("./verbs/freeze.ts")).freeze],
  ["thaw", async () => (await import("./verbs/freeze.ts")).thaw],
  ["locks", async () => (await import("./verbs/guard.ts")).locks],
  ["limits", async () => (await import("./verbs/guard.ts")).limits],
  ["sinks", async () => (await import("./verbs/sinks.ts")).sinks],
  ["policy check", async () => (await import("./verbs/policy-check.ts")).check],
  ["policy explain", async () => (await import("./verbs/policy.ts")).explain],
  ["policy replay", async () => (await import("./verbs/policy.ts")).replay],
  ["policy list", async () => (await import("./verbs/policy.ts")).listPolicies],
  ["journal verify", async () => (await import("./verbs/journal.ts")).verify],
  ["journal backup", async () => (await import("./verbs/journal-backup.ts")).backup],
  ["journal restore", async () => (await import("./verbs/journal-backup.ts")).restore],
  ["token create", async () => (await import("./verbs/token.ts")).createToken],
  ["token list", async () => (await import("./verbs/token.ts")).listTokens],
  ["token revoke", async () => (await import("./verbs/token.ts")).revokeToken],
  ["journal dump", async () => (await import("./verbs/journal.ts")).dump],
]);

/** Verbs whose argument is a file, not a workflow. */
const FILE_VERBS: ReadonlySet<string> = new Set(["run", "submit", "plan", "validate"]);

/** Runs one command line; resolves to the exit code. */
export async function runCli(argv: readonly string[], world: World): Promise<number> {
  let exitCode = EXIT_DONE;
  const program = buildProgram(
    VERSION,
    { writeOut: (text) => world.stdout.write(text), writeErr: (text) => world.stderr.write(text) },
    async (command) => {
      exitCode = await runVerb(command, world);
    },
  );
  try {
    await program.parseAsync([...argv], { from: "user" });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return usageExit(error, argv, world);
  }
}

async function runVerb(command: ParsedCommand, world: World): Promise<number> {
  const load = MODULES.get(command.verb);
  if (load === undefined) throw new Error(`bug: no module for the verb ${command.verb}`);
  const context = new Context(world, command.options);
  try {
    const verb = await load();
    return await verb(context, command.args, command.options);
  } catch (error) {
    if (world.interrupted.aborted) {
      context.out.talk(context.resumeHint === "" ? "interrupted" : `detached: ${context.resumeHint}`);
      return EXIT_INTERRUPTED;
    }
    const known = asHoldfastError(error);
    if (known === undefined) throw error;
    context.out.error(known, await nextStep(known, context, command));
    return exitCodeOfError(known.code);
  }
}

/** Errors of the operating system are the user's to know; anything else is a bug and ends the process with its stack. */
function asHoldfastError(error: unknown): HoldfastError | undefined {
  if (error instanceof HoldfastError) return error;
  if (error instanceof Error && "syscall" in error && "code" in error) {
    return new HoldfastError("FAILED_PRECONDITION", error.message, { cause: error });
  }
  return undefined;
}

async function nextStep(error: HoldfastError, context: Context, command: ParsedCommand): Promise<string> {
  const { submittedId: id } = context;
  if (id !== "" && (error.code === "PERMISSION_DENIED" || error.code === "FAILED_PRECONDITION"))
    return `it is recorded and has not started: start it later with "holdfast exec ${id}", or end it with "holdfast cancel ${id}"`;
  if (/\b(?:run|see|try|use|write|put|choose|wait|name|send|look|shows)\b/i.test(error.message.split("\n").at(-1) ?? "")) return "";
  switch (error.code) {
    case "UNAVAILABLE":
    case "DEADLINE_EXCEEDED": {
      const { address, tls } = await context.connection();
      const after = context.resumeHint === "" ? "" : `; ${context.resumeHint}`;
      const isBroken = error.message.includes("broke");
      const other = !isBroken
        ? ""
        : address.startsWith("http:")
          ? " Does it want https://?"
          : tls.cert === undefined
            ? ""
            : " Is its client CA that of --cert?";
      return `is the service running at ${address}?${other} Start holdfastd, or name another with --addr or HOLDFAST_ADDR${after}`;
    }
    case "UNAUTHENTICATED":
      return "set HOLDFAST_TOKEN, or HOLDFAST_DATA to the data directory of a service on this machine";
    case "PERMISSION_DENIED":
      if (error.details.length > 0 && FILE_VERBS.has(command.verb))
        return `nothing was recorded; what each rule says of it: "holdfast policy explain ${command.args[0] ?? "FILE"}"`;
      if (error.details.length > 0 && command.args[0] !== undefined) return `it stays as it is: "holdfast status ${command.args[0]}"`;
      return command.verb === "approve" ? "" : "ask who runs the service to allow it"; // for an approval the service says who may
    case "NOT_FOUND":
      return 'see "holdfast list"';
    case "INVALID_ARGUMENT":
      return 'correct it and repeat; see "holdfast help" and docs/workflow-file.md';
    case "ALREADY_EXISTS":
      return "choose another key, or end the workflow that bears it";
    case "RESOURCE_EXHAUSTED":
      return "make it smaller, or make room, and repeat";
    case "FAILED_PRECONDITION":
      return FILE_VERBS.has(command.verb) || command.args[0] === undefined
        ? "nothing was recorded; put that right and repeat"
        : `see "holdfast status ${command.args[0]}" for where it stands`;
    case "DATA_LOSS":
      return 'run "holdfast journal verify"';
    default:
      return "repeat it, or look into the service's log";
  }
}

function usageExit(error: CommanderError, argv: readonly string[], world: World): number {
  if (error.exitCode === 0) return EXIT_DONE;
  const message = plainLines(error.message.replace(/^error: /, "")).join("\n");
  const isJson = argv.some(
    (arg, index) => /^(?:-o|--output=)json$/.test(arg) || (/^(?:-o|--output)$/.test(arg) && argv[index + 1] === "json"),
  );
  const out = new Output(isJson ? "json" : "text", world.stdout, world.stderr);
  if (error.code === "commander.help" && !isJson) return EXIT_USAGE; // a verb is missing: the help was printed
  out.error(new HoldfastError("INVALID_ARGUMENT", message.startsWith("(") ? "a verb is missing" : message), 'see "holdfast help"');
  return EXIT_USAGE;
}
