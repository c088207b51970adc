// The Pace port with chance in it: whoever waits at an origin may be next, and a start comes some turns of the event loop late.
// 1. The port promises a bound and a spacing per origin, and no order: so there is none here, neither at an origin nor between two.
// 2. Nobody keeps it alive over a crash: what waited is forgotten with the life that it waited in.

import { HoldfastError } from "../../internal/base/errors.ts";
import type { Clock, Pace } from "../../internal/engine/ports.ts";
import type { Chance } from "./chance.ts";

const LATE_TURNS_MAX = 3;

/** How traffic to one origin is paced. */
export interface PaceTerms {
  /** How much work goes on at one time, per origin. */
  readonly concurrentMax: number;
  /** The least time between two starts, per origin; zero: none. */
  readonly startIntervalMs: number;
}

/** What the pace of a life is made of. */
interface SeededPaceOptions extends PaceTerms {
  readonly clock: Clock;
  /** Undefined: nothing is late, and who came first is next. */
  chance(): Chance | undefined;
}

interface Line {
  readonly waiting: (() => void)[];
  running: number;
  /** No start before, by the monotonic clock. */
  nextMs: number;
  /** Somebody is about to be let through. */
  isServed: boolean;
}

/** The pace of one life of the service. */
export class SeededPace implements Pace {
  readonly #options: SeededPaceOptions;
  readonly #lines = new Map<string, Line>();

  constructor(options: SeededPaceOptions) {
    this.#options = options;
  }

  run<T>(origin: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const line = this.#lines.get(origin) ?? { waiting: [], running: 0, nextMs: -Infinity, isServed: false };
    this.#lines.set(origin, line);
    return new Promise<T>((resolve, reject) => {
      const refuse = (): void => reject(new HoldfastError("CANCELLED", `work toward ${origin} was cancelled before it began`));
      if (signal.aborted) return refuse();
      const leave = (): void => {
        line.waiting.splice(line.waiting.indexOf(begin), 1);
        refuse();
      };
      const begin = (): void => {
        signal.removeEventListener("abort", leave);
        void this.#work(line, work).then(resolve, reject);
      };
      signal.addEventListener("abort", leave, { once: true });
      line.waiting.push(begin);
      return this.#serve(line);
    });
  }

  async #work<T>(line: Line, work: () => Promise<T>): Promise<T> {
    line.running += 1;
    line.nextMs = this.#options.clock.monotonicMs() + this.#options.startIntervalMs;
    try {
      return await work();
    } finally {
      line.running -= 1;
      this.#serve(line);
    }
  }

  /** Lets the next one through when there is room, it is time, and chance is done with being late. */
  #serve(line: Line): void {
    if (line.isServed || line.waiting.length === 0 || line.running >= this.#options.concurrentMax) return;
    const { clock, chance } = this.#options;
    const waitMs = line.nextMs - clock.monotonicMs();
    line.isServed = true;
    if (waitMs > 0) return void clock.after(waitMs, () => this.#letThrough(line));
    const turns = chance()?.int(0, LATE_TURNS_MAX) ?? 0;
    if (turns === 0) return this.#letThrough(line);
    return later(turns, () => this.#letThrough(line));
  }

  #letThrough(line: Line): void {
    line.isServed = false;
    const at = this.#options.chance()?.int(0, line.waiting.length - 1) ?? 0;
    const [begin] = line.waiting.splice(at, 1);
    begin?.();
    this.#serve(line);
  }
}

/** Calls back after so many turns of the event loop. */
function later(turns: number, callback: () => void): void {
  if (turns === 0) callback();
  else setImmediate(() => later(turns - 1, callback));
}
