// How the end of the service reaches what is in flight.
// 1. Streams and waiting calls end with UNAVAILABLE, which tells a client to come back; calls that are being answered are answered.

import { Code, ConnectError } from "@connectrpc/connect";

/** The end, before and after it has begun. */
export interface Shutdown {
  /** Aborts when the end begins. */
  readonly signal: AbortSignal;
  /** Begins it. */
  begin(): void;
}

/** An end that has not begun. */
export function createShutdown(): Shutdown {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    begin: () => controller.abort(new ConnectError("the service is shutting down; ask again when it is back", Code.Unavailable)),
  };
}
