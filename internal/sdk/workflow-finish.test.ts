import { expect, test } from "vitest";
import { HoldfastError } from "../base/errors.ts";
import { readWorkflowFile } from "./workflow-file.ts";

/** What is wrong with a workflow of one stage with these fields, and these lines after it. */
async function faults(stage: string, rest = ""): Promise<readonly string[]> {
  try {
    await readWorkflowFile(`name: w\nstages:\n  - { name: a, ${stage} }\n${rest}`, { file: "w", readSource: async () => undefined });
    return [];
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return error.message.split("\n");
  }
}

const FINISH = "{ name: stop, uses: finish, with: { outcome: succeeded } }";

test("a main action of a stage may finish the workflow", async () => {
  expect(await faults(`actions: [${FINISH}]`)).toEqual([]);
});

test.each<[string, string, string, string]>([
  [
    "what handles a target's end",
    `actions: [{ name: x, uses: probe }], always: [${FINISH}]`,
    "",
    "w:3:82: stages[0].always[0].uses: what handles an end does",
  ],
  [
    "what handles the workflow's end",
    "actions: [{ name: x, uses: probe }]",
    `on_failure:\n  - { name: b, actions: [${FINISH}] }\n`,
    "w:5:46: on_failure[0].actions[0].uses: what handles an end does not finish the workflow; only the main actions",
  ],
  [
    "an alternative",
    "actions: [{ name: x, try: [{ uses: finish }] }]",
    "",
    "stages[0].actions[0].try[0].uses: an alternative does not finish",
  ],
  [
    "what takes back",
    "actions: [{ name: x, uses: probe, undo: { uses: finish } }]",
    "",
    "stages[0].actions[0].undo.uses: what is taken back",
  ],
  [
    "what is repeated",
    'actions: [{ name: x, uses: finish, with: { outcome: failed }, repeat: { until: "true", max: 2 } }]',
    "",
    "stages[0].actions[0].repeat: what finishes the workflow runs once; it takes no repeat",
  ],
])("%s may not, and its place is said", async (_, stage, rest, fault) => {
  expect(await faults(stage, rest)).toContainEqual(expect.stringContaining(fault));
});
