import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { PAGE_ROWS_EXAMINED_MAX, PAGE_WORKFLOWS_EXAMINED_MAX } from "../base/limits.ts";
import { TaskOutcome, WorkflowStatusSchema } from "../gen/holdfast/v1/status_pb.ts";
import { ListTasksRequestSchema, ListWorkflowsRequestSchema, WorkflowRefSchema } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { World, aWorkflow } from "../../test/fakes/world.ts";
import { anId } from "../../test/fakes/journal-entries.ts";
import { listWorkflows } from "./reading.ts";
import type { WorkflowRecord } from "./ports.ts";

test("a filtered page of tasks examines a bounded number of them, comes back short with a token, and goes on from there", async () => {
  const world = new World({ targets: 2 * PAGE_ROWS_EXAMINED_MAX + 1 });
  await world.start();
  const id = await world.run(
    aWorkflow({ stages: [{ name: "all", over: { targets: true }, actions: [{ name: "a", uses: "probe", with: { n: "1" } }] }] }),
  );
  const last = 2 * PAGE_ROWS_EXAMINED_MAX;
  const ask = (pageToken: string, filter = `task.index in [7, ${last}]`) =>
    world.engine.listTasks(create(ListTasksRequestSchema, { workflow: create(WorkflowRefSchema, { id }), filter, pageToken }));
  const pages = [await ask("")];
  for (let token = pages[0]?.nextPageToken ?? ""; token !== ""; token = pages.at(-1)?.nextPageToken ?? "") pages.push(await ask(token));
  expect(pages.map(({ tasks, nextPageToken }) => [tasks.map(({ index }) => index), nextPageToken])).toEqual([
    [[7], String(PAGE_ROWS_EXAMINED_MAX)],
    [[], String(last)],
    [[last], ""],
  ]);
});

test("tasks that are not of the asked outcome or target are passed over without being examined", async () => {
  const world = new World({ targets: PAGE_ROWS_EXAMINED_MAX + 9 });
  const last = world.targets.at(-1)?.name ?? "";
  world.fleet.trouble(last, "run", "fail");
  await world.start();
  const actions = [
    { name: "a", uses: "probe", with: { n: "1" } },
    { name: "b", uses: "probe", with: { n: "1" } },
  ];
  const rollout = { maxFailures: { count: 1 } };
  const stage = (name: string) => ({ name, over: { targets: true }, rollout, actions });
  const id = await world.run(aWorkflow({ stages: [stage("one"), stage("two")] }));
  const ask = async (parts: {
    readonly target?: string;
    readonly outcomes?: TaskOutcome[];
    readonly stage?: string;
    readonly pageSize?: number;
    readonly pageToken?: string;
  }) => {
    const page = await world.engine.listTasks(
      create(ListTasksRequestSchema, { workflow: create(WorkflowRefSchema, { id }), filter: "true", ...parts }),
    );
    return [page.tasks.map(({ stage: of, action, target }) => `${of}/${action} ${target}`), page.nextPageToken];
  };
  expect(await ask({ outcomes: [TaskOutcome.FAILED] })).toEqual([[`one/a ${last}`], ""]);
  const ofTarget = [`one/a ${last}`, `one/b ${last}`, `two/a ${last}`, `two/b ${last}`];
  expect(await ask({ target: last })).toEqual([ofTarget, ""]);
  expect(await ask({ target: last, stage: "two" })).toEqual([ofTarget.slice(2), ""]);
  expect(await ask({ target: last, outcomes: [TaskOutcome.FAILED] })).toEqual([ofTarget.slice(0, 1), ""]);
  const [first, token] = await ask({ target: last, pageSize: 3 });
  expect(first).toEqual(ofTarget.slice(0, 3));
  expect(await ask({ target: last, pageToken: String(token) })).toEqual([ofTarget.slice(3), ""]);
});

test("a filtered page of workflows reads a bounded number of records, comes back short with a token, and goes on from there", async () => {
  const count = 2 * PAGE_WORKFLOWS_EXAMINED_MAX + 1;
  const second = count - PAGE_WORKFLOWS_EXAMINED_MAX;
  const third = second - PAGE_WORKFLOWS_EXAMINED_MAX;
  let read = 0;
  /** Records `count` to 1: the newest first. */
  const listRecords = async ({
    before,
    limit,
  }: {
    readonly before?: string;
    readonly limit: number;
  }): Promise<readonly WorkflowRecord[]> => {
    const from = before === undefined ? count : numberOf(before) - 1;
    const records = Array.from({ length: Math.min(limit, from) }, (_, at) => aRecord(from - at));
    read += records.length;
    return records;
  };
  const ask = async (pageToken: string, pageSize: number) => {
    read = 0;
    const request = create(ListWorkflowsRequestSchema, {
      pageToken,
      pageSize,
      filter: `workflow.key in ["1", "2", "${second + 1}", "${count}"]`,
    });
    const { workflows, nextPageToken } = await listWorkflows({ listRecords }, request, () => undefined);
    return [workflows.map(({ key }) => key), nextPageToken === "" ? 0 : numberOf(nextPageToken), read];
  };
  expect(await ask("", 100)).toEqual([[String(count), String(second + 1)], second + 1, PAGE_WORKFLOWS_EXAMINED_MAX]);
  expect(await ask(anId(second + 1), 100)).toEqual([["2"], third + 1, PAGE_WORKFLOWS_EXAMINED_MAX]);
  expect(await ask(anId(third + 1), 100)).toEqual([["1"], 0, 1]);
  // A page that is full ends where it is full, whatever was read ahead.
  const [keys, token] = await ask("", 1);
  expect([keys, token]).toEqual([[String(count)], count]);
  expect(await ask(anId(count), 1)).toEqual([[String(second + 1)], second + 1, expect.any(Number)]);
});

function aRecord(number: number): WorkflowRecord {
  const status = create(WorkflowStatusSchema, { id: anId(number), namespace: "default", key: String(number) });
  return { status, requestId: "", requestDigest: "", isOpen: false };
}

/** The number in anId(number). */
function numberOf(id: string): number {
  return Number.parseInt(id.slice(-12), 16);
}
