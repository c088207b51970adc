// Errors as they go over the wire: the code, the message, and all places as one ErrorDetails message.
// 1. Only expected errors have a message; whatever else was thrown says nothing about itself to a client.
// 2. Texts are well-formed and bounded: a message may quote what came, half a surrogate pair and a megabyte of it, and gRPC's trailers can
//    carry neither: the call would break instead of ending.

import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { assertNever } from "../base/assert.ts";
import { HoldfastError } from "../base/errors.ts";
import type { ErrorCode, ErrorDetail } from "../base/errors.ts";
import { API_ERROR_MESSAGE_BYTES_MAX, API_ERROR_PLACES_BYTES_MAX, API_ERROR_PLACES_MAX } from "../base/limits.ts";
import { ErrorDetailsSchema } from "../gen/holdfast/v1/error_pb.ts";

const ELLIPSIS_BYTES = 3;

/** The error that a client gets for one that was thrown; INTERNAL, without content, for what is not an expected error. */
export function toConnectError(error: unknown): ConnectError {
  if (error instanceof ConnectError) return error;
  if (error instanceof HoldfastError) return errorWithPlaces(codeOf(error.code), error.message, error.details);
  return new ConnectError("a bug in the service; its log has the rest", Code.Internal);
}

/** An error with places: as much of its message, and as many of its places, as every protocol can carry. */
export function errorWithPlaces(code: Code, message: string, places: readonly ErrorDetail[]): ConnectError {
  const text = carriedText(message);
  if (places.length === 0) return new ConnectError(text, code);
  const value = create(ErrorDetailsSchema, { places: carriedPlaces(places) });
  return new ConnectError(text, code, undefined, [{ desc: ErrorDetailsSchema, value }]);
}

/** A text as every protocol can carry it: well-formed, and cut at API_ERROR_MESSAGE_BYTES_MAX. */
export function carriedText(text: string): string {
  return cut(text.toWellFormed(), API_ERROR_MESSAGE_BYTES_MAX);
}

function carriedPlaces(places: readonly ErrorDetail[]) {
  const carried: { readonly $typeName: "holdfast.v1.ErrorPlace"; readonly place: string; readonly reason: string }[] = [];
  let bytes = 0;
  for (const detail of places.slice(0, API_ERROR_PLACES_MAX)) {
    const [place, reason] = [carriedText(detail.place), carriedText(detail.reason)];
    bytes += Buffer.byteLength(place) + Buffer.byteLength(reason);
    if (bytes > API_ERROR_PLACES_BYTES_MAX) break;
    carried.push({ $typeName: "holdfast.v1.ErrorPlace", place, reason });
  }
  return carried;
}

/** The beginning of a text, up to so many bytes of UTF-8, with an ellipsis where something is left out. */
function cut(text: string, bytesMax: number): string {
  if (Buffer.byteLength(text) <= bytesMax) return text;
  const kept = new TextDecoder().decode(Buffer.from(text).subarray(0, bytesMax - ELLIPSIS_BYTES), { stream: true });
  return `${kept}…`;
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
