import { toJson } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { HoldfastError } from "../base/errors.ts";
import { StageSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import { readWorkflowFile } from "./workflow-file.ts";

/** What a stage over targets with these fields comes to, as JSON, or the lines of the error. */
async function stage(fields: string): Promise<unknown> {
  const text = `name: w\nparams: { ring: {} }\ntargets: { where: 'true' }\nstages:\n  - { name: a, ${fields}, actions: [{ name: x, uses: wait }] }\n`;
  try {
    const { definition } = await readWorkflowFile(text, { file: "w", readSource: async () => undefined });
    const [first] = definition.stages;
    return first === undefined ? undefined : toJson(StageSchema, first);
  } catch (error) {
    if (error instanceof HoldfastError) return error.message;
    throw error;
  }
}

function rate(text: string): Promise<unknown> {
  return stage(`over: targets, rollout: { rate: ${text} }`);
}

test("a rate is so many in a unit, in a length of time, or a map that says both", async () => {
  const rates = ["30/m", "1/s", "100/h", "1/d", "5/10m", "2 / 1h30m", "{ tokens: 30, period: 1m }"];
  const read = await Promise.all(rates.map(rate));
  const periods = ["60s", "1s", "3600s", "86400s", "600s", "5400s", "60s"];
  const tokens = [30, 1, 100, 1, 5, 2, 30];
  expect(read).toMatchObject(tokens.map((count, index) => ({ rollout: { rate: { tokens: count, period: periods[index] } } })));
});

test("what is no rate is refused with its place, what was found and what is right", async () => {
  const at = "w:5:48: stages[0].rollout.rate: ";
  const form = "must be so many in a time, such as 30/m (30 a minute), 1/s, 100/h or 5/10m";
  const count =
    'the number before "/" must be a whole number from 1 to 1000000; for less than one in a time lengthen the time, as in 1/10m';
  expect(await rate("fast")).toBe(`${at}${form}`);
  expect(await rate("30")).toBe(`${at}${form}; found a number alone: say in which time, such as 30/m`);
  expect(await rate("[30]")).toBe(`${at}${form}; found a list`);
  expect(await rate("0/m")).toBe(`${at}${count}`);
  expect(await rate("0.5/m")).toBe(`${at}${count}`);
  expect(await rate("1000001/m")).toBe(`${at}${count}`);
  expect(await rate("30/min")).toContain(`${at}the time after "/" must be s, m, h or d, or a number and a unit`);
  expect(await rate("1/31d")).toContain("at most 30d");
  expect(await rate("30/0s")).toBe(`${at}the time after "/" must be longer than nothing`);
  expect(await rate("{ tokens: 30 }")).toBe(`${at}period is missing: say in which time, such as period: 1m`);
  expect(await rate("{ tokens: 0, period: 0s }")).toContain("must be between 1 and 1000000");
});

test("lock is a key or a list of keys, with expressions over target, params and workflow", async () => {
  expect(await stage("over: targets, lock: 'rack ${{ target.labels.rack }}'")).toMatchObject({ locks: ["rack ${{ target.labels.rack }}"] });
  expect(await stage("over: targets, lock: [db, '${{ params.ring }}-${{ workflow.name }}']")).toMatchObject({
    locks: ["db", "${{ params.ring }}-${{ workflow.name }}"],
  });
});

test("a lock that cannot be a key is refused with its place", async () => {
  expect(await stage("lock: db")).toBe("w:5:22: stages[0].lock: is only for a stage with over: targets");
  expect(await stage("over: targets, lock: []")).toContain("stages[0].lock: is an empty list");
  expect(await stage("over: targets, lock: [a, a]")).toContain("stages[0].lock[1]: appears twice");
  expect(await stage("over: targets, lock: ['']")).toContain("a lock's key has 1 to 1024 characters");
  expect(await stage("over: targets, lock: 7")).toContain("stages[0].lock: lock (a key, or a list of keys) must be a list; found a number");
  expect(await stage("over: targets, lock: [a, b, c, d, e, f, g, h, i]")).toContain("at most 8 keys; found 9");
  expect(await stage("over: targets, lock: 'rack ${{ target.lables.rack }}'")).toMatch(
    /^w:5:54: stages\[0\]\.lock: .*did you mean "labels"/s,
  );
  expect(await stage("over: targets, lock: [a, '${{ task.action }}']")).toMatch(/^w:5:\d+: stages\[0\]\.lock\[1\]: .*task/s);
});

test("what the service finds wrong with a lock is told with its place in the file", async () => {
  const said = async (lock: string) => {
    const text = `name: w\ntargets: { where: 'true' }\nstages:\n  - { name: a, over: targets, lock: ${lock}, actions: [{ name: x, uses: wait }] }\n`;
    const { placed } = await readWorkflowFile(text, { file: "w", readSource: async () => undefined });
    const details = [{ place: "definition.stages[0].locks[0]", reason: "is too long" }];
    return placed(new HoldfastError("INVALID_ARGUMENT", "not valid", { details })).message;
  };
  expect(await said("db")).toBe("w:4:37: stages[0].lock: is too long");
  expect(await said("[db, rack]")).toBe("w:4:38: stages[0].lock[0]: is too long");
});
