// A request that cannot be decoded is its sender's fault, and is answered with INVALID_ARGUMENT.
// 1. The library decodes before interceptors run and says INTERNAL, which here means a bug of the service. What it offers in between is the
//    call's context: it is aborted with the very error that is then answered, in all three protocols.

import { Code, ConnectError } from "@connectrpc/connect";
import type { HandlerContext } from "@connectrpc/connect";

/** How the library begins the text of what it cannot decode. */
const UNDECODED = "parse binary: ";

/** Has a call whose request cannot be decoded answer that the request is wrong, not the service. */
export function blameSender(context: Pick<HandlerContext, "signal">): void {
  const look = (): void => {
    const error: unknown = context.signal.reason;
    if (!(error instanceof ConnectError) || error.code !== Code.Internal || !error.rawMessage.startsWith(UNDECODED)) return;
    const rawMessage = `the request is not a whole message of this call (${error.rawMessage}): it was cut short or damaged; send it again`;
    Object.assign(error, { code: Code.InvalidArgument, rawMessage });
  };
  context.signal.addEventListener("abort", look, { once: true });
}
