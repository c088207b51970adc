// The guards of `command`: `creates`, `removes`, `unless`, `onlyif`, all asked in one script and one round trip.
// 1. There is nothing to do when any guard says so. 2. Guards only read; what they run gets no RunRef and is ended with its attempt.
// 3. `onlyif` alone proves nothing after the command ran: with no other guard the command stays unsafe.

import { assert } from "../base/assert.ts";
import type { CheckResult, Failure } from "../engine/ports.ts";
import type { Target } from "../gen/holdfast/v1/workflow_pb.ts";
import type { Exited } from "./host-run.ts";
import { decodeText, lastLine } from "./output.ts";
import { hostPath } from "./target-path.ts";

/** The guards as the arguments give them; empty lists where they do not. */
export interface Guards {
  readonly creates: readonly string[];
  readonly removes: readonly string[];
  readonly unless: readonly string[] | undefined;
  readonly onlyif: readonly string[] | undefined;
}

/** The word that the script prints first, so that nothing else is taken for an answer. */
const ANSWER = "holdfast-guards";
/** What sh says of a program that it cannot find or start. */
const NOT_RUN = new Set(["126", "127"]);

/** True when there is any guard. */
export function hasGuards(guards: Guards): boolean {
  return hasProof(guards) || guards.onlyif !== undefined;
}

/** True when a guard can tell that the command has done its work. */
export function hasProof({ creates, removes, unless }: Guards): boolean {
  return creates.length + removes.length > 0 || unless !== undefined;
}

/** The script that asks all guards and prints a line `NAME ANSWER` for each. What the guards themselves print goes to stderr. */
export function guardScript(guards: Guards, target: Target | undefined): string {
  const paths = (all: readonly string[]): string => all.map((path) => `ask ${quote(hostPath(target, path))}`).join("\n");
  return [
    "exec 3>&1 >&2",
    `say() { printf '%s\\n' "$1 $2" >&3; }`,
    `ask() { if [ -e "$1" ] || [ -L "$1" ]; then some=yes; else all=no; fi; }`,
    `say ${ANSWER} 1`,
    ...(guards.creates.length === 0 ? [] : ["all=yes some=no", paths(guards.creates), `say creates "$all"`]),
    ...(guards.removes.length === 0 ? [] : ["all=yes some=no", paths(guards.removes), `say removes "$some"`]),
    ...(guards.unless === undefined ? [] : [`status=0; (${words(guards.unless)}) </dev/null || status=$?; say unless "$status"`]),
    ...(guards.onlyif === undefined ? [] : [`status=0; (${words(guards.onlyif)}) </dev/null || status=$?; say onlyif "$status"`]),
    "exit 0",
  ].join("\n");
}

/** What the guards said. */
export function judgeGuards(guards: Guards, exited: Exited): CheckResult {
  const lines = decodeText(exited.stdout).split("\n");
  const start = lines.indexOf(`${ANSWER} 1`);
  const answers = new Map(
    lines
      .slice(start + 1)
      .filter((line) => line.includes(" "))
      .map((line) => splitOnce(line)),
  );
  const wanted = namesOf(guards);
  if (exited.status !== 0 || start === -1 || wanted.some((name) => !answers.has(name)))
    return guardFailure(exited, "the guards did not answer");
  const missing = ["unless", "onlyif"].find((name) => NOT_RUN.has(answers.get(name) ?? ""));
  if (missing !== undefined) return guardFailure(exited, `the program of \`${missing}\` cannot be started`);
  const checksum = wanted.map((name) => `${name}=${answers.get(name) ?? ""}`).join(" ");
  const done = wanted.find((name) => saysDone(name, answers.get(name) ?? ""));
  if (done !== undefined) return { kind: "converged", checksum };
  if (!hasProof(guards)) return { kind: "unknowable" };
  return { kind: "different", checksum, diff: `the command would run: ${wanted.map((name) => REASONS[name] ?? "").join(", ")}\n` };
}

/** An argv, or text for sh, as an argv. */
export function guardArgv(guard: string | readonly string[] | undefined): readonly string[] | undefined {
  return typeof guard === "string" ? ["sh", "-c", guard] : guard;
}

const REASONS: Readonly<Record<string, string>> = {
  creates: "what it creates is not there",
  removes: "what it removes is there",
  unless: "`unless` did not end with 0",
  onlyif: "`onlyif` ended with 0",
};

function namesOf(guards: Guards): readonly string[] {
  return [
    ...(guards.creates.length > 0 ? ["creates"] : []),
    ...(guards.removes.length > 0 ? ["removes"] : []),
    ...(guards.unless === undefined ? [] : ["unless"]),
    ...(guards.onlyif === undefined ? [] : ["onlyif"]),
  ];
}

function saysDone(name: string, answer: string): boolean {
  if (name === "creates") return answer === "yes";
  if (name === "removes") return answer === "no";
  return name === "unless" ? answer === "0" : answer !== "0";
}

function guardFailure(exited: Exited, what: string): Failure {
  const line = lastLine(exited.stderr);
  return { kind: "failed", message: `${what}${line === "" ? "" : `: ${line}`}`, exitStatus: exited.status };
}

function words(argv: readonly string[]): string {
  assert(argv.length > 0, "a guard has a program");
  return argv.map(quote).join(" ");
}

/** A word for sh, whatever is in it. */
function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function splitOnce(line: string): readonly [string, string] {
  const space = line.indexOf(" ");
  return [line.slice(0, space), line.slice(space + 1)];
}
