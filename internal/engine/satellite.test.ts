// examples/satellite-disk-erase whole, in fake time: a hundred sites with fifty machines each, under the shipped policy.
// 1. What happened is counted from the fleet's own record, machine by machine, in true time: no step of a clock moves it.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { World, aSubmission, requestId } from "../../test/fakes/world.ts";
import { TESTER } from "../../test/fakes/principals.ts";
import { MemoryJournal } from "../../test/fakes/memory-journal.ts";
import type { Lease } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { AttemptOutcome, Mode } from "../gen/holdfast/v1/event_pb.ts";
import { FreezeRequestSchema, ListLimitsRequestSchema, ThawRequestSchema } from "../gen/holdfast/v1/guard_service_pb.ts";
import { FreezeMode, FreezeScopeSchema } from "../gen/holdfast/v1/policy_pb.ts";
import { Phase } from "../gen/holdfast/v1/status_pb.ts";
import type { WorkflowStatus } from "../gen/holdfast/v1/status_pb.ts";
import type { WorkflowDefinition } from "../gen/holdfast/v1/workflow_pb.ts";
import { TargetSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import { readWorkflowFile } from "../sdk/workflow-file.ts";
import type { Action, JournalEntry } from "./ports.ts";

const PROJECT = join(import.meta.dirname, "..", "..");
const read = (path: string): string => readFileSync(join(PROJECT, path), "utf8");
const POLICY = read("policies/satellite-disk-erase.yaml");
const WORKFLOW = read("examples/satellite-disk-erase/satellite-disk-erase.yaml");
const [SECOND, MINUTE, HOUR] = [1_000, 60_000, 3_600_000];
const DOWN_MS = 7 * SECOND;
const EVERYTHING = create(FreezeScopeSchema, { kind: { case: "everything", value: true } });

/** What became of one machine: its first erase's beginning, and the end of the one that was done; undefined: it still runs. */
interface Erased {
  readonly machine: string;
  readonly beganMs: number;
  endedMs: number | undefined;
}

/** Satellites with machines, and the record of what was done to them. */
class Satellites extends World {
  readonly sites: readonly string[];
  readonly machines: number;
  /** By site, in order of beginning. */
  readonly record = new Map<string, Map<string, Erased>>();
  /** Sites that were looked up, each with the time of its last look-up over targets. */
  readonly lookedUpMs = new Map<string, number>();
  /** How long ago the site was looked up when an erase began, at most. */
  staleMs = 0;
  /** The most machines of all sites that were being erased at one time. */
  mostAtOnce = 0;
  /** Machines of which an erase was begun, and of which one has ended; one that a crash cut counts as running until then. */
  begunCount = 0;
  doneCount = 0;
  applies = 0;
  #steppedMs = 0;
  #requests = 0;
  #definition: WorkflowDefinition | undefined;

  constructor({ sites, machines }: { readonly sites: number; readonly machines: number }) {
    super();
    const numbered = (prefix: string, count: number, width: number): readonly string[] =>
      Array.from({ length: count }, (_, at) => `${prefix}${String(at + 1).padStart(width, "0")}`);
    this.sites = numbered("sat", sites, 3);
    this.machines = machines;
    this.targets = this.sites.flatMap((site) =>
      numbered(`${site}-m`, machines, 2).map((name) =>
        create(TargetSchema, { name, labels: { site }, connection: { kind: { case: "local", value: {} } } }),
      ),
    );
    this.policies = this.policiesOf([POLICY]);
    this.#teach();
  }

  /** True time: steps of the wall clock do not count. */
  get trueMs(): number {
    return this.clock.nowMs() - this.#steppedMs;
  }

  step(byMs: number): void {
    this.clock.step(byMs);
    this.#steppedMs += byMs;
  }

  /** Dies as this entry is written: it is lost, or on disk and not acknowledged. */
  crashWith(entry: JournalEntry, isDurable: boolean): void {
    this.crash(isDurable ? "everything" : "nothing");
    if (isDurable) this.journal = new MemoryJournal("auto", [...this.journal.entries, entry]);
  }

  /** Submits and executes the erase of a site. */
  async erase(site: string): Promise<string> {
    this.#definition ??= (await readWorkflowFile(WORKFLOW, { file: "workflow", readSource: async () => undefined })).definition;
    const request = aSubmission(undefined, { requestId: requestId(++this.#requests), params: { site } });
    request.definition = this.#definition;
    const { id, digest } = await this.engine.submit(TESTER, request, Mode.APPLY);
    await this.engine.exec(TESTER, { id, namespace: "" }, digest);
    return id;
  }

  /** Lets time pass until this holds, from one moment at which something is due to the next. */
  async passUntil(holds: () => boolean | Promise<boolean>, mostMs: number): Promise<void> {
    const lastMs = this.trueMs + mostMs;
    await this.settle(3);
    while (!(await holds())) {
      const { nextInMs } = this.clock;
      if (nextInMs === undefined || this.trueMs + nextInMs > lastMs) throw new Error("it does not come to that");
      await this.clock.advanceAsync(nextInMs);
      await this.settle(3);
    }
  }

  /** All machines that were begun, by site. */
  erased(): readonly (readonly Erased[])[] {
    return [...this.record.values()].map((site) => [...site.values()]);
  }

  /** The fleet knows the two actions of the example: a look-up that reads, and an erase that takes a while. */
  #teach(): void {
    const find = this.fleet.find.bind(this.fleet);
    const known = (uses: string): Action => {
      const action = find(uses);
      if (action === undefined) throw new Error(`the fleet does not know ${uses}`);
      return action;
    };
    const [set, probe] = [known("set"), known("probe")];
    const erase: Action = { ...set, uses: "erase@1", parse: ({ device = "" }) => set.parse({ name: device, value: "erased" }) };
    const lookUp: Action = { ...probe, uses: "http" };
    this.fleet.find = (uses) => (uses === "erase@1" ? erase : uses === "http" ? lookUp : find(uses));
    this.fleet.onStep = async ({ host, kind }) => {
      const [site = ""] = host.name.split("-");
      if (kind === "run" && host.name !== "service") this.lookedUpMs.set(site, this.trueMs);
      if (kind === "apply") await this.#begin(host.name, site);
      if (kind === "applied") this.#end(host.name, site);
    };
  }

  async #begin(machine: string, site: string): Promise<void> {
    const machines = this.record.get(site) ?? new Map<string, Erased>();
    this.record.set(site, machines);
    if (!machines.has(machine)) {
      machines.set(machine, { machine, beganMs: this.trueMs, endedMs: undefined });
      this.begunCount += 1;
    }
    this.applies += 1;
    this.staleMs = Math.max(this.staleMs, this.trueMs - (this.lookedUpMs.get(site) ?? 0));
    this.mostAtOnce = Math.max(this.mostAtOnce, this.begunCount - this.doneCount);
    // Each takes another while, between 10 and 40 seconds.
    const takesMs = 10 * SECOND + ((this.applies * 7_919) % 30) * SECOND;
    await new Promise<void>((resolve) => this.clock.after(takesMs, resolve));
  }

  #end(machine: string, site: string): void {
    const erased = this.record.get(site)?.get(machine);
    if (erased === undefined) return;
    if (erased.endedMs === undefined) this.doneCount += 1;
    erased.endedMs = this.trueMs;
  }
}

/** What must be true of every record, whatever happened meanwhile. */
function checkRecord(world: Satellites): void {
  const sites = world.erased();
  const begun = sites.map((site) => Math.min(...site.map(({ beganMs }) => beganMs))).toSorted((a, b) => a - b);
  for (const [at, beganMs] of begun.slice(1).entries())
    expect(beganMs - (begun[at] ?? 0), "between two sites").toBeGreaterThanOrEqual(HOUR);
  for (const site of sites) {
    const inOrder = site.toSorted((a, b) => a.beganMs - b.beganMs);
    for (let at = 5; at < inOrder.length; at++) {
      const five = inOrder.slice(Math.floor(at / 5) * 5 - 5, Math.floor(at / 5) * 5);
      const ended = Math.max(...five.map(({ endedMs }) => endedMs ?? Infinity));
      expect((inOrder[at]?.beganMs ?? 0) - ended, `after the five before ${inOrder[at]?.machine}`).toBeGreaterThanOrEqual(MINUTE);
    }
  }
  expect(world.mostAtOnce).toBeLessThanOrEqual(5);
}

async function statuses(world: World, ids: readonly string[]): Promise<readonly WorkflowStatus[]> {
  return Promise.all(ids.map((id) => world.status(id)));
}

async function areDone(world: World, ids: readonly string[]): Promise<boolean> {
  const all = await statuses(world, ids);
  return all.every(({ phase }) => phase === Phase.SUCCEEDED);
}

test(
  "a hundred sites submitted at once: one begins an hour, five machines at a time, a minute after each five",
  { timeout: 60_000 },
  async () => {
    const world = new Satellites({ sites: 100, machines: 50 });
    await world.start();
    const beganMs = world.trueMs;
    const ids: string[] = [];
    for (const site of world.sites) ids.push(await world.erase(site));
    await world.passUntil(() => world.applies === 5_000, 101 * HOUR);
    await world.passUntil(() => areDone(world, ids), HOUR);
    checkRecord(world);
    expect([world.doneCount, world.applies, world.mostAtOnce]).toEqual([5_000, 5_000, 5]);
    expect(world.trueMs - beganMs).toBeGreaterThanOrEqual(99 * HOUR);
    expect(world.staleMs).toBe(0);
  },
);

/** What the clocks do while the service is down and again while it runs; a reboot has its own boot's monotonic clock. */
type Trick = "nothing" | "two hours forward" | "two hours back" | "a reboot" | "a reboot, two hours back";

const TRICKS: readonly Trick[] = ["nothing", "two hours forward", "two hours back", "a reboot", "a reboot, two hours back"];

function play(world: Satellites, trick: Trick): void {
  if (trick === "a reboot" || trick === "a reboot, two hours back") world.clock.reboot();
  if (trick === "two hours forward") world.step(2 * HOUR);
  if (trick === "two hours back" || trick === "a reboot, two hours back") world.step(-2 * HOUR);
}

/** Moments at which an entry is written, by what is in it. None is the very first: by then something has happened that could be forgotten. */
const ENTRIES = {
  "the token of a second site is taken": ({ guardEvents }: JournalEntry) =>
    guardEvents.some(({ kind }) => kind.case === "limitsTaken" && kind.value.leases.some(isSecondSite)),
  "an erase begins": ({ events }: JournalEntry) => events.some(({ kind }) => kind.case === "applyStarted" && kind.value.task > 6),
  "a machine is done": ({ events }: JournalEntry) =>
    events.some(({ kind }) => kind.case === "attemptEnded" && kind.value.task > 6 && kind.value.outcome === AttemptOutcome.CHANGED),
  "a pause begins": ({ guardEvents }: JournalEntry) => guardEvents.some(({ kind }) => kind.case === "pauseBegan"),
} as const;

function isSecondSite({ key, each = "sat001" }: Lease): boolean {
  return key.includes("/one-site-an-hour/") && each !== "sat001";
}

/** Moments between two entries. */
const BETWEEN = {
  "in the middle of a five": (world: Satellites) => world.begunCount > 7 && world.begunCount - world.doneCount > 2,
  "in the pause": (world: Satellites) => world.doneCount === 5,
  "while the others wait for the hour": (world: Satellites) => world.doneCount === 12,
} as const;

/** Three sites of twelve machines are erased; the service is killed at a moment, lies down for a while, and comes back. */
async function eraseWithCrash(trick: Trick, arm: (world: Satellites) => Promise<void>, downMs: number): Promise<void> {
  const world = new Satellites({ sites: 3, machines: 12 });
  await world.start();
  const ids: string[] = [];
  for (const site of world.sites) ids.push(await world.erase(site));
  await arm(world);
  await world.passUntil(() => !world.isUp, 10 * HOUR);
  play(world, trick);
  await world.clock.advanceAsync(downMs);
  await world.start();
  let isPlayed = false;
  await world.passUntil(async () => {
    // Once more while it runs, in the middle of the last site; a machine that boots takes the service with it.
    if (!isPlayed && world.begunCount > 26) {
      isPlayed = true;
      if (trick.startsWith("a reboot")) world.crash();
      play(world, trick);
      if (!world.isUp) await world.start();
    }
    return world.doneCount === 36 && (await areDone(world, ids));
  }, 20 * HOUR);
  checkRecord(world);
}

describe.each(TRICKS)("a service that is killed, and clocks that do this: %s", (trick) => {
  test.each(Object.keys(ENTRIES))("no sixth machine and no second site gets through when it dies as %s", async (moment) => {
    const isIt = Object.entries(ENTRIES).find(([name]) => name === moment)?.[1];
    for (const isDurable of [false, true]) {
      const arm = async (world: Satellites): Promise<void> => {
        world.journal.onAppend = (entry) => {
          if (isIt?.(entry) !== true) return;
          world.journal.onAppend = undefined;
          world.crashWith(entry, isDurable);
        };
      };
      // A token that is on disk counts from when its machine is changed: when the service is back.
      await eraseWithCrash(trick, arm, moment.startsWith("the token") ? HOUR : DOWN_MS);
    }
  });

  test.each(Object.keys(BETWEEN))("no sixth machine and no second site gets through when it dies %s", async (moment) => {
    const isNow = Object.entries(BETWEEN).find(([name]) => name === moment)?.[1];
    for (const downMs of [DOWN_MS, HOUR]) {
      const arm = async (world: Satellites): Promise<void> => {
        await world.passUntil(() => isNow?.(world) === true, 10 * HOUR);
        world.crash();
      };
      await eraseWithCrash(trick, arm, downMs);
    }
  });
});

test("a rerun of a finished site changes nothing and takes no longer than its pauses, though others stand in line", async () => {
  const world = new Satellites({ sites: 2, machines: 12 });
  await world.start();
  await world.passUntil(await eraseAll(world, ["sat001"]), HOUR);
  const other = await eraseAll(world, ["sat002"]);
  const [applies, againMs] = [world.applies, world.trueMs];
  await world.passUntil(await eraseAll(world, ["sat001"]), HOUR);
  expect([world.applies, world.trueMs - againMs]).toEqual([applies, 2 * MINUTE]);
  await world.passUntil(other, 2 * HOUR);
  await world.clock.advanceAsync(2 * HOUR);
  const laterMs = world.trueMs;
  await world.passUntil(await eraseAll(world, ["sat001"]), HOUR);
  expect([world.doneCount, world.applies, world.trueMs - laterMs]).toEqual([24, 24, 2 * MINUTE]);
  checkRecord(world);
});

test.each([1, 12])("a site of %i machines whose erases find them erased gives the token back", async (machines) => {
  const world = new Satellites({ sites: 1, machines });
  await world.start();
  for (const spent of [["look-up-in-turn/look-up", "one-site-an-hour/erase"], ["look-up-in-turn/look-up"]]) {
    await world.clock.advanceAsync(2 * HOUR);
    await world.passUntil(await eraseAll(world, ["sat001"]), HOUR);
    const { limits } = await world.engine.limits(create(ListLimitsRequestSchema, {}));
    const keys = limits.filter(({ nextAt }) => nextAt !== undefined).map(({ key }) => key);
    expect(keys).toEqual(spent.map((key) => `satellite-disk-erase/${key}`));
  }
  expect(world.applies).toBe(machines);
});

test("a freeze of an hour right after a token was taken moves the next site by that hour", async () => {
  const world = new Satellites({ sites: 3, machines: 12 });
  await world.start();
  const areAllDone = await eraseAll(world, world.sites);
  let frozen: Promise<{ readonly id: string }> | undefined;
  world.journal.onAppend = (entry) => {
    if (frozen !== undefined || !ENTRIES["the token of a second site is taken"](entry)) return;
    const request = create(FreezeRequestSchema, { scope: EVERYTHING, mode: FreezeMode.FINISH, reason: "stop it" });
    frozen = Promise.resolve().then(() => world.engine.freeze(TESTER, request));
  };
  await world.passUntil(() => frozen !== undefined, 2 * HOUR);
  const { id = "" } = (await frozen) ?? {};
  await world.settle();
  expect(world.begunCount).toBe(12);
  await world.clock.advanceAsync(HOUR);
  await world.engine.thaw(TESTER, create(ThawRequestSchema, { id, reason: "over" }));
  await world.passUntil(areAllDone, 10 * HOUR);
  expect(world.doneCount).toBe(36);
  checkRecord(world);
});

test("a site that is no longer being decommissioned when its turn comes is not erased", async () => {
  const world = new Satellites({ sites: 2, machines: 12 });
  await world.start();
  const first = await eraseAll(world, ["sat001"]);
  const id = await world.erase("sat002");
  await world.passUntil(first, HOUR);
  expect([...world.lookedUpMs.keys()]).toEqual(["sat001"]);
  for (const { name } of world.targets) if (name.startsWith("sat002")) world.fleet.trouble(name, "run", "fail");
  await world.passUntil(async () => (await world.status(id)).phase === Phase.FAILED, 2 * HOUR);
  expect(world.doneCount).toBe(12);
  expect(world.erased()).toHaveLength(1);
});

/** Submits and executes the sites' erases; whether all of them have succeeded. */
async function eraseAll(world: Satellites, sites: readonly string[]): Promise<() => Promise<boolean>> {
  const ids: string[] = [];
  for (const site of sites) ids.push(await world.erase(site));
  return () => areDone(world, ids);
}
