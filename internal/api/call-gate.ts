// The gate of every call: who asks, may they, and is there room? It runs on the headers alone, before anything of the body is read.
// 1. What passes carries its caller; health and reflection, and whoever has the token of an attempt, need none and have room of their own.
//    Their bodies have little time, and of the room for completions no address has all: whoever sends slowly, and again and again, keeps little of it from others.
// 2. The room of a call is given back when its context ends, which Connect does however the call ends.
// 3. The end of a caller's token ends its streams, and what still waits for room, with UNAUTHENTICATED.

import { Code, ConnectError, createContextKey } from "@connectrpc/connect";
import type { HandlerContext } from "@connectrpc/connect";
import { assert } from "../base/assert.ts";
import { HoldfastError } from "../base/errors.ts";
import * as limits from "../base/limits.ts";
import type { Principal } from "../engine/face.ts";
import type { Authenticator, Caller, Certificate } from "./authentication.ts";
import { CallQueue } from "./call-queue.ts";
import type { Place } from "./call-queue.ts";
import { hasAbort } from "./direct-stream.ts";
import { blameSender } from "./parse-blame.ts";
import type { Right } from "./rights.ts";
import { hasRole, kindNames, RIGHTS } from "./rights.ts";
import { toConnectError } from "./wire-error.ts";

/** What the connection says of a call, and how to end it: put into the call by the request listener. */
export interface Wire {
  readonly certificate: Certificate | undefined;
  /** The other side's address; empty where the connection is gone already. */
  readonly address: string;
  /** Aborts the call's signal. */
  readonly end: (reason: Error) => void;
  /** Ends the call when its body is not there whole after so long. */
  readonly bodyWithin: (ms: number) => void;
}

/** Where the request listener puts what it knows. */
export const wireKey = createContextKey<Wire>(
  { certificate: undefined, address: "", end: () => undefined, bodyWithin: () => undefined },
  { description: "wire" },
);

const callerKey = createContextKey<Caller | undefined>(undefined, { description: "caller" });
const placeKey = createContextKey<Place | undefined>(undefined, { description: "place" });

/** Lets a call in, when there is room for it, or throws the error that it gets. */
export type CallGate = (context: HandlerContext) => Promise<void>;

/** What a gate is made of. */
export interface CallGateOptions {
  readonly authenticator: Authenticator;
  /** Full names of services that need no principal's token. */
  readonly publicServices: ReadonlySet<string>;
  /** The one of them by which what attempts handed out is completed: it has room of its own. */
  readonly byToken: string;
  /** Calls in flight for one principal. */
  readonly callsPerPrincipal: number;
}

/** Why a call's signal aborts once it was answered: without a reason each signal makes this very error anew, with its stack. */
const ANSWERED = new DOMException("This operation was aborted", "AbortError");

/** Everybody that asks for health or schemas shares this room. */
const NOBODY = "callers without a token";

/** The gate of one service. */
export function createCallGate({ authenticator, publicServices, byToken, callsPerPrincipal }: CallGateOptions): CallGate {
  const own = new CallQueue({
    running: limits.API_CALLS_MAX,
    runningOfPrincipal: limits.API_CALLS_OF_PRINCIPAL_MAX,
    queued: limits.API_CALLS_QUEUED_MAX,
    streams: limits.API_STREAMS_MAX,
    ofPrincipal: callsPerPrincipal,
  });
  const open = new CallQueue({
    running: limits.API_PUBLIC_CALLS_MAX,
    runningOfPrincipal: limits.API_PUBLIC_CALLS_MAX,
    queued: 0,
    streams: limits.API_PUBLIC_STREAMS_MAX,
    ofPrincipal: limits.API_PUBLIC_CALLS_MAX + limits.API_PUBLIC_STREAMS_MAX,
  });
  const completions = new CallQueue({
    running: limits.API_COMPLETION_CALLS_MAX,
    runningOfPrincipal: limits.API_COMPLETION_CALLS_MAX * limits.API_COMPLETION_SHARE_OF_ADDRESS_MAX,
    queued: limits.API_COMPLETION_CALLS_QUEUED_MAX,
    streams: 0,
    ofPrincipal: (limits.API_COMPLETION_CALLS_MAX + limits.API_COMPLETION_CALLS_QUEUED_MAX) * limits.API_COMPLETION_SHARE_OF_ADDRESS_MAX,
  });
  return async (context) => {
    nameTheEnd(context);
    blameSender(context);
    try {
      if (publicServices.has(context.service.typeName)) {
        const { address, bodyWithin } = context.values.get(wireKey);
        if (context.service.typeName === byToken) await takePlace(completions, `${NOBODY} at ${address}`, context);
        else await takePlace(open, NOBODY, context);
        if (context.method.methodKind === "unary") bodyWithin(limits.API_PUBLIC_BODY_MS_MAX);
        return;
      }
      const { certificate, end } = context.values.get(wireKey);
      const caller = authenticator.caller({ authorization: context.requestHeader.get("authorization"), certificate });
      checkRight(caller, context);
      context.values.set(callerKey, caller);
      const stopListening = caller.onEnd((error) => end(toConnectError(error)));
      whenOver(context.signal, stopListening);
      await takePlace(own, caller.principal.name, context);
    } catch (error) {
      // What ended a call while it waited says more than the wait does.
      throw context.signal.aborted ? ConnectError.from(context.signal.reason) : toConnectError(error);
    }
  };
}

/** Has Connect end the call with a reason. */
function nameTheEnd(context: HandlerContext): void {
  assert(hasAbort(context), "the context that Connect gives to a gate is the one that it ends");
  const { abort } = context;
  Object.assign(context, { abort: (reason: unknown = ANSWERED) => abort(reason) });
}

/** The principal of a call that came through the gate. */
export function principalOf(context: HandlerContext): Principal {
  return callerOf(context.values).principal;
}

/** The caller of a call that came through the gate, by its context's values. */
export function callerOf(values: HandlerContext["values"]): Caller {
  const caller = values.get(callerKey);
  assert(caller !== undefined, "a call of a service that is not public came through the gate");
  return caller;
}

/** Turns a call into one that waits: it leaves the few places of calls and takes one of the many of streams. */
export function becomeWaiting(context: HandlerContext): void {
  if (context.signal.aborted) return;
  try {
    context.values.get(placeKey)?.becomeStream();
  } catch (error) {
    throw withRetryHint(error);
  }
}

/** The right that a method needs. */
export function rightOf({ service, method }: Pick<HandlerContext, "service" | "method">): Right {
  const right = RIGHTS.get(`${service.typeName}/${method.name}`);
  assert(right !== undefined, "createRoutes refuses to serve a method that is not in the table of rights");
  return right;
}

async function takePlace(queue: CallQueue, principal: string, context: HandlerContext): Promise<void> {
  const { signal } = context;
  try {
    const place = context.method.methodKind === "unary" ? await queue.enter(principal, signal) : queue.stream(principal);
    context.values.set(placeKey, place);
    whenOver(signal, () => place.release());
    signal.throwIfAborted();
  } catch (error) {
    throw withRetryHint(error);
  }
}

/** A call for which there is no room may be made again in a moment: the answer says when, in the header `retry-after`, in seconds. */
function withRetryHint(error: unknown): ConnectError {
  const answer = toConnectError(error);
  if (answer.code === Code.ResourceExhausted) answer.metadata.set("retry-after", String(limits.API_RETRY_AFTER_S));
  return answer;
}

function whenOver(signal: AbortSignal, free: () => void): void {
  if (signal.aborted) free();
  else signal.addEventListener("abort", free, { once: true });
}

function checkRight({ principal, namespaces }: Caller, context: HandlerContext): void {
  const { roles, ownRoles, reach } = rightOf(context);
  const call = `${context.service.name}.${context.method.name}`;
  if (!hasRole(principal.roles, [...roles, ...ownRoles])) {
    const kinds = [...ownRoles, ...roles];
    const needed = kinds.length === 1 ? "the role" : "one of the roles";
    const ask = `ask an admin for a token: holdfast token create NAME --role ${kindNames(kinds.slice(0, 1))}`;
    throw new HoldfastError(
      "PERMISSION_DENIED",
      `"${principal.name}" (${principal.roles.join(", ")}) may not call ${call}: it needs ${needed} ${kindNames(kinds)}; ${ask}`,
    );
  }
  if (reach === "service" && namespaces !== undefined) {
    throw new HoldfastError(
      "PERMISSION_DENIED",
      `"${principal.name}" is bound to the namespaces ${[...namespaces].join(", ")} and may not call ${call}, which is about all of them; ask an admin for a token without --namespace`,
    );
  }
}
