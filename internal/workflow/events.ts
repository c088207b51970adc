// Makes events: the protobuf oneof itself is the closed union, so that wire, journal and code say the same words.
// 1. Like a parser it joins a name and the value that belongs to it: the one place where their types are put together by hand.

import { create } from "@bufbuild/protobuf";
import type { Event } from "../gen/holdfast/v1/event_pb.ts";
import { EventSchema } from "../gen/holdfast/v1/event_pb.ts";
import type { MessageInitShape } from "@bufbuild/protobuf";

/** What can happen, as `{ case, value }`. */
export type EventKind = Exclude<Event["kind"], { case: undefined }>;

type EventInit = Exclude<NonNullable<MessageInitShape<typeof EventSchema>["kind"]>, { case: undefined }>;

/** The names of events. */
export type EventName = EventKind["case"];

type ValueOf<N extends EventName> = Extract<EventInit, { case: N }>["value"];

/** Makes an event that the service itself caused: `happened("stageStarted", { stage: 0 })`. */
export function happened<N extends EventName>(name: N, value: ValueOf<N>): Event {
  return caused("", name, value);
}

/** Makes an event that a principal caused. */
export function caused<N extends EventName>(by: string, name: N, value: ValueOf<N>): Event {
  const kind: EventInit = eventInit(name, value);
  return create(EventSchema, { by, kind });
}

function eventInit<N extends EventName>(name: N, value: ValueOf<N>): EventInit {
  return { case: name, value } as EventInit;
}
