// How the client makes a call, and what becomes of what breaks it.
// 1. Every error leaves here as HoldfastError.
// 2. Whoever leaves a stream ends its call.

import type { CallOptions } from "@connectrpc/connect";
import { fromWireError } from "./wire-error.ts";

/** Options of a call without a time of its own. */
export function unbounded(signal: AbortSignal | undefined): CallOptions {
  return signal === undefined ? {} : { signal };
}

/** What a call answers; what breaks it is thrown as HoldfastError. */
export async function guarded<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  try {
    return await call();
  } catch (error) {
    throw fromWireError(error);
  }
}

/**
 * A stream whose reader may leave at any time: then the call is aborted, for Connect leaves it open, and the process with it. Its iterator is
 * not returned from: that would take the listener off the signal before the abort.
 */
export async function* guardedStream<Item>(
  open: (options: CallOptions) => AsyncIterable<Item>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Item, void> {
  const left = new AbortController();
  try {
    const items = open({ signal: signal === undefined ? left.signal : AbortSignal.any([signal, left.signal]) })[Symbol.asyncIterator]();
    for (let item = await items.next(); item.done !== true; item = await items.next()) yield item.value;
  } catch (error) {
    throw fromWireError(error);
  } finally {
    left.abort();
  }
}
