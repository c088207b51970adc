// The line to one worker thread while it lives: what it holds, and one question at a time.
// 1. A question ends with an answer, with LineLost when the thread ended, or with LineOverdue when it took too long; then the thread is ended.

import type { Worker } from "node:worker_threads";
import { assert } from "../base/assert.ts";
import { WORKER_HELD_SOURCE_LENGTH_MAX, WORKER_HELD_TARGETS_MAX, WORKER_QUESTION_MS_MAX } from "../base/worker-limits.ts";
import type { Clock } from "../engine/ports.ts";
import type { FromWorker, ToWorker } from "./worker-message.ts";
import { Shelf, keyMaker } from "./worker-shelf.ts";

/** The thread ended before it answered. */
export class LineLost extends Error {
  override readonly name = "LineLost";
}

/** The thread took longer than it may. */
export class LineOverdue extends Error {
  override readonly name = "LineOverdue";
}

interface Pending {
  readonly resolve: (answer: FromWorker) => void;
  readonly reject: (error: Error) => void;
  readonly cancelTimer: () => void;
}

/** A line to a thread. */
export class WorkerLine {
  readonly #worker: Worker;
  readonly #clock: Clock;
  readonly #questionMsMax: number;
  readonly #nextKey = keyMaker();
  /** Inventories and the targets of workflows, by their digests. */
  readonly lists = new Shelf<string>(WORKER_HELD_TARGETS_MAX, this.#nextKey);
  /** Workflows, by numbers that the loop gave them. */
  readonly workflows = new Shelf<number>(WORKER_HELD_TARGETS_MAX, this.#nextKey);
  /** Versions of policies, by file and digest. */
  readonly policies = new Shelf<string>(WORKER_HELD_SOURCE_LENGTH_MAX, this.#nextKey);
  #pending: Pending | undefined;
  #lost: LineLost | undefined;

  constructor(
    worker: Worker,
    { clock, questionMsMax = WORKER_QUESTION_MS_MAX }: { readonly clock: Clock; readonly questionMsMax?: number },
  ) {
    this.#worker = worker;
    this.#clock = clock;
    this.#questionMsMax = questionMsMax;
    worker.on("message", (answer: FromWorker) => this.#settle()?.resolve(answer));
    worker.on("error", (cause: Error) => this.#lose(new LineLost(cause.message, { cause })));
    worker.on("messageerror", (cause: Error) => this.#lose(new LineLost(cause.message, { cause })));
    worker.on("exit", (code) => this.#lose(new LineLost(`it ended with ${code}`)));
  }

  /** Why the thread ended; undefined: it lives. */
  get lost(): Error | undefined {
    return this.#lost;
  }

  /** A new question: what it uses is not forgotten before the next one. */
  begin(): void {
    for (const shelf of [this.lists, this.workflows, this.policies]) shelf.begin();
  }

  /** Sends something to hold; the memory of `transfer` is gone here. */
  send(message: ToWorker, transfer: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  /** Asks. */
  ask(message: ToWorker, transfer: readonly ArrayBuffer[] = []): Promise<FromWorker> {
    assert(this.#pending === undefined, "one question is under way at a time");
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    const { promise, resolve, reject } = Promise.withResolvers<FromWorker>();
    const cancelTimer = this.#clock.after(this.#questionMsMax, () => {
      this.#settle()?.reject(new LineOverdue(`it took longer than ${this.#questionMsMax / 1_000} s`));
      this.end();
    });
    this.#pending = { resolve, reject, cancelTimer };
    this.send(message, transfer);
    return promise;
  }

  /** Ends the thread, whatever it does. */
  end(): void {
    this.#lose(new LineLost("it was ended"));
    void this.#worker.terminate();
  }

  #lose(lost: LineLost): void {
    this.#lost ??= lost;
    this.#settle()?.reject(this.#lost);
  }

  #settle(): Pending | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.cancelTimer();
    return pending;
  }
}
