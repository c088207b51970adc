// Frames: many events of one stream in one record. This is the codec: events are encoded once, when they are appended, and never copied as messages.
// 1. The bytes equal those of protobuf's own encoder for the Frame message (frame.test.ts holds them to it).
// 2. An event's time is exact: what a frame cannot say (before its own time, or 2^32 ms after it) opens another frame.

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { assert } from "../base/assert.ts";
import { seq, timeMs } from "../base/ids.ts";
import type { StreamId } from "../base/ids.ts";
import { JOURNAL_FRAME_BYTES_MAX } from "../base/limits.ts";
import type { JournalFrame } from "../engine/ports.ts";
import { FrameSchema, GuardEventSchema } from "../gen/holdfast/journal/v1/journal_pb.ts";
import type { Frame, GuardEvent } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { EventSchema } from "../gen/holdfast/v1/event_pb.ts";
import type { Event } from "../gen/holdfast/v1/event_pb.ts";

/** A frame that still takes events. */
export interface OpenFrame {
  readonly stream: StreamId;
  readonly firstSeq: number;
  readonly timeMs: number;
  lastSeq: number;
  bytes: number;
  readonly pieces: Uint8Array[];
}

/** An encoded event, and which list of the frame it belongs to. */
export interface EncodedEvent {
  readonly list: "events" | "guardEvents";
  readonly bytes: Uint8Array;
}

const AFTER_MS_MAX = 2 ** 32 - 1;
const VARINT = { firstSeq: 0x08, timeMs: 0x10, batch: 0x28, afterMs: 0x08 } as const;
const LENGTH_DELIMITED = { events: 0x1a, guardEvents: 0x22 } as const;

/** Encodes a workflow's event as it was appended. */
export function encodeEvent(event: Event): EncodedEvent {
  assert(event.afterMs === 0, "an event is appended without afterMs: the journal sets it");
  return { list: "events", bytes: toBinary(EventSchema, event) };
}

/** Encodes a guard's event as it was appended. */
export function encodeGuardEvent(event: GuardEvent): EncodedEvent {
  assert(event.afterMs === 0, "a guard's event is appended without afterMs: the journal sets it");
  return { list: "guardEvents", bytes: toBinary(GuardEventSchema, event) };
}

/** A frame with no events yet. */
export function openFrame(stream: StreamId, options: { readonly firstSeq: number; readonly timeMs: number }): OpenFrame {
  return { stream, ...options, lastSeq: options.firstSeq - 1, bytes: 0, pieces: [] };
}

/** Whether a frame can say an event of this time, and is not full. */
export function hasRoom(frame: OpenFrame, atMs: number): boolean {
  return atMs >= frame.timeMs && atMs - frame.timeMs <= AFTER_MS_MAX && frame.bytes < JOURNAL_FRAME_BYTES_MAX;
}

/** Adds the event that follows the frame's last one; returns how many bytes it took. */
export function addEvent(frame: OpenFrame, atMs: number, event: EncodedEvent): number {
  assert(hasRoom(frame, atMs), "a frame takes an event that it has room for");
  const afterMs = atMs - frame.timeMs;
  const after = afterMs === 0 ? [] : [VARINT.afterMs, ...varint(afterMs)];
  const prefix = Uint8Array.from([LENGTH_DELIMITED[event.list], ...varint(after.length + event.bytes.length), ...after]);
  frame.pieces.push(prefix, event.bytes);
  frame.lastSeq++;
  const added = prefix.length + event.bytes.length;
  frame.bytes += added;
  return added;
}

/** The frame's protobuf bytes, in pieces, once its batch has a number. */
export function framePayload(frame: OpenFrame, batch: number): readonly Uint8Array[] {
  const head = [VARINT.firstSeq, ...varint(frame.firstSeq), ...(frame.timeMs === 0 ? [] : [VARINT.timeMs, ...varint(frame.timeMs)])];
  return [Uint8Array.from(head), ...frame.pieces, Uint8Array.from([VARINT.batch, ...varint(batch)])];
}

/** Decodes a frame's protobuf bytes. */
export function decodeFrame(payload: Uint8Array): Frame {
  return fromBinary(FrameSchema, payload);
}

/** How many events a frame holds: of a workflow, or of the guard. */
export function eventCount(frame: Frame): number {
  return frame.events.length + frame.guardEvents.length;
}

/** A decoded frame as the port hands it out, without the events up to `afterSeq`. */
export function journalFrame(frame: Frame, afterSeq: number): JournalFrame {
  const firstSeq = Number(frame.firstSeq);
  const skipped = Math.max(0, afterSeq + 1 - firstSeq);
  return {
    firstSeq: seq(firstSeq + skipped),
    timeMs: timeMs(Number(frame.timeMs)),
    events: skipped === 0 ? frame.events : frame.events.slice(skipped),
    guardEvents: skipped === 0 ? frame.guardEvents : frame.guardEvents.slice(skipped),
  };
}

/** Base-128, the low groups first; by division, since numbers reach 2^53. */
function varint(value: number): number[] {
  assert(Number.isSafeInteger(value) && value >= 0, "a varint is a whole number that is not negative");
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return bytes;
}
