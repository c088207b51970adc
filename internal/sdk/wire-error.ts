// From an error of the connection or the service to HoldfastError.
// 1. An error that came over the wire keeps the service's code, message and details.
// 2. Anything else that breaks a call is UNAVAILABLE, because the same call may succeed when it is repeated; what cannot succeed so keeps a code
//    that says it. Every call of the service may be repeated.

import { Code, ConnectError } from "@connectrpc/connect";
import { HoldfastError } from "../base/errors.ts";
import type { ErrorCode, ErrorDetail } from "../base/errors.ts";
import { ErrorDetailsSchema } from "../gen/holdfast/v1/error_pb.ts";

const CODES: ReadonlyMap<Code, ErrorCode> = new Map<Code, ErrorCode>([
  [Code.Canceled, "CANCELLED"],
  [Code.InvalidArgument, "INVALID_ARGUMENT"],
  [Code.OutOfRange, "INVALID_ARGUMENT"],
  [Code.DeadlineExceeded, "DEADLINE_EXCEEDED"],
  [Code.NotFound, "NOT_FOUND"],
  [Code.AlreadyExists, "ALREADY_EXISTS"],
  [Code.PermissionDenied, "PERMISSION_DENIED"],
  [Code.Unauthenticated, "UNAUTHENTICATED"],
  [Code.ResourceExhausted, "RESOURCE_EXHAUSTED"],
  [Code.FailedPrecondition, "FAILED_PRECONDITION"],
  [Code.Aborted, "ABORTED"],
  [Code.Unimplemented, "UNIMPLEMENTED"],
  [Code.DataLoss, "DATA_LOSS"],
  [Code.Internal, "ABORTED"], // a bug in the service: repeating the call would meet it again
  [Code.Unknown, "ABORTED"],
]);

/** Codes that an error keeps although it arose on this side of the connection. */
const LOCAL_CODES: ReadonlySet<Code> = new Set([
  Code.Canceled,
  Code.DeadlineExceeded,
  Code.Unimplemented,
  Code.Unauthenticated,
  Code.PermissionDenied,
  Code.ResourceExhausted,
]);

const NOT_CONNECTED: ReadonlySet<unknown> = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);

/** The error as the rest of the client knows it. */
export function fromWireError(error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const connect = ConnectError.from(error);
  if (!connect.isWireError && !LOCAL_CODES.has(connect.code)) {
    const what = isNotConnected(connect) ? "the service does not answer" : "the connection to the service broke";
    return new HoldfastError("UNAVAILABLE", `${what} (${reasonOf(connect)})`, { cause: error });
  }
  const code = CODES.get(connect.code) ?? "UNAVAILABLE";
  return new HoldfastError(code, connect.rawMessage, { details: placesOf(connect), cause: error });
}

/** True when the call has certainly not reached the service: no connection was made. */
export function isNotConnected(error: unknown): boolean {
  for (let link: unknown = error; link instanceof Error; link = link.cause) {
    if ("code" in link && NOT_CONNECTED.has(link.code)) return true;
    if (link instanceof AggregateError && link.errors.some(isNotConnected)) return true;
  }
  return false;
}

/** True for an error that the same call, repeated, may not meet again. */
export function isPassing(error: unknown): boolean {
  return error instanceof HoldfastError && (error.code === "UNAVAILABLE" || error.code === "DEADLINE_EXCEEDED");
}

/** For an answer that lacks what every service sends: it is not Holdfast, or a much older one. */
export function missing(what: string): HoldfastError {
  return new HoldfastError("UNIMPLEMENTED", `the service's answer lacks ${what}: is this a Holdfast service of the same version?`);
}

function placesOf(error: ConnectError): readonly ErrorDetail[] {
  const places = error.findDetails(ErrorDetailsSchema).flatMap((details) => details.places);
  return places.map(({ place, reason }) => ({ place, reason }));
}

function reasonOf(error: ConnectError): string {
  const codes: string[] = [];
  for (let link: unknown = error; link instanceof Error; link = link.cause) {
    if ("code" in link && typeof link.code === "string") codes.push(link.code);
  }
  return codes.at(-1) ?? error.rawMessage;
}
