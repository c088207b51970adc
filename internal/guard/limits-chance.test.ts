import { expect, test } from "vitest";
import { anId } from "../../test/fakes/journal-entries.ts";
import { GuardRun } from "../../test/fakes/guard-run.ts";
import { askOf, LimitOracle } from "../../test/fakes/limit-oracle.ts";
import type { Terms } from "../../test/fakes/limit-oracle.ts";
import { Chance } from "../../test/sim/chance.ts";
import type { WorkflowId } from "../base/ids.ts";
import { releaseHolder } from "./guard.ts";
import type { MachineTime } from "./guard-time.ts";
import { anchorClock, guardNow } from "./guard-time.ts";
import { renewLimits } from "./limit-renewal.ts";
import type { LimitAsk } from "./limits.ts";
import {
  hasLimits,
  listLimits,
  nextForLimit,
  returnLimits,
  roomFor,
  stopWaitingForLimits,
  takeLimits,
  waitForLimit,
  wakenForLimits,
} from "./limits.ts";

const LIMITS: readonly Terms[] = [
  { key: "slots", concurrency: 2 },
  { key: "thirds", tokens: 3, periodMs: 100 },
  { key: "burst", tokens: 7, periodMs: 1_000, burst: 3 },
  { key: "spaced", spacingMs: 15 },
  { key: "site", tokens: 1, periodMs: 60, isEach: true },
  { key: "mixed", concurrency: 3, tokens: 2, periodMs: 90, burst: 2, spacingMs: 4, isEach: true },
];
const IDS = [1, 2, 3].map((n) => anId(n));

/** The machine under the guard: it may be set to another time, and it may be started anew. */
class Machine {
  time: MachineTime = { bootId: "b1", monotonicMs: 5_000.25, wallMs: 1_700_000_000_000 };

  pass(ms: number): void {
    this.time = { ...this.time, monotonicMs: this.time.monotonicMs + ms, wallMs: this.time.wallMs + ms };
  }

  set(stepMs: number): void {
    this.time = { ...this.time, wallMs: this.time.wallMs + stepMs };
  }

  reboot(awayMs: number, bootId: string): void {
    this.time = { bootId, monotonicMs: 1.5, wallMs: this.time.wallMs + awayMs };
  }
}

test.each(Array.from({ length: 80 }, (_, at) => at + 1))(
  "over takes, returns, restarts, reboots and clocks that are set, limits allow exactly what the list of starts allows (seed %i)",
  (seed) => {
    const chance = new Chance(seed);
    const [run, oracle, machine] = [new GuardRun(), new LimitOracle(), new Machine()];
    const open = new Map<string, { readonly workflow: WorkflowId; readonly task: number }>();
    let nowMs = 0;
    let boots = 1;
    for (let step = 0; step < 250; step++) {
      if (chance.hit(0.6)) machine.pass(chance.int(0, 30) + (chance.hit(0.1) ? 200 : 0));
      if (chance.hit(0.02)) machine.set(chance.int(-100_000, 100_000));
      const isRebooted = chance.hit(0.02);
      if (isRebooted) machine.reboot(chance.int(-500, 500), `b${(boots += 1)}`);
      if (isRebooted || chance.hit(0.05)) run.restart();
      const beforeMs = isRebooted ? run.guard.clock.lastMs : nowMs;
      nowMs = guardNow(run.guard, machine.time);
      expect(nowMs).toBeGreaterThanOrEqual(beforeMs);
      run.move(anchorClock(run.guard, machine.time));
      expect(guardNow(run.guard, machine.time)).toBe(nowMs);

      const workflow = chance.pick(IDS) ?? anId(1);
      const task = chance.int(0, 5);
      const name = `${workflow} ${task}`;
      const value = chance.pick(["ams", "fra", "lon"]) ?? "";
      const terms = LIMITS.filter(() => chance.hit(0.4));
      const limits = terms.map((each) => askOf(each, value));
      if (!open.has(name)) {
        const blocked = terms.find((each) => !oracle.mayStart(each, value, nowMs));
        const room = roomFor(run.guard, { workflow, task, priority: 0, limits }, nowMs);
        expect(room.kind === "room" ? undefined : room.key).toBe(blocked?.key);
        if (room.kind === "blocked" && blocked !== undefined && room.untilMs !== undefined) {
          expect([oracle.mayStart(blocked, value, room.untilMs - 1), oracle.mayStart(blocked, value, room.untilMs)]).toEqual([false, true]);
        }
        if (room.kind === "room") {
          run.move(takeLimits(run.guard, { workflow, task, priority: 0, attempt: 1, limits }, nowMs));
          for (const each of terms) oracle.start(name, each, value, nowMs);
          if (terms.length > 0) open.set(name, { workflow, task });
        }
      } else if (chance.hit(0.3)) {
        const isRenewed = run.move(renewLimits(run.guard, { workflow, task }, nowMs)).length > 0;
        expect(isRenewed).toBe(oracle.renew(name, nowMs));
      } else if (chance.hit(0.7)) {
        const isUnused = chance.hit(0.5);
        expect(run.move(returnLimits(run.guard, { workflow, task, isUnused }, nowMs))).toEqual(["limitsReturned"]);
        oracle.end(name, nowMs, isUnused);
        open.delete(name);
      } else if (chance.hit(0.2)) {
        run.move(releaseHolder(run.guard, workflow, nowMs));
        for (const other of [...open.keys()].filter((each) => each.startsWith(workflow))) {
          oracle.end(other, nowMs, false);
          open.delete(other);
        }
      }
      for (const each of IDS) expect(hasLimits(run.guard, { workflow: each, task: 1 })).toBe(open.has(`${each} 1`));
      const shown = { max: 100, nowMs };
      if (step % 25 === 0) expect(listLimits(run.replayed(), "", shown)).toEqual(listLimits(run.guard, "", shown));
    }
  },
);

interface Job {
  readonly limits: readonly LimitAsk[];
  readonly lastsMs: number;
  readonly isUnused: boolean;
}

/** Workflows that go by the rules: who is blocked waits where it is blocked first, and asks again when it is woken or its time has come. */
class World {
  readonly run = new GuardRun();
  readonly oracle = new LimitOracle();
  nowMs = 1;
  readonly #jobs = new Map<WorkflowId, (Job | undefined)[]>();
  readonly #due: { readonly atMs: number; readonly act: () => void }[] = [];
  readonly #timers = new Set<string>();
  readonly #woken = new Set<WorkflowId>();
  readonly done: WorkflowId[] = [];

  submit(workflow: WorkflowId, jobs: readonly Job[]): void {
    this.#jobs.set(workflow, [...jobs]);
    this.#woken.add(workflow);
  }

  /** Runs until nothing is left that could move; returns how many jobs are left. */
  settle(): number {
    for (let turns = 0; turns < 100_000; turns++) {
      const [next] = this.#woken;
      if (next !== undefined) {
        this.#woken.delete(next);
        this.#turn(next);
        continue;
      }
      const first = this.#due.reduce((best, each, at) => (each.atMs < (this.#due[best]?.atMs ?? Infinity) ? at : best), 0);
      const [due] = this.#due.splice(first, 1);
      if (due === undefined) break;
      this.nowMs = Math.max(this.nowMs, due.atMs);
      due.act();
    }
    return [...this.#jobs.values()].flat().filter((job) => job !== undefined).length;
  }

  #turn(workflow: WorkflowId): void {
    const jobs = this.#jobs.get(workflow) ?? [];
    const blockedBy = new Set<string>();
    jobs.forEach((job, task) => {
      if (job === undefined || job.limits.some(({ key }) => blockedBy.has(key))) return;
      const ask = { workflow, task, priority: 0, attempt: 1, limits: job.limits };
      const room = roomFor(this.run.guard, ask, this.nowMs);
      if (room.kind === "room") return this.#begin(workflow, task, job);
      blockedBy.add(room.key);
      waitForLimit(this.run.guard, room.key, { workflow, priority: 0 });
      const { untilMs } = room;
      if (untilMs === undefined || this.#timers.has(`${workflow} ${untilMs}`)) return;
      this.#timers.add(`${workflow} ${untilMs}`);
      this.#due.push({ atMs: untilMs, act: () => this.#woken.add(workflow) });
    });
    stopWaitingForLimits(this.run.guard, workflow, blockedBy);
    this.#wake();
  }

  #begin(workflow: WorkflowId, task: number, job: Job): void {
    const jobs = this.#jobs.get(workflow) ?? [];
    jobs[task] = undefined;
    this.run.move(takeLimits(this.run.guard, { workflow, task, priority: 0, attempt: 1, limits: job.limits }, this.nowMs));
    this.#due.push({
      atMs: this.nowMs + job.lastsMs,
      act: () => {
        this.run.move(returnLimits(this.run.guard, { workflow, task, isUnused: job.isUnused }, this.nowMs));
        this.done.push(workflow);
        this.#woken.add(workflow);
        this.#wake();
      },
    });
  }

  #wake(): void {
    for (const { workflow } of wakenForLimits(this.run.guard)) this.#woken.add(workflow);
  }
}

test.each(Array.from({ length: 60 }, (_, at) => at + 1))(
  "nobody who waits for limits is forgotten, whatever others do (seed %i)",
  (seed) => {
    const chance = new Chance(seed);
    const world = new World();
    for (let workflow = 1; workflow <= 6; workflow++) {
      const jobs = Array.from({ length: chance.int(1, 25) }, () => {
        const limits = LIMITS.filter(() => chance.hit(0.4)).map((each) => askOf(each, chance.pick(["ams", "fra", "lon"]) ?? ""));
        return { limits: chance.hit(0.5) ? limits : limits.toReversed(), lastsMs: chance.int(0, 40), isUnused: chance.hit(0.3) };
      });
      world.submit(anId(workflow), jobs);
    }
    expect(world.settle()).toBe(0);
    expect(LIMITS.map(({ key }) => nextForLimit(world.run.guard, key))).toEqual(LIMITS.map(() => undefined));
  },
);

test("a workflow of very many tasks does not starve one of five", () => {
  const world = new World();
  const job = { limits: [askOf({ key: "slots", concurrency: 2 }, "")], lastsMs: 10, isUnused: false };
  world.submit(
    anId(1),
    Array.from({ length: 2_000 }, () => job),
  );
  world.submit(
    anId(2),
    Array.from({ length: 5 }, () => job),
  );
  expect(world.settle()).toBe(0);
  expect(world.done.lastIndexOf(anId(2))).toBeLessThan(14);
});
