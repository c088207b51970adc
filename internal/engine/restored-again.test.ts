import { create } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { timeMs } from "../base/ids.ts";
import { Resolution } from "../gen/holdfast/v1/event_pb.ts";
import { TaskOutcome } from "../gen/holdfast/v1/status_pb.ts";
import { ListTasksRequestSchema, ResolveTaskRequestSchema } from "../gen/holdfast/v1/workflow_service_pb.ts";
import type { JournalEntry, RestoreMark } from "./ports.ts";
import { GuardedWorld, OPERATOR } from "../../test/fakes/guarded-world.ts";
import { MemoryJournal } from "../../test/fakes/memory-journal.ts";

type Json = { readonly [name: string]: JsonValue };

const MARK: RestoreMark = { restore: "a".repeat(64), backupMs: timeMs(1_767_268_800_123), batch: 7, head: "b".repeat(64) };
const GENERATIONS = 4;
const TOUCH: Json = { name: "touch", uses: "touch" };
const SET: Json = { name: "set", uses: "set", with: { name: "a", value: "1" } };

const ENDLESS: Json = {
  name: "w",
  targets: { where: "true" },
  stages: [{ name: "s", over: { targets: true }, actions: [SET, TOUCH] }],
  continueAsNew: { while: `workflow.generation < ${GENERATIONS}`, keep: 0 },
};
const REPEATED: Json = {
  name: "w",
  targets: { where: "true" },
  stages: [
    {
      name: "s",
      over: { targets: true },
      actions: [TOUCH, SET],
      repeat: { until: "false", max: GENERATIONS, every: "1s" },
      continueOnError: true,
    },
  ],
};

/** A service that went on to the end, and every entry of its journal. */
async function ended(definition: Json) {
  const world = new GuardedWorld({ targets: 1 });
  await world.start();
  const id = await world.launch(definition);
  for (let second = 0; second < 2 * GENERATIONS; second++) await world.pass(1);
  expect(await world.phase(id)).toBe("SUCCEEDED");
  expect(touches(world)).toBe(GENERATIONS);
  return { world, id, entries: [...world.journal.entries] };
}

function touches(world: GuardedWorld): number {
  return world.fleet.host("h0").changes.filter((change) => change === "touch").length;
}

/** It is brought back as of so many entries, its hosts remember no run, and a person says `resolution` of whatever is held. Gives how much that was. */
async function goOn(
  { world, id, entries }: { readonly world: GuardedWorld; readonly id: string; readonly entries: readonly JournalEntry[] },
  resolution: Resolution,
): Promise<number> {
  world.crash();
  for (const host of world.fleet.hosts.values()) host.runs.clear();
  world.journal = new MemoryJournal("auto", entries);
  world.journal.restored = MARK;
  await world.start();
  await world.thaw("f1");
  if ((await world.phase(id)) === "SUBMITTED") await world.exec(id);
  let held = 0;
  for (let second = 0; second < 4 * GENERATIONS; second++) {
    await world.pass(1);
    const { tasks } = await world.engine.listTasks(create(ListTasksRequestSchema, { workflow: { id }, pageSize: 100 }));
    for (const { stage, action, target, outcome } of tasks) {
      if (outcome !== TaskOutcome.UNKNOWN) continue;
      held += 1;
      const request = { workflow: { id }, stage, action, target, resolution, reason: "looked" };
      await world.engine.resolveTask(OPERATOR, create(ResolveTaskRequestSchema, request));
    }
  }
  expect(await world.phase(id)).toBe("SUCCEEDED");
  return held;
}

test.each([
  { what: "further generations", definition: ENDLESS },
  { what: "further iterations of a stage", definition: REPEATED },
])("brought back as of any moment, $what that the former service may have begun do nothing unsafe twice", async ({ definition }) => {
  const { entries } = await ended(definition);
  let held = 0;
  for (let kept = 1; kept < entries.length; kept++) {
    const former = await ended(definition);
    held += await goOn({ ...former, entries: former.entries.slice(0, kept) }, Resolution.SUCCEEDED);
    expect(touches(former.world), `${kept}`).toBe(GENERATIONS);
  }
  expect(held).toBeGreaterThan(entries.length);
});

test.each([
  { what: "generations", definition: ENDLESS },
  { what: "iterations", definition: REPEATED },
])("once a person says that the former service did not come so far, the $what that follow begin without doubt", async ({ definition }) => {
  const former = await ended(definition);
  former.world.fleet.host("h0").changes.length = 0;
  expect(await goOn({ ...former, entries: former.entries.slice(0, 2) }, Resolution.RUN_AGAIN)).toBe(1);
  expect(touches(former.world)).toBe(GENERATIONS);
});

/** `touch` may fail, and what comes after it goes on all the same. */
function tolerant(definition: Json): Json {
  return JSON.parse(JSON.stringify(definition).replaceAll('"uses":"touch"', '"uses":"touch","continueOnError":true'));
}

test.each([
  { what: "failed, generations", definition: tolerant(ENDLESS), word: Resolution.FAILED },
  { what: "failed, iterations", definition: tolerant(REPEATED), word: Resolution.FAILED },
  { what: "not done, generations", definition: tolerant(ENDLESS), word: Resolution.RUN_AGAIN },
  { what: "not done, iterations", definition: tolerant(REPEATED), word: Resolution.RUN_AGAIN },
])("the former service may have gone on past what it may fail: what is $what after it are in doubt", async ({ definition, word }) => {
  const former = await ended(definition);
  former.world.fleet.host("h0").changes.length = 0;
  const again = word === Resolution.RUN_AGAIN;
  expect(await goOn({ ...former, entries: former.entries.slice(0, 2) }, word)).toBe(GENERATIONS);
  expect(touches(former.world)).toBe(again ? GENERATIONS : 0);
});
