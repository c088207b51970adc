import { create } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { ValueSchema, durationFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { HoldfastError } from "../base/errors.ts";
import { Mode } from "../gen/holdfast/v1/event_pb.ts";
import type { SubmitRequest } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { Fleet } from "../../test/fakes/fleet.ts";
import { anId } from "../../test/fakes/journal-entries.ts";
import { aSubmission, aWorkflow, someTargets } from "../../test/fakes/world.ts";
import { makeSubmission, requestDigest } from "./submission.ts";

const submit = (request: SubmitRequest, parts: { readonly targets?: number; readonly mode?: Mode } = {}) =>
  makeSubmission(request, {
    id: anId(1),
    mode: parts.mode ?? Mode.APPLY,
    inventory: { targets: () => someTargets(parts.targets ?? 3) },
    actions: new Fleet(),
    submitTtlMs: 1_000,
  });

test("the digest is stable: it follows from definition, parameters, targets, annotations and mode, and from nothing else", () => {
  const digest = submit(aSubmission()).digest;
  expect(digest).toBe("sha256:452d5b0edb01745c32b35f57de1950a6c32b4fee92576a287cd3ad5eb6b7433f");
  expect(
    submit(aSubmission(aWorkflow(), { key: "k", namespace: "n", priority: 3, requestId: "00000000-0000-4000-8000-0000000000ff" })).digest,
  ).toBe(digest);
  const others = [
    submit(aSubmission(), { targets: 4 }),
    submit(aSubmission(), { mode: Mode.PLAN }),
    submit(aSubmission(aWorkflow({ description: "x" }))),
    submit(aSubmission(aWorkflow(), { annotations: { ticket: "1" } })),
  ].map((submitted) => submitted.digest);
  expect(new Set([digest, ...others]).size).toBe(5);
});

test("the order of keys changes neither digest", () => {
  const left = aSubmission(aWorkflow({ annotations: { a: "1", b: "2" } }));
  const right = aSubmission(aWorkflow({ annotations: { b: "2", a: "1" } }));
  expect(submit(left).digest).toBe(submit(right).digest);
  expect(requestDigest(left, Mode.APPLY)).toBe(requestDigest(right, Mode.APPLY));
});

test("validate_only is no part of what a repeated Submit is compared by", () => {
  expect(requestDigest(aSubmission(aWorkflow(), { validateOnly: true }), Mode.APPLY)).toBe(requestDigest(aSubmission(), Mode.APPLY));
});

test("faults of parameters, actions, expressions and the selector are found at once", () => {
  const stages = [
    {
      name: "s",
      over: { targets: true },
      actions: [
        { name: "a", uses: "sett" },
        { name: "b", uses: "set", when: "1 +", needs: { actions: ["x"] } },
      ],
    },
  ];
  const bad: JsonValue = { name: "test", targets: { where: "nowhere == 1" }, params: { p: { required: true } }, stages, output: "nothing" };
  let places: readonly string[] = [];
  try {
    submit(aSubmission(bad, { params: { q: 1 } }));
  } catch (error) {
    if (error instanceof HoldfastError) places = error.details.map(({ place }) => place);
  }
  expect(places).toEqual([
    "params.q",
    "params.p",
    "stages[0].actions[0].uses",
    "stages[0].actions[1].needs[0]",
    "stages[0].actions[1].when:1:3",
    "output:1:1",
    "targets.where:1:1",
  ]);
});

test("an empty choice is an error, and so is another number than expected", () => {
  expect(() => submit(aSubmission(aWorkflow({ targets: { where: "false" } })))).toThrow(/never "all"/);
  expect(() => submit(aSubmission(aWorkflow({ targets: { where: "true", expect: 2 } })))).toThrow(/3 were chosen, 2 are expected/);
  const both = (expect: number, expectTargets: number) =>
    submit(aSubmission(aWorkflow({ targets: { where: "true", expect } }), { expectTargets }));
  expect(both(3, 3).targets).toHaveLength(3);
  expect(() => both(2, 3)).toThrow(/3 were chosen, 2 are expected/);
  expect(() => both(3, 2)).toThrow(/3 were chosen, 2 are expected/);
  expect(() =>
    submit(aSubmission({ name: "x", stages: [{ name: "s", over: { targets: true }, actions: [{ name: "a", uses: "set" }] }] })),
  ).toThrow(/none are chosen/);
});

test.each<[string, (request: SubmitRequest) => void]>([
  [
    "a default without a kind",
    (request) => Object.assign(request.definition?.params ?? {}, { p: { ...aParam(), defaultValue: create(ValueSchema) } }),
  ],
  [
    "a default that is not a number",
    (request) => Object.assign(request.definition?.params ?? {}, { p: { ...aParam(), defaultValue: aNumber(NaN) } }),
  ],
  [
    "an allowed value that is infinite",
    (request) => Object.assign(request.definition?.params ?? {}, { p: { ...aParam(), allowed: [aNumber(Infinity)] } }),
  ],
  ["a parameter that is not a number", (request) => void (request.params = { p: NaN })],
  [
    "an argument that is not a number",
    (request) => void Object.assign(request.definition?.stages[0]?.actions[0] ?? {}, { with: { x: NaN } }),
  ],
  [
    "a time out of range",
    (request) =>
      void Object.assign(request.definition?.stages[0]?.actions[0] ?? {}, { timeout: { ...durationFromMs(1), seconds: 10n ** 17n } }),
  ],
  ["text that is no text", (request) => void Object.assign(request.definition ?? {}, { description: "\ud800" })],
])("what the wire can carry and JSON cannot say is refused, and is no bug: %s", (_, spoil) => {
  const request = aSubmission(aWorkflow({ params: { p: {} } }));
  spoil(request);
  let found: unknown;
  try {
    submit(request);
  } catch (error) {
    found = error;
  }
  if (found !== undefined) expect(found).toBeInstanceOf(HoldfastError);
});

function aParam() {
  const param = aSubmission(aWorkflow({ params: { p: { type: "PARAM_TYPE_NUMBER" } } })).definition?.params["p"];
  if (param === undefined) throw new Error("a parameter was declared");
  return param;
}

function aNumber(value: number) {
  return create(ValueSchema, { kind: { case: "numberValue", value } });
}
