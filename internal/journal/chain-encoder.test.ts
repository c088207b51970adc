import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import { BatchHeaderSchema, ChainHeadSchema, StreamHeadSchema } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { encodeChainHead, encodeHead, encodeHeader } from "./chain-encoder.ts";

const SEED = 6;
const RUNS = 300;

const anyNumber = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 2 ** 53 - 1 }));
const anyDigest = fc.oneof(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.constant(new Uint8Array(0)));
const anyFrame = fc.record({
  stream: fc.oneof(fc.uuid(), fc.constant("guard")),
  firstSeq: anyNumber,
  lastSeq: anyNumber,
  digest: anyDigest,
});

test("the bytes of a head are protobuf's own", () => {
  const run = (lastSeq: number, from: number, to: number): void => {
    const message = create(StreamHeadSchema, { lastSeq: BigInt(lastSeq), cutFrom: BigInt(from), cutTo: BigInt(to) });
    expect(Buffer.from(encodeHead({ lastSeq, cut: { from, to } }))).toEqual(Buffer.from(toBinary(StreamHeadSchema, message)));
  };
  fc.assert(fc.property(anyNumber, anyNumber, anyNumber, run), { seed: SEED, numRuns: RUNS });
});

test("the bytes of a header are protobuf's own, however many frames it has", () => {
  const header = fc.record({ number: anyNumber, previous: anyDigest, frames: fc.array(anyFrame, { maxLength: 20 }), timeMs: anyNumber });
  fc.assert(
    fc.property(header, ({ number, previous, frames, timeMs }) => {
      const inWords = frames.map((frame) => ({ ...frame, firstSeq: BigInt(frame.firstSeq), lastSeq: BigInt(frame.lastSeq) }));
      const message = create(BatchHeaderSchema, { number: BigInt(number), previous, frames: inWords, timeMs: BigInt(timeMs) });
      expect(Buffer.from(encodeHeader({ number, previous, frames, timeMs }))).toEqual(Buffer.from(toBinary(BatchHeaderSchema, message)));
    }),
    { seed: SEED, numRuns: RUNS },
  );
});

test("the bytes of the chain's end are protobuf's own", () => {
  const run = (number: number, digest: Uint8Array): void => {
    const message = create(ChainHeadSchema, { number: BigInt(number), digest });
    expect(Buffer.from(encodeChainHead({ number, digest }))).toEqual(Buffer.from(toBinary(ChainHeadSchema, message)));
  };
  fc.assert(fc.property(anyNumber, anyDigest, run), { seed: SEED, numRuns: RUNS });
});

test("no field of these messages is left out", () => {
  expect(StreamHeadSchema.fields.map(({ name }) => name)).toEqual(["last_seq", "cut_from", "cut_to"]);
  expect(BatchHeaderSchema.fields.map(({ name }) => name)).toEqual(["number", "previous", "frames", "time_ms"]);
  expect(ChainHeadSchema.fields.map(({ name }) => name)).toEqual(["number", "digest"]);
});
