// What a command's end means for its task: its exit status against the wanted ones, its output as it was declared.
// 1. A failure keeps what was printed: the output where it can be read, and the tail for people.

import type { ApplyResult } from "../engine/ports.ts";
import type { Exited } from "./host-run.ts";
import { lastLine, readOutput, tailOf } from "./output.ts";
import type { OutputKind } from "./output.ts";

/** What the author of a command said of its end. */
export interface CommandExpectation {
  readonly output: OutputKind;
  readonly ok_status: readonly number[];
}

/** The result of a command that ended by itself. */
export function commandResult(expected: CommandExpectation, exited: Exited): ApplyResult {
  const reading = readOutput(expected.output, exited);
  const shown = { outputTail: tailOf(exited), exitStatus: exited.status, ...("output" in reading ? { output: reading.output } : {}) };
  if (!expected.ok_status.includes(exited.status)) return { kind: "failed", message: statusMessage(exited), ...shown };
  if ("fault" in reading) return { kind: "failed", message: reading.fault, ...shown };
  return { kind: "applied", ...shown };
}

/** How a command ended that should have ended otherwise. */
export function statusMessage(exited: Exited): string {
  const how =
    exited.status > 128 && exited.status < 128 + 65
      ? `ended with ${exited.status} (signal ${exited.status - 128})`
      : `ended with ${exited.status}`;
  const line = lastLine(exited.stderr);
  return `the command ${how}${line === "" ? "" : `: ${line}`}`;
}
