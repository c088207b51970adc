// Branded identifiers and times, parsed once at the door. A bare string does not compile where an id is asked for.
// 1. A parsed id is safe in a key and in a path: no slash, no dot-dot, no control characters.

import { HoldfastError } from "./errors.ts";

declare const brand: unique symbol;

/** A workflow's identity: a UUIDv7 in lower-case hex with dashes. */
export type WorkflowId = string & { readonly [brand]: "WorkflowId" };

/** Milliseconds since the Unix epoch, by the service's wall clock. */
export type TimeMs = number & { readonly [brand]: "TimeMs" };

/** A position in a stream of events: 1 is the first event, 0 is before it. */
export type Seq = number & { readonly [brand]: "Seq" };

/** The name of an event stream in the journal: a workflow's id, or "guard". */
export type StreamId = string & { readonly [brand]: "StreamId" };

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export const WorkflowId = {
  /** Refuses anything but a UUIDv7; `../` and friends never get further than this line. */
  parse(text: string): WorkflowId {
    if (!UUID_V7.test(text)) {
      throw new HoldfastError(
        "INVALID_ARGUMENT",
        'not a workflow ID: expected a UUIDv7 such as 019a9f1e-5c3a-7d10-8f00-0123456789ab; see "holdfast list"',
      );
    }
    return text as WorkflowId;
  },
  /** True for the text of a workflow ID. */
  is(text: string): text is WorkflowId {
    return UUID_V7.test(text);
  },
};

/** Marks a number that is known to be epoch milliseconds. */
export function timeMs(value: number): TimeMs {
  return value as TimeMs;
}

/** Marks a number that is known to be an event position. */
export function seq(value: number): Seq {
  return value as Seq;
}

/** The stream of one workflow. */
export function workflowStream(id: WorkflowId): StreamId {
  return id as string as StreamId;
}

/** The stream of the guard, which is shared by all workflows. */
export const GUARD_STREAM = "guard" as StreamId;
