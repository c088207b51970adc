// Counts of targets by window and dimension, kept step by step: nothing here ever walks over all targets.
// 1. A thing counts in a window while it is active, or was touched within the window before now.
// 2. One list in the order of the last touch serves all windows: each has a mark in it, and what is before the mark has left the window.
// 3. A cell's version moves whenever a thing enters or leaves its count.

/** How long a touch counts in each window, milliseconds; the shortest first. A window is spoken of by its position. */
const WINDOW_MS: readonly number[] = [3_600_000, 24 * 3_600_000, 30 * 24 * 3_600_000];

const ALL_WINDOWS = 0b111;

/** One count for each window. */
export interface Cell {
  readonly counts: number[];
  readonly versions: number[];
  /** How many refer to it; without any it is dropped. */
  references: number;
}

/** A thing that counts once in each of its cells: a target, a target under an action, a target under a principal. */
export interface Counted {
  cells: readonly Cell[];
  /** Reservations that hold it. */
  active: number;
  /** The last touch; 0: none within the longest window. */
  touchedMs: number;
  /** How many windows the last touch has left. */
  windowsLeft: number;
  /** Neighbours by last touch. */
  earlier: Counted | undefined;
  later: Counted | undefined;
  /** Called with it when it is of no use any more. */
  readonly drop: (thing: Counted) => void;
}

/** The list of touched things and the marks of the windows. */
export interface TouchList {
  last: Counted | undefined;
  /** The first thing that is still in each window. */
  readonly marks: (Counted | undefined)[];
  /** Rises with every change of any count. */
  version: number;
}

/** Nothing was touched. */
export function emptyTouchList(): TouchList {
  return { last: undefined, marks: [undefined, undefined, undefined], version: 0 };
}

/** A cell that counts nothing yet. */
export function newCell(): Cell {
  return { counts: [0, 0, 0], versions: [0, 0, 0], references: 0 };
}

/** A thing that counts nowhere yet. */
export function newCounted(cells: readonly Cell[], drop: (thing: Counted) => void): Counted {
  return { cells, active: 0, touchedMs: 0, windowsLeft: 0, earlier: undefined, later: undefined, drop };
}

/** True while it counts in the window. Only after expire(). */
export function isCounted(thing: Counted, window: number): boolean {
  return (maskOf(thing) & (1 << window)) !== 0;
}

/** True when it counts nowhere, so that it can be dropped. */
function isIdle(thing: Counted): boolean {
  return thing.active === 0 && thing.touchedMs === 0;
}

/** One more reservation holds it, or one fewer; it is dropped when it is of no use any more. */
export function hold(list: TouchList, thing: Counted, by: 1 | -1): void {
  const before = maskOf(thing);
  thing.active += by;
  recount(list, thing, before);
  if (isIdle(thing)) thing.drop(thing);
}

/** It was touched, at the latest time of all. */
export function touch(list: TouchList, thing: Counted, nowMs: number): void {
  const before = maskOf(thing);
  if (thing.touchedMs > 0) unlink(list, thing);
  thing.touchedMs = nowMs;
  thing.windowsLeft = 0;
  append(list, thing);
  recount(list, thing, before);
}

/** It counts in other cells from now on. */
export function moveCells(list: TouchList, thing: Counted, cells: readonly Cell[]): void {
  const mask = maskOf(thing);
  for (const cell of thing.cells) change(list, cell, mask, -1);
  thing.cells = cells;
  for (const cell of cells) change(list, cell, mask, 1);
}

/** Lets go what has left its windows by now. */
export function expire(list: TouchList, nowMs: number): void {
  WINDOW_MS.forEach((windowMs, window) => {
    for (let thing = list.marks[window]; thing !== undefined && thing.touchedMs + windowMs <= nowMs; thing = list.marks[window]) {
      const before = maskOf(thing);
      const { later } = thing;
      thing.windowsLeft = window + 1;
      if (window === WINDOW_MS.length - 1) {
        unlink(list, thing);
        thing.touchedMs = 0;
      }
      list.marks[window] = later;
      recount(list, thing, before);
      if (isIdle(thing)) thing.drop(thing);
    }
  });
}

function maskOf({ active, touchedMs, windowsLeft }: Counted): number {
  if (active > 0) return ALL_WINDOWS;
  return touchedMs > 0 ? (ALL_WINDOWS << windowsLeft) & ALL_WINDOWS : 0;
}

function recount(list: TouchList, thing: Counted, before: number): void {
  const after = maskOf(thing);
  if (before === after) return;
  for (const cell of thing.cells) {
    change(list, cell, after & ~before, 1);
    change(list, cell, before & ~after, -1);
  }
}

function change(list: TouchList, cell: Cell, mask: number, by: 1 | -1): void {
  for (let window = 0; window < WINDOW_MS.length; window++) {
    if ((mask & (1 << window)) === 0) continue;
    list.version += 1;
    cell.counts[window] = (cell.counts[window] ?? 0) + by;
    cell.versions[window] = list.version;
  }
}

function append(list: TouchList, thing: Counted): void {
  thing.earlier = list.last;
  thing.later = undefined;
  if (list.last !== undefined) list.last.later = thing;
  list.last = thing;
  for (let window = 0; window < WINDOW_MS.length; window++) list.marks[window] ??= thing;
}

function unlink(list: TouchList, thing: Counted): void {
  const { earlier, later } = thing;
  if (earlier !== undefined) earlier.later = later;
  if (later !== undefined) later.earlier = earlier;
  if (list.last === thing) list.last = earlier;
  for (let window = 0; window < WINDOW_MS.length; window++) if (list.marks[window] === thing) list.marks[window] = later;
  thing.earlier = undefined;
  thing.later = undefined;
}
