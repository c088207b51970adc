// Runs the engine's side of a call and sorts what it throws.
// 1. An expected error goes to the client. Anything else is a bug: the client hears INTERNAL, and the process is told to end.
// 2. A call that its client gave up, or whose time ran out, answers with that and is no bug. Neither is a connection that broke under a stream.

import { Code, ConnectError } from "@connectrpc/connect";
import type { HandlerContext } from "@connectrpc/connect";
import { HoldfastError } from "../base/errors.ts";
import { handOver } from "./direct-stream.ts";
import { toConnectError } from "./wire-error.ts";

/** Told of a bug; ends the process. */
export type OnFatal = (error: unknown) => void;

/** Answers calls by `work`. */
export interface Answers {
  readonly unary: <I, O>(work: (request: I, context: HandlerContext) => Promise<O>) => (request: I, context: HandlerContext) => Promise<O>;
  readonly stream: <I, O extends object>(
    work: (request: I, context: HandlerContext) => AsyncIterable<O>,
  ) => (request: I, context: HandlerContext) => AsyncIterable<O>;
}

/** `onFatal` hears of every bug, once for each. */
export function createAnswers(onFatal: OnFatal): Answers {
  const sorted = (error: unknown, signal: AbortSignal): ConnectError => {
    if (signal.aborted && isAbort(error, signal)) return ConnectError.from(signal.reason);
    const isExpected = error instanceof HoldfastError || error instanceof ConnectError;
    if (!isExpected) onFatal(error);
    return toConnectError(error);
  };
  // What is thrown at once comes where items are asked for.
  const begun = <O>(work: () => AsyncIterable<O>, signal: AbortSignal): AsyncIterable<O> => {
    try {
      return work();
    } catch (error) {
      const fault = sorted(error, signal);
      return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(fault) }) };
    }
  };
  // A stream may last for days: it holds its items and its signal, and nothing else of the call.
  async function* itemsOf<O>(items: AsyncIterable<O>, signal: AbortSignal): AsyncIterable<O> {
    try {
      for await (const item of items) {
        if (isOver(signal)) break;
        try {
          yield item;
        } catch (cause) {
          // What is thrown in here comes from whoever writes the answer: its connection broke, often before the signal tells.
          throw new ConnectError("the client has left", Code.Canceled, undefined, undefined, cause);
        }
      }
    } catch (error) {
      throw sorted(error, signal);
    }
    // A stream that ends because the service shuts down, time ran out or its token ended must not look complete.
    if (signal.aborted) throw ConnectError.from(signal.reason);
  }
  return {
    unary: (work) => async (request, context) => {
      try {
        return await work(request, context);
      } catch (error) {
        throw sorted(error, context.signal);
      }
    },
    stream: (work) => (request, context) =>
      handOver(
        itemsOf(
          begun(() => work(request, context), context.signal),
          context.signal,
        ),
        context,
      ),
  };
}

/** True when nothing more may be said: the client left, time ran out, the token ended. At a shutdown a last word is let through. */
function isOver(signal: AbortSignal): boolean {
  return signal.aborted && ConnectError.from(signal.reason).code !== Code.Unavailable;
}

/** True for what a wait throws because its signal aborted: the reason says more than it does. */
function isAbort(error: unknown, signal: AbortSignal): boolean {
  if (error instanceof HoldfastError) return error.code === "CANCELLED";
  return error === signal.reason || (error instanceof Error && error.name === "AbortError");
}
