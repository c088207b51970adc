// The lives of one service: whenever it dies it is started again, as a supervisor of the machine would, until that is over.
// 1. How each life ended is kept. A life that ends by itself is the run's to explain.
// 2. Every signal goes to the one process by its pid.

import { setTimeout as sleep } from "node:timers/promises";
import type { DaemonEnd } from "../../e2e/daemon.ts";
import type { Scene } from "../scene.ts";

const FAILURES_MAX = 60;
const RESTART_MS = 50;

/** A service that is kept alive. */
export class ServiceLife {
  /** How its lives ended, those before it served included. */
  readonly ends: DaemonEnd[] = [];
  stops = 0;
  /** The variables of its next life; the number counts all starts from 0. */
  nextEnv: (start: number) => Readonly<Record<string, string>> = () => ({});
  /** Called when a life was born, before it serves. */
  onBorn: (start: number) => void = () => undefined;
  /** Called after each end, before the next start. */
  onEnd: (end: DaemonEnd) => void = () => undefined;
  readonly #scene: Scene;
  #starts = 0;
  #isOver = false;
  #keeping: Promise<void> = Promise.resolve();

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  /** Serves for the first time, and is kept alive from then on. */
  async begin(): Promise<void> {
    await this.#serve({ isLast: false });
    this.#keeping = this.#keep();
  }

  /** SIGKILL, now. */
  kill(): void {
    this.#signal("SIGKILL");
  }

  /** Stands still for a while: every timeout and keepalive of it and around it goes on. */
  async stop(forMs: number): Promise<void> {
    const { pid } = this.#scene.daemon;
    if (!this.#signal("SIGSTOP")) return;
    this.stops += 1;
    await sleep(forMs);
    if (this.#scene.daemon.pid === pid) this.#signal("SIGCONT");
  }

  /** How often it was killed, by itself or by others. */
  get kills(): number {
    return this.ends.filter(({ signal }) => signal === "SIGKILL").length;
  }

  /** Kept alive no longer; ends it one last time, and starts it cleanly. */
  async settle(options: { readonly isPolite: boolean }): Promise<void> {
    this.#isOver = true;
    const end = await (options.isPolite ? this.#scene.daemon.stop() : this.#scene.daemon.kill());
    if (options.isPolite) this.ends.push(end);
    await this.#keeping;
    // A start that was under way when it was over.
    await this.#scene.daemon.kill();
    this.nextEnv = () => ({});
    this.onBorn = () => undefined;
    await this.#serve({ isLast: true });
  }

  async #keep(): Promise<void> {
    for (;;) {
      const end = await this.#scene.daemon.ended();
      if (this.#isOver) return;
      this.ends.push(end);
      this.onEnd(end);
      await this.#serve({ isLast: false });
    }
  }

  /** Starts it as often as it takes. */
  async #serve({ isLast }: { readonly isLast: boolean }): Promise<void> {
    for (let failures = 0; isLast || !this.#isOver; failures++) {
      const start = this.#starts++;
      if (failures > FAILURES_MAX) throw new Error(`the service does not start: ${this.#scene.daemon.stderr.slice(-2_000)}`);
      const serving = this.#scene.start(this.nextEnv(start));
      this.onBorn(start);
      try {
        await serving;
        return;
      } catch {
        const end = await this.#scene.daemon.ended();
        this.ends.push(end);
        this.onEnd(end);
        await sleep(RESTART_MS);
      }
    }
  }

  #signal(signal: NodeJS.Signals): boolean {
    try {
      return process.kill(this.#scene.daemon.pid, signal);
    } catch {
      return false; // it is dead already
    }
  }
}
