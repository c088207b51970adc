// Errors as they go over the wire: the code, the message, and all places as one ErrorDetails message.
// 1. Only expected errors have a message; whatever else was thrown says nothing about itself to a client.

import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { assertNever } from "../base/assert.ts";
import { HoldfastError } from "../base/errors.ts";
import type { ErrorCode, ErrorDetail } from "../base/errors.ts";
import { API_ERROR_PLACES_MAX } from "../base/limits.ts";
import { ErrorDetailsSchema } from "../gen/holdfast/v1/error_pb.ts";

/** The error that a client gets for one that was thrown; INTERNAL, without content, for what is not an expected error. */
export function toConnectError(error: unknown): ConnectError {
  if (error instanceof ConnectError) return error;
  if (error instanceof HoldfastError) return errorWithPlaces(codeOf(error.code), error.message, error.details);
  return new ConnectError("a bug in the service; its log has the rest", Code.Internal);
}

/** An error with places. */
export function errorWithPlaces(code: Code, message: string, places: readonly ErrorDetail[]): ConnectError {
  if (places.length === 0) return new ConnectError(message, code);
  const value = create(ErrorDetailsSchema, {
    places: places
      .slice(0, API_ERROR_PLACES_MAX)
      .map(({ place, reason }) => ({ $typeName: "holdfast.v1.ErrorPlace" as const, place, reason })),
  });
  return new ConnectError(message, code, undefined, [{ desc: ErrorDetailsSchema, value }]);
}

function codeOf(code: ErrorCode): Code {
  switch (code) {
    case "INVALID_ARGUMENT":
      return Code.InvalidArgument;
    case "NOT_FOUND":
      return Code.NotFound;
    case "ALREADY_EXISTS":
      return Code.AlreadyExists;
    case "PERMISSION_DENIED":
      return Code.PermissionDenied;
    case "UNAUTHENTICATED":
      return Code.Unauthenticated;
    case "RESOURCE_EXHAUSTED":
      return Code.ResourceExhausted;
    case "FAILED_PRECONDITION":
      return Code.FailedPrecondition;
    case "ABORTED":
      return Code.Aborted;
    case "DATA_LOSS":
      return Code.DataLoss;
    case "UNAVAILABLE":
      return Code.Unavailable;
    case "DEADLINE_EXCEEDED":
      return Code.DeadlineExceeded;
    case "CANCELLED":
      return Code.Canceled;
    case "UNIMPLEMENTED":
      return Code.Unimplemented;
    default:
      return assertNever(code);
  }
}
