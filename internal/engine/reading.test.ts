import { create, equals } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import type { ExprObjectDecl } from "../expr/type.ts";
import { TASK_ROW_TYPE, WORKFLOW_ROW_TYPE } from "../expr/workflow-types.ts";
import { Mode } from "../gen/holdfast/v1/event_pb.ts";
import { Phase, TaskOutcome, WorkflowStatusSchema } from "../gen/holdfast/v1/status_pb.ts";
import type { HistoryEvent } from "../gen/holdfast/v1/status_pb.ts";
import { ListTasksRequestSchema, ListWorkflowsRequestSchema, WorkflowRefSchema } from "../gen/holdfast/v1/workflow_service_pb.ts";
import type { WatchResponse } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { World, aSubmission, aWorkflow, requestId } from "../../test/fakes/world.ts";
import { ANN, TESTER } from "../../test/fakes/principals.ts";
import { retryOf } from "../../test/fakes/retry-request.ts";

const TWO_STAGES = aWorkflow({
  stages: [
    {
      name: "look",
      over: { targets: true },
      rollout: { maxFailures: { count: 1 } },
      actions: [{ name: "scan", uses: "probe", with: { n: "${{ 1 + 1 }}" } }],
    },
    {
      name: "fix",
      over: { targets: true },
      actions: [{ name: "apply", uses: "set", with: { name: "a", value: "1" }, annotations: { team: "ops" } }],
    },
  ],
});

async function aWorld(targets = 3): Promise<World> {
  const world = new World({ targets });
  await world.start();
  return world;
}

/** A filter that is true of a row with all the fields that are declared of it. */
const hasAll = (name: string, type: ExprObjectDecl): string =>
  Object.keys(type.fields)
    .map((field) => `has(${name}.${field})`)
    .join(" && ");

const tasks = (world: World, id: string, parts: MessageInitShape<typeof ListTasksRequestSchema> = {}) =>
  world.engine.listTasks(create(ListTasksRequestSchema, { ...parts, workflow: create(WorkflowRefSchema, { id }) }));

const workflows = (world: World, parts: MessageInitShape<typeof ListWorkflowsRequestSchema> = {}) =>
  world.engine.listWorkflows(create(ListWorkflowsRequestSchema, parts));

function watching(world: World, id: string, afterSeq = 0, isStatusOnly = false) {
  const seen: WatchResponse[] = [];
  const abort = new AbortController();
  const done = (async () => {
    for await (const answer of world.engine.watch({ id, namespace: "" }, { afterSeq, isStatusOnly, signal: abort.signal }))
      seen.push(answer);
  })();
  const events = (): readonly HistoryEvent[] => seen.flatMap((answer) => answer.events);
  return { seen, events, abort, done, numbers: () => events().map((event) => Number(event.seq)) };
}

const upTo = (last: number): readonly number[] => Array.from({ length: last }, (_, index) => index + 1);

test("tasks are listed in order, with input, output, checksums and times, filtered by stage, target, outcome and CEL", async () => {
  const world = await aWorld();
  world.fleet.trouble("h1", "run", "fail");
  const id = await world.run(TWO_STAGES);
  const all = (await tasks(world, id)).tasks;
  expect(all.map((task) => `${task.index} ${task.stage}/${task.action} ${task.target} ${TaskOutcome[nameOf(task.outcome)]}`)).toHaveLength(
    6,
  );
  expect(all[0]).toMatchObject({
    stage: "look",
    outcome: TaskOutcome.SUCCEEDED,
    changed: false,
    attempts: 1,
    key: `${id}.0`,
    uses: "probe",
  });
  expect(JSON.stringify(all[0]?.input)).toContain("2");
  expect(all[1]).toMatchObject({ outcome: TaskOutcome.FAILED, error: "h1 says no" });
  expect(all[3]).toMatchObject({ outcome: TaskOutcome.SUCCEEDED, changed: true, annotations: { team: "ops" }, error: "" });
  const indexes = async (parts: MessageInitShape<typeof ListTasksRequestSchema>) =>
    (await tasks(world, id, parts)).tasks.map((task) => task.index);
  expect(await indexes({ stage: "fix" })).toEqual([3, 4, 5]);
  expect(await indexes({ target: "h1" })).toEqual([1, 4]);
  expect(await indexes({ outcomes: [TaskOutcome.FAILED] })).toEqual([1]);
  expect(await indexes({ filter: "task.changed && task.target != 'h0'" })).toEqual([4, 5]);
  await expect(tasks(world, id, { stage: "fxi" })).rejects.toMatchObject({ code: "NOT_FOUND", message: expect.stringContaining("fix") });
  await expect(tasks(world, id, { target: "h9" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect((await indexes({ filter: hasAll("task", TASK_ROW_TYPE) })).length).toBe((await indexes({})).length);
  await expect(tasks(world, id, { filter: "task.outcom == 'FAILED'" })).rejects.toThrow(
    /no such field "outcom" in task; did you mean "outcome"/,
  );
  await expect(tasks(world, id, { filter: "nothing" })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  await expect(tasks(world, id, { pageToken: "-1" })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
});

function nameOf(outcome: TaskOutcome): keyof typeof TaskOutcome {
  return outcome === TaskOutcome.FAILED ? "FAILED" : "SUCCEEDED";
}

test("pages of tasks hold each task once, whatever their size", async () => {
  const world = await aWorld(7);
  const id = await world.run();
  for (const pageSize of [1, 2, 3, 7, 8]) {
    const seen: number[] = [];
    let pageToken = "";
    do {
      const page = await tasks(world, id, { pageSize, pageToken, filter: "task.index != 3" });
      expect(page.tasks.length).toBeLessThanOrEqual(pageSize);
      seen.push(...page.tasks.map((task) => task.index));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(seen).toEqual([0, 1, 2, 4, 5, 6]);
  }
});

test("a task that was refused before any attempt shows why", async () => {
  const world = await aWorld(1);
  const actions = [{ name: "a", uses: "set", with: { name: "a", value: "1" }, when: "target.labels.nowhere == '1'" }];
  const id = await world.run(aWorkflow({ stages: [{ name: "fix", over: { targets: true }, actions }] }));
  expect((await tasks(world, id)).tasks[0]).toMatchObject({
    outcome: TaskOutcome.FAILED,
    attempts: 0,
    error: expect.stringContaining("when"),
  });
});

test("workflows are listed the newest first, in pages, by namespace and by CEL, open and ended ones alike", async () => {
  const world = await aWorld(1);
  const ids: string[] = [];
  for (let n = 1; n <= 5; n++) {
    world.clock.advance(1);
    const parts = { requestId: requestId(n), namespace: n === 5 ? "other" : "default", annotations: { n: String(n) } };
    ids.push(
      n % 2 === 0 ? (await world.engine.submit(ANN, aSubmission(aWorkflow(), parts), Mode.APPLY)).id : await world.run(aWorkflow(), parts),
    );
  }
  const [one, two, three, four, five] = ids;
  const listed = async (parts: MessageInitShape<typeof ListWorkflowsRequestSchema>) =>
    (await workflows(world, parts)).workflows.map((status) => status.id);
  expect(await listed({})).toEqual([four, three, two, one]);
  expect(await listed({ namespace: "*" })).toEqual([five, four, three, two, one]);
  expect(await listed({ filter: "workflow.phase == 'SUCCEEDED'" })).toEqual([three, one]);
  expect(await listed({ filter: "workflow.submitted_by == 'ann' && workflow.annotations.n == '2'" })).toEqual([two]);
  expect(await listed({ filter: "workflow.counts.changed == 1" })).toEqual([one]);
  const first = await workflows(world, { pageSize: 3 });
  expect(first.workflows).toHaveLength(3);
  expect(await listed({ pageSize: 3, pageToken: first.nextPageToken })).toEqual([one]);
  expect((await listed({ filter: hasAll("workflow", WORKFLOW_ROW_TYPE) })).length).toBe((await listed({})).length);
  await expect(workflows(world, { filter: "workflow.targets == '3'" })).rejects.toThrow(/no such overload: int == string/);
  await expect(workflows(world, { filter: "host == 1" })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  await expect(workflows(world, { pageToken: "../x" })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
});

test("a list shows nothing that is not on disk (H3)", async () => {
  const world = new World({ mode: "manual" });
  await world.start();
  const submitted = world.engine.submit(TESTER, aSubmission(), Mode.APPLY);
  await world.settle();
  world.journal.sync();
  const { id } = await submitted;
  void world.engine.exec(TESTER, { id, namespace: "" }, "");
  await world.settle();
  let phase: Phase | undefined;
  const listing = workflows(world).then((page) => (phase = page.workflows[0]?.phase));
  await world.settle();
  expect(phase).toBeUndefined();
  world.journal.sync();
  await listing;
  expect(phase).toBe(Phase.RUNNING);
});

test("history holds every event with its number, time and names, and details when asked", async () => {
  const world = await aWorld(1);
  const id = await world.run(TWO_STAGES);
  const read = async (hasDetails: boolean, afterSeq = 0) => {
    const events: HistoryEvent[] = [];
    for await (const page of world.engine.history({ id, namespace: "" }, { afterSeq, hasDetails })) events.push(...page.events);
    return events;
  };
  const events = await read(true);
  expect(events.map((event) => Number(event.seq))).toEqual(upTo(events.length));
  expect(events[0]?.event).toMatchObject({ by: "tester", kind: { case: "workflowSubmitted" } });
  const ended = events.filter((event) => event.event?.kind.case === "attemptEnded");
  expect(ended[0]).toMatchObject({ stage: "look", action: "scan", target: "h0", detail: { task: 0, attempt: 1 } });
  expect((await read(false)).every((event) => event.detail === undefined)).toBe(true);
  expect(await read(true, 5)).toEqual(events.slice(5));
});

test("a watcher sees every event once and in order while turns go on, and ends after the end", async () => {
  const world = await aWorld(5);
  const { id, digest } = await world.engine.submit(TESTER, aSubmission(TWO_STAGES), Mode.APPLY);
  const watched = watching(world, id);
  await world.settle();
  await world.engine.exec(TESTER, { id, namespace: "" }, digest);
  await watched.done;
  const last = Number((await world.status(id)).seq);
  expect(watched.numbers()).toEqual(upTo(last));
  expect(watched.seen.at(-1)?.status?.phase).toBe(Phase.SUCCEEDED);
  expect(Number(watched.seen.at(-1)?.seq)).toBe(last);
});

test("watchers at one number share what is read, and one that came from elsewhere sees all the same", async () => {
  const world = await aWorld(5);
  const { id, digest } = await world.engine.submit(TESTER, aSubmission(TWO_STAGES), Mode.APPLY);
  const many = Array.from({ length: 5 }, () => watching(world, id));
  const behind = watching(world, id, 1);
  await world.settle();
  await world.engine.exec(TESTER, { id, namespace: "" }, digest);
  await Promise.all([...many, behind].map(({ done }) => done));
  const all = upTo(Number((await world.status(id)).seq));
  expect(many.map((watched) => watched.numbers())).toEqual(many.map(() => all));
  expect(behind.numbers()).toEqual(all.slice(1));
  const [first, second] = many.map(({ seen }) => seen);
  expect(second?.at(-1)).toBe(first?.at(-1));
});

test("a watcher that comes later is told of the status of its own moment, though no event was added", async () => {
  const world = await aWorld();
  const { id } = await world.engine.submit(TESTER, aSubmission(TWO_STAGES), Mode.APPLY);
  const early = watching(world, id);
  await world.settle();
  const late = watching(world, id);
  await world.settle();
  expect(late.events().map(({ seq }) => seq)).toEqual(early.events().map(({ seq }) => seq));
  expect(late.seen[0]?.status).not.toBe(early.seen[0]?.status);
  for (const watched of [early, late]) watched.abort.abort();
});

test("a watcher resumes at any number without gaps or repeats, also after a restart", async () => {
  const world = await aWorld(2);
  let isKilled = false;
  world.fleet.onStep = async ({ kind }) => {
    if (kind !== "applied" || isKilled) return;
    isKilled = true;
    world.crash();
  };
  const { id } = await world.engine.submit(TESTER, aSubmission(), Mode.APPLY);
  const first = watching(world, id);
  void world.engine.exec(TESTER, { id, namespace: "" }, "").catch(() => undefined);
  await world.settle();
  const cut = first.numbers().at(-1) ?? 0;
  expect(first.numbers()).toEqual(upTo(cut));
  await world.start();
  for (let afterSeq = 0; afterSeq <= cut; afterSeq++) {
    const resumed = watching(world, id, afterSeq);
    await resumed.done;
    const last = Number((await world.status(id)).seq);
    expect(resumed.numbers()).toEqual(upTo(last).slice(afterSeq));
  }
});

test("a watcher that comes with a number from nowhere is answered, and ends with the workflow", async () => {
  const world = await aWorld(1);
  const { id } = await world.engine.submit(TESTER, aSubmission(), Mode.APPLY);
  const watched = watching(world, id, 9_999_999);
  await world.settle();
  expect(watched.seen).toHaveLength(1);
  await world.engine.exec(TESTER, { id, namespace: "" }, "");
  await watched.done;
  expect(watched.seen.at(-1)?.status?.phase).toBe(Phase.SUCCEEDED);
});

test("a watcher of status alone gets no events, and its abort ends it", async () => {
  const world = await aWorld(1);
  const { id } = await world.engine.submit(TESTER, aSubmission(), Mode.APPLY);
  const watched = watching(world, id, 0, true);
  await world.settle();
  watched.abort.abort();
  await watched.done;
  expect(watched.events()).toEqual([]);
  expect(watched.seen[0]?.status?.phase).toBe(Phase.SUBMITTED);
});

test("a watcher of a workflow that is retried sees the second round too, or is told to watch again", async () => {
  const world = await aWorld(1);
  world.fleet.trouble("h0", "apply", "fail");
  const { id } = await world.engine.submit(TESTER, aSubmission(), Mode.APPLY);
  await world.engine.exec(TESTER, { id, namespace: "" }, "");
  await world.settle();
  const retried = world.engine.retry(TESTER, retryOf({ id, namespace: "" }, ""));
  const watched = watching(world, id);
  await retried;
  await watched.done;
  const last = Number(watched.seen.at(-1)?.seq);
  expect(watched.numbers()).toEqual(upTo(last));
});

test("waitStill answers at the end, when a person is needed, and when its caller gives up", async () => {
  const world = await aWorld(1);
  const { signal } = new AbortController();
  world.fleet.trouble("h0", "apply", "lost-answer");
  const touch = aWorkflow({ stages: [{ name: "fix", over: { targets: true }, actions: [{ name: "apply", uses: "touch" }] }] });
  const { id } = await world.engine.submit(TESTER, aSubmission(touch), Mode.APPLY);
  const ref = { id, namespace: "" };
  const giving = new AbortController();
  const given = world.engine.waitStill(ref, giving.signal);
  giving.abort();
  await expect(given).rejects.toMatchObject({ code: "CANCELLED" });
  const held = world.engine.waitStill(ref, signal);
  await world.engine.exec(TESTER, ref, "");
  expect((await held).phase).toBe(Phase.WAITING);
  await world.engine.cancel(TESTER, ref, "");
  expect((await world.engine.waitStill(ref, signal)).phase).toBe(Phase.CANCELLED);
});

test("the status of an ended workflow is the same from memory and from the journal", async () => {
  const world = await aWorld();
  const id = await world.run(TWO_STAGES);
  const live = await world.status(id);
  world.crash();
  await world.start();
  expect(equals(WorkflowStatusSchema, await world.status(id), live)).toBe(true);
});
