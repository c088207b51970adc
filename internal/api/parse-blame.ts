// A request that cannot be decoded is its sender's fault, and is answered with INVALID_ARGUMENT.
// 1. The library decodes before interceptors run and says INTERNAL, which here means a bug of the service. What it offers in between is the
//    call's context: it is aborted with the very error that is then answered, in all three protocols.

import { Code, ConnectError } from "@connectrpc/connect";
import type { HandlerContext } from "@connectrpc/connect";
import { carriedText } from "./wire-error.ts";

/** How the library begins the text of what it cannot decode: the bytes of a message, and what is said, or is, compressed and is not so. */
const UNDECODED: readonly string[] = ["parse binary: ", "received compressed envelope", "decompression failed"];

/** Has a call whose request cannot be decoded answer that the request is wrong, not the service. */
export function blameSender(context: Pick<HandlerContext, "signal">): void {
  const look = (): void => {
    const error: unknown = context.signal.reason;
    if (!(error instanceof ConnectError)) return;
    Object.assign(error, { rawMessage: carriedText(error.rawMessage) }); // the library quotes the request, however much of it
    if (error.code !== Code.Internal || !UNDECODED.some((text) => error.rawMessage.startsWith(text))) return;
    const rawMessage = `the request is not a whole message of this call (${error.rawMessage}): it was cut short or damaged; send it again`;
    Object.assign(error, { code: Code.InvalidArgument, rawMessage });
  };
  context.signal.addEventListener("abort", look, { once: true });
}
