import { toJson } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { HoldfastError } from "../base/errors.ts";
import { WorkflowDefinitionSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import { readWorkflowFile } from "./workflow-file.ts";

async function jsonOf(text: string): Promise<unknown> {
  const { definition } = await readWorkflowFile(text, { file: "w.yaml", readSource: async () => undefined });
  return toJson(WorkflowDefinitionSchema, definition);
}

/** The lines of the error that reading gives. */
async function faultsOf(text: string): Promise<readonly string[]> {
  try {
    await jsonOf(text);
  } catch (error) {
    if (error instanceof HoldfastError) return error.message.split("\n");
    throw error;
  }
  return [];
}

const HEAD = "name: w\ntargets: { where: 'true' }\nstages:\n";

test("retry.on names outcomes, each once", async () => {
  const action = (on: string): string => `${HEAD}  - { name: a, actions: [{ name: x, uses: wait, retry: { attempts: 2, on: ${on} } }] }`;
  expect(await faultsOf(action("[failed, late, failed]"))).toEqual([
    "w.yaml:4:84: stages[0].actions[0].retry.on[1]: must be one of failed, unreachable, timed_out",
    "w.yaml:4:90: stages[0].actions[0].retry.on[2]: appears twice",
  ]);
  expect(await faultsOf(action("[]"))).toEqual([
    "w.yaml:4:75: stages[0].actions[0].retry.on: is an empty list; leave it out to try again after each of them",
  ]);
});

test("a heartbeat is at least a second and at most a day", async () => {
  const action = (heartbeat: string): string => `${HEAD}  - { name: a, actions: [{ name: x, uses: command, heartbeat: ${heartbeat} }] }`;
  expect(await jsonOf(action("90s"))).toMatchObject({ stages: [{ actions: [{ heartbeat: "90s" }] }] });
  expect(await jsonOf(action("1s"))).toMatchObject({ stages: [{ actions: [{ heartbeat: "1s" }] }] });
  expect(await faultsOf(action("999ms"))).toEqual(["w.yaml:4:63: stages[0].actions[0].heartbeat: must be at least 1s"]);
  expect(await faultsOf(action("1d1s"))).toEqual([expect.stringContaining("at most 1d")]);
});

test("a number that is an expression is sent beside the definition, and a value of its form stands in its place", async () => {
  const text = `
name: w
params: { tries: { type: int, default: 3 }, pace: { default: 30/m } }
targets: { where: "true" }
stages:
  - name: a
    over: targets
    rollout: { waves: [1, "\${{ params.tries }}"], rate: "\${{ params.pace }}" }
    actions:
      - name: x
        uses: wait
        timeout: \${{ string(params.tries) + "m" }}
        retry: { attempts: "\${{ params.tries }}" }
        with: { for: "\${{ params.tries }}s" }
`;
  const json = await jsonOf(text);
  expect(json).toMatchObject({
    computed: {
      "stages[0].rollout.waves[1]": "params.tries",
      "stages[0].rollout.rate": "params.pace",
      "stages[0].actions[0].timeout": 'string(params.tries) + "m"',
      "stages[0].actions[0].retry.attempts": "params.tries",
    },
    stages: [
      { rollout: { waves: [{ count: 1 }, { count: 1 }] }, actions: [{ retry: { attempts: 1 }, with: { for: "${{ params.tries }}s" } }] },
    ],
  });
  expect(await faultsOf(`${HEAD}  - { name: a, actions: [{ name: x, uses: wait, timeout: "\${{ params.late }}" }] }`)).toEqual([
    expect.stringMatching(/^w\.yaml:4:70: stages\[0\]\.actions\[0\]\.timeout: .*late/),
    "  params.late",
    "         ^",
  ]);
  expect(await faultsOf(`${HEAD}  - { name: a, actions: [{ name: x, uses: wait, timeout: "\${{ 5 }}s" }] }`)).toEqual([
    expect.stringMatching(/stages\[0\]\.actions\[0\]\.timeout: must be a number and a unit/),
  ]);
});

test("repeat of an action and of a stage says until when, how often and how far apart", async () => {
  const text = `${HEAD}  - name: a
    repeat: { until: "stage('a').changed == 0", max: 3 }
    actions:
      - { name: x, uses: wait, repeat: { until: x.output.open == 0, max: 10, every: 30s } }
`;
  expect(await jsonOf(text)).toMatchObject({
    stages: [
      {
        repeat: { until: "stage('a').changed == 0", max: 3 },
        actions: [{ repeat: { until: "x.output.open == 0", max: 10, every: "30s" } }],
      },
    ],
  });
  expect(
    await faultsOf(`${HEAD}  - { name: a, repeat: { until: "y.changed", max: 501 }, actions: [{ name: x, uses: wait, repeat: {} }] }`),
  ).toEqual([
    'w.yaml:4:34: stages[0].repeat.until: no such name "y"; known here: params, workflow',
    "  y.changed",
    "  ^",
    "w.yaml:4:51: stages[0].repeat.max: must be between 1 and 500",
    "w.yaml:4:99: stages[0].actions[0].repeat: until is missing: say when it is done, such as until: scan.output.open == 0",
    "w.yaml:4:99: stages[0].actions[0].repeat: max is missing: say how many times it runs at most, such as max: 10",
  ]);
});

test("a completion says how long it is awaited, and what it means when none comes; its token stands in arguments alone", async () => {
  const action = (parts: string, completion: string): string =>
    `${HEAD}  - { name: a, actions: [{ name: x, uses: command, ${parts}, completion: ${completion} }] }`;
  const token = 'with: { argv: [post, "${{ task.token }}"] }';
  expect(await jsonOf(action(token, "{ within: 10s, missing: failed }"))).toMatchObject({
    stages: [{ actions: [{ completion: { within: "10s", missing: "COMPLETION_MISSING_FAILED" } }] }],
  });
  expect(await faultsOf(action(token, "{ within: 0s, missing: lost }"))).toEqual([
    expect.stringContaining("completion.within: must be longer than nothing"),
    expect.stringContaining("completion.missing: must be unknown or failed"),
  ]);
  expect(await faultsOf(action("with: {}, when: task.token != ''", "{ within: 1s }"))).toEqual(
    expect.arrayContaining([expect.stringContaining('no such field "token" in task')]),
  );
  const computed = action(token, '{ within: "${{ params.s }}" }').replace("name: w\n", "name: w\nparams: { s: { default: 5s } }\n");
  expect(await jsonOf(computed)).toMatchObject({ computed: { "stages[0].actions[0].completion.within": "params.s" } });
});

test("continue_as_new says while what it goes on, and how many generations are kept", async () => {
  const going = (rule: string): string =>
    `name: w\ncontinue_as_new: ${rule}\nstages:\n  - { name: a, actions: [{ name: x, uses: wait, with: { for: 1s } }] }\n`;
  expect(await jsonOf(going("{ while: workflow.generation < 3, keep: 0 }"))).toMatchObject({
    continueAsNew: { while: "workflow.generation < 3", keep: 0 },
  });
  expect(await jsonOf(going("{ while: true }"))).toMatchObject({ continueAsNew: { while: "true" } });
  expect(await faultsOf(going("{ while: workflow.generations < 3, keep: 1001 }"))).toEqual([
    'w.yaml:2:36: continue_as_new.while: no such field "generations" in workflow; did you mean "generation"?',
    "  workflow.generations < 3",
    "           ^",
    "w.yaml:2:59: continue_as_new.keep: must be between 0 and 1000",
  ]);
  expect(await faultsOf(going("{ keep: 1 }"))).toEqual([expect.stringMatching(/continue_as_new: while is missing: say when it goes on/)]);
});
