// How an event of the guard is made: what happened, at which moment of the guard's own time.
// 1. Every event carries its time, so that a replay needs no clock.

import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { GuardEvent } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { GuardEventSchema } from "../gen/holdfast/journal/v1/journal_pb.ts";

type Happened = Exclude<MessageInitShape<typeof GuardEventSchema>, GuardEvent>["kind"];

/** An event at a moment of the guard's time, milliseconds. */
export function guardEvent(atMs: number, kind: Exclude<Happened, undefined>): GuardEvent {
  return create(GuardEventSchema, { atMs: BigInt(atMs), kind });
}
