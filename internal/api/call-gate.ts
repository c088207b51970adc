// The gate of every call: who asks, and is there room? It runs on the headers alone, before anything of the body is read.
// 1. What passes carries its principal; health and reflection need none and have room of their own.
// 2. The room of a call is given back when its context ends, which Connect does however the call ends.

import { createContextKey } from "@connectrpc/connect";
import type { HandlerContext } from "@connectrpc/connect";
import { API_CALLS_MAX, API_PUBLIC_CALLS_MAX, API_PUBLIC_STREAMS_MAX, API_STREAMS_MAX } from "../base/limits.ts";
import type { Principal } from "../engine/face.ts";
import type { Authenticator } from "./authentication.ts";
import { createSlots } from "./call-slots.ts";
import type { Slot, Slots } from "./call-slots.ts";
import { blameSender } from "./parse-blame.ts";
import { toConnectError } from "./wire-error.ts";

const principalKey = createContextKey<Principal>({ name: "", roles: [] }, { description: "principal" });
const roomKey = createContextKey<Room | undefined>(undefined, { description: "room" });

interface Room {
  slot: Slot;
  readonly streams: Slots;
}

/** Lets a call in, or throws the error that it gets. */
export type CallGate = (context: HandlerContext) => void;

/** `publicServices`: full names of services that need no token. */
export function createCallGate(options: { readonly authenticator: Authenticator; readonly publicServices: ReadonlySet<string> }): CallGate {
  const { authenticator, publicServices } = options;
  const own = { calls: createSlots("calls", API_CALLS_MAX), streams: createSlots("streams and waiting calls", API_STREAMS_MAX) };
  const open = { calls: createSlots("public calls", API_PUBLIC_CALLS_MAX), streams: createSlots("public streams", API_PUBLIC_STREAMS_MAX) };
  return (context) => {
    blameSender(context);
    try {
      const isPublic = publicServices.has(context.service.typeName);
      if (!isPublic) context.values.set(principalKey, authenticator.principal(context.requestHeader.get("authorization")));
      const { calls, streams } = isPublic ? open : own;
      const room: Room = { slot: (context.method.methodKind === "unary" ? calls : streams).take(), streams };
      context.values.set(roomKey, room);
      if (context.signal.aborted) room.slot.release();
      else context.signal.addEventListener("abort", () => room.slot.release(), { once: true });
    } catch (error) {
      throw toConnectError(error);
    }
  };
}

/** The principal of a call that came through the gate. */
export function principalOf(context: HandlerContext): Principal {
  return context.values.get(principalKey);
}

/** Turns a call into one that waits: it leaves the few places of calls and takes one of the many of streams. */
export function becomeWaiting(context: HandlerContext): void {
  const room = context.values.get(roomKey);
  if (room === undefined || context.signal.aborted) return;
  const slot = room.streams.take();
  room.slot.release();
  room.slot = slot;
}
