import { create, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { attemptEnded, attemptStarted, lockTaken, anId } from "../../test/fakes/journal-entries.ts";
import { GUARD_STREAM, workflowStream } from "../base/ids.ts";
import { JOURNAL_FRAME_BYTES_MAX } from "../base/limits.ts";
import { FrameSchema } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { addEvent, addGuardEvent, decodeFrame, framePayload, hasRoom, journalFrame, openFrame } from "./frame.ts";

const stream = workflowStream(anId(1));

test.each([0, 1, 127, 128, 1_767_268_800_000])("a frame's bytes are protobuf's own, at time %d", (timeMs) => {
  const frame = openFrame(stream, { firstSeq: 300, timeMs });
  const after = [0, 1, 127, 128, 2 ** 32 - 1];
  for (const [task, afterMs] of after.entries()) addEvent(frame, timeMs + afterMs, attemptEnded(task, { detailCrc: 7 }));
  const events = after.map((afterMs, task) => ({ ...attemptEnded(task, { detailCrc: 7 }), afterMs }));
  const message = create(FrameSchema, { firstSeq: 300n, timeMs: BigInt(timeMs), events, batch: 2n ** 40n });
  expect(Buffer.from(framePayload(frame, 2 ** 40))).toEqual(Buffer.from(toBinary(FrameSchema, message)));
});

test("a guard's frame's bytes are protobuf's own", () => {
  const frame = openFrame(GUARD_STREAM, { firstSeq: 1, timeMs: 5 });
  addGuardEvent(frame, 9, lockTaken("web-01", anId(1)));
  const message = create(FrameSchema, {
    firstSeq: 1n,
    timeMs: 5n,
    guardEvents: [{ ...lockTaken("web-01", anId(1)), afterMs: 4 }],
    batch: 1n,
  });
  expect(Buffer.from(framePayload(frame, 1))).toEqual(Buffer.from(toBinary(FrameSchema, message)));
});

test("a frame has no room for a time before its own, one 2^32 ms later, or once it is full", () => {
  const frame = openFrame(stream, { firstSeq: 1, timeMs: 100 });
  expect([99, 100, 100 + 2 ** 32 - 1, 100 + 2 ** 32].map((atMs) => hasRoom(frame, atMs))).toEqual([false, true, true, false]);
  const event = attemptStarted(1);
  while (hasRoom(frame, 100)) addEvent(frame, 100, event);
  expect(frame.body.length).toBeGreaterThanOrEqual(JOURNAL_FRAME_BYTES_MAX);
  expect(frame.body.length).toBeLessThan(JOURNAL_FRAME_BYTES_MAX + 100);
});

test("a frame that is read from its middle keeps the numbers of what is left", () => {
  const frame = openFrame(stream, { firstSeq: 11, timeMs: 100 });
  for (let task = 0; task < 3; task++) addEvent(frame, 100, attemptStarted(task));
  const read = journalFrame(decodeFrame(framePayload(frame, 1)), 11);
  expect([read.firstSeq, read.events.length, read.timeMs]).toEqual([12, 2, 100]);
});
