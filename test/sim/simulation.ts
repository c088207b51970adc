// One run of the simulator: a service on fakes, a few random workflows that share hosts, and everything that can go wrong, from one seed.
// 1. After every durable entry the model asks its rules; at the end the fleet, the journal and the status must tell one story.
// 2. The run ends by itself: with no more trouble, and a person who resolves what is held, every workflow must come to its end.

import { setImmediate } from "node:timers/promises";
import { equals, toJsonString } from "@bufbuild/protobuf";
import { HoldfastError } from "../../internal/base/errors.ts";
import { WorkflowId } from "../../internal/base/ids.ts";
import { replay } from "../../internal/engine/lookup.ts";
import type { Engine } from "../../internal/engine/engine.ts";
import { Mode, Resolution } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { Phase, WorkflowStatusSchema } from "../../internal/gen/holdfast/v1/status_pb.ts";
import type { WorkflowStatus } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { ResolveTaskRequestSchema } from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { create } from "@bufbuild/protobuf";
import { statusOf } from "../../internal/workflow/status.ts";
import type { Trouble } from "../fakes/fleet.ts";
import { World, aSubmission, requestId } from "../fakes/world.ts";
import { Chance } from "./chance.ts";
import { Model, Violation } from "./model.ts";
import { randomWorkflow } from "./random-workflow.ts";
import { TESTER } from "../fakes/principals.ts";

const STEPS = 60;
const ROUNDS_TO_END_MAX = 400;

/** A workflow that was submitted, and what was acknowledged of it. */
interface Known {
  readonly id: string;
  isExecuted: boolean;
}

/** A run. */
export class Simulation {
  readonly chance: Chance;
  readonly world: World;
  readonly models = new Map<string, Model>();
  readonly #known: Known[] = [];
  readonly #holders = new Map<string, string>();
  readonly #asked = new Set<Promise<void>>();
  readonly #isManual: boolean;
  #entries = 0;
  #submits = 0;
  #bug: Error | undefined;
  #isCalm = false;

  constructor(seed: number) {
    this.chance = new Chance(seed);
    this.#isManual = this.chance.hit(0.5);
    this.world = new World({ targets: this.chance.int(1, 7), mode: this.#isManual ? "manual" : "auto", seed });
  }

  /** Runs to the end; throws what was found. */
  async run(): Promise<void> {
    await this.#start();
    for (let step = 0; step < STEPS; step++) await this.#step();
    this.#isCalm = true;
    for (const host of this.world.fleet.hosts.values()) host.troubles.clear();
    await this.#finish();
    await this.#compareLives();
    this.#compareFleet();
  }

  async #step(): Promise<void> {
    if (!this.world.isUp) await this.#start();
    await this.#act();
    await this.#pump();
    if (this.chance.hit(0.1)) await this.#compareLives();
  }

  async #act(): Promise<void> {
    const { chance, world } = this;
    const roll = chance.int(0, 99);
    if (roll < 14 && this.#submits < 3) return this.#submit();
    if (roll < 40) return world.clock.advance(chance.pick([10, 1_000, 5_000, 20_000, 60_000]) ?? 1_000);
    if (roll < 55) return this.#trouble();
    if (roll < 62) return this.#crash();
    if (roll < 66) return world.crashAtAppend(chance.int(0, 6), chance.hit(0.5));
    const id = chance.pick(this.#known)?.id;
    if (id === undefined) return undefined;
    const ref = { id, namespace: "" };
    if (roll < 70) return this.#ask((engine) => engine.cancel(TESTER, ref, ""));
    if (roll < 75) return this.#ask((engine) => engine.pause(TESTER, ref, ""));
    if (roll < 82) return this.#ask((engine) => engine.unpause(TESTER, ref));
    if (roll < 90) return this.#ask((engine) => engine.retry(TESTER, ref, "", ""));
    return this.#resolveOne(id);
  }

  #submit(): void {
    const tag = `w${this.#submits++}`;
    const definition = randomWorkflow(this.chance, tag);
    const request = aSubmission(definition, { requestId: requestId(this.#submits), priority: this.chance.int(-1, 1) });
    this.#ask(async (engine) => {
      const { id } = await engine.submit(TESTER, request, Mode.APPLY);
      const known: Known = { id, isExecuted: false };
      this.#known.push(known);
      await engine.exec(TESTER, { id, namespace: "" }, "");
      known.isExecuted = true;
    });
  }

  #trouble(): void {
    const host = this.chance.pick(this.world.targets)?.name ?? "service";
    const step = this.chance.pick(["check", "apply", "run"] as const) ?? "check";
    const troubles: readonly Trouble[] =
      step === "apply" ? ["fail", "unreachable", "lost-answer", "hang"] : ["fail", "unreachable", "hang"];
    this.world.fleet.trouble(host, step, this.chance.pick(troubles) ?? "fail");
  }

  #crash(): void {
    this.world.crash(this.chance.pick(["nothing", "everything", 1, 2]) ?? "nothing");
  }

  /** A person looks at the host, and says what is true. */
  #resolveOne(id: string): void {
    const model = this.models.get(id);
    const index = this.chance.pick(model?.unknown ?? []);
    const task = index === undefined ? undefined : model?.tasks[index];
    if (model === undefined || task === undefined || index === undefined) return;
    const stage = model.stages[task.stage];
    const target = stage?.over === undefined ? "" : (model.targets[task.target] ?? "");
    const isDone = this.#applies(target, `${id}.${index}`) > 0;
    const resolution = isDone ? Resolution.SUCCEEDED : (this.chance.pick([Resolution.FAILED, Resolution.RUN_AGAIN]) ?? Resolution.FAILED);
    const named = { stage: stage?.name ?? "", action: stage?.actions[task.action]?.name ?? "", target };
    const request = create(ResolveTaskRequestSchema, { workflow: { id }, ...named, resolution, reason: "looked" });
    this.#ask((engine) => engine.resolveTask(TESTER, request));
  }

  /** Asks the service without waiting; refusals are answers, anything else is a bug. */
  #ask(work: (engine: Engine) => Promise<unknown>): void {
    if (!this.world.isUp) return;
    const { journal } = this.world;
    const asked = work(this.world.engine)
      .then(() => undefined)
      .catch((error: unknown) => {
        if (!(error instanceof HoldfastError) && this.world.journal === journal)
          this.#bug ??= error instanceof Error ? error : new Error(String(error));
      })
      .finally(() => this.#asked.delete(asked));
    this.#asked.add(asked);
  }

  async #start(): Promise<void> {
    for (let tries = 0; !this.world.isUp && tries < 100; tries++) {
      let isOver = false;
      const { journal } = this.world;
      this.#asked.clear();
      const starting = this.world.start().finally(() => {
        isOver = true;
      });
      // A service that is killed while it opens never comes up; nobody waits for it.
      while (!isOver && this.world.journal === journal) await this.#pump();
      if (isOver) await starting;
      else starting.catch(() => undefined);
    }
    for (const { id, isExecuted } of this.#known) {
      if (!this.world.isUp) return;
      const status = await this.#statusOf(id);
      if (status !== undefined && isExecuted && status.phase === Phase.SUBMITTED) throw new Violation(`H1: the Exec of ${id} was lost`);
      if (status?.phase === Phase.SUBMITTED) this.#ask((engine) => engine.exec(TESTER, { id, namespace: "" }, ""));
    }
  }

  async #statusOf(id: string): Promise<WorkflowStatus | undefined> {
    const asked = this.world.status(id);
    let status: WorkflowStatus | undefined;
    this.#ask(async () => {
      status = await asked;
    });
    for (let turn = 0; status === undefined && turn < 20 && this.world.isUp; turn++) await this.#pump();
    return status;
  }

  /** Lets some things happen, and looks at what came of it. */
  async #pump(): Promise<void> {
    for (let turn = this.#isCalm ? 6 : this.chance.int(1, 6); turn > 0; turn--) {
      await setImmediate();
      if (this.#isManual) this.world.journal.sync(this.#isCalm ? undefined : this.chance.int(0, 3));
    }
    await setImmediate();
    if (this.world.fatal !== undefined) throw this.world.fatal;
    if (this.#bug !== undefined) throw this.#bug;
    this.#readEntries();
  }

  #readEntries(): void {
    const { entries } = this.world.journal;
    for (; this.#entries < entries.length; this.#entries++) {
      const entry = entries[this.#entries];
      if (entry === undefined) return;
      for (const event of entry.events) {
        if (entry.id === undefined) break;
        if (event.kind.case === "workflowSubmitted") this.models.set(entry.id, new Model(event.kind.value));
        else this.models.get(entry.id)?.take(event, entry.timeMs);
      }
      for (const { kind } of entry.guardEvents) {
        if (kind.case === "lockTaken") this.#take(kind.value.target, kind.value.holder);
        if (kind.case === "lockReleased") this.#holders.delete(kind.value.target);
        if (kind.case === "holderReleased")
          for (const [key, holder] of this.#holders) if (holder === kind.value.holder) this.#holders.delete(key);
      }
      this.#checkLocks();
    }
  }

  #take(key: string, holder: string): void {
    if (this.#holders.has(key)) throw new Violation(`the lock of ${key} was taken twice`);
    this.#holders.set(key, holder);
  }

  #checkLocks(): void {
    for (const model of this.models.values()) {
      const { may, must } = model.locks();
      for (const target of must)
        if (this.#holders.get(target) !== model.id) throw new Violation(`${model.id} changes ${target} without its lock`);
      for (const [key, holder] of this.#holders)
        if (holder === model.id && !may.has(key)) throw new Violation(`${model.id} kept the lock of ${key}`);
    }
  }

  /** With no more trouble everything ends, or says what it waits for and ends when a person acts. */
  async #finish(): Promise<void> {
    this.world.journal.onAppend = undefined;
    for (let round = 0; round < ROUNDS_TO_END_MAX; round++) {
      if (!this.world.isUp) await this.#start();
      await this.#pump();
      const open = [...this.models.values()].filter((model) => model.life !== "ended");
      if (open.length === 0 && this.#asked.size === 0) return;
      for (const model of open) await this.#helpOn(model);
      this.world.clock.advance(10_000);
    }
    const open = [...this.models.values()].filter((model) => model.life !== "ended");
    const found = await Promise.all(open.map(async ({ id }) => toJsonString(WorkflowStatusSchema, await this.world.status(id))));
    throw new Violation(`these never end: ${found.join("\n")}`);
  }

  async #helpOn(model: Model): Promise<void> {
    const ref = { id: model.id, namespace: "" };
    const status = await this.#statusOf(model.id);
    if (status === undefined) return;
    if (status.phase === Phase.SUBMITTED) this.#ask((engine) => engine.exec(TESTER, ref, ""));
    if (status.phase === Phase.PAUSED) this.#ask((engine) => engine.unpause(TESTER, ref));
    if (status.phase !== Phase.WAITING) return;
    if (status.waitingFor.length === 0) throw new Violation(`${model.id} waits and does not say for what`);
    if (model.unknown.length > 0) return this.#resolveOne(model.id);
    // Room at risk is used up by what failed: a person tries it again, or gives up.
    const isRetried = this.chance.hit(0.5);
    this.#ask((engine) => (isRetried ? engine.retry(TESTER, ref, "", "") : engine.cancel(TESTER, ref, "")));
  }

  /** What the service says is what the journal says. */
  async #compareLives(): Promise<void> {
    if (!this.world.isUp) return;
    for (let turn = 0; turn < 4; turn++) {
      await setImmediate();
      if (this.#isManual) this.world.journal.sync();
    }
    this.#readEntries();
    for (const id of this.models.keys()) {
      if (!this.world.isUp) return;
      const live = await this.#statusOf(id);
      if (live === undefined || !this.world.isUp) return;
      const folded = statusOf(await replay(this.world.journal, WorkflowId.parse(id)));
      if (Number(live.seq) === Number(folded.seq) && !equals(WorkflowStatusSchema, live, folded)) {
        const [left, right] = [live, folded].map((status) => toJsonString(WorkflowStatusSchema, status));
        throw new Violation(`the status is not the fold of the events:\n${left}\n${right}`);
      }
      this.#checkCounts(live);
      const model = this.models.get(id);
      if (model !== undefined && Number(live.seq) === model.seq && live.targetsAtRisk !== model.targetsAtRisk)
        throw new Violation(`${id} says that ${live.targetsAtRisk} targets are at risk, its events say ${model.targetsAtRisk}`);
    }
  }

  #checkCounts({ id, counts }: WorkflowStatus): void {
    if (counts === undefined) throw new Violation(`${id} has no counts`);
    const { tasks, succeeded, changed, unchanged, failed, unknown, unreachable, skipped, running, waiting, cancelled } = counts;
    const sum = succeeded + failed + unknown + unreachable + skipped + running + waiting + cancelled;
    if (tasks !== sum || succeeded !== changed + unchanged) throw new Violation(`the counts of ${id} do not add up`);
    if (tasks !== this.models.get(id)?.tasks.length) throw new Violation(`${id} lost tasks`);
  }

  /** Nothing was done twice, and nothing that succeeded was not done. */
  #compareFleet(): void {
    for (const host of this.world.fleet.hosts.values()) {
      for (const [key, count] of host.applies)
        if (count > 1) throw new Violation(`H2: ${host.name}: attempt ${key} changed it ${count} times`);
      const sets = host.changes.filter((change) => change !== "touch");
      if (new Set(sets).size !== sets.length) throw new Violation(`H2: ${host.name} was changed twice: ${sets.join(", ")}`);
    }
    for (const model of this.models.values()) {
      for (const [index, task] of model.tasks.entries()) {
        const stage = model.stages[task.stage];
        const host = stage?.over === undefined ? "" : (model.targets[task.target] ?? "");
        const times = this.#applies(host, `${model.id}.${index}`);
        if (times > 1 && !model.redone.has(index)) throw new Violation(`H2: task ${index} of ${model.id} was done ${times} times`);
        const isTouch = stage?.actions[task.action]?.uses === "touch";
        if (isTouch && task.standing === "good" && times === 0) throw new Violation(`H1: task ${index} of ${model.id} is done and was not`);
      }
    }
  }

  #applies(target: string, taskKey: string): number {
    const host = this.world.fleet.host(target === "" ? "service" : target);
    let times = 0;
    for (const [key, count] of host.applies) if (key.startsWith(`${taskKey}.`)) times += count;
    return times;
  }
}
