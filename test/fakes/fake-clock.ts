// A clock that moves only when it is told to: timers fire in order of their due time, equal ones in order of their start.

import { timeMs } from "../../internal/base/ids.ts";
import type { TimeMs } from "../../internal/base/ids.ts";
import type { Clock } from "../../internal/engine/ports.ts";
import { TimerHeap } from "./timer-heap.ts";
import type { Timer } from "./timer-heap.ts";

/** 2026-01-01T00:00:00Z: where fake time begins. */
export const FAKE_START_MS = 1_767_225_600_000;

/** Time as a test says it is. */
export class FakeClock implements Clock {
  #wallMs: number;
  #monotonicMs = 0;
  #order = 0;
  #boots = 1;
  #bootId = "boot-1";
  #bootedAtMs = 0;
  readonly #timers = new TimerHeap();

  constructor(startMs: number = FAKE_START_MS) {
    this.#wallMs = startMs;
  }

  nowMs(): TimeMs {
    return timeMs(this.#wallMs);
  }

  monotonicMs(): number {
    return this.#monotonicMs - this.#bootedAtMs;
  }

  bootId(): string {
    return this.#bootId;
  }

  /** The machine boots again: its monotonic clock begins anew, and nobody fires its old timers. */
  reboot(): void {
    this.#boots += 1;
    this.#bootId = `boot-${this.#boots}`;
    this.#bootedAtMs = this.#monotonicMs;
    this.#timers.clear();
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.#monotonicMs + Math.max(0, delayMs), order: this.#order++, callback, isGone: false };
    this.#timers.add(timer);
    return () => this.#timers.remove(timer);
  }

  /** How many timers are pending. */
  get timerCount(): number {
    return this.#timers.size;
  }

  /** How far away the next timer is; undefined: there is none. */
  get nextInMs(): number | undefined {
    const next = this.#timers.next();
    return next === undefined ? undefined : next.dueMs - this.#monotonicMs;
  }

  /** Moves on, and fires what falls due on the way, at its own time; timers started meanwhile included. Does not wait for promises. */
  advance(byMs: number): void {
    const endMs = this.#monotonicMs + byMs;
    for (let timer = this.#timers.next(); timer !== undefined && timer.dueMs <= endMs; timer = this.#timers.next()) this.#fire(timer);
    this.#moveTo(endMs);
  }

  /** As advance, but after each timer lets all promises that can settle do so (needs a real event loop turn). */
  async advanceAsync(byMs: number): Promise<void> {
    const endMs = this.#monotonicMs + byMs;
    await settle();
    for (let timer = this.#timers.next(); timer !== undefined && timer.dueMs <= endMs; timer = this.#timers.next()) {
      this.#fire(timer);
      await settle();
    }
    this.#moveTo(endMs);
    await settle();
  }

  /** Steps the wall clock, as an operator or NTP does; timers do not care. */
  step(byMs: number): void {
    this.#wallMs += byMs;
  }

  #fire(timer: Timer): void {
    this.#timers.remove(timer);
    this.#moveTo(Math.max(this.#monotonicMs, timer.dueMs));
    timer.callback();
  }

  #moveTo(monotonicMs: number): void {
    this.#wallMs += monotonicMs - this.#monotonicMs;
    this.#monotonicMs = monotonicMs;
  }
}

/** One turn of the event loop: every promise that can settle without I/O has settled afterwards. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
