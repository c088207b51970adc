import { expect, test } from "vitest";
import { seq, WorkflowId, workflowStream } from "../base/ids.ts";
import { statusOf } from "../workflow/status.ts";
import { World, aSubmission, aWorkflow, requestId } from "../../test/fakes/world.ts";
import { TESTER } from "../../test/fakes/principals.ts";
import { aGuardedWorld, oneStage } from "../../test/fakes/guarded-world.ts";
import { HoldfastError } from "../base/errors.ts";
import { Mode } from "../gen/holdfast/v1/event_pb.ts";
import type { Journal, JournalFrame } from "./ports.ts";
import { replay } from "./lookup.ts";

test("a replay gives each event the time that it had, whatever frames hold them", async () => {
  const world = await aGuardedWorld({ targets: 2 });
  const { id: name } = await world.submit(oneStage({ rollout: { waves: [{ count: 1 }], pause: "60s" } }));
  await world.pass(5);
  await world.exec(name);
  await world.pass(61);
  const id = WorkflowId.parse(name);
  const frames: JournalFrame[] = [];
  for await (const frame of world.journal.readFrames(workflowStream(id), { afterSeq: seq(0) })) frames.push(frame);
  const [first] = frames;
  if (first === undefined) throw new Error("the workflow has events");
  // As one batch on disk holds them: one frame with one time, and each event so much later.
  const events = frames.flatMap((frame) =>
    frame.events.map((event) => ({ ...event, afterMs: frame.timeMs + event.afterMs - first.timeMs })),
  );
  const journal: Journal = Object.create(world.journal, {
    readFrames: {
      async *value() {
        yield { ...first, events };
      },
    },
  });
  const [one, many] = [statusOf(await replay(journal, id)), statusOf(await replay(world.journal, id))];
  expect(one).toEqual(many);
  expect([one.executedAt, one.endedAt]).not.toContain(undefined);
  expect(Number(one.endedAt?.seconds) - Number(one.executedAt?.seconds)).toBe(60);
  expect(Number(one.executedAt?.seconds) - Number(one.submittedAt?.seconds)).toBe(5);
});

test("a workflow whose events and record are both damaged stands still alone: the others start, and it is not unknown", async () => {
  const world = new World({ targets: 2 });
  await world.start();
  const { id } = await world.engine.submit(TESTER, aSubmission(aWorkflow({}), { key: "k" }), Mode.APPLY);
  const other = await world.engine.submit(TESTER, aSubmission(aWorkflow({}), { key: "l", requestId: requestId(2) }), Mode.APPLY);
  world.crash();
  const damaged = WorkflowId.parse(id);
  world.journal.damage(workflowStream(damaged), "a flipped bit");
  const record = world.journal.record.bind(world.journal);
  world.journal.record = (asked) => {
    if (asked === damaged) throw new HoldfastError("DATA_LOSS", "JOURNAL_CORRUPT: its record is missing, and its events are there");
    return record(asked);
  };
  await world.start();
  await expect(world.status(id)).rejects.toMatchObject({ code: "DATA_LOSS" });
  expect((await world.status(other.id)).id).toBe(other.id);
});
