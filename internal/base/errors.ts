// The one expected-error type and its closed list of codes. Codes are stable and are the wire's (gRPC's names); messages are not an API.
// 1. A message says which thing, what was found, and what to do next; it never holds a secret or an argument's value.

/** The codes of expected errors: gRPC's names, so that no layer translates. */
export type ErrorCode =
  | "INVALID_ARGUMENT"
  | "NOT_FOUND"
  | "ALREADY_EXISTS"
  | "PERMISSION_DENIED"
  | "UNAUTHENTICATED"
  | "RESOURCE_EXHAUSTED"
  | "FAILED_PRECONDITION"
  | "ABORTED"
  | "DATA_LOSS"
  | "UNAVAILABLE"
  | "DEADLINE_EXCEEDED"
  | "CANCELLED"
  | "UNIMPLEMENTED";

/** One place and reason among several, e.g. every error of a file at once. */
export interface ErrorDetail {
  /** Where: `stages[1].actions[0].with.path`, or `rules.yaml:4:7`. Empty when there is no place. */
  readonly place: string;
  /** What was found there, and what would be right. */
  readonly reason: string;
  /** The line it is about and a caret under the spot, for people; two lines without a line break at the end. */
  readonly snippet?: string;
}

/** An expected error: of a user, of an operator, or of the world outside. */
export class HoldfastError extends Error {
  override readonly name = "HoldfastError";
  readonly code: ErrorCode;
  readonly details: readonly ErrorDetail[];

  constructor(code: ErrorCode, message: string, options: { details?: readonly ErrorDetail[]; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? [];
  }
}

/** The code of an error of the operating system, such as ENOENT, for messages and for what cannot be looked at. */
export function reasonCode(cause: unknown): string {
  return cause instanceof Error && "code" in cause ? String(cause.code) : "unknown reason";
}
