import { create, fromJson, toJson } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { HoldfastError } from "../base/errors.ts";
import { StageSchema, WorkflowDefinitionSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import { withComputed } from "./computed.ts";
import { FaultList } from "./fault-list.ts";

type Json = { [key: string]: JsonValue };

const PARAMS: Json = {
  n: { type: "PARAM_TYPE_INT" },
  share: { type: "PARAM_TYPE_NUMBER" },
  time: {},
  list: { type: "PARAM_TYPE_LIST" },
};

/** One stage of each kind, with one action of each kind. */
const EVERYWHERE: Json = {
  stages: [
    {
      name: "a",
      over: { targets: true },
      actions: [
        { name: "x", uses: "set", undo: { uses: "set" } },
        { name: "y", try: [{ uses: "set" }] },
      ],
    },
  ],
  onFailure: [{ name: "b", actions: [{ name: "x", uses: "set" }], always: [{ name: "z", uses: "set" }] }],
};

/** The stage after the values were written, or what is wrong. */
function filled(computed: { readonly [place: string]: string }, params: Json = {}, repeat?: Json): JsonValue {
  const repeated = repeat === undefined ? {} : { repeat };
  const definition = fromJson(WorkflowDefinitionSchema, {
    name: "w",
    params: PARAMS,
    computed,
    stages: [{ name: "a", over: { targets: true }, actions: [{ name: "x", uses: "set", ...repeated }], ...repeated }],
  });
  const faults = new FaultList();
  const result = withComputed(definition, { n: 3, share: 0.5, time: "90s", list: [1], ...params }, faults);
  try {
    faults.throwIfAny("w");
  } catch (error) {
    if (error instanceof HoldfastError) return error.details.map(({ place, reason }) => `${place}: ${reason}`);
    throw error;
  }
  expect(definition.stages[0]?.rollout).toBeUndefined();
  return result.stages.map((stage) => toJson(StageSchema, stage));
}

test("every place takes the value that could be written there", () => {
  expect(
    filled({
      "stages[0].actions[0].timeout": "params.time",
      "stages[0].actions[0].total_timeout": "params.time",
      "stages[0].actions[0].schedule_timeout": "params.time",
      "stages[0].actions[0].heartbeat": "params.time",
      "stages[0].actions[0].retry.attempts": "params.n",
      "stages[0].actions[0].retry.backoff": "params.time",
      "stages[0].actions[0].retry.backoff_max": "params.time",
      "stages[0].actions[0].retry.delay": "params.time",
      "stages[0].actions[0].retry.jitter": "params.share",
      "stages[0].rollout.waves[0]": "params.n",
      "stages[0].rollout.waves[1]": "string(params.n * 10) + '%'",
      "stages[0].rollout.pause": "params.time",
      "stages[0].rollout.parallel": "params.n + 1",
      "stages[0].rollout.max_failures": "params.n",
      "stages[0].rollout.max_at_risk": "'0%'",
      "stages[0].rollout.rate": "string(params.n) + '/m'",
    }),
  ).toEqual([
    {
      name: "a",
      over: { targets: true },
      rollout: {
        waves: [{ count: 3 }, { percent: 30 }],
        pause: "90s",
        parallel: 4,
        maxFailures: { count: 3 },
        maxAtRisk: { percent: 0 },
        rate: { tokens: 3, period: "60s" },
      },
      actions: [
        {
          name: "x",
          uses: "set",
          retry: { attempts: 3, backoff: "90s", backoffMax: "90s", delay: "90s", jitter: 0.5 },
          timeout: "90s",
          totalTimeout: "90s",
          scheduleTimeout: "90s",
          heartbeat: "90s",
        },
      ],
    },
  ]);
});

test("what handles an end, alternatives, what undoes and deadlines take numbers too", () => {
  const definition = fromJson(WorkflowDefinitionSchema, {
    name: "w",
    params: PARAMS,
    ...EVERYWHERE,
    computed: {
      deadline: "string(params.n) + 'd'",
      "stages[0].deadline": "'400d'",
      "stages[0].actions[0].undo.timeout": "params.time",
      "stages[0].actions[1].try[0].retry.attempts": "params.n",
      "on_failure[0].actions[0].timeout": "params.time",
      "on_failure[0].always[0].schedule_timeout": "params.time",
    },
  });
  const faults = new FaultList();
  const { deadline, stages, onFailure } = withComputed(definition, { n: 3, time: "90s" }, faults);
  faults.throwIfAny("w");
  expect([deadline?.seconds, stages[0]?.deadline?.seconds]).toEqual([259_200n, 34_560_000n]);
  expect(toJson(StageSchema, stages[0] ?? create(StageSchema))).toMatchObject({
    actions: [{ undo: { timeout: "90s" } }, { try: [{ retry: { attempts: 3 } }] }],
  });
  expect(toJson(StageSchema, onFailure[0] ?? create(StageSchema))).toMatchObject({
    actions: [{ timeout: "90s" }],
    always: [{ scheduleTimeout: "90s" }],
  });
});

test("the bounds of a repetition are numbers as others, where there is one", () => {
  const source = { "stages[0].actions[0].repeat.max": "params.n", "stages[0].repeat.every": "params.time" };
  expect(filled(source)).toEqual([
    "stages[0].actions[0].repeat.max: ${{ params.n }} gives 3: there is no `repeat` here; say `until` too",
    'stages[0].repeat.every: ${{ params.time }} gives "90s": there is no `repeat` here; say `until` too',
  ]);
  const repeat = { until: "true", max: 1 };
  expect(filled(source, {}, repeat)).toMatchObject([{ repeat: { max: 1, every: "90s" }, actions: [{ repeat: { max: 3 } }] }]);
});

test("so is how many items a list may have, where there is one", () => {
  const computed = { "stages[0].over.max": "params.n" };
  expect(filled(computed)).toEqual(["stages[0].over.max: ${{ params.n }} gives 3: there is no list here; say `over.list` too"]);
  const stages = [{ name: "a", over: { list: { items: "[]", max: 1 } }, actions: [{ name: "x", uses: "set" }] }];
  const definition = fromJson(WorkflowDefinitionSchema, { name: "w", params: PARAMS, computed, stages });
  const faults = new FaultList();
  expect(withComputed(definition, { n: 7 }, faults).stages[0]?.over?.kind.value).toMatchObject({ max: 7 });
  withComputed(definition, { n: 10_001 }, faults);
  expect(() => faults.throwIfAny("w")).toThrow("it must be a whole number between 1 and 10000");
});

test.each<[string, string, string]>([
  ["stages[0].actions[0].retry.attempts", "params.n - 3", "${{ params.n - 3 }} gives 0: it must be a whole number between 1 and 100"],
  ["stages[0].actions[0].retry.attempts", "params.n + 98", "${{ params.n + 98 }} gives 101: it must be a whole number between 1 and 100"],
  ["stages[0].actions[0].retry.attempts", "params.list", "${{ params.list }} gives [1]: it must be a whole number between 1 and 100"],
  [
    "stages[0].actions[0].timeout",
    "'0s'",
    '${{ \'0s\' }} gives "0s": it must be a duration such as "30s", longer than nothing and at most 720h',
  ],
  [
    "stages[0].rollout.waves[0]",
    "'0%'",
    '${{ \'0%\' }} gives "0%": it must be a whole number such as 3, or a percentage such as "10%", above zero',
  ],
  ["stages[0].rollout.waves[2]", "3", "${{ 3 }} gives 3: there are 0 waves before it; write them in order"],
  ["stages[0].rollout.rate", "30", '${{ 30 }} gives 30: it must be so many in a time, such as "30/m" or "5/10m"'],
  ["stages[0].actions[0].retry.atempts", "3", '${{ 3 }} gives 3: no expression can stand at this place; did you mean "retry.attempts"?'],
  ["stages[1].rollout.parallel", "3", "${{ 3 }} gives 3: there is no stage 1, counted from 0; there are 1"],
  ["stages[0].actions[7].timeout", "'1s'", '${{ \'1s\' }} gives "1s": stage "a" has no action 7 here, counted from 0; it has 1'],
  ["stages[0].always[0].timeout", "'1s'", '${{ \'1s\' }} gives "1s": stage "a" has no action 0 here, counted from 0; it has 0'],
  ["on_failure[0].rollout.parallel", "3", "${{ 3 }} gives 3: there is no stage 0, counted from 0; there are 0"],
  ["stages[0].actions[0].try[1].timeout", "'1s'", "${{ '1s' }} gives \"1s\": there is no alternative 1, counted from 0; there are 0"],
  ["stages[0].actions[0].undo.timeout", "'1s'", "${{ '1s' }} gives \"1s\": there is no `undo` here"],
  [
    "stages[0].actions[0].undo.repeat.max",
    "1",
    "${{ 1 }} gives 1: no expression can stand at this place; it can at timeout, total_timeout, heartbeat, retry.attempts, retry.backoff, retry.backoff_max, retry.delay, retry.jitter",
  ],
  ["deadlines", "'1s'", '${{ \'1s\' }} gives "1s": no expression can stand at this place; did you mean "deadline"?'],
])("%s = %s is refused with place, expression and value", (place, source, reason) => {
  expect(filled({ [place]: source })).toEqual([`${place}: ${reason}`]);
});

test("an expression sees the parameters and nothing else, and what fails says where", () => {
  expect(filled({ "stages[0].rollout.parallel": "target.name" })).toEqual([
    expect.stringMatching(/^stages\[0\]\.rollout\.parallel:1:5: .*target/),
  ]);
  expect(filled({ "stages[0].rollout.parallel": "params.n / (params.n - 3)" })).toEqual([expect.stringMatching(/divi/)]);
});
