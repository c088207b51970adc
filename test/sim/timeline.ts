// Time in a run: the event loop turns, batches become durable, timers fire at their own time, the machine boots again.
// 1. What falls due while time passes happens at its own time, as far as it is not too much.

import { setImmediate } from "node:timers/promises";
import type { FakeClock } from "../fakes/fake-clock.ts";
import type { World } from "../fakes/world.ts";
import type { Chance } from "./chance.ts";
import type { Stamp } from "./checker.ts";
import type { PolicyShelf } from "./policy-shelf.ts";
import { isLarge, mayHappen } from "./scenario.ts";
import type { Scenario } from "./scenario.ts";
import type { SlowDisk } from "./slow-disk.ts";

const TIMER_STOPS_MAX = 30;
/** At the end of a run time passes in great steps: gates that wait an hour are judged again now and then. */
const CALM_STOPS_MAX = 8;
const CALM_TURNS = 4;

/** What time passes for. */
export interface TimelineScene {
  readonly scenario: Scenario;
  readonly world: World;
  readonly shelf: PolicyShelf | undefined;
  /** True: batches become durable when the run says so. */
  readonly isManual: boolean;
  /** While it takes its time nothing becomes durable. */
  disk(): SlowDisk;
  /** The clock of the clients' machines. */
  clientClock(): FakeClock;
  isUp(): boolean;
  chance(): Chance;
  note(text: string): void;
  /** Throws what was found. */
  throwFound(): void;
}

/** The time of a run. */
export class Timeline {
  /** True when nothing goes wrong any more. */
  isCalm = false;
  readonly #scene: TimelineScene;
  #bootedAtMs = 0;

  constructor(scene: TimelineScene) {
    this.#scene = scene;
  }

  /** All the machine's running time, over its boots. */
  get trueMs(): number {
    return this.#bootedAtMs + this.#scene.world.clock.monotonicMs();
  }

  stamp(): Stamp {
    const { world, shelf } = this.#scene;
    return {
      trueMs: this.trueMs,
      boot: world.clock.bootId(),
      monotonicMs: world.clock.monotonicMs(),
      wallMs: world.clock.nowMs(),
      policy: shelf?.current,
      isPolicyBroken: shelf?.isBroken ?? false,
      isStopFileThere: world.stopFile.look().kind !== "absent",
    };
  }

  /** The machine boots again: its monotonic clock begins anew, and its wall clock steps. */
  reboot(stepMs: number): void {
    const { clock } = this.#scene.world;
    this.#bootedAtMs = this.trueMs;
    clock.reboot();
    clock.step(stepMs);
  }

  async advance(byMs: number): Promise<void> {
    const { world, note, isUp, clientClock, disk } = this.#scene;
    const clients = clientClock();
    let leftMs = byMs;
    note(`${byMs} ms pass`);
    const stopsMax = this.isCalm ? CALM_STOPS_MAX : TIMER_STOPS_MAX;
    for (let stops = 0; stops < stopsMax && leftMs > 0 && isUp(); stops++) {
      const stepMs = Math.min(leftMs, world.clock.nextInMs ?? leftMs, clients.nextInMs ?? leftMs, disk().busyMs || leftMs);
      world.clock.advance(stepMs);
      clients.advance(stepMs);
      leftMs -= stepMs;
      await this.pump();
    }
    world.clock.advance(leftMs);
    clients.advance(leftMs);
  }

  /** Lets some things happen, and looks at what came of it. */
  async pump(): Promise<void> {
    const { world, scenario, isManual, chance, disk, throwFound } = this.#scene;
    const { journal } = world;
    const isHurried = isLarge(scenario);
    for (let turn = this.isCalm ? CALM_TURNS : chance().int(1, isHurried ? 30 : 10); turn > 0; turn--) {
      await setImmediate();
      if (!isManual || world.journal !== journal) continue;
      const count = this.isCalm || isHurried ? undefined : chance().int(0, 3);
      if (disk().busyMs === 0) journal.sync(count);
    }
    await setImmediate();
    throwFound();
  }

  /** Some turns of the event loop, while others move. */
  async rest(): Promise<void> {
    if (this.isCalm || !mayHappen(this.#scene.scenario, "delay")) return;
    for (let turns = this.#scene.chance().int(0, 4); turns > 0; turns--) await setImmediate();
  }
}
