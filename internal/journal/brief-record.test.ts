import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { seededRandom } from "../../test/fakes/fake-ids.ts";
import { present } from "../base/assert.ts";
import { SummarySchema } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { Phase, WorkflowStatusSchema } from "../gen/holdfast/v1/status_pb.ts";
import { emptySummary, readBrief } from "./brief-record.ts";

/** With so many stages, of which the notes are so long. */
function aSummary(stages: number, noteLength = 0) {
  const status = create(WorkflowStatusSchema, {
    id: "019a9f1e-5c3a-7d10-8f00-0123456789ab",
    name: "n",
    phase: Phase.SUCCEEDED,
    counts: { succeeded: 3 },
    stages: Array.from({ length: stages }, (_, at) => ({ name: `s${at}`, note: "n".repeat(noteLength), counts: { succeeded: at } })),
    stage: "after",
    submittedAt: { seconds: 1_234_567_890n, nanos: 5 },
    waitingFor: [{ message: "w" }],
    annotations: { a: "b", c: "d" },
    priority: -5,
    seq: 2n ** 52n,
  });
  return create(SummarySchema, { status, requestId: "r", requestDigest: "d", isOpen: true });
}

test("a brief record is the record without its stages, however many and long they are", () => {
  for (const stages of [0, 1, 2, 64]) {
    for (const noteLength of [0, 100, 300, 20_000]) {
      const summary = aSummary(stages, noteLength);
      const brief = readBrief(toBinary(SummarySchema, summary));
      expect(brief).toEqual(fromBinary(SummarySchema, toBinary(SummarySchema, aSummary(0))));
    }
  }
});

test("stages are left out wherever they stand, and fields that are unknown here stay", () => {
  const bytes = toBinary(WorkflowStatusSchema, present(aSummary(2, 10).status, "a status"));
  const twice = Buffer.concat([bytes, Buffer.from([0xf8, 0x7d, 0x01]), bytes]);
  const record = Buffer.concat([Buffer.from([0x12, 1, 0x72, 0x0a, (twice.length % 128) | 128, twice.length >> 7]), twice]);
  const { stages, $unknown, ...rest } = { ...readBrief(record).status };
  expect(stages).toEqual([]);
  expect($unknown?.map(({ no }) => no)).toEqual([2_015]);
  expect(rest).toMatchObject({ stage: "after", annotations: { a: "b", c: "d" }, seq: 2n ** 52n });
});

test("an empty record is that of protobuf, and shares nothing with the next", () => {
  expect(emptySummary()).toEqual(create(SummarySchema, { status: {} }));
  const [one, other] = [emptySummary(), emptySummary()].map(({ status }) => Object.entries(status ?? {}));
  for (const [at, [name, value]] of (one ?? []).entries())
    if (typeof value === "object") expect([name, value === other?.[at]?.[1]]).toEqual([name, false]);
});

test("damaged bytes are refused as protobuf refuses them, or read as it reads them", () => {
  const random = seededRandom(7);
  const whole = toBinary(SummarySchema, aSummary(3, 50));
  const read = (decode: (bytes: Uint8Array) => { readonly requestId: string }, bytes: Uint8Array): string => {
    try {
      return decode(bytes).requestId;
    } catch {
      return "refused";
    }
  };
  for (let length = 0; length < whole.length; length++) {
    const cut = whole.subarray(0, length);
    expect(read(readBrief, cut), `cut at ${length}`).toBe(read((bytes) => fromBinary(SummarySchema, bytes), cut));
  }
  for (let count = 0; count < 2_000; count++) {
    const damaged = Uint8Array.from(whole);
    damaged[Math.floor(random() * whole.length)] = Math.floor(random() * 256);
    expect(() => read(readBrief, damaged)).not.toThrow();
  }
});
