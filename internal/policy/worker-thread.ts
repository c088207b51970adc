// The one worker thread of the service: started when it is first needed, started again when it ended, one job after the other.
// 1. A job during which the thread ends is tried again on a fresh one, a few times; then it is UNAVAILABLE. 2. Restarts back off.
// 3. The queue is bounded. 4. A thread may use so much memory: beyond it the thread ends, never the service.

import { Worker } from "node:worker_threads";
import { HoldfastError } from "../base/errors.ts";
import {
  WORKER_HEAP_MIB_MAX,
  WORKER_JOBS_MAX,
  WORKER_RESTART_MS_MAX,
  WORKER_RESTART_MS_MIN,
  WORKER_TRIES_MAX,
} from "../base/worker-limits.ts";
import type { Clock } from "../engine/ports.ts";
import { LineLost, WorkerLine } from "./worker-line.ts";

/** What the thread needs to know. */
export interface WorkerThreadOptions {
  /** The module that the thread runs. */
  readonly entry: URL;
  readonly clock: Clock;
  /** Hears of a thread that ended. */
  readonly log: (line: string) => void;
  /** How long one question may take; WORKER_QUESTION_MS_MAX unless given. */
  readonly questionMsMax?: number;
}

/** A thread for what takes too long for the event loop. */
export class WorkerThread {
  readonly #options: WorkerThreadOptions;
  #line: WorkerLine | undefined;
  #last: Promise<void> = Promise.resolve();
  #jobs = 0;
  #isClosed = false;
  /** Threads that ended since the last job that came to its end. */
  #deaths = 0;
  #wake: () => void = () => undefined;

  constructor(options: WorkerThreadOptions) {
    this.#options = options;
  }

  /** Runs a job when all before it have ended. What it throws is thrown, but for LineLost. */
  async run<T>(job: (line: WorkerLine) => Promise<T>): Promise<T> {
    if (this.#jobs >= WORKER_JOBS_MAX)
      throw new HoldfastError("RESOURCE_EXHAUSTED", `${this.#jobs} large judgements and choices of targets wait already; ask again later`);
    this.#jobs++;
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    try {
      await before;
      return await this.#tried(job);
    } finally {
      this.#jobs--;
      resolve();
    }
  }

  /** Ends the thread; what waits for it is UNAVAILABLE. */
  close(): void {
    this.#isClosed = true;
    this.#wake();
    this.#line?.end();
  }

  async #tried<T>(job: (line: WorkerLine) => Promise<T>): Promise<T> {
    for (let tries = 1; tries <= WORKER_TRIES_MAX; tries++) {
      const line = await this.#ready();
      try {
        line.begin();
        const value = await job(line);
        this.#deaths = 0;
        return value;
      } catch (error) {
        if (!(error instanceof LineLost)) throw error;
        this.#deaths++;
        if (!this.#isClosed) this.#options.log(`the thread that judges large scopes ended, and is started again: ${error.message}`);
      }
    }
    throw new HoldfastError("UNAVAILABLE", `the thread that judges large scopes ended ${WORKER_TRIES_MAX} times; ask again later`);
  }

  /** The line to a living thread. */
  async #ready(): Promise<WorkerLine> {
    if (this.#line?.lost !== undefined) this.#line = undefined;
    if (this.#line === undefined && this.#deaths > 0) await this.#rest();
    if (this.#isClosed) throw new HoldfastError("UNAVAILABLE", "the service is stopping");
    this.#line ??= this.#start();
    return this.#line;
  }

  #start(): WorkerLine {
    const { entry, clock, questionMsMax } = this.#options;
    // It needs nothing of the process around it, least of all secrets of the environment.
    const worker = new Worker(entry, { env: {}, execArgv: [], resourceLimits: { maxOldGenerationSizeMb: WORKER_HEAP_MIB_MAX } });
    worker.unref();
    return new WorkerLine(worker, { clock, ...(questionMsMax === undefined ? {} : { questionMsMax }) });
  }

  async #rest(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const delayMs = Math.min(WORKER_RESTART_MS_MAX, WORKER_RESTART_MS_MIN * 2 ** (this.#deaths - 1));
    const cancel = this.#options.clock.after(delayMs, resolve);
    this.#wake = resolve;
    await promise;
    cancel();
  }
}
