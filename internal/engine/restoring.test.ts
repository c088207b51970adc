import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { timeMs } from "../base/ids.ts";
import { Resolution } from "../gen/holdfast/v1/event_pb.ts";
import { TaskOutcome } from "../gen/holdfast/v1/status_pb.ts";
import type { Task } from "../gen/holdfast/v1/status_pb.ts";
import { ListTasksRequestSchema, ResolveTaskRequestSchema } from "../gen/holdfast/v1/workflow_service_pb.ts";
import type { JournalEntry, RestoreMark } from "./ports.ts";
import { GuardedWorld, OPERATOR, oneStage } from "../../test/fakes/guarded-world.ts";
import { MemoryJournal } from "../../test/fakes/memory-journal.ts";
import { retryOf } from "../../test/fakes/retry-request.ts";

const HOSTS = 3;
const MARK: RestoreMark = { restore: "a".repeat(64), backupMs: timeMs(1_767_268_800_123), batch: 7, head: "b".repeat(64) };
const STEPS = oneStage({ rollout: { waves: [{ count: 1 }, { percent: 100 }], parallel: 2 } }, [
  { name: "read", uses: "probe" },
  { name: "touch", uses: "touch" },
  { name: "set", uses: "set", with: { name: "a", value: "1" } },
]);

/** A service whose workflow has come to its end, and its journal as it was before each entry and after the last one. */
async function ended(definition = STEPS) {
  const world = new GuardedWorld({ targets: HOSTS });
  await world.start();
  const id = await world.launch(definition);
  expect(await world.phase(id)).toBe("SUCCEEDED");
  return { world, id, entries: [...world.journal.entries] };
}

/** The world of a service that went on to the end, and then was brought back as it was after so many entries. */
async function restored(kept: number, options: { readonly definition?: typeof STEPS; readonly forgets?: boolean } = {}) {
  const { world, id, entries } = await ended(options.definition);
  if (options.forgets === true) for (const host of world.fleet.hosts.values()) host.runs.clear();
  world.crash();
  bringBack(world, entries.slice(0, kept));
  return { world, id, entries };
}

function bringBack(world: GuardedWorld, entries: readonly JournalEntry[], mark = MARK): void {
  world.journal = new MemoryJournal("auto", entries);
  world.journal.restored = mark;
}

function changes(world: GuardedWorld): readonly string[] {
  return [...world.fleet.hosts.values()].flatMap(({ name, changes: made }) => made.map((change) => `${name} ${change}`)).toSorted();
}

async function tasksOf(world: GuardedWorld, id: string): Promise<readonly Task[]> {
  return (await world.engine.listTasks(create(ListTasksRequestSchema, { workflow: { id }, pageSize: 100 }))).tasks;
}

/** A person looks at each held task's host and says what is so, until nothing is held any more. */
async function resolveAll(world: GuardedWorld, id: string): Promise<number> {
  let count = 0;
  for (;;) {
    const held = (await tasksOf(world, id)).filter(({ outcome }) => outcome === TaskOutcome.UNKNOWN);
    if (held.length === 0) return count;
    for (const { stage, action, target, error } of held) {
      expect(error).toMatch(/restored from a backup of 2026-01-01T12:00:00\.123Z; it may have been done since/);
      const isDone = world.fleet.host(target).changes.includes("touch");
      const resolution = isDone ? Resolution.SUCCEEDED : Resolution.RUN_AGAIN;
      await world.engine.resolveTask(
        OPERATOR,
        create(ResolveTaskRequestSchema, { workflow: { id }, stage, action, target, resolution, reason: "looked" }),
      );
      count += 1;
    }
    await world.settle();
  }
}

async function freezeIds(world: GuardedWorld): Promise<readonly string[]> {
  return ((await world.engine.freezes()).proof?.freezes ?? []).map(({ id }) => id);
}

test.each([{ forgets: false }, { forgets: true }])(
  "brought back as of any moment, a service begins frozen, changes nothing, and after the thaw does nothing unsafe twice (hosts forget their runs: $forgets)",
  async ({ forgets }) => {
    const { entries } = await ended();
    let held = 0;
    for (let kept = 1; kept < entries.length; kept++) {
      const { world, id } = await restored(kept, { forgets });
      const before = changes(world);
      await world.start();
      world.clock.advance(3_000_000);
      await world.settle();
      expect(changes(world), `${kept}: frozen`).toEqual(before);
      const [freeze, ...more] = (await world.engine.freezes()).proof?.freezes ?? [];
      expect([freeze?.id, freeze?.by, more.length]).toEqual(["f1", "restore", 0]);
      expect(freeze?.reason).toMatch(
        /^restored from the backup of 2026-01-01T12:00:00\.123Z \(batch 7, head bbbbbbbbbbbbbbbb\); .*then thaw$/,
      );
      await world.thaw("f1");
      if ((await world.phase(id)) === "SUBMITTED") await world.exec(id);
      held += await resolveAll(world, id);
      expect(await world.phase(id), `${kept}`).toBe("SUCCEEDED");
      expect(changes(world), `${kept}: thawed`).toEqual(before);
    }
    expect(entries.length).toBeGreaterThan(10);
    expect(held > 0).toBe(forgets);
  },
);

test("killed at any append of its first start, before it is on disk or after, the next start does the rest, and freezes once", async () => {
  let kills = 0;
  for (const isDurable of [false, true]) {
    for (let nth = 0; ; nth++) {
      const { world, id, entries } = await restored(9, { forgets: true });
      const before = changes(world);
      world.crashAtAppend(nth, isDurable);
      await Promise.race([world.start(), world.settle(60)]); // one that is killed while it opens never answers
      if (world.isUp) break;
      kills += 1;
      bringBack(world, world.journal.entries);
      await world.start();
      expect(await freezeIds(world), `${nth} ${isDurable}`).toEqual(["f1"]);
      const told = world.journal.entries.flatMap(({ events }) => events).filter(({ kind }) => kind.case === "workflowRestored");
      expect(told.length).toBe(1);
      expect(changes(world)).toEqual(before);
      await world.thaw("f1");
      bringBack(world, world.journal.entries);
      world.crash("everything");
      world.journal.restored = MARK;
      await world.start();
      expect(await freezeIds(world)).toEqual([]); // it was lifted by a person, and a restart is no restore
      await resolveAll(world, id);
      expect([await world.phase(id), changes(world)]).toEqual(["SUCCEEDED", before]);
      expect(entries.length).toBeGreaterThan(9);
    }
  }
  expect(kills).toBeGreaterThan(5);
});

test("what the hosts remember is taken, and no person is asked", async () => {
  const { entries } = await ended();
  const { world, id } = await restored(Math.floor(entries.length / 2));
  await world.start();
  await world.thaw("f1");
  await world.settle();
  expect(await world.phase(id)).toBe("SUCCEEDED");
  const counts = (await world.status(id)).counts;
  expect(counts).toMatchObject({ tasks: 9, succeeded: 9, unknown: 0 });
});

test("a person's word lets an unsafe task begin, and its later attempts are ordinary ones", async () => {
  const definition = oneStage({ rollout: { parallel: 1 } }, [{ name: "touch", uses: "touch", retry: { attempts: 3, delay: "1s" } }]);
  const { world, id, entries } = await restored(2, { definition, forgets: true });
  for (const host of world.fleet.hosts.values()) host.changes.length = 0; // the service did not get there: only a person can know
  expect(entries.length).toBeGreaterThan(2);
  await world.start();
  await world.thaw("f1");
  world.fleet.trouble("h0", "apply", "fail");
  const done = resolveAll(world, id);
  for (let second = 0; second < 5; second++) {
    await world.settle();
    world.clock.advance(1_000);
  }
  await done;
  await world.settle();
  expect(await world.phase(id)).toBe("SUCCEEDED");
  expect(changes(world)).toEqual(["h0 touch", "h1 touch", "h2 touch"]);
});

test("a second restore freezes and doubts anew; a freeze of everything that the backup held stays its own", async () => {
  const first = new GuardedWorld({ targets: HOSTS });
  await first.start();
  const id = await first.launch(oneStage({ rollout: { parallel: 1 } }, [{ name: "touch", uses: "touch" }]));
  const { id: own } = await first.freezeAll();
  const entries = [...first.journal.entries];
  first.crash();
  bringBack(first, entries);
  await first.start();
  expect(await freezeIds(first)).toEqual([own, "f2"]);
  const again = [...first.journal.entries];
  first.crash();
  bringBack(first, again, { ...MARK, restore: "c".repeat(64) });
  await first.start();
  expect(await freezeIds(first)).toEqual([own, "f2", "f3"]);
  expect(id).not.toBe("");
});

test("a workflow that was only submitted is in doubt too: its client may have had it executed since", async () => {
  const definition = oneStage({}, [{ name: "touch", uses: "touch" }]);
  const { world, id } = await restored(1, { definition });
  const before = changes(world);
  await world.start();
  await expect(world.exec(id)).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: expect.stringContaining("restored from the backup"),
  });
  await world.thaw("f1");
  await world.exec(id);
  await world.settle();
  expect([await world.phase(id), changes(world)]).toEqual(["SUCCEEDED", before]);
});

test("what a person said has failed is free to begin at a Retry", async () => {
  const definition = oneStage({ rollout: { parallel: 3 } }, [{ name: "touch", uses: "touch" }]);
  const { world, id } = await restored(2, { definition, forgets: true });
  for (const host of world.fleet.hosts.values()) host.changes.length = 0;
  await world.start();
  await world.thaw("f1");
  for (const { stage, action, target } of await tasksOf(world, id)) {
    const request = { workflow: { id }, stage, action, target, resolution: Resolution.FAILED, reason: "looked" };
    await world.engine.resolveTask(OPERATOR, create(ResolveTaskRequestSchema, request));
  }
  await world.settle();
  expect([await world.phase(id), changes(world)]).toEqual(["FAILED", []]);
  await world.engine.retry(OPERATOR, retryOf({ id, namespace: "" }, "now"));
  await world.settle();
  expect([await world.phase(id), changes(world)]).toEqual(["SUCCEEDED", ["h0 touch", "h1 touch", "h2 touch"]]);
});
