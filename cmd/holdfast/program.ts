// The parser, made from the table of verbs. It runs nothing itself: a parsed command is handed to `dispatch`.
// 1. It never ends the process: wrong usage is thrown.

import { Command, Option } from "commander";
import { EXIT_CODES } from "./exit-code.ts";
import type { Options } from "./options.ts";
import type { FlagSpec, VerbSpec } from "./verb-spec.ts";
import { GLOBAL_FLAGS, VERBS } from "./verb-table.ts";

/** A parsed command. */
export interface ParsedCommand {
  readonly verb: string;
  readonly args: readonly string[];
  readonly options: Options;
}

/** Where the parser's own text goes. */
export interface ProgramStreams {
  readonly writeOut: (text: string) => void;
  readonly writeErr: (text: string) => void;
}

/** The parser. It throws CommanderError for wrong usage and after printing help; it never ends the process. */
export function buildProgram(version: string, streams: ProgramStreams, dispatch: (command: ParsedCommand) => Promise<void>): Command {
  const program = new Command("holdfast");
  program
    .description("Runs operations work on fleets so that it is repeatable and never lost.")
    .version(version, "--version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand("help [verb]", "print help for a verb")
    .usage("VERB [ID] [flags]")
    .configureHelp({ showGlobalOptions: true, helpWidth: 110 })
    .configureOutput({ writeOut: streams.writeOut, writeErr: streams.writeErr, outputError: () => undefined })
    .exitOverride()
    .addHelpText("after", exitCodesText());
  for (const flag of GLOBAL_FLAGS) program.addOption(optionOf(flag));
  for (const verb of VERBS) addVerb(program, verb, dispatch);
  return program;
}

function addVerb(program: Command, verb: VerbSpec, dispatch: (command: ParsedCommand) => Promise<void>): void {
  const [first = "", second] = verb.name.split(" ");
  const parent = second === undefined ? program : nounOf(program, first, verb.group);
  const command = parent.command(second ?? first);
  command.description(verb.about).helpOption("-h, --help", "print help");
  if (verb.args !== "") command.arguments(verb.args);
  if (parent === program) command.helpGroup(`${verb.group}:`);
  for (const flag of verb.flags) command.addOption(optionOf(flag));
  command.action(() => dispatch({ verb: verb.name, args: command.args, options: command.optsWithGlobals() }));
}

function nounOf(program: Command, name: string, group: string): Command {
  const found = program.commands.find((command) => command.name() === name);
  return found ?? program.command(name).description(`look after the ${name}`).helpGroup(`${group}:`);
}

function optionOf({ flags, about, isRepeated, isRequired, choices }: FlagSpec): Option {
  const option = new Option(flags, about);
  if (isRepeated === true) option.argParser((value: string, previous: unknown) => [...(Array.isArray(previous) ? previous : []), value]);
  if (isRequired === true) option.makeOptionMandatory();
  if (choices !== undefined) option.choices(choices);
  return option;
}

function exitCodesText(): string {
  const lines = EXIT_CODES.map(([code, meaning]) => `  ${String(code).padEnd(4)} ${meaning}`);
  return `\nExit codes (status, tasks, list and history end with 0 whatever the phase):\n${lines.join("\n")}`;
}
