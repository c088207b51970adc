import { create } from "@bufbuild/protobuf";
import type { DescMessage } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import { expect, test } from "vitest";
import { HoldfastError } from "../../internal/base/errors.ts";
import { Mode, ModeSchema } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { TargetSchema } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import { SubmitRequestSchema } from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { TESTER } from "../fakes/principals.ts";
import { World } from "../fakes/world.ts";
import { Chance } from "./chance.ts";
import { SECRETS, randomSubmission } from "./random-submission.ts";
import type { RandomSubmission } from "./random-submission.ts";
import { randomTargets } from "./random-workflow.ts";
import { SIZES } from "./scenario.ts";
import type { Size } from "./scenario.ts";
import { EXPRESSION_FEATURES, schemaFeatures, usedFeatures, usedNames } from "./workload-features.ts";
import { SIZE_NAMES, sizeOfSeed } from "./workload-size.ts";

const SEEDS = 1_500;

/** Fields that no run uses, and why. */
const NOT_SIMULATED: Readonly<Record<string, string>> = {
  "SubmitRequest.definition.vars.required": "a variable is given by nobody; it is refused",
  "Target.connection.local.root": "the fake fleet has no directories: test/contract and test/e2e run transports",
  "Target.connection.ssh": "the fake fleet has no wire: test/contract and test/e2e run transports",
  "Target.connection.become": "the fake fleet has no users: test/contract and test/e2e run transports",
};

/** Nobody sends a signal here or does a task or answers a token, time passes, and a workflow may be finished as failed: that is no argument's fault. */
const LATE = /^(?:the wait has|what it awaits|no completion came|it was ended: the |enough: |it finished the workflow as failed)/;

/** What the wire knows and nobody sends: it means the default. */
const NEVER_SENT: ReadonlySet<string> = new Set([
  "mode MODE_UNSPECIFIED",
  "SubmitRequest.definition.stages.actions.retry.on=RETRY_ON_UNSPECIFIED",
  "SubmitRequest.definition.stages.actions.try.retry.on=RETRY_ON_UNSPECIFIED",
  "SubmitRequest.definition.stages.actions.undo.retry.on=RETRY_ON_UNSPECIFIED",
]);

function submissionOf(
  seed: number,
  size: Size = sizeOfSeed(seed),
): RandomSubmission & { readonly targets: ReturnType<typeof randomTargets> } {
  const chance = new Chance(seed);
  const targets = randomTargets(chance.fork("targets"), SIZES[size]);
  return { ...randomSubmission(chance.fork("submission"), { tag: "w0", ordinal: seed, size, targets }), targets };
}

const isSimulated = (feature: string): boolean =>
  !Object.keys(NOT_SIMULATED).some((path) => `${feature}.`.startsWith(`${path}.`) || feature.startsWith(`${path}=`));
const features = (schema: DescMessage): readonly string[] => schemaFeatures(schema).filter(isSimulated);

test(`submissions of ${SEEDS} seeds use every field, every enum and every name of the language, but what is listed with a reason`, () => {
  const used = new Set<string>();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { request, mode, targets } = submissionOf(seed, sizeOfSeed(seed) === "huge" ? "large" : sizeOfSeed(seed));
    for (const feature of usedFeatures(SubmitRequestSchema, request)) used.add(feature);
    for (const target of targets) for (const feature of usedFeatures(TargetSchema, target)) used.add(feature);
    if (request.definition !== undefined) for (const name of usedNames(request.definition)) used.add(name);
    used.add(`mode ${ModeSchema.value[mode]?.name}`);
    for (const stage of request.definition?.stages ?? []) {
      if (stage.over === undefined) used.add("a stage that runs once");
      for (const action of stage.actions) {
        used.add(`uses ${action.uses}`);
        if (action.needs?.actions.length === 0) used.add("needs nothing");
        if ((action.needs?.actions.length ?? 0) > 1) used.add("needs several");
      }
    }
  }
  const wanted = [
    ...features(SubmitRequestSchema),
    ...features(TargetSchema),
    ...EXPRESSION_FEATURES,
    ...ModeSchema.values.map(({ name }) => `mode ${name}`),
    ...new World().fleet.names().map((name) => `uses ${name}`),
    "a stage that runs once",
    "needs nothing",
    "needs several",
  ];
  expect(wanted.filter((feature) => !used.has(feature) && !NEVER_SENT.has(feature))).toEqual([]);
  // What is listed as not simulated, and is, or is no field any more, is a list that is out of date.
  const known = new Set([...schemaFeatures(SubmitRequestSchema), ...schemaFeatures(TargetSchema)]);
  expect(Object.keys(NOT_SIMULATED).filter((path) => used.has(path) || !known.has(path))).toEqual([]);
});

test("a field that nobody generates is missed", () => {
  const used = usedFeatures(SubmitRequestSchema, create(SubmitRequestSchema, { definition: { name: "x" } }));
  expect(used.has("SubmitRequest.definition.name")).toBe(true);
  expect(features(SubmitRequestSchema)).toContain("SubmitRequest.key");
  expect(used.has("SubmitRequest.key")).toBe(false);
  expect(features(SubmitRequestSchema)).toContain("SubmitRequest.definition.stages.rollout.max_at_risk.percent");
});

test("what is meant to be right passes the checks of the wire and of Submit, and what is meant to be wrong does not", async () => {
  const validator = createValidator();
  const found: string[] = [];
  for (let seed = 1; seed <= 300; seed++) {
    const { request, mode, targets, isWrong } = submissionOf(seed, sizeOfSeed(seed) === "huge" ? "large" : sizeOfSeed(seed));
    const { kind, error } = validator.validate(SubmitRequestSchema, request);
    if (kind !== "valid") found.push(`seed ${seed}: ${error?.message}`);
    const world = new World({ seed });
    world.targets = targets;
    await world.start();
    const refusal = await world.engine.submit(TESTER, request, mode).then(
      () => "",
      (reason: unknown) => (reason instanceof HoldfastError ? reason.message : `no refusal: ${String(reason)}`),
    );
    if ((refusal !== "") !== isWrong) found.push(`seed ${seed}: ${refusal === "" ? "it was taken" : refusal}`);
  }
  expect(found).toEqual([]);
});

test("what is meant to be right runs: no argument of it fails to be rendered", async () => {
  const found: string[] = [];
  let tasks = 0;
  for (let seed = 1; seed <= 120; seed++) {
    const { request, targets, isWrong } = submissionOf(seed, "usual");
    if (isWrong || request.validateOnly) continue;
    const world = new World({ seed });
    world.targets = targets;
    for (const [name, value] of SECRETS) world.secrets.set(name, value);
    await world.start();
    const { id } = await world.engine.submit(TESTER, request, Mode.APPLY);
    await world.engine.exec(TESTER, { id, namespace: "" }, "");
    for (let round = 0; round < 20; round++) await world.clock.advanceAsync(10_000);
    await world.settle();
    tasks += (await world.status(id)).counts?.tasks ?? 0;
    for (const { kind } of world.journal.entries.flatMap(({ events }) => events))
      if (kind.case === "attemptEnded" && kind.value.error !== "" && kind.value.iteration === 0 && !LATE.test(kind.value.error))
        found.push(`seed ${seed}: ${kind.value.error}`);
  }
  expect(found).toEqual([]);
  expect(tasks).toBeGreaterThan(500);
});

test("sizes go from one task to tens of thousands, and most are small", () => {
  const sizes = Array.from({ length: 20_000 }, (_, seed) => sizeOfSeed(seed));
  for (const size of SIZE_NAMES) expect(sizes).toContain(size);
  expect(sizes.filter((size) => size === "tiny" || size === "usual").length).toBeGreaterThan(18_000);
  const tasksOf = (seed: number, size: Size): number => {
    const { request, targets } = submissionOf(seed, size);
    const { stages = [], targets: selector } = request.definition ?? {};
    const width = selector?.where === "true" ? targets.length : (selector?.names.length ?? 0);
    return stages.reduce((sum, { over, actions }) => sum + (over === undefined ? 1 : width) * actions.length, 0);
  };
  const tiny = Array.from({ length: 50 }, (_, seed) => tasksOf(seed, "tiny"));
  const huge = Array.from({ length: 12 }, (_, seed) => tasksOf(seed, "huge"));
  expect(tiny).toContain(1);
  expect(Math.max(...huge)).toBeGreaterThan(20_000);
});
