// Refuses messages that this service does not wholly understand: a field that is unknown here may have been there to make the work safer.
// 1. All violations of the rules in the .proto files are answered at once, with the place of each.

import { isMessage } from "@bufbuild/protobuf";
import type { Message } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { ValidationError, createValidator } from "@bufbuild/protovalidate";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Interceptor } from "@connectrpc/connect";
import { createValidateInterceptor } from "@connectrpc/validate";
import { errorWithPlaces } from "./wire-error.ts";

/** Each pattern of the .proto files, and what it asks for. A pattern that is not here is shown as it is. */
const PATTERNS: ReadonlyMap<string, string> = new Map([
  ["^[A-Za-z0-9][A-Za-z0-9._:@-]*$", "must be an ID or a key: letters, digits, . _ : @ and -, a letter or digit first"],
  ["^([A-Za-z0-9][A-Za-z0-9._:@-]*)?$", "must be letters, digits, . _ : @ and -, a letter or digit first"],
  ["^([a-z0-9][a-z0-9-]*)?$", "must be lower-case letters, digits and -, a letter or digit first"],
  ["^([a-z0-9][a-z0-9-]*|\\*)?$", "must be lower-case letters, digits and -, a letter or digit first; or * for all"],
  ["^(sha256:[0-9a-f]{64})?$", "must be sha256: and 64 hex digits, as Submit answered"],
  ["^sha256:[0-9a-f]{64}$", "must be sha256: and 64 hex digits, as Submit answered"],
  ["^[a-z0-9][a-z0-9._-]*$", "must be lower-case letters, digits, dots, _ and -, a letter or digit first"],
  ["^[a-z][a-z0-9_]*$", "must be lower-case letters, digits and _, a letter first"],
  ["^[a-z][a-z0-9_-]*$", "must be lower-case letters, digits, _ and -, a letter first"],
  ["^[a-z][a-z0-9_.-]*(@[0-9]+)?$", "must be the name of a kind of action, such as command or erase@1"],
  ["^([a-z][a-z0-9_.-]*(@[0-9]+)?)?$", "must be the name of a kind of action, such as command or erase@1"],
  ["^([0-9a-f]{64})?$", "must be 64 hex digits, as an earlier verify printed"],
  ["^[a-z0-9-]*$", "must be a workflow's ID, or guard"],
  ["^[A-Za-z0-9][A-Za-z0-9._@-]*$", "must be letters, digits, . _ @ and -, a letter or digit first"],
  [
    "^(viewer|submitter|operator|admin|approver:[a-z][a-z0-9_-]*)$",
    "must be viewer, submitter, operator, admin or approver:ROLE, such as approver:sre",
  ],
  ["^[a-z0-9][a-z0-9-]*$", "must be lower-case letters, digits and -, a letter or digit first"],
]);

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
  return [placed, refuseUnknown, createValidateInterceptor({ validator: createValidator({ regexMatch: patternMatcher() }) })];
}

/**
 * The patterns are those of the .proto files, each linear in its text: Node's own matching is ten times as fast as the library's, which is made
 * for patterns that strangers write. The two differ in `\s` alone, which no field of a request asks for.
 */
function patternMatcher(): (pattern: string, text: string) => boolean {
  const known = new Map<string, RegExp>();
  return (pattern, text) => {
    const found = known.get(pattern) ?? new RegExp(pattern, "u");
    known.set(pattern, found);
    return found.test(text);
  };
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
  const places = error.cause.violations.map(({ field, message }) => ({ place: pathToString(field), reason: inWords(message) }));
  const text = places.map(({ place, reason }) => (place === "" ? reason : `${place}: ${reason}`)).join("\n");
  return errorWithPlaces(Code.InvalidArgument, text, places);
}

/** A violated pattern of the .proto files in words; any other message as it is. */
export function inWords(message: string): string {
  const pattern = /^does not match regex pattern `(.*)`$/s.exec(message)?.[1];
  return PATTERNS.get(pattern ?? "") ?? message;
}
