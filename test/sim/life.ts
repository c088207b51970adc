// One life of the simulated service: every call of a port goes through it, and it ends at one of them.
// 1. When it has ended no call has an effect any more, and none returns: a promise hangs for ever, and what is synchronous throws LifeOver, which
//    nobody hears, for all who called it have ended too.
// 2. A crash point is the n-th call of a port from now on, before its effect or after it.

/** Thrown by a synchronous call of a life that has ended. */
export class LifeOver extends Error {}

/** Where a life ends. */
export interface CrashPoint {
  /** The port, as `journal.append`; empty: any. */
  readonly port: string;
  readonly when: "before" | "after";
  /** How many calls of it are let through. */
  readonly calls: number;
}

/** A life. */
export class Life {
  readonly number: number;
  /** How often each port was called. */
  readonly calls: Map<string, number>;
  readonly #onCrash: (at: string) => void;
  readonly #listeners = new Set<() => void>();
  #point: CrashPoint | undefined;
  #left = 0;
  #isOver = false;

  constructor(of: { readonly number: number; readonly calls: Map<string, number>; readonly onCrash: (at: string) => void }) {
    this.number = of.number;
    this.calls = of.calls;
    this.#onCrash = of.onCrash;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** It ends at this point; undefined: at none. */
  arm(point: CrashPoint | undefined): void {
    this.#point = point;
    this.#left = point?.calls ?? 0;
  }

  /** It has ended. */
  end(): void {
    this.#isOver = true;
    for (const listener of Array.from(this.#listeners)) listener();
    this.#listeners.clear();
  }

  /** Calls back when it ends; returns the end of that. */
  whenOver(callback: () => void): () => void {
    this.#listeners.add(callback);
    return () => void this.#listeners.delete(callback);
  }

  /** A synchronous call. */
  call<T>(port: string, work: () => T): T {
    if (!this.enter(port)) throw new LifeOver(port);
    const value = work();
    if (!this.leave(port)) throw new LifeOver(port);
    return value;
  }

  /** A call that is answered later. */
  ask<T>(port: string, work: () => Promise<T>): Promise<T> {
    if (!this.enter(port)) return hanging();
    return work().then(
      (value) => (this.leave(port) ? value : hanging<T>()),
      (error: unknown) => {
        if (!this.leave(port)) return hanging<T>();
        throw error;
      },
    );
  }

  /** Before the effect of a call; false: it has ended. */
  enter(port: string): boolean {
    if (this.#isOver) return false;
    this.calls.set(port, (this.calls.get(port) ?? 0) + 1);
    if (this.#point !== undefined) this.#pass(port, "before");
    return !this.#isOver;
  }

  /** After the effect of a call; false: it has ended. */
  leave(port: string): boolean {
    if (this.#point !== undefined && !this.#isOver) this.#pass(port, "after");
    return !this.#isOver;
  }

  #pass(port: string, when: "before" | "after"): void {
    const point = this.#point;
    if (point === undefined || point.when !== when || (point.port !== "" && point.port !== port)) return;
    if (this.#left-- > 0) return;
    this.#point = undefined;
    this.#onCrash(`${when} ${port}`);
  }
}

/** Never answers. */
export function hanging<T>(): Promise<T> {
  return new Promise<T>(() => undefined);
}
