// Refuses messages that this service does not wholly understand: a field that is unknown here may have been there to make the work safer.
// 1. All violations of the rules in the .proto files are answered at once, with the place of each.

import { isMessage } from "@bufbuild/protobuf";
import type { Message } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { ValidationError } from "@bufbuild/protovalidate";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Interceptor } from "@connectrpc/connect";
import { createValidateInterceptor } from "@connectrpc/validate";
import { errorWithPlaces } from "./wire-error.ts";

/** Checks every request of one message; those of client streams (reflection) are checked by their handler. */
export function createMessageGuard(): Interceptor[] {
  const refuseUnknown: Interceptor = (next) => (request) => {
    if (!request.stream) assertKnown(request.message);
    return next(request);
  };
  const placed: Interceptor = (next) => async (request) => {
    try {
      return await next(request);
    } catch (error) {
      throw withPlaces(error);
    }
  };
  return [placed, refuseUnknown, createValidateInterceptor()];
}

/** Throws INVALID_ARGUMENT when the message, or one inside it, holds a field that this service does not know. */
export function assertKnown(message: Message): void {
  const pending: unknown[] = [message];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (typeof value !== "object" || value === null || value instanceof Uint8Array) continue;
    if (isMessage(value) && value.$unknown !== undefined && value.$unknown.length > 0) {
      const numbers = [...new Set(value.$unknown.map(({ no }) => no))].slice(0, 20).join(", ");
      throw new ConnectError(
        `${value.$typeName} holds fields that this service does not know (${numbers}): the client is newer than the service, or the message is damaged`,
        Code.InvalidArgument,
      );
    }
    for (const inner of Object.values(value)) if (typeof inner === "object" && inner !== null) pending.push(inner);
  }
}

function withPlaces(error: unknown): unknown {
  if (!(error instanceof ConnectError) || !(error.cause instanceof ValidationError)) return error;
  const places = error.cause.violations.map(({ field, message }) => ({ place: pathToString(field), reason: message }));
  const text = places.map(({ place, reason }) => (place === "" ? reason : `${place}: ${reason}`)).join("\n");
  return errorWithPlaces(Code.InvalidArgument, text, places);
}
