import { create, toBinary } from "@bufbuild/protobuf";
import type { DescField, DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import { GuardEventSchema, TargetsSettledSchema } from "../gen/holdfast/journal/v1/journal_pb.ts";
import {
  ApplyStartedSchema,
  AttemptEndedSchema,
  AttemptStartedSchema,
  EventSchema,
  StageEndedSchema,
  StageStartedSchema,
  WaveEndedSchema,
  WaveStartedSchema,
  WorkflowExecutedSchema,
  WorkflowSubmittedSchema,
} from "../gen/holdfast/v1/event_pb.ts";
import { WorkflowDefinitionSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import { ByteWriter } from "./byte-writer.ts";
import { writeEvent, writeGuardEvent } from "./event-encoder.ts";

const SEED = 5;
const RUNS = 500;

/** Any value of a field: as the description of the message says, so that one which is added later is written here too. */
function anyValue(field: DescField): fc.Arbitrary<unknown> {
  switch (field.fieldKind) {
    case "scalar":
      return anyScalar(field.scalar);
    case "enum":
      return fc.constantFrom(...field.enum.values.map(({ number }) => number));
    case "message":
      if (field.message.typeName === "google.protobuf.Struct") return anyStruct();
      return anyMessage(field.message);
    case "list":
      if (field.listKind === "scalar") return fc.array(anyScalar(field.scalar), { maxLength: 4 });
      if (field.listKind === "message") return fc.array(anyMessage(field.message), { maxLength: 40 });
      throw new Error(`${field.name}: lists of enums are not written by hand`);
    default:
      throw new Error(`${field.name}: maps are not written by hand`);
  }
}

/** As JSON, which is how messages hold it; it is not written by hand. */
function anyStruct(): fc.Arbitrary<object> {
  const value = fc.oneof(fc.integer(), fc.boolean(), fc.constant(null), fc.string({ maxLength: 20 }));
  return fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), value, { maxKeys: 4, noNullPrototype: true });
}

function anyScalar(type: ScalarType): fc.Arbitrary<unknown> {
  if (type === ScalarType.STRING)
    return fc.oneof(fc.string({ unit: "binary", maxLength: 300 }), fc.constant(""), fc.constant("\ud800 cut"), fc.constant("f".repeat(64)));
  if (type === ScalarType.BOOL) return fc.boolean();
  if (type === ScalarType.UINT32 || type === ScalarType.FIXED32) return fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
  throw new Error(`scalars of type ${ScalarType[type]} are not written by hand`);
}

function anyMessage(schema: DescMessage): fc.Arbitrary<object> {
  return fc.record(Object.fromEntries(schema.fields.map((field) => [field.localName, anyValue(field)])), { requiredKeys: [] });
}

const anyAfterMs = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2 ** 32 - 1 }));

const EVENTS = [
  { name: "workflowExecuted", schema: WorkflowExecutedSchema },
  { name: "stageStarted", schema: StageStartedSchema },
  { name: "waveStarted", schema: WaveStartedSchema },
  { name: "waveEnded", schema: WaveEndedSchema },
  { name: "stageEnded", schema: StageEndedSchema },
  { name: "attemptStarted", schema: AttemptStartedSchema },
  { name: "applyStarted", schema: ApplyStartedSchema },
  { name: "attemptEnded", schema: AttemptEndedSchema },
] as const;

test.each(EVENTS)("the bytes of $name are protobuf's own, whatever is in it", ({ name, schema }) => {
  const run = (by: string, value: object, afterMs: number): void => {
    const init = { by, kind: { case: name, value } } as MessageInitShape<typeof EventSchema>;
    const out = new ByteWriter();
    writeEvent(out, create(EventSchema, init), afterMs);
    expect(Buffer.from(out.written())).toEqual(Buffer.from(toBinary(EventSchema, create(EventSchema, { ...init, afterMs }))));
  };
  fc.assert(fc.property(fc.constantFrom("", "ann@ops"), anyMessage(schema), anyAfterMs, run), { seed: SEED, numRuns: RUNS });
});

test("the bytes of workflowSubmitted are protobuf's own, and its definition is written once for all workflows of it", () => {
  const definition = create(WorkflowDefinitionSchema, { name: "fix", stages: [{ name: "one", actions: [{ name: "a", uses: "assert" }] }] });
  const written = [{ definition, key: "k", annotations: { a: "1" } }, { definition, id: "" }, { definition, key: "kk" }, {}].map(
    (value) => {
      const submitted = { id: "019a9f1e-5c3a-7d10-8f00-0123456789ab", targets: [{ name: "h0" }], submitterRoles: ["admin"], ...value };
      const init: MessageInitShape<typeof EventSchema> = { by: "ann", kind: { case: "workflowSubmitted", value: submitted } };
      const out = new ByteWriter();
      writeEvent(out, create(EventSchema, init), 7);
      expect(Buffer.from(out.written())).toEqual(Buffer.from(toBinary(EventSchema, create(EventSchema, { ...init, afterMs: 7 }))));
      return out.length;
    },
  );
  expect(new Set(written).size).toBe(written.length);
  const order = WorkflowSubmittedSchema.fields.map(({ number, localName }) => `${number} ${localName}`);
  expect(order.slice(0, 2), "only these two are written by hand, before all others").toEqual(["1 id", "2 definition"]);
});

test("the bytes of targetsSettled are protobuf's own, whatever is in it", () => {
  const run = (value: object, atMs: number, afterMs: number): void => {
    const init = { atMs: BigInt(atMs), kind: { case: "targetsSettled", value } } as MessageInitShape<typeof GuardEventSchema>;
    const out = new ByteWriter();
    writeGuardEvent(out, create(GuardEventSchema, init), afterMs);
    expect(Buffer.from(out.written())).toEqual(Buffer.from(toBinary(GuardEventSchema, create(GuardEventSchema, { ...init, afterMs }))));
  };
  const anyAtMs = fc.nat(2 ** 53 - 1);
  fc.assert(fc.property(anyMessage(TargetsSettledSchema), anyAtMs, anyAfterMs, run), { seed: SEED, numRuns: RUNS });
});

test("an event that is seldom is written by protobuf itself, with its distance from the frame's time before it", () => {
  const out = new ByteWriter();
  const init: MessageInitShape<typeof EventSchema> = { by: "ann", kind: { case: "cancelRequested", value: { reason: "enough" } } };
  writeEvent(out, create(EventSchema, init), 300);
  expect(Buffer.from(out.written())).toEqual(Buffer.from(toBinary(EventSchema, create(EventSchema, { ...init, afterMs: 300 }))));
});

test("what is measured may be of any length", () => {
  for (const size of [0, 1, 127, 128, 16_383, 16_384, 2_097_152]) {
    const out = new ByteWriter();
    out.raw(Uint8Array.of(9));
    const start = out.open(0x0a);
    out.raw(new Uint8Array(size).fill(7));
    out.close(start);
    const length =
      size < 128 ? [size] : size < 16_384 ? [(size % 128) | 128, size >> 7] : [(size % 128) | 128, ((size >> 7) % 128) | 128, size >> 14];
    const wanted = Buffer.concat([Uint8Array.of(9, 0x0a, ...(size === 2_097_152 ? [128, 128, 128, 1] : length)), Buffer.alloc(size, 7)]);
    expect(Buffer.compare(out.written(), wanted)).toBe(0);
  }
});

test("a number that is negative, broken or beyond 2^53 is a bug", () => {
  for (const value of [-1, 0.5, Number.NaN, 2 ** 53]) expect(() => new ByteWriter().number(0x08, value)).toThrow("whole number");
});
