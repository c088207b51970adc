// What a row of the table of verbs is, and what several verbs share.
// 1. It is data: the parser, the help and docs/cli.md are made from it.

/** A flag, in commander's notation. */
export interface FlagSpec {
  readonly flags: string;
  readonly about: string;
  /** May be given several times. */
  readonly isRepeated?: true;
  /** Must be given. */
  readonly isRequired?: true;
  /** The only values allowed. */
  readonly choices?: readonly string[];
}

/** A verb: `holdfast NAME ARGS [flags]`. */
export interface VerbSpec {
  /** One word, or two for a verb of a noun: `journal verify`. */
  readonly name: string;
  readonly args: string;
  readonly group: string;
  readonly about: string;
  readonly flags: readonly FlagSpec[];
}

export const LOOK = "Look";
export const STEER = "Steer";

/** For verbs that take a workflow's ID or key. */
export const NAMESPACE: FlagSpec = { flags: "--namespace <name>", about: "the namespace of a key (default: default)" };
/** For verbs that are recorded. */
export const REASON: FlagSpec = { flags: "--reason <text>", about: "why, for the history" };
