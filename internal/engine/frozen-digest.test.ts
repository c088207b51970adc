import { create, toJson } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { digestJson } from "../base/digest.ts";
import { DIGEST_SLICE_TARGETS } from "../base/limits.ts";
import { WorkflowSubmittedSchema } from "../gen/holdfast/v1/event_pb.ts";
import { TargetSchema, WorkflowDefinitionSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import { systemClock } from "../system/clock.ts";
import { someTargets } from "../../test/fakes/world.ts";
import { frozenDigest } from "./frozen-digest.ts";

test.each([0, 1, DIGEST_SLICE_TARGETS, 2 * DIGEST_SLICE_TARGETS + 1, 20_000])(
  "the digest that is taken piece by piece is that of the whole: %i targets",
  async (count) => {
    const submitted = create(WorkflowSubmittedSchema, {
      definition: { name: "fix", params: {} },
      params: { z: 1, a: ["x", null] },
      targets: [...someTargets(count)],
      annotations: { tier: "production", a: "b" },
      mode: 1,
      actionKinds: [{ uses: "file", digest: "d" }],
    });
    const { definition, params = {}, annotations, mode, actionKinds } = submitted;
    const whole = {
      definition: definition === undefined ? null : toJson(WorkflowDefinitionSchema, definition),
      params,
      targets: submitted.targets.map((target) => toJson(TargetSchema, target)),
      annotations,
      mode,
      actions: actionKinds.map(({ uses, digest }) => ({ uses, digest })),
    };
    expect(await frozenDigest(submitted, systemClock)).toBe(digestJson(whole));
  },
);
