// The exit codes: what a script may build on.
// 1. A code never changes its meaning.

import { assertNever } from "../../internal/base/assert.ts";
import type { ErrorCode } from "../../internal/base/errors.ts";

export const EXIT_DONE = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
export const EXIT_DENIED = 3;
export const EXIT_NOT_FOUND = 4;
export const EXIT_UNREACHABLE = 5;
export const EXIT_CANCELLED = 6;
export const EXIT_WAITING = 7;
export const EXIT_INTERRUPTED = 130;

/** Each code's meaning, for the help and the docs. */
export const EXIT_CODES: readonly (readonly [code: number, meaning: string])[] = [
  [EXIT_DONE, "done"],
  [EXIT_FAILED, "the workflow failed or expired, or the service could not do what was asked"],
  [EXIT_USAGE, "wrong usage, or an invalid file"],
  [EXIT_DENIED, "denied: not allowed, or no valid token"],
  [EXIT_NOT_FOUND, "no such thing"],
  [EXIT_UNREACHABLE, "the service cannot be reached"],
  [EXIT_CANCELLED, "cancelled, or frozen: also what freeze --status says while anything is"],
  [EXIT_WAITING, "waits for a person"],
  [EXIT_INTERRUPTED, "interrupted; the workflow goes on, and how to resume is printed"],
];

/** The exit code of an error. */
export function exitCodeOfError(code: ErrorCode): number {
  switch (code) {
    case "INVALID_ARGUMENT":
      return EXIT_USAGE;
    case "PERMISSION_DENIED":
    case "UNAUTHENTICATED":
      return EXIT_DENIED;
    case "NOT_FOUND":
      return EXIT_NOT_FOUND;
    case "UNAVAILABLE":
    case "DEADLINE_EXCEEDED":
      return EXIT_UNREACHABLE;
    case "CANCELLED":
      return EXIT_CANCELLED;
    case "ALREADY_EXISTS":
    case "RESOURCE_EXHAUSTED":
    case "FAILED_PRECONDITION":
    case "ABORTED":
    case "DATA_LOSS":
    case "UNIMPLEMENTED":
      return EXIT_FAILED;
    default:
      return assertNever(code);
  }
}

/** The exit code for where a workflow stands, by its phase's name. */
export function exitCodeOfPhase(phase: string): number {
  switch (phase) {
    case "FAILED":
    case "EXPIRED":
      return EXIT_FAILED;
    case "CANCELLED":
    case "FROZEN":
      return EXIT_CANCELLED;
    case "WAITING":
      return EXIT_WAITING;
    default:
      return EXIT_DONE;
  }
}
