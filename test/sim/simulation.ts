// One run of the simulator: a service on fakes, a few random workflows that share hosts, and everything that can go wrong, from one seed.
// 1. Every checker is asked about each entry as it is appended; the fleet's record and the live ledger are compared as things happen.
// 2. The run ends by itself: with no more trouble, and people who thaw, approve and resolve, every workflow must come to its end.

import { setImmediate } from "node:timers/promises";
import { create, equals, toJsonString } from "@bufbuild/protobuf";
import { HoldfastError } from "../../internal/base/errors.ts";
import { WorkflowId } from "../../internal/base/ids.ts";
import type { Engine } from "../../internal/engine/engine.ts";
import { replay } from "../../internal/engine/lookup.ts";
import type { GateQuestion, JournalEntry } from "../../internal/engine/ports.ts";
import {
  LimitSchema,
  ListLimitsRequestSchema,
  ListLocksRequestSchema,
  ThawRequestSchema,
} from "../../internal/gen/holdfast/v1/guard_service_pb.ts";
import type { FreezeScope } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import { HoldKind, Phase, WorkflowStatusSchema } from "../../internal/gen/holdfast/v1/status_pb.ts";
import type { WorkflowStatus } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { ledgerReader } from "../../internal/guard/ledger.ts";
import { statusOf } from "../../internal/workflow/status.ts";
import type { MemoryJournal } from "../fakes/memory-journal.ts";
import { TESTER } from "../fakes/principals.ts";
import { World } from "../fakes/world.ts";
import { Chance } from "./chance.ts";
import type { Stamp } from "./checker.ts";
import { askedPolicies, must } from "./checker.ts";
import { Chronicle } from "./chronicle.ts";
import { FleetRecord } from "./fleet-record.ts";
import type { Model } from "./model.ts";
import { Violation } from "./model.ts";
import { APPROVERS, People } from "./people.ts";
import { PolicyShelf } from "./policy-shelf.ts";
import type { PolicyTerms } from "./random-policies.ts";
import { randomPolicy } from "./random-policies.ts";
import { randomTargets } from "./random-workflow.ts";

const STEPS = 60;
const ROUNDS_TO_END_MAX = 400;
/** Rounds of the end that take ten seconds; the others take five minutes. */
const SHORT_ROUNDS = 100;
/** From this round on, work that no policy lets through is cancelled. */
const PATIENT_ROUNDS = 160;
const TIMER_STOPS_MAX = 30;
const HOUR_MS = 3_600_000;
const NO_VERSIONS: ReadonlyMap<string, PolicyTerms> = new Map();

/** A run. */
export class Simulation {
  readonly chance: Chance;
  readonly world: World;
  readonly people: People;
  readonly shelf: PolicyShelf | undefined;
  readonly record: FleetRecord;
  readonly #asked = new Set<Promise<void>>();
  readonly #stamps = new WeakMap<JournalEntry, Stamp>();
  readonly #isManual: boolean;
  #chronicle: Chronicle;
  #journal: MemoryJournal | undefined;
  #bootedAtMs = 0;
  #bug: Error | undefined;
  #isCalm = false;
  #questions = 0;

  constructor(seed: number) {
    const chance = new Chance(seed);
    this.chance = chance;
    this.#isManual = chance.hit(0.5);
    this.world = new World({ mode: this.#isManual ? "manual" : "auto", seed });
    this.world.targets = randomTargets(chance);
    this.shelf = chance.hit(0.75) ? new PolicyShelf(randomPolicy(chance)) : undefined;
    this.#chronicle = new Chronicle(this.#versions);
    const { world, shelf } = this;
    const models = (): ReadonlyMap<string, Model> => this.#chronicle.models;
    const frozen = new Map<string, FreezeScope>();
    this.record = new FleetRecord({
      fleet: world.fleet,
      frozen,
      model: (id) => models().get(id),
      isStopFileThere: () => world.stopFile.look().kind !== "absent",
      trueMs: () => this.#trueMs(),
      onViolation: (error) => (this.#bug ??= error),
    });
    this.people = new People({ chance, world, shelf, record: this.record, models, frozen, ask: (work) => this.#ask(work) });
    if (shelf === undefined) return;
    shelf.onQuestion = (question) => this.#compareLedger(question);
    shelf.rest = async () => {
      for (let turns = this.#isCalm ? 0 : chance.int(0, 4); turns > 0; turns--) await setImmediate();
    };
  }

  /** Runs to the end; throws what was found. */
  async run(): Promise<void> {
    await this.#start();
    for (let step = 0; step < STEPS; step++) await this.#step();
    this.#calmDown();
    await this.#finish();
    await this.#compareLives();
    this.#compareFleet();
    await this.#compareGuard();
  }

  /** All that was appended and survived, for people. */
  get lines(): readonly string[] {
    return this.#chronicle.lines;
  }

  get #models(): ReadonlyMap<string, Model> {
    return this.#chronicle.models;
  }

  get #versions(): ReadonlyMap<string, PolicyTerms> {
    return this.shelf?.versions ?? NO_VERSIONS;
  }

  async #step(): Promise<void> {
    if (!this.world.isUp) await this.#start();
    if (this.chance.hit(0.3)) await this.#advance(this.chance.pick([10, 1_000, 5_000, 20_000, 60_000, 600_000, HOUR_MS]) ?? 1_000);
    else if (this.chance.hit(0.03)) this.#reboot();
    else this.people.act();
    await this.#pump();
    if (this.chance.hit(0.1)) await this.#compareLives();
  }

  /** The machine boots again: its monotonic clock begins anew, and its wall clock is where it likes. */
  #reboot(): void {
    const { chance, world } = this;
    world.crash(chance.pick(["nothing", "everything"]) ?? "nothing");
    this.#bootedAtMs = this.#trueMs();
    world.clock.reboot();
    world.clock.step(chance.pick([0, 20_000, 90_000, -60_000, -HOUR_MS]) ?? 0);
  }

  /** Time passes, and what falls due on the way happens at its own time, as far as it is not too much. */
  async #advance(byMs: number): Promise<void> {
    const { clock } = this.world;
    let leftMs = byMs;
    for (let stops = 0; stops < TIMER_STOPS_MAX && leftMs > 0 && this.world.isUp; stops++) {
      const stepMs = Math.min(leftMs, clock.nextInMs ?? leftMs);
      clock.advance(stepMs);
      leftMs -= stepMs;
      await this.#pump();
    }
    clock.advance(leftMs);
  }

  #trueMs(): number {
    return this.#bootedAtMs + this.world.clock.monotonicMs();
  }

  #stamp(): Stamp {
    const { clock, stopFile } = this.world;
    return {
      trueMs: this.#trueMs(),
      boot: clock.bootId(),
      monotonicMs: clock.monotonicMs(),
      wallMs: clock.nowMs(),
      policy: this.shelf?.current,
      isPolicyBroken: this.shelf?.isBroken ?? false,
      isStopFileThere: stopFile.look().kind !== "absent",
    };
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
      this.#follow();
      const { journal } = this.world;
      this.#asked.clear();
      if (this.shelf !== undefined)
        this.world.policies = this.shelf.open({ clock: this.world.clock, inventory: { targets: () => this.world.targets } });
      const starting = this.world.start().finally(() => {
        isOver = true;
      });
      // A service that is killed while it opens never comes up; nobody waits for it.
      while (!isOver && this.world.journal === journal) await this.#pump();
      if (isOver) await starting;
      else starting.catch(() => undefined);
    }
    await this.#checkKept();
  }

  /** Reads what survived, and follows what is appended from now on. */
  #follow(): void {
    const { journal } = this.world;
    if (this.#journal === journal) return;
    this.#journal = journal;
    this.#chronicle = new Chronicle(this.#versions);
    for (const entry of journal.entries) this.#chronicle.take(entry, this.#stamps.get(entry) ?? this.#stamp());
    const append = journal.append.bind(journal);
    journal.append = (entry) => {
      const stamp = this.#stamp();
      this.#stamps.set(entry, stamp);
      const appended = append(entry);
      // It may have been killed by this very append.
      if (this.world.journal === journal) this.#take(entry, stamp);
      return appended;
    };
  }

  #take(entry: JournalEntry, stamp: Stamp): void {
    try {
      if (this.#bug === undefined) this.#chronicle.take(entry, stamp);
    } catch (error) {
      this.#bug ??= error instanceof Error ? error : new Error(String(error));
    }
  }

  /** What was acknowledged before a crash is there after it. */
  async #checkKept(): Promise<void> {
    for (const { id, isExecuted } of this.people.known) {
      if (!this.world.isUp) return;
      const status = await this.#statusOf(id);
      if (status !== undefined && isExecuted && status.phase === Phase.SUBMITTED) throw new Violation(`H1: the Exec of ${id} was lost`);
      if (status?.phase === Phase.SUBMITTED) this.#ask((engine) => engine.exec(TESTER, { id, namespace: "" }, ""));
    }
    const kept = [...this.people.frozen.keys()];
    const answer = await this.#answer((engine) => engine.freezes());
    if (answer === undefined) return;
    const ids = new Set(answer.proof?.freezes.map(({ id }) => id));
    for (const id of kept) must(ids.has(id), "freeze", () => `H1: freeze ${id} was answered and is lost`);
  }

  #statusOf(id: string): Promise<WorkflowStatus | undefined> {
    return this.#answer(() => this.world.status(id));
  }

  /** What the service answers while things happen; undefined: it refuses, or was killed. */
  async #answer<T>(work: (engine: Engine) => Promise<T>): Promise<T | undefined> {
    let answer: T | undefined;
    this.#ask(async (engine) => {
      answer = await work(engine);
    });
    for (let turn = 0; answer === undefined && turn < 20 && this.world.isUp; turn++) await this.#pump();
    return answer;
  }

  /** Lets some things happen, and looks at what came of it. */
  async #pump(): Promise<void> {
    for (let turn = this.#isCalm ? 6 : this.chance.int(1, 6); turn > 0; turn--) {
      await setImmediate();
      if (this.#isManual) this.world.journal.sync(this.#isCalm ? undefined : this.chance.int(0, 3));
    }
    await setImmediate();
    if (this.#bug !== undefined) throw this.#bug;
    if (this.world.fatal !== undefined) throw this.world.fatal;
  }

  /** Nothing goes wrong any more, and nothing is frozen. */
  #calmDown(): void {
    this.#isCalm = true;
    this.world.journal.onAppend = undefined;
    this.record.lateFailures.clear();
    for (const host of this.world.fleet.hosts.values()) host.troubles.clear();
    this.world.stopFile.set({ kind: "absent" });
    const [first] = this.#versions.values();
    if (this.shelf?.isBroken !== true || first === undefined) return;
    this.shelf.write(first);
    this.shelf.look();
  }

  /** Everything ends, or says what it waits for and ends when a person acts. */
  async #finish(): Promise<void> {
    for (let round = 0; round < ROUNDS_TO_END_MAX; round++) {
      this.world.journal.onAppend = undefined;
      if (!this.world.isUp) await this.#start();
      await this.#pump();
      const open = [...this.#models.values()].filter((model) => model.life !== "ended");
      if (open.length === 0 && this.#asked.size === 0) return;
      await this.#thawAll();
      for (const model of open) await this.#helpOn(model, round);
      await this.#advance(round < SHORT_ROUNDS ? 10_000 : 300_000);
    }
    const open = [...this.#models.values()].filter((model) => model.life !== "ended");
    const found = await Promise.all(open.map(async ({ id }) => toJsonString(WorkflowStatusSchema, await this.world.status(id))));
    const limits = await this.world.engine.limits(create(ListLimitsRequestSchema));
    found.push(...limits.limits.map((limit) => toJsonString(LimitSchema, limit)));
    throw new Violation(`progress: these never end: ${found.join("\n")}`);
  }

  async #thawAll(): Promise<void> {
    const answer = await this.#answer((engine) => engine.freezes());
    for (const { id } of answer?.proof?.freezes ?? []) {
      this.people.lift(id);
      this.#ask((engine) => engine.thaw(TESTER, create(ThawRequestSchema, { id })));
    }
  }

  async #helpOn(model: Model, round: number): Promise<void> {
    const ref = { id: model.id, namespace: "" };
    const status = await this.#statusOf(model.id);
    if (status === undefined) return;
    const holds = new Set(status.waitingFor.map(({ kind }) => kind));
    if (status.phase === Phase.SUBMITTED) this.#ask((engine) => engine.exec(TESTER, ref, ""));
    if (status.phase === Phase.PAUSED) this.#ask((engine) => engine.unpause(TESTER, ref));
    if (holds.has(HoldKind.APPROVAL)) for (const approver of APPROVERS) this.people.approve(model.id, approver);
    // What a policy denies on one target may hold the locks that all the others wait for.
    const isDenied = holds.has(HoldKind.POLICY);
    if (round > PATIENT_ROUNDS && (isDenied || this.#isHopeless(model))) this.#ask((engine) => engine.cancel(TESTER, ref, ""));
    if (model.unknown.length > 0) return this.people.resolveOne(model.id);
    if (status.phase !== Phase.WAITING) return;
    if (status.waitingFor.length === 0) throw new Violation(`${model.id} waits and does not say for what`);
    if (holds.has(HoldKind.APPROVAL) && round < SHORT_ROUNDS) return;
    if (holds.has(HoldKind.POLICY)) return this.#ask((engine) => engine.cancel(TESTER, ref, ""));
    // Room at risk is used up by what failed: a person tries it again, or gives up.
    const isRetried = this.chance.hit(0.5);
    this.#ask((engine) => (isRetried ? engine.retry(TESTER, ref, "", "") : engine.cancel(TESTER, ref, "")));
  }

  /** True when a rule may never let the workflow go on, however much time passes. */
  #isHopeless(model: Model): boolean {
    const asked = askedPolicies(model, this.#stamp(), this.#versions);
    const sites = model.submitted.targets.map(({ labels }) => labels["site"] ?? "");
    return asked.some(({ perSite, taskWait }) => {
      const isTooMuch = perSite !== undefined && sites.some((site) => sites.filter((other) => other === site).length > perSite);
      return isTooMuch || taskWait !== undefined;
    });
  }

  /** What the service says is what the journal says. */
  async #compareLives(): Promise<void> {
    if (!this.world.isUp) return;
    for (let turn = 0; turn < 4; turn++) {
      await setImmediate();
      if (this.#isManual) this.world.journal.sync();
    }
    for (const id of this.#models.keys()) {
      if (!this.world.isUp) return;
      const live = await this.#statusOf(id);
      if (live === undefined || !this.world.isUp) return;
      const folded = statusOf(await replay(this.world.journal, WorkflowId.parse(id)));
      // What is parked is no part of the fold.
      const known = { waitingFor: [], phase: Phase.UNSPECIFIED };
      if (Number(live.seq) === Number(folded.seq) && !equals(WorkflowStatusSchema, { ...live, ...known }, { ...folded, ...known })) {
        const [left, right] = [live, folded].map((status) => toJsonString(WorkflowStatusSchema, status));
        throw new Violation(`the status is not the fold of the events:\n${left}\n${right}`);
      }
      this.#checkCounts(live);
      const model = this.#models.get(id);
      if (model !== undefined && Number(live.seq) === model.seq && live.targetsAtRisk !== model.targetsAtRisk)
        throw new Violation(`${id} says that ${live.targetsAtRisk} targets are at risk, its events say ${model.targetsAtRisk}`);
    }
  }

  #checkCounts({ id, counts }: WorkflowStatus): void {
    if (counts === undefined) throw new Violation(`${id} has no counts`);
    const { tasks, succeeded, changed, unchanged, failed, unknown, unreachable, skipped, running, waiting, cancelled } = counts;
    const sum = succeeded + failed + unknown + unreachable + skipped + running + waiting + cancelled;
    if (tasks !== sum || succeeded !== changed + unchanged) throw new Violation(`the counts of ${id} do not add up`);
    const model = this.#models.get(id);
    if (model !== undefined && tasks !== model.tasks.length) throw new Violation(`${id} lost tasks`);
  }

  /** The live ledger, one folded anew from what was appended, and a count by hand: all the same, whenever a gate is judged. */
  #compareLedger({ ledger, targets }: GateQuestion): void {
    if (this.world.journal !== this.#journal || this.#questions++ % 3 > 0) return;
    const except = new Set(targets.map(({ name }) => name));
    const guardMs = this.#chronicle.guardMs(this.#stamp());
    try {
      this.#chronicle.ledger.compare(ledger, { guardMs, except });
      this.#chronicle.ledger.compare(ledgerReader(this.#chronicle.guard, { nowMs: guardMs, except: [...except] }), { guardMs, except });
    } catch (error) {
      this.#bug ??= error instanceof Error ? error : new Error(String(error));
    }
  }

  /** Nothing was done twice, and nothing that succeeded was not done. */
  #compareFleet(): void {
    for (const host of this.world.fleet.hosts.values()) {
      for (const [key, count] of host.applies)
        if (count > 1) throw new Violation(`H2: ${host.name}: attempt ${key} changed it ${count} times`);
      const sets = host.changes.filter((change) => change !== "touch");
      if (new Set(sets).size !== sets.length) throw new Violation(`H2: ${host.name} was changed twice: ${sets.join(", ")}`);
    }
    for (const model of this.#models.values()) {
      for (const [index, task] of model.tasks.entries()) {
        const stage = model.stages[task.stage];
        const host = stage?.over === undefined ? "" : (model.targets[task.target] ?? "");
        const times = this.people.applies(host, `${model.id}.${index}`);
        if (times > 1 && !model.redone.has(index)) throw new Violation(`H2: task ${index} of ${model.id} was done ${times} times`);
        if (model.isPlan && times > 0) throw new Violation(`the plan ${model.id} changed ${host}`);
        const isTouch = !model.isPlan && stage?.actions[task.action]?.uses === "touch";
        if (isTouch && task.standing === "good" && times === 0) throw new Violation(`H1: task ${index} of ${model.id} is done and was not`);
      }
    }
  }

  /** When all has ended, nobody holds or waits for anything. */
  async #compareGuard(): Promise<void> {
    const locks = await this.#answer((engine) => engine.locks(create(ListLocksRequestSchema)));
    must(locks?.count === 0, "leaks", () => `${locks?.count} locks are held or waited for when all has ended`);
    const limits = await this.#answer((engine) => engine.limits(create(ListLimitsRequestSchema)));
    const left = limits?.limits.filter(({ slots, waiting }) => slots > 0 || waiting.length > 0).map(({ key }) => key);
    must(left?.length === 0, "leaks", () => `these limits are held or waited for when all has ended: ${left?.join(", ")}`);
    this.shelf?.remove();
  }
}
