// What befalls hosts: they are slow, past the time that an attempt has, or cannot be reached for a while, and others change them.
// 1. A slow apply does its work before the time passes or after it; when its time is over while it waits, nobody can say whether it was done.
// 2. What a killed service had under way may be done all the same.

import type { AttemptContext, Failure } from "../../internal/engine/ports.ts";
import type { Fleet, FleetHost } from "../fakes/fleet.ts";
import type { FakeClock } from "../fakes/fake-clock.ts";
import type { Chance } from "./chance.ts";

type Step = Parameters<Fleet["onStep"]>[0];

interface Slowness {
  readonly delayMs: number;
  readonly isDoneFirst: boolean;
}

/** The weather over a fleet. */
export class Weather {
  readonly #clock: FakeClock;
  readonly #chance: () => Chance;
  readonly #slow = new Map<string, Slowness>();
  /** Until when a host cannot be reached, by the machine's running time. */
  readonly #downUntil = new Map<string, number>();
  /** How many turns of the event loop an answer may take. */
  turnsMax = 0;

  constructor(fleet: Fleet, clock: FakeClock, chance: () => Chance) {
    this.#clock = clock;
    this.#chance = chance;
    fleet.onStep = (step) => this.#step(step);
    fleet.isDown = ({ name }) => this.#isDown(name);
    fleet.landsAtDeath = () => this.#chance().hit(0.3);
  }

  /** The host answers so late from now on. */
  slow(name: string, slowness: Slowness): void {
    this.#slow.set(name, slowness);
  }

  down(name: string, forMs: number): void {
    this.#downUntil.set(name, this.#clock.monotonicMs() + forMs);
  }

  /** The sun shines. */
  clear(): void {
    this.#slow.clear();
    this.#downUntil.clear();
    this.turnsMax = 0;
  }

  #isDown(name: string): boolean {
    return (this.#downUntil.get(name) ?? 0) > this.#clock.monotonicMs();
  }

  #step({ host, kind, context }: Step): Promise<Failure | void> {
    const slowness = this.#slow.get(host.name);
    if (this.turnsMax === 0 && slowness === undefined && this.#downUntil.size === 0) return NOTHING;
    return this.#suffer(host, kind, { context, slowness });
  }

  async #suffer(
    host: FleetHost,
    kind: Step["kind"],
    { context, slowness }: { readonly context: AttemptContext; readonly slowness: Slowness | undefined },
  ): Promise<Failure | void> {
    for (let turns = this.turnsMax === 0 ? 0 : this.#chance().int(0, this.turnsMax); turns > 0; turns--) await nextTurn();
    if (kind !== "applied" && this.#isDown(host.name)) return { kind: "unreachable", message: `${host.name} cannot be reached` };
    if (slowness === undefined || (kind === "apply") === slowness.isDoneFirst) return undefined;
    const end = await this.#wait(Math.min(slowness.delayMs, context.timeoutMs), context.signal);
    if (end === "aborted") return { kind: kind === "applied" ? "unknown" : "cancelled", message: `${host.name} was let go of` };
    if (slowness.delayMs < context.timeoutMs) return undefined;
    const message = `${host.name} did not answer in time`;
    return kind === "applied" ? { kind: "unknown", message } : { kind: "failed", message };
  }

  #wait(delayMs: number, signal: AbortSignal): Promise<"over" | "aborted"> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve("aborted");
      const abort = (): void => {
        cancel();
        resolve("aborted");
      };
      const cancel = this.#clock.after(delayMs, () => {
        signal.removeEventListener("abort", abort);
        resolve("over");
      });
      signal.addEventListener("abort", abort, { once: true });
      return undefined;
    });
  }
}

const NOTHING: Promise<undefined> = Promise.resolve(undefined);

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
