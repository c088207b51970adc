// A disk that is slow now and then: what is appended becomes durable seconds or minutes later, while time goes on for everybody else.
// 1. In most runs it never is. It draws from a stream of its own, so that the others are what they would be without it.
// 2. What comes after an append that takes its time waits behind it: entries become durable in their order, on a slow disk too.

import { streamOf } from "./chance.ts";
import type { Chance } from "./chance.ts";

/** How many runs have such a disk. */
const SLOW_RUNS_RATE = 0.25;
/** How many appends of such a run take their time, and for how long: mostly longer than a pause or a backoff, now and then than an approval. */
const SLOW_APPENDS_RATE = 0.06;
const SLOW_MS = [300, 2_000, 2_000, 15_000, 15_000, 60_000, 200_000, 1_200_000] as const;

/** What the disk of a run is made of. */
interface SlowDiskScene {
  readonly root: Chance;
  /** False: it is never slow. */
  readonly mayBeSlow: boolean;
  chance(): Chance;
  /** True: nothing goes wrong any more, but what is slow already. */
  isCalm(): boolean;
  /** The machine's running time, over its boots. */
  trueMs(): number;
  note(text: string): void;
}

/** The disk of a run. */
export class SlowDisk {
  readonly #scene: SlowDiskScene;
  readonly #isSlow: boolean;
  readonly #stream: () => Chance;
  #busyUntilMs = 0;

  constructor(scene: SlowDiskScene) {
    this.#scene = scene;
    this.#isSlow = scene.mayBeSlow && scene.root.fork("disk").hit(SLOW_RUNS_RATE);
    this.#stream = streamOf(() => scene.chance(), "disk");
  }

  /** For how long nothing becomes durable; 0: it is at work. */
  get busyMs(): number {
    return Math.max(0, this.#busyUntilMs - this.#scene.trueMs());
  }

  /** Something was appended, by a service that is up. */
  appended(): void {
    if (!this.#isSlow || this.#scene.isCalm() || this.busyMs > 0) return;
    const stream = this.#stream();
    if (!stream.hit(SLOW_APPENDS_RATE)) return;
    const forMs = stream.pick(SLOW_MS) ?? 0;
    this.#scene.note(`the disk takes ${forMs} ms`);
    this.#busyUntilMs = this.#scene.trueMs() + forMs;
  }

  /** It is fast from now on, until it is slow again. */
  wake(): void {
    this.#busyUntilMs = 0;
  }
}
