import { toJson } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { HoldfastError } from "../base/errors.ts";
import { StageSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import { readWorkflowFile } from "./workflow-file.ts";

/** What a stage with these fields comes to, as JSON, or the lines of the error without their places in the text. */
async function stage(fields: string, action = "name: x, uses: probe"): Promise<unknown> {
  const before = "  - { name: find, actions: [{ name: routes, uses: probe }] }";
  const text = `name: w\nstages:\n${before}\n  - { name: a, ${fields}, actions: [{ ${action} }] }\n`;
  try {
    const { definition } = await readWorkflowFile(text, { file: "w", readSource: async () => undefined });
    const [, second] = definition.stages;
    return second === undefined ? undefined : toJson(StageSchema, second);
  } catch (error) {
    if (error instanceof HoldfastError) return error.message.replaceAll(/^w:\d+:\d+: stages\[1\]\./gm, "");
    throw error;
  }
}

const LIST = "over: { list: \"stage('find').actions.routes.output\", max: 20 }";

test("a stage runs over a list, with a rollout, and its expressions see the item", async () => {
  const read = await stage(`${LIST}, rollout: { parallel: 2 }`, "name: x, uses: probe, when: item.n > 1");
  expect(read).toMatchObject({ over: { list: { items: "stage('find').actions.routes.output", max: 20 } }, rollout: { parallel: 2 } });
});

test("how many items there may be may come from a parameter", async () => {
  const text = `name: w\nparams: { most: { type: int } }\nstages:\n  - { name: a, over: { list: "['x']", max: "\${{ params.most }}" }, actions: [{ name: x, uses: probe }] }\n`;
  const { definition } = await readWorkflowFile(text, { file: "w", readSource: async () => undefined });
  expect(definition.computed).toEqual({ "stages[0].over.max": "params.most" });
  expect(definition.stages[0]?.over?.kind.value).toMatchObject({ max: 1 });
});

test("what is wrong with a list is said with its place", async () => {
  expect(await stage("over: everything")).toBe(
    "over: must be targets, or { list: EXPRESSION, max: N }; leave it out for a stage that runs once",
  );
  expect(await stage("over: { list: '[1]' }")).toContain("max");
  expect(await stage("over: { list: '[1]', max: 0 }")).toContain("over.max: must be between 1 and 10000");
  expect(await stage("over: { list: 'nothing.here', max: 2 }")).toContain("over.list");
  expect(await stage(`${LIST}, lock: shared`)).toContain("lock: is only for a stage with over: targets");
  expect(await stage(LIST, "name: item, uses: probe")).toContain('"item" has a meaning of its own in expressions');
  expect(await stage("rollout: { parallel: 2 }")).toContain("rollout: is only for a stage with `over`");
});

test("`item` is known in stages over a list alone, and `target` is not known there", async () => {
  expect(await stage("needs: []", "name: x, uses: probe, when: item.n > 1")).toContain("item");
  expect(await stage(LIST, "name: x, uses: probe, when: target.name == 'a'")).toContain("target");
});
