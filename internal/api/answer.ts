// Runs the engine's side of a call and sorts what it throws.
// 1. An expected error goes to the client. Anything else is a bug: the client hears INTERNAL, and the process is told to end.
// 2. A call that its client gave up, or whose time ran out, answers with that and is no bug. Neither is a connection that broke under a stream.

import { Code, ConnectError } from "@connectrpc/connect";
import type { HandlerContext } from "@connectrpc/connect";
import { HoldfastError } from "../base/errors.ts";
import { toConnectError } from "./wire-error.ts";

/** Told of a bug; ends the process. */
export type OnFatal = (error: unknown) => void;

/** Answers calls by `work`. */
export interface Answers {
  readonly unary: <I, O>(work: (request: I, context: HandlerContext) => Promise<O>) => (request: I, context: HandlerContext) => Promise<O>;
  readonly stream: <I, O>(
    work: (request: I, context: HandlerContext) => AsyncIterable<O>,
  ) => (request: I, context: HandlerContext) => AsyncIterable<O>;
}

/** `onFatal` hears of every bug, once for each. */
export function createAnswers(onFatal: OnFatal): Answers {
  const sorted = (error: unknown, { signal }: HandlerContext): ConnectError => {
    if (signal.aborted && isAbort(error, signal)) return ConnectError.from(signal.reason);
    const isExpected = error instanceof HoldfastError || error instanceof ConnectError;
    if (!isExpected) onFatal(error);
    return toConnectError(error);
  };
  return {
    unary: (work) => async (request, context) => {
      try {
        return await work(request, context);
      } catch (error) {
        throw sorted(error, context);
      }
    },
    stream: (work) =>
      async function* answer(request, context) {
        try {
          for await (const item of work(request, context)) {
            if (isOver(context.signal)) break;
            try {
              yield item;
            } catch (cause) {
              // What is thrown in here comes from whoever writes the answer: its connection broke, often before the signal tells.
              throw new ConnectError("the client has left", Code.Canceled, undefined, undefined, cause);
            }
          }
        } catch (error) {
          throw sorted(error, context);
        }
        // A stream that ends because the service shuts down, time ran out or its token ended must not look complete.
        if (context.signal.aborted) throw ConnectError.from(context.signal.reason);
      },
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
