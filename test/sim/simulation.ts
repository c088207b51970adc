// One run of the simulator: a service on fakes, clients with random workflows that share hosts, and everything that can go wrong, from one seed.
// 1. Every checker is asked about each entry as it becomes durable; the keepers of the invariants are told of everything as it happens.
// 2. Each step draws from a chance of its own, so that leaving one out changes nothing of what the others mean.
// 3. The run ends by itself: with no more trouble, and people who thaw, approve and resolve, every workflow must come to its end.

import { equals } from "@bufbuild/protobuf";
import type { FreezeScope } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import { TargetSchema } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import type { Target } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import { World } from "../fakes/world.ts";
import { Acts } from "./acts.ts";
import { Chance } from "./chance.ts";
import { Chronicle } from "./chronicle.ts";
import { ClientHouse } from "./client-house.ts";
import { Comparison } from "./comparison.ts";
import { bringToEnd } from "./ending.ts";
import { FleetRecord } from "./fleet-record.ts";
import { Invariants } from "./invariant.ts";
import { newKeepers } from "./invariants.ts";
import type { Keepers } from "./invariants.ts";
import type { PaceKeeper } from "./pace-keeper.ts";
import { People } from "./people.ts";
import { PolicyShelf } from "./policy-shelf.ts";
import { randomPolicy } from "./random-policies.ts";
import type { PolicyTerms } from "./random-policies.ts";
import { randomTargets } from "./random-workflow.ts";
import { SIZES, isLarge, mayHappen } from "./scenario.ts";
import type { Fault, Scenario } from "./scenario.ts";
import { Service } from "./service.ts";
import { SlowDisk } from "./slow-disk.ts";
import { Surroundings } from "./surroundings.ts";
import type { Coverage, Tally } from "./tally.ts";
import { Timeline } from "./timeline.ts";
import { answerTokens } from "./token-holders.ts";
import { Traffic } from "./traffic.ts";
import { Weather } from "./weather.ts";

const HOUR_MS = 3_600_000;
const NO_VERSIONS: ReadonlyMap<string, PolicyTerms> = new Map();
/** So many steps bring a client, whatever else. */
const FIRST_CLIENTS = 2;

/** A run. */
export class Simulation {
  /** What happened, when the scenario is traced. */
  readonly lines: string[] = [];
  readonly #scenario: Scenario;
  readonly #root: Chance;
  readonly #world: World;
  readonly #shelf: PolicyShelf | undefined;
  readonly #chronicle: Chronicle;
  readonly #keepers: Keepers;
  readonly #pace: PaceKeeper | undefined;
  readonly #invariants: Invariants;
  readonly #record: FleetRecord;
  readonly #weather: Weather;
  readonly #service: Service;
  readonly #people: People;
  readonly #surroundings: Surroundings;
  readonly #disk: SlowDisk;
  readonly #clients: ClientHouse;
  readonly #acts: Acts;
  readonly #time: Timeline;
  readonly #comparison: Comparison;
  readonly #frozen = new Map<string, FreezeScope>();
  readonly #everKnown = new Map<string, Target[]>();
  readonly #isLarge: boolean;
  #chance: Chance;
  #bug: Error | undefined;
  #steps = 0;

  constructor(scenario: Scenario) {
    const root = new Chance(scenario.seed);
    this.#scenario = scenario;
    this.#root = root;
    this.#chance = root.fork("start");
    const isManual = this.#may("delay") && root.fork("mode").hit(0.5);
    this.#isLarge = isLarge(scenario);
    this.#world = new World({ mode: isManual ? "manual" : "auto", seed: scenario.seed });
    this.#world.targets = this.#someTargets();
    this.#shelf =
      this.#may("policy") && root.fork("shelf").hit(this.#isLarge ? 0.25 : 0.75)
        ? new PolicyShelf(randomPolicy(root.fork("policy"), this.#world.targets.length))
        : undefined;
    this.#time = new Timeline({
      scenario,
      world: this.#world,
      shelf: this.#shelf,
      isManual,
      disk: () => this.#disk,
      clientClock: () => this.#clients.clock,
      isUp: () => this.#service.isUp,
      chance: () => this.#chance,
      note: (text) => this.#note(text),
      throwFound: () => this.#throwFound(),
    });
    this.#disk = new SlowDisk({
      root,
      mayBeSlow: isManual && this.#may("disk"),
      chance: () => this.#chance,
      isCalm: () => this.#time.isCalm,
      trueMs: () => this.#time.trueMs,
      note: (text) => this.#note(text),
    });
    this.#chronicle = new Chronicle(this.#versions, scenario.trace === true ? (text) => this.#note(`  ${text}`) : undefined);
    const traffic = new Traffic({
      scenario,
      root,
      world: this.#world,
      chance: () => this.#chance,
      isCalm: () => this.#time.isCalm,
      note: (text) => this.#note(text),
      told: (turn) => this.#invariants.paced(turn),
    });
    this.#pace = traffic.keeper;
    this.#keepers = newKeepers(this.#world.clock, this.#pace, (target) => this.#wasInInventory(target));
    this.#invariants = new Invariants(this.#keepers.all, (error) => this.#found(error));
    const models = this.#chronicle.models;
    const scene = {
      world: this.#world,
      shelf: this.#shelf,
      chronicle: this.#chronicle,
      invariants: this.#invariants,
      traffic,
      disk: this.#disk,
      kept: this.#keepers.kept,
      frozen: this.#frozen,
      everKnown: this.#everKnown,
      models,
      model: (id: string) => models.get(id),
      fleet: this.#world.fleet,
      chance: () => this.#chance,
      stamp: () => this.#time.stamp(),
      note: (text: string) => this.#note(text),
      pump: () => this.#time.pump(),
      rest: () => this.#time.rest(),
      isStopFileThere: () => this.#world.stopFile.look().kind !== "absent",
      onBug: (error: Error) => this.#found(error),
      onViolation: (error: Error) => this.#found(error),
      onCrash: () => this.#onCrash(),
      life: () => this.#service.life,
      pointOfStart: () => (this.#time.isCalm ? undefined : this.#acts.pointOfStart()),
      reboot: () => this.#reboot(),
    };
    this.#record = new FleetRecord(scene);
    this.#weather = new Weather(this.#world.fleet, this.#world.clock, () => this.#chance);
    this.#service = new Service(scene);
    this.#comparison = new Comparison({ ...scene, service: this.#service });
    this.#people = new People({ ...scene, service: this.#service });
    this.#surroundings = new Surroundings({ ...scene, record: this.#record, weather: this.#weather });
    answerTokens({ ...scene, service: this.#service, root });
    this.#clients = new ClientHouse({ ...scene, service: this.#service, root, size: scenario.size, isLossy: this.#may("client") });
    this.#acts = new Acts({
      ...scene,
      scenario,
      service: this.#service,
      people: this.#people,
      surroundings: this.#surroundings,
      clients: this.#clients,
    });
    if (this.#shelf !== undefined) this.#watchPolicies(this.#shelf);
  }

  /** Runs to the end; throws what was found. */
  async run(): Promise<void> {
    try {
      await this.#runSteps();
      await this.#runEnd();
    } finally {
      this.#shelf?.remove();
    }
  }

  get tally(): Tally {
    return {
      tasks: this.#chronicle.tasks,
      workflows: this.#chronicle.models.size,
      steps: this.#steps,
      crashes: [...this.#service.crashes.values()].reduce((sum, count) => sum + count, 0),
      appends: this.#service.appends,
      clients: this.#clients.all.length,
      kills: this.#clients.deaths,
      changes: this.#record.changes,
    };
  }

  /** What the run went through. */
  get coverage(): Coverage {
    return { crashes: this.#service.crashes, calls: this.#service.calls, pace: this.#pace?.counts };
  }

  get #versions(): ReadonlyMap<string, PolicyTerms> {
    return this.#shelf?.versions ?? NO_VERSIONS;
  }

  async #runSteps(): Promise<void> {
    await this.#start();
    for (let step = 0; step < this.#scenario.steps; step++) {
      if (this.#scenario.skip.has(step)) continue;
      this.#chance = this.#root.fork("step", step);
      this.#note(`step ${step}`);
      await this.#step(step);
      this.#steps += 1;
    }
  }

  async #runEnd(): Promise<void> {
    this.#note("calm");
    this.#chance = this.#root.fork("end");
    this.#calmDown();
    await bringToEnd({
      world: this.#world,
      service: this.#service,
      people: this.#people,
      models: this.#chronicle.models,
      versions: this.#versions,
      clients: this.#clients.all,
      isLarge: this.#isLarge,
      chance: (round) => this.#root.fork("round", round),
      stamp: () => this.#time.stamp(),
      pump: () => this.#time.pump(),
      advance: (byMs) => this.#time.advance(byMs),
    });
    // A point that nobody came to in the run is not met while it is looked at.
    this.#service.arm(undefined);
    this.#disk.wake();
    await this.#comparison.lives();
    this.#comparison.fleet();
    await this.#comparison.guard();
    this.#keepers.kept.survived(this.#world.journal.entries);
    this.#invariants.ended();
    await Promise.all([this.#keepers.scope.checkDigests(), this.#keepers.feed.check(this.#world, this.#scenario.seed)]);
    this.#chronicle.checkAll();
    this.#throwFound();
  }

  async #step(step: number): Promise<void> {
    const chance = this.#chance;
    if (!this.#service.isUp) await this.#start();
    this.#surroundings.recover(this.#service.isUp);
    if (step < FIRST_CLIENTS) this.#clients.arrive(step);
    else if (chance.hit(0.3)) await this.#time.advance(chance.pick([10, 1_000, 5_000, 20_000, 60_000, 600_000, HOUR_MS]) ?? 1_000);
    else this.#acts.act(step);
    await this.#time.pump();
    if (!this.#isLarge && chance.hit(0.1)) await this.#comparison.lives();
    await this.#keepers.scope.checkDigests();
  }

  #may(fault: Fault): boolean {
    return mayHappen(this.#scenario, fault);
  }

  #reboot(): void {
    this.#service.crash("reboot");
    this.#time.reboot(this.#chance.pick([0, 20_000, 90_000, -60_000, -HOUR_MS]) ?? 0);
  }

  #onCrash(): void {
    if (this.#world.journal.entries.length < 5_000) this.#keepers.kept.survived(this.#world.journal.entries);
    const ends = new Map([...this.#chronicle.models].map(([id, model]) => [id, model.seq]));
    this.#keepers.replays.survived(ends);
    this.#comparison.crashed();
  }

  async #start(): Promise<void> {
    await this.#service.start();
    if (!this.#isLarge) await this.#comparison.afterStart();
  }

  #throwFound(): void {
    if (this.#bug !== undefined) throw this.#bug;
    if (this.#world.fatal !== undefined) throw this.#world.fatal;
  }

  #found(error: Error): void {
    if (this.#bug === undefined) this.#note(`FOUND ${error.message}`);
    this.#bug ??= error;
  }

  /** Nothing goes wrong any more, and nothing is frozen. */
  #calmDown(): void {
    this.#time.isCalm = true;
    if (this.#scenario.crashAt === undefined) this.#service.arm(undefined);
    this.#surroundings.calmDown();
    this.#clients.calmDown();
    if (this.#shelf?.isBroken === true) this.#surroundings.mendPolicy(true);
  }

  #someTargets(): readonly Target[] {
    const { targetsMin, targetsMax } = SIZES[this.#scenario.size];
    const most = Math.min(targetsMax, this.#scenario.targetsMax ?? targetsMax);
    return randomTargets(this.#root.fork("targets"), { targetsMin: Math.min(targetsMin, most), targetsMax: most });
  }

  #wasInInventory(target: Target): boolean {
    return this.#everKnown.get(target.name)?.some((known) => known === target || equals(TargetSchema, known, target)) ?? false;
  }

  #watchPolicies(shelf: PolicyShelf): void {
    shelf.onQuestion = (question) => {
      try {
        this.#comparison.ledger(question);
      } catch (error) {
        this.#found(error instanceof Error ? error : new Error(String(error)));
      }
    };
    shelf.rest = () => this.#time.rest();
    shelf.isAway = () => !this.#time.isCalm && this.#may("delay") && this.#chance.hit(0.03);
    this.#weather.turnsMax = this.#may("delay") && !this.#isLarge ? 2 : 0;
  }

  #note(text: string): void {
    if (this.#scenario.trace === true) this.lines.push(`${this.#time.trueMs} ${text}`);
  }
}
