import { create } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { ValueSchema, durationFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { HoldfastError } from "../base/errors.ts";
import { Mode } from "../gen/holdfast/v1/event_pb.ts";
import type { SubmitRequest } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { Fleet } from "../../test/fakes/fleet.ts";
import { anId } from "../../test/fakes/journal-entries.ts";
import { TESTER } from "../../test/fakes/principals.ts";
import { FakeClock } from "../../test/fakes/fake-clock.ts";
import { World, aSubmission, aWorkflow, someTargets } from "../../test/fakes/world.ts";
import { selectTargets } from "../workflow/targets.ts";
import { CheckedDefinitions } from "./checked-definitions.ts";
import { makeSubmission, requestDigest } from "./submission.ts";

const { policies } = new World();

const submit = (
  request: SubmitRequest,
  parts: { readonly targets?: number; readonly mode?: Mode; readonly checked?: CheckedDefinitions } = {},
) =>
  makeSubmission(request, {
    id: anId(1),
    mode: parts.mode ?? Mode.APPLY,
    by: TESTER,
    inventory: { targets: () => someTargets(parts.targets ?? 3) },
    actions: new Fleet(),
    checked: parts.checked ?? new CheckedDefinitions(),
    chooser: { choose: async (selector, selection) => selectTargets(selector, selection) },
    policies,
    clock: new FakeClock(),
    submitTtlMs: 1_000,
  });

test("the digest is stable: it follows from definition, parameters, targets, annotations and mode, and from nothing else", async () => {
  const { digest } = await submit(aSubmission());
  expect(digest).toBe("sha256:452d5b0edb01745c32b35f57de1950a6c32b4fee92576a287cd3ad5eb6b7433f");
  const elsewhere = { key: "k", namespace: "n", priority: 3, requestId: "00000000-0000-4000-8000-0000000000ff" };
  expect((await submit(aSubmission(aWorkflow(), elsewhere))).digest).toBe(digest);
  const others = await Promise.all([
    submit(aSubmission(), { targets: 4 }),
    submit(aSubmission(), { mode: Mode.PLAN }),
    submit(aSubmission(aWorkflow({ description: "x" }))),
    submit(aSubmission(aWorkflow(), { annotations: { ticket: "1" } })),
  ]);
  expect(new Set([digest, ...others.map((submitted) => submitted.digest)]).size).toBe(5);
});

test("the order of keys changes neither digest", async () => {
  const left = aSubmission(aWorkflow({ annotations: { a: "1", b: "2" } }));
  const right = aSubmission(aWorkflow({ annotations: { b: "2", a: "1" } }));
  expect((await submit(left)).digest).toBe((await submit(right)).digest);
  expect(requestDigest(left, Mode.APPLY)).toBe(requestDigest(right, Mode.APPLY));
});

test("validate_only is no part of what a repeated Submit is compared by", () => {
  expect(requestDigest(aSubmission(aWorkflow(), { validateOnly: true }), Mode.APPLY)).toBe(requestDigest(aSubmission(), Mode.APPLY));
});

test("faults of parameters, actions, expressions and the selector are found at once", async () => {
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
    await submit(aSubmission(bad, { params: { q: 1 } }));
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

test("an empty choice is an error, and so is another number than expected", async () => {
  await expect(submit(aSubmission(aWorkflow({ targets: { where: "false" } })))).rejects.toThrow(/never "all"/);
  await expect(submit(aSubmission(aWorkflow({ targets: { where: "true", expect: 2 } })))).rejects.toThrow(/3 were chosen, 2 are expected/);
  const both = (expect: number, expectTargets: number) =>
    submit(aSubmission(aWorkflow({ targets: { where: "true", expect } }), { expectTargets }));
  expect((await both(3, 3)).targets).toHaveLength(3);
  await expect(both(2, 3)).rejects.toThrow(/3 were chosen, 2 are expected/);
  await expect(both(3, 2)).rejects.toThrow(/3 were chosen, 2 are expected/);
  await expect(
    submit(aSubmission({ name: "x", stages: [{ name: "s", over: { targets: true }, actions: [{ name: "a", uses: "set" }] }] })),
  ).rejects.toThrow(/none are chosen/);
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
])("what the wire can carry and JSON cannot say is refused, and is no bug: %s", async (_, spoil) => {
  const request = aSubmission(aWorkflow({ params: { p: {} } }));
  spoil(request);
  let found: unknown;
  try {
    await submit(request);
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

test("names, fields and types that expressions get wrong are refused at Submit, each with place, line and column", async () => {
  const stages = [
    {
      name: "fix",
      over: { targets: true },
      actions: [
        { name: "scan", uses: "set" },
        {
          name: "b",
          uses: "set",
          when: "size(scan.ouput.issues) > 0\n  && target.label.site == 'a'",
          with: { text: "v${{ params.verison }}" },
        },
      ],
    },
  ];
  const definition = {
    name: "test",
    targets: { where: "target.labels.site == 1" },
    params: { version: {} },
    stages,
    output: "stage('fix').faild",
  };
  expect(await faultsOf(definition)).toEqual([
    'stages[0].actions[1].when:1:11: no such field "ouput" in scan; did you mean "output"?',
    'stages[0].actions[1].when:2:13: no such field "label" in target; did you mean "labels"?',
    'stages[0].actions[1].with.text:1:13: no such field "verison" in params; did you mean "version"?',
    'output:1:14: no such field "faild" in stage("fix"); did you mean "failed"?',
    expect.stringMatching(/^targets\.where:1:20: no such overload: string == int/),
  ]);
});

test("a submission whose expressions would take minutes to compile is refused", async () => {
  const long = `${"true && ".repeat(500)}true`;
  const actions = Array.from({ length: 20 }, (_, index) => ({ name: `a${index}`, uses: "set", when: long }));
  expect((await faultsOf({ name: "test", stages: [{ name: "s", actions }] })).at(0)).toMatch(
    /actions\[16\]\.when: all expressions together are longer than 65536 characters/,
  );
});

async function faultsOf(definition: JsonValue): Promise<readonly string[]> {
  try {
    await submit(aSubmission(definition));
  } catch (error) {
    if (error instanceof HoldfastError) return error.details.map(({ place, reason }) => `${place}: ${reason}`);
    throw error;
  }
  return [];
}

test("a definition that was checked before is not checked again, and the workflows share it", async () => {
  const checked = new CheckedDefinitions();
  const [first, second, other] = [
    await submit(aSubmission(aWorkflow({ annotations: { a: "1", b: "2" } })), { checked }),
    await submit(aSubmission(aWorkflow({ annotations: { b: "2", a: "1" } })), { checked }),
    await submit(aSubmission(aWorkflow({ annotations: { a: "1", b: "3" } })), { checked }),
  ];
  expect(second.definition).toBe(first.definition);
  expect(second.digest).toBe(first.digest);
  expect(other.definition).not.toBe(first.definition);
});

test("a definition with a fault is refused every time", async () => {
  const checked = new CheckedDefinitions();
  const request = aSubmission(aWorkflow({ stages: [] }));
  await expect(submit(request, { checked })).rejects.toThrow(/there are none/);
  await expect(submit(request, { checked })).rejects.toThrow(/there are none/);
});

test("a definition that only a plan may have is refused for a workflow, also after the plan", async () => {
  const checked = new CheckedDefinitions();
  const stage = { name: "s", over: { targets: true }, rollout: { waves: [{ count: 0 }] }, actions: [{ name: "a", uses: "set" }] };
  const request = aSubmission(aWorkflow({ stages: [stage] }));
  await submit(request, { checked, mode: Mode.PLAN });
  await expect(submit(request, { checked })).rejects.toThrow(/a wave of zero targets would never end/);
});

test("a number from parameters is told for each submission, also where definitions without fault are shared", async () => {
  const checked = new CheckedDefinitions();
  const definition = aWorkflow({
    params: { tries: { type: "PARAM_TYPE_INT", defaultValue: 2 } },
    computed: { "stages[0].actions[0].retry.attempts": "params.tries" },
  });
  const of = async (params: { readonly tries?: number }) => submit(aSubmission(definition, { params }), { checked });
  const all = [await of({}), await of({ tries: 7 }), await of({}), await of({ tries: 2 })];
  expect(all.map((submitted) => submitted.definition?.stages[0]?.actions[0]?.retry?.attempts)).toEqual([2, 7, 2, 2]);
  expect(all[0]?.definition).toBe(all[2]?.definition);
  expect(new Set(all.map(({ digest }) => digest)).size).toBe(2);
  await expect(of({ tries: 0 })).rejects.toThrow(/gives 0: it must be a whole number between 1 and 100/);
});

test.each<readonly [string, JsonValue, string | undefined]>([
  ["what gives signs of life", { uses: "touch", with: { n: 1 }, heartbeat: "30s" }, undefined],
  ["what gives none", { uses: "set", with: { name: "a", value: "1" }, heartbeat: "30s" }, "stages[0].actions[0].heartbeat"],
  [
    "an alternative that gives none, by its action's",
    {
      try: [
        { uses: "touch", with: { n: 1 } },
        { uses: "set", with: { name: "a", value: "1" } },
      ],
      heartbeat: "30s",
    },
    "stages[0].actions[0].try[1].heartbeat",
  ],
  [
    "an undo, which has its own",
    { uses: "touch", with: { n: 1 }, heartbeat: "30s", undo: { uses: "set", with: { name: "a", value: "1" } } },
    undefined,
  ],
])("a heartbeat: %s", async (_, action, place) => {
  const stages = [{ name: "fix", over: { targets: true }, actions: [{ name: "apply", ...Object(action) }] }];
  const asked = submit(aSubmission(aWorkflow({ stages })));
  if (place === undefined) expect((await asked).digest).not.toBe("");
  else await expect(asked).rejects.toMatchObject({ details: [{ place, reason: expect.stringContaining("gives no signs of life") }] });
});
