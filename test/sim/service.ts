// The simulated service over its lives: it starts, is killed at a call of a port or between two, and what is durable is read by the checkers.
// 1. A crash keeps any prefix of what was appended and is not durable; whatever it keeps is durable from then on.

import { setImmediate } from "node:timers/promises";
import { HoldfastError } from "../../internal/base/errors.ts";
import type { Engine } from "../../internal/engine/engine.ts";
import type { EnginePorts, JournalEntry } from "../../internal/engine/ports.ts";
import type { MemoryJournal } from "../fakes/memory-journal.ts";
import type { World } from "../fakes/world.ts";
import type { Stamp } from "./checker.ts";
import type { Chance } from "./chance.ts";
import type { Chronicle } from "./chronicle.ts";
import { fencedPorts } from "./fenced-ports.ts";
import type { Invariants } from "./invariant.ts";
import { Life, LifeOver } from "./life.ts";
import type { CrashPoint } from "./life.ts";
import type { PolicyShelf } from "./policy-shelf.ts";
import type { Traffic } from "./traffic.ts";
import type { SlowDisk } from "./slow-disk.ts";
import { Violation } from "./violation.ts";

const STARTS_MAX = 100;
const TURNS_TO_START_MAX = 100_000;

/** What the service is made of. */
export interface ServiceScene {
  readonly world: World;
  readonly shelf: PolicyShelf | undefined;
  readonly chronicle: Chronicle;
  readonly invariants: Invariants;
  readonly traffic: Traffic;
  readonly disk: SlowDisk;
  /** The chance of the step under way. */
  chance(): Chance;
  stamp(): Stamp;
  note(text: string): void;
  /** Lets some things happen. */
  pump(): Promise<void>;
  /** What is answered late waits so long. */
  rest(): Promise<void>;
  /** A life ended, and this is what survived. */
  onCrash(): void;
  onBug(error: Error): void;
  /** Where a life ends that begins now; undefined: nowhere yet. */
  pointOfStart(): CrashPoint | undefined;
}

/** The service. */
export class Service {
  /** Calls of ports over all lives, by name. */
  readonly calls = new Map<string, number>();
  /** Crashes, by the point of each. */
  readonly crashes = new Map<string, number>();
  appends = 0;
  readonly #scene: ServiceScene;
  readonly #asked = new Set<Promise<void>>();
  readonly #stamps = new WeakMap<JournalEntry, Stamp>();
  #life: Life;
  #lives = 0;
  #journal: MemoryJournal | undefined;
  /** How many durable entries the checkers have read. */
  #read = 0;

  constructor(scene: ServiceScene) {
    this.#scene = scene;
    this.#life = this.#newLife();
    this.#life.end();
  }

  get isUp(): boolean {
    return this.#scene.world.isUp && !this.#life.isOver;
  }

  /** The running service, for whoever calls it; undefined: it is down. */
  get running(): { readonly engine: Engine; readonly life: Life } | undefined {
    return this.isUp ? { engine: this.#scene.world.engine, life: this.#life } : undefined;
  }

  /** The number of its life. */
  get life(): number {
    return this.#life.number;
  }

  /** True while somebody waits for an answer. */
  get isAsked(): boolean {
    return this.#asked.size > 0;
  }

  /** Its life ends at this point. */
  arm(point: CrashPoint | undefined): void {
    this.#life.arm(point);
  }

  /** Kills it. */
  crash(at = "now"): void {
    const { world, chance, note, invariants, onCrash } = this.#scene;
    if (this.#life.isOver) return;
    const pending = world.journal.pendingCount;
    const kept = chance().pick([0, pending, chance().int(0, pending)]) ?? 0;
    this.crashes.set(at, (this.crashes.get(at) ?? 0) + 1);
    note(`CRASH ${at}, ${kept} of ${pending} pending entries survive`);
    this.#life.end();
    world.crash(kept);
    this.#follow();
    invariants.crashed(this.#life.number);
    onCrash();
    this.#asked.clear();
  }

  /** Starts it, as often as it takes. */
  async start(): Promise<void> {
    for (let tries = 0; !this.isUp && tries < STARTS_MAX; tries++) await this.#startOnce();
    if (!this.isUp) throw new Violation("start: it does not come up");
  }

  /** Asks the service without waiting; refusals are answers, anything else is a bug. */
  ask(work: (engine: Engine, life: Life) => Promise<unknown>): void {
    const { running } = this;
    if (running === undefined) return;
    const asked = work(running.engine, running.life)
      .then(() => undefined)
      .catch((error: unknown) => {
        if (error instanceof HoldfastError || error instanceof LifeOver || running.life.isOver) return;
        this.#scene.onBug(error instanceof Error ? error : new Error(String(error)));
      })
      .finally(() => this.#asked.delete(asked));
    if (!running.life.isOver) this.#asked.add(asked);
  }

  /** What the service answers while things happen; undefined: it refuses, or was killed. */
  async answer<T>(work: (engine: Engine) => Promise<T>): Promise<T | undefined> {
    let answer: { readonly value: T } | "refused" | undefined;
    this.ask(async (engine) => {
      try {
        answer = { value: await work(engine) };
      } catch (error) {
        answer = "refused";
        throw error;
      }
    });
    for (let turn = 0; answer === undefined && turn < 50 && this.isUp; turn++) await this.#scene.pump();
    return answer === undefined || answer === "refused" ? undefined : answer.value;
  }

  async #startOnce(): Promise<void> {
    const { world, shelf, traffic, disk, note, onBug } = this.#scene;
    const life = this.#newLife();
    this.#life = life;
    this.#follow();
    note("the service starts");
    // Nobody opens a service on a disk that does not answer.
    disk.wake();
    life.arm(this.#scene.pointOfStart());
    traffic.begin(life);
    const judging = traffic.judging.bind(traffic);
    if (shelf !== undefined) world.policies = shelf.open({ clock: world.clock, inventory: { targets: () => world.targets }, judging });
    world.fence = (ports) => fencedPorts(this.#late(ports), life);
    let isOver = false;
    world
      .start()
      .catch((error: unknown) => {
        if (!life.isOver && !(error instanceof LifeOver)) onBug(error instanceof Error ? error : new Error(String(error)));
      })
      .finally(() => {
        isOver = true;
      });
    // A service that is killed while it opens never comes up; nobody waits for it.
    for (let turn = 0; !isOver && !life.isOver; turn++) {
      if (turn > TURNS_TO_START_MAX) throw new Violation("start: it opens for ever");
      await setImmediate();
      await this.#scene.pump();
    }
  }

  /** The disk and the inventory's worker answer when they like; hosts, the journal and the judge have a lateness of their own. */
  #late(ports: EnginePorts): EnginePorts {
    const { rest, traffic } = this.#scene;
    const late = <T>(work: () => Promise<T>): Promise<T> => rest().then(work);
    return {
      ...ports,
      disk: { freeBytes: () => late(() => ports.disk.freeBytes()) },
      chooser: traffic.choosing({ choose: (selector, selection) => late(() => ports.chooser.choose(selector, selection)) }),
    };
  }

  #newLife(): Life {
    return new Life({ number: this.#lives++, calls: this.calls, onCrash: (at) => this.crash(at) });
  }

  /** Reads what survived, and follows what becomes durable from now on. */
  #follow(): void {
    const { journal } = this.#scene.world;
    if (this.#journal === journal) return;
    this.#journal = journal;
    for (const entry of journal.entries.slice(this.#read)) this.#take(entry);
    const append = journal.append.bind(journal);
    journal.append = (entry) => {
      this.#stamps.set(entry, this.#scene.stamp());
      this.appends += 1;
      if (this.isUp) this.#scene.disk.appended();
      this.#scene.invariants.appended(entry, this.#journal === journal ? this.#life.number : -1);
      return append(entry);
    };
    journal.onDurable = (entry) => this.#take(entry);
  }

  #take(entry: JournalEntry): void {
    this.#read += 1;
    try {
      this.#scene.chronicle.take(entry, this.#stamps.get(entry) ?? this.#scene.stamp());
    } catch (error) {
      this.#scene.onBug(error instanceof Error ? error : new Error(String(error)));
    }
    this.#scene.invariants.durable(entry);
  }
}
