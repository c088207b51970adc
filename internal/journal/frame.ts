// Frames: many events of one stream in one record. This is the codec: events are encoded once, when they are appended, and never copied as messages.
// 1. The bytes equal those of protobuf's own encoder for the Frame message (frame.test.ts holds them to it).
// 2. An event's time is exact: what a frame cannot say (before its own time, or 2^32 ms after it) opens another frame.

import { assert } from "../base/assert.ts";
import { seq, timeMs } from "../base/ids.ts";
import type { StreamId } from "../base/ids.ts";
import { JOURNAL_FRAME_BYTES_MAX } from "../base/limits.ts";
import { readMessage } from "./read-message.ts";
import type { JournalFrame } from "../engine/ports.ts";
import { FrameSchema } from "../gen/holdfast/journal/v1/journal_pb.ts";
import type { Frame, GuardEvent } from "../gen/holdfast/journal/v1/journal_pb.ts";
import type { Event } from "../gen/holdfast/v1/event_pb.ts";
import { ByteWriter } from "./byte-writer.ts";
import { writeEvent, writeGuardEvent } from "./event-encoder.ts";

/** A frame that still takes events. */
export interface OpenFrame {
  readonly stream: StreamId;
  readonly firstSeq: number;
  readonly timeMs: number;
  lastSeq: number;
  readonly body: ByteWriter;
}

const AFTER_MS_MAX = 2 ** 32 - 1;
const FRAME = { firstSeq: 0x08, timeMs: 0x10, events: 0x1a, guardEvents: 0x22, batch: 0x28 } as const;

/** A frame with no events yet. */
export function openFrame(stream: StreamId, options: { readonly firstSeq: number; readonly timeMs: number }): OpenFrame {
  const body = new ByteWriter();
  body.number(FRAME.firstSeq, options.firstSeq);
  body.number(FRAME.timeMs, options.timeMs);
  return { stream, ...options, lastSeq: options.firstSeq - 1, body };
}

/** Whether a frame can say an event of this time, and is not full. */
export function hasRoom(frame: OpenFrame, atMs: number): boolean {
  return atMs >= frame.timeMs && atMs - frame.timeMs <= AFTER_MS_MAX && frame.body.length < JOURNAL_FRAME_BYTES_MAX;
}

/** Adds the event of a workflow that follows the frame's last one. */
export function addEvent(frame: OpenFrame, atMs: number, event: Event): void {
  assert(hasRoom(frame, atMs), "a frame takes an event that it has room for");
  const start = frame.body.open(FRAME.events);
  writeEvent(frame.body, event, atMs - frame.timeMs);
  frame.body.close(start);
  frame.lastSeq++;
}

/** Adds the event of the guard that follows the frame's last one. */
export function addGuardEvent(frame: OpenFrame, atMs: number, event: GuardEvent): void {
  assert(hasRoom(frame, atMs), "a frame takes an event that it has room for");
  const start = frame.body.open(FRAME.guardEvents);
  writeGuardEvent(frame.body, event, atMs - frame.timeMs);
  frame.body.close(start);
  frame.lastSeq++;
}

/** The frame's protobuf bytes, once its batch has a number; nothing is added to it any more. */
export function framePayload(frame: OpenFrame, batch: number): Uint8Array {
  frame.body.number(FRAME.batch, batch);
  return frame.body.written();
}

/** Decodes a frame's protobuf bytes. */
export function decodeFrame(payload: Uint8Array): Frame {
  return readMessage(FrameSchema, payload);
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
