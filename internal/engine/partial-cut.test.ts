import { expect, test } from "vitest";
import { seq, WorkflowId, workflowStream } from "../base/ids.ts";
import { statusOf } from "../workflow/status.ts";
import { World } from "../../test/fakes/world.ts";
import { createEventFeed } from "./event-feed.ts";
import { replay } from "./lookup.ts";
import type { Journal, JournalFrame } from "./ports.ts";

async function framesOf(journal: Journal, id: WorkflowId): Promise<readonly JournalFrame[]> {
  const frames: JournalFrame[] = [];
  for await (const frame of journal.readFrames(workflowStream(id), { afterSeq: seq(0) })) frames.push(frame);
  return frames;
}

/** The journal, with so many frames after the stream's first one dropped. */
function withoutFrames(journal: Journal, frames: readonly JournalFrame[], dropped: number): Journal {
  return Object.create(journal, {
    readBatches: { value: (range: { readonly afterBatch: number }) => journal.readBatches(range) },
    restoreMark: { value: () => journal.restoreMark() },
    record: { value: (id: WorkflowId) => journal.record(id) },
    readFrames: {
      async *value(_: unknown, { afterSeq }: { readonly afterSeq: number }) {
        for (const frame of [...frames.slice(0, 1), ...frames.slice(1 + dropped)])
          if (frame.firstSeq + frame.events.length > afterSeq + 1) yield frame;
      },
    },
  });
}

async function anEndlessOne(): Promise<{ readonly world: World; readonly id: WorkflowId; readonly frames: readonly JournalFrame[] }> {
  const world = new World({ targets: 1 });
  await world.start();
  const id = WorkflowId.parse(
    await world.run({
      name: "w",
      targets: { where: "true" },
      vars: { n: { type: "PARAM_TYPE_NUMBER" } },
      stages: [
        {
          name: "fix",
          over: { targets: true },
          actions: [{ name: "apply", uses: "set", with: { name: "a", value: "${{ workflow.generation }}" }, set: { n: "vars.n + 1.0" } }],
        },
      ],
      continueAsNew: { while: "workflow.generation < 4", keep: 1_000 },
    }),
  );
  await world.clock.advanceAsync(10_000);
  return { world, id, frames: await framesOf(world.journal, id) };
}

test("a replay is the same wherever a cut that is still under way has come to, also in the middle of a generation", async () => {
  const { world, id, frames } = await anEndlessOne();
  const whole = await replay(world.journal, id);
  const last = frames.findLastIndex(({ events }) => events[0]?.kind.case === "continuedAsNew");
  expect(last).toBeGreaterThan(6);
  for (let dropped = 1; dropped < last; dropped++) {
    const state = await replay(withoutFrames(world.journal, frames, dropped), id);
    expect([dropped, state.seq, state.vars, statusOf(state)]).toEqual([dropped, whole.seq, whole.vars, statusOf(whole)]);
  }
});

test("a reader of the feed passes over what a cut under way has left of a generation, and its place holds", async () => {
  const { world, frames } = await anEndlessOne();
  const last = frames.findLastIndex(({ events }) => events[0]?.kind.case === "continuedAsNew");
  for (let dropped = 1; dropped < last; dropped++)
    for (let batch = 0; batch < world.journal.lastBatch(); batch++) {
      const feed = createEventFeed(withoutFrames(world.journal, frames, dropped), world.clock);
      const steps = await feed.read({ batch, events: 0 }, new Set(["workflowWaiting", "workflowEnded"]));
      expect(steps.flatMap(({ events }) => events.map(({ kind }) => kind))).toEqual(["workflowEnded"]);
    }
});
