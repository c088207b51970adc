// The thread that judges gates and chooses targets, as a seeded fake around what it is asked: it is slow, late, away, refuses, dies, comes back.
// 1. What it does depends on its own chance alone. 2. Asked again after it died, it answers from the start, of the world as it is then.

import { HoldfastError } from "../../internal/base/errors.ts";
import type { Clock, Policies, TargetChooser } from "../../internal/engine/ports.ts";
import type { Chance } from "./chance.ts";

const TURNS_MAX = 6;
/** How long it may take where it is slow, by the clock. */
const SLOW_MS = [5, 400, 3_000] as const;

/** What the worker of a life is made of. */
interface GateWorkerOptions {
  readonly clock: Clock;
  /** Undefined: it answers at once. */
  chance(): Chance | undefined;
  note(text: string): void;
}

/** What became of a question. */
type Fate = "answered" | "slow before" | "slow after" | "full" | "away" | "lost" | "again";

const FATES: readonly Fate[] = ["slow before", "slow after", "full", "away", "lost", "again"];
const TROUBLE_RATE = 0.25;

/** The worker of one life of the service. */
export class GateWorker {
  readonly #options: GateWorkerOptions;

  constructor(options: GateWorkerOptions) {
    this.#options = options;
  }

  /** The same policies, judged by it. */
  judging(policies: Policies): Policies {
    const judge: Policies["judge"] = (question) => this.#ask("judge", () => policies.judge(question));
    return new Proxy(policies, {
      get(target, key) {
        if (key === "judge") return judge;
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }

  /** The same chooser, asked through it. */
  choosing(chooser: TargetChooser): TargetChooser {
    return { choose: (selector, selection) => this.#ask("choose", () => chooser.choose(selector, selection)) };
  }

  async #ask<T>(what: string, work: () => Promise<T>): Promise<T> {
    const { chance: now, note } = this.#options;
    const chance = now();
    if (chance === undefined) return work();
    const fate = chance.hit(TROUBLE_RATE) ? (chance.pick(FATES) ?? "answered") : "answered";
    const slowMs = chance.pick(SLOW_MS) ?? 0;
    const [turnsBefore, turnsAfter] = [chance.int(0, TURNS_MAX), chance.int(0, TURNS_MAX)];
    if (fate !== "answered") note(`the gate worker: ${what} is ${fate}`);
    if (fate === "full") throw new HoldfastError("RESOURCE_EXHAUSTED", "too many questions wait for the gate worker");
    await turns(turnsBefore);
    if (fate === "away") throw new HoldfastError("UNAVAILABLE", "the gate worker ended several times");
    if (fate === "slow before") await this.#pass(slowMs);
    // It died with the first answer, and is asked again.
    if (fate === "again") await work();
    const answer = await work();
    if (fate === "slow after") await this.#pass(slowMs);
    await turns(turnsAfter);
    if (fate === "lost") throw new HoldfastError("UNAVAILABLE", "the gate worker ended with its answer");
    return answer;
  }

  #pass(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#options.clock.after(ms, resolve));
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
