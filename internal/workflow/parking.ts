// Tasks that may start but for what somebody outside says: a limit, a rule of the task gate, a freeze. They are parked by what holds them.
// 1. It is no part of the fold: a cache that dispatch keeps beside the state, and that a restart makes anew by asking again.
// 2. Each candidate is looked at once; what is parked under a key is looked at again only when that key is freed, the first come first.

import { HoldKind } from "../gen/holdfast/v1/status_pb.ts";

/** Why a task is held back. */
export interface HeldBack {
  /** What holds it: tasks with the same key are freed in order. */
  readonly key: string;
  readonly kind: HoldKind;
  /** Which thing, what was found, what to do next. */
  readonly message: string;
  /** True: what has no room for one task under the key has none for the others. */
  readonly isShared: boolean;
  /** When to look again by the guard's clock; absent: when somebody frees the key. */
  readonly lookAtMs?: number;
  /** When that is by the wall clock, for people. */
  readonly untilMs?: number;
  /** True: only a person can change it. */
  readonly isFinal?: boolean;
}

/** Which wave it is, in which iteration of its stage, and after how many Retries. */
interface ParkedWave {
  readonly stage: number;
  readonly iteration: number;
  readonly wave: number;
  readonly retries: number;
}

interface Lot {
  /** Why the last that was asked about is held. */
  held: HeldBack;
  readonly tasks: Set<number>;
  /** The earliest moment at which one of them may fare better. */
  lookAtMs: number;
}

/** The two places where tasks of a workflow are parked: in flight, and at the entrance of the wave. */
export interface ParkingPlaces {
  readonly parking: Parking;
  readonly entrance: Parking;
}

/** What holds under the key may have changed, in both places. */
export function freeLot({ parking, entrance }: ParkingPlaces, key: string): void {
  parking.free(key);
  entrance.free(key);
}

/** Frees all that one kind of thing holds, in both places. */
export function freeKind({ parking, entrance }: ParkingPlaces, kind: HoldKind): void {
  parking.freeKind(kind);
  entrance.freeKind(kind);
}

function isSame(one: ParkedWave, other: ParkedWave): boolean {
  const { stage, iteration, wave, retries } = one;
  return stage === other.stage && iteration === other.iteration && wave === other.wave && retries === other.retries;
}

/** What is parked in the wave under way. */
export class Parking {
  /** True when a turn had asked enough, and more is asked in the next one: the workflow moves by itself. */
  isCutShort = false;
  readonly #lots = new Map<string, Lot>();
  readonly #keyOf = new Map<number, string>();
  /** Keys to look at again, with how many of the tasks there. */
  readonly #freed = new Map<string, number>();
  /** The wave that it is about; undefined: none. */
  #wave: ParkedWave | undefined;
  #cursor = 0;
  /** No lot is due before. */
  #lookAtMs = Infinity;
  #hasEmptied = false;

  /** Forgets everything when another wave is under way, whose first target this is. */
  enter(wave: ParkedWave, firstOrdinal: number): void {
    const known = this.#wave;
    if (known !== undefined && isSame(known, wave)) return;
    this.clear();
    this.#wave = wave;
    this.#cursor = firstOrdinal;
  }

  /** Forgets everything: all is asked again. */
  clear(): void {
    this.#hasEmptied = true;
    this.#lots.clear();
    this.#keyOf.clear();
    this.#freed.clear();
    this.#lookAtMs = Infinity;
    this.#wave = undefined;
  }

  /** The first target of the wave that was not looked at. */
  get cursor(): number {
    return this.#cursor;
  }

  /** Moves on to a target; never back. */
  moveTo(ordinal: number): void {
    this.#cursor = Math.max(this.#cursor, ordinal);
  }

  /** How many tasks are parked. */
  get size(): number {
    return this.#keyOf.size;
  }

  /** True when something is parked that time or somebody else's work will free. */
  get willMove(): boolean {
    for (const { held } of this.#lots.values()) if (held.isFinal !== true) return true;
    return false;
  }

  has(task: number): boolean {
    return this.#keyOf.has(task);
  }

  /** True when it is parked, and to be asked about again. */
  isFreed(task: number): boolean {
    return this.#freed.has(this.#keyOf.get(task) ?? "");
  }

  /** Why the task is parked; undefined: it is not. */
  reason(task: number): HeldBack | undefined {
    return this.#lots.get(this.#keyOf.get(task) ?? "")?.held;
  }

  /** What is parked, by what holds it, with how many and the first of them. */
  *lots(): Generator<{ readonly held: HeldBack; readonly count: number; readonly first: number }> {
    for (const { held, tasks } of this.#lots.values()) {
      const [first] = tasks;
      if (first !== undefined) yield { held, count: tasks.size, first };
    }
  }

  /** The keys of limits under which something is parked, but for those that were freed and not asked about. */
  limitKeys(): ReadonlySet<string> {
    const keys = new Set<string>();
    for (const { held } of this.#lots.values()) if (held.kind === HoldKind.LIMIT && !this.#freed.has(held.key)) keys.add(held.key);
    return keys;
  }

  /** True when something is parked that this kind of thing holds. */
  hasKind(kind: HeldBack["kind"]): boolean {
    for (const { held } of this.#lots.values()) if (held.kind === kind) return true;
    return false;
  }

  /** True when something is parked under the key. */
  holds(key: string): boolean {
    return this.#lots.has(key);
  }

  /** Parks a task. One that is parked under the key already keeps its place, unless the others there may fare better. */
  park(task: number, held: HeldBack): void {
    if (this.#keyOf.get(task) !== held.key) this.release(task);
    const lot = this.#lots.get(held.key) ?? { held, tasks: new Set(), lookAtMs: Infinity };
    if (!held.isShared) lot.tasks.delete(task);
    lot.held = held;
    lot.lookAtMs = Math.min(lot.lookAtMs, held.lookAtMs ?? Infinity);
    lot.tasks.add(task);
    this.#lots.set(held.key, lot);
    this.#keyOf.set(task, held.key);
    this.#lookAtMs = Math.min(this.#lookAtMs, held.lookAtMs ?? Infinity);
    const left = this.#freed.get(held.key) ?? 0;
    if (held.isShared || left <= 1) this.#freed.delete(held.key);
    else this.#freed.set(held.key, left - 1);
  }

  /** Takes a task out. */
  release(task: number): void {
    const key = this.#keyOf.get(task);
    const lot = key === undefined ? undefined : this.#lots.get(key);
    if (key === undefined || lot === undefined) return;
    this.#keyOf.delete(task);
    lot.tasks.delete(task);
    if (lot.tasks.size > 0) return;
    this.#lots.delete(key);
    this.#freed.delete(key);
    this.#hasEmptied ||= lot.held.kind === HoldKind.LIMIT;
  }

  /** True when since the last asking the last task under some limit went away. */
  takeEmptied(): boolean {
    const hasEmptied = this.#hasEmptied;
    this.#hasEmptied = false;
    return hasEmptied;
  }

  /** True when tasks under some limit were freed and not asked about. */
  get hasUnasked(): boolean {
    for (const key of this.#freed.keys()) if (this.#lots.get(key)?.held.kind === HoldKind.LIMIT) return true;
    return false;
  }

  /** What holds under the key may have changed: its tasks are looked at again, at most `count` of them. */
  free(key: string, count = Infinity): void {
    const lot = this.#lots.get(key);
    if (lot === undefined) return;
    lot.lookAtMs = Infinity; // those that are asked say anew when
    this.#freed.set(key, Math.min(count, lot.tasks.size));
  }

  /** Frees what is due by the guard's clock, at most `count` tasks of each key. */
  freeDue(nowMs: number, count: number): void {
    if (nowMs < this.#lookAtMs) return;
    this.#lookAtMs = Infinity;
    for (const [key, lot] of this.#lots) {
      if (lot.lookAtMs <= nowMs) this.free(key, count);
      else this.#lookAtMs = Math.min(this.#lookAtMs, lot.lookAtMs);
    }
  }

  /** Frees all that one kind of thing holds. */
  freeKind(kind: HeldBack["kind"]): void {
    for (const [key, { held }] of this.#lots) if (held.kind === kind) this.free(key);
  }

  /** The earliest moment to look again, by the guard's clock; Infinity: none. */
  get nextLookMs(): number {
    return this.#lookAtMs;
  }

  /** True when some are to be looked at again. */
  get hasFreed(): boolean {
    return this.#freed.size > 0;
  }

  /** The first parked task under a freed key that is still wanted; those that are not are taken out. */
  nextFreed(isWanted: (task: number) => boolean): number | undefined {
    for (const key of this.#freed.keys()) {
      for (const task of this.#lots.get(key)?.tasks ?? []) {
        if (isWanted(task)) return task;
        this.release(task);
      }
      this.#freed.delete(key);
    }
    return undefined;
  }
}
