// The fold of the ledger: which targets are reserved by whom, what touched them last, and the counts that follow.
// 1. A reservation counts until it is settled, whatever becomes of its workflow: unknown targets count for ever, until somebody settles them.
// 2. At its settling a touched target counts from then on for each window's length; an untouched one counts by what it was before.
// 3. By label a target counts under the labels of its latest touch or reservation. Label sets are shared: few are distinct.

import type { LabelSet, TargetsReserved, TargetsSettled, TargetTouched } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { present } from "../base/assert.ts";
import type { Cell, Counted, TouchList } from "./ledger-count.ts";
import { emptyTouchList, expire, hold, moveCells, newCell, newCounted, touch } from "./ledger-count.ts";

/** A distinct set of labels, with the cells that count them. */
interface SharedLabels {
  readonly key: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly cells: readonly Cell[];
  references: number;
}

interface Reservation {
  readonly target: LedgerTarget;
  labels: SharedLabels;
  /** The number of the event that reserved or touched it last. */
  movedSeq: number;
  /** Keys of the cells that it counts in beside the target's own: its principal's, its actions'. */
  parts: readonly string[];
  readonly principalKey: string;
  /** Keys of the actions that touched it. */
  readonly touched: Set<string>;
}

/** A target that counts somewhere. */
export interface LedgerTarget {
  readonly name: string;
  /** Counts for all targets, and for the labels shown. */
  readonly whole: Counted;
  /** Counts for a principal or an action, by the key of its cell. */
  readonly parts: Map<string, Counted>;
  readonly reservations: Set<Reservation>;
  touched: { readonly labels: SharedLabels; readonly seq: number } | undefined;
  shown: SharedLabels | undefined;
}

/** The ledger. */
export interface LedgerState {
  readonly list: TouchList;
  readonly cells: Map<string, Cell>;
  readonly labelSets: Map<string, SharedLabels>;
  readonly targets: Map<string, LedgerTarget>;
  /** By workflow and target. */
  readonly reservations: Map<string, Map<string, Reservation>>;
}

/** When an event happened. */
interface Moment {
  readonly atMs: number;
  readonly seq: number;
}

/** Nothing was touched. */
export function emptyLedger(): LedgerState {
  return { list: emptyTouchList(), cells: new Map(), labelSets: new Map(), targets: new Map(), reservations: new Map() };
}

/** The key of the cell that counts all targets. */
export const ALL_KEY = "all";

/** The key of a label's value. */
export function labelKey(label: string, value: string): string {
  return `label:${label.length}:${label}=${value}`;
}

/** The key of an action. */
export function actionKey(uses: string): string {
  return `action:${uses}`;
}

/** The key of a principal. */
export function principalKey(name: string): string {
  return `principal:${name}`;
}

/** Folds the reservation of a wave's targets; again for the same workflow it adds actions that were not named before. */
export function foldReserved(ledger: LedgerState, event: TargetsReserved, moment: Moment): void {
  expire(ledger.list, moment.atMs);
  const sets = event.labelSets.map((set) => shareLabels(ledger, set));
  const ofPrincipal = principalKey(event.principal);
  const parts = [ofPrincipal, ...new Set(event.uses.map(actionKey))];
  const reserved = ledger.reservations.get(event.holder) ?? new Map<string, Reservation>();
  if (event.targets.length > 0) ledger.reservations.set(event.holder, reserved);
  event.targets.forEach((name, at) => {
    const labels = present(sets[event.labelSet[at] ?? 0], "the labels of a reserved target");
    const target = ledger.targets.get(name) ?? newTarget(ledger, name);
    labels.references += 1;
    const known = reserved.get(name);
    const before = known?.labels;
    const reservation = known ?? { target, labels, movedSeq: moment.seq, parts: [], principalKey: ofPrincipal, touched: new Set<string>() };
    reservation.labels = labels;
    reservation.movedSeq = moment.seq;
    target.reservations.add(reservation);
    reserved.set(name, reservation);
    showLabels(ledger, target);
    if (before !== undefined) releaseLabels(ledger, before);
    if (known === undefined) hold(ledger.list, target.whole, 1);
    holdParts(ledger, reservation, parts);
  });
  for (const set of sets) releaseLabels(ledger, set);
}

/** Folds the first change of a target by an action. */
export function foldTouched(ledger: LedgerState, { holder, target, uses }: TargetTouched, { atMs, seq }: Moment): void {
  expire(ledger.list, atMs);
  const reservation = ledger.reservations.get(holder)?.get(target);
  if (reservation === undefined) return;
  markTouched(ledger, reservation, uses, seq);
  showLabels(ledger, reservation.target);
}

/** Folds the end of targets. */
export function foldSettled(ledger: LedgerState, { holder, targets }: TargetsSettled, { atMs, seq }: Moment): void {
  expire(ledger.list, atMs);
  for (const { target, failedUses } of targets) {
    const reservation = ledger.reservations.get(holder)?.get(target);
    if (reservation === undefined) continue;
    for (const uses of failedUses) markTouched(ledger, reservation, uses, seq);
    settle(ledger, holder, reservation, atMs);
  }
}

/** Folds the end of a workflow: what it touched counts from now on, the rest is given back. */
export function foldLedgerOfHolder(ledger: LedgerState, workflow: string, atMs: number): void {
  expire(ledger.list, atMs);
  for (const reservation of Array.from(ledger.reservations.get(workflow)?.values() ?? [])) settle(ledger, workflow, reservation, atMs);
}

function markTouched(ledger: LedgerState, reservation: Reservation, uses: string, seq: number): void {
  const key = actionKey(uses);
  reservation.touched.add(key);
  reservation.movedSeq = seq;
  holdParts(ledger, reservation, [key]);
}

function settle(ledger: LedgerState, workflow: string, reservation: Reservation, atMs: number): void {
  const { target, touched } = reservation;
  const reserved = ledger.reservations.get(workflow);
  reserved?.delete(target.name);
  if (reserved?.size === 0) ledger.reservations.delete(workflow);
  target.reservations.delete(reservation);
  if (touched.size > 0) {
    touch(ledger.list, target.whole, atMs);
    for (const key of [reservation.principalKey, ...touched])
      touch(ledger.list, present(target.parts.get(key), "a part that was held"), atMs);
    keepTouch(ledger, target, reservation);
  }
  for (const key of reservation.parts) hold(ledger.list, present(target.parts.get(key), "a part that was held"), -1);
  if (target.reservations.size > 0 || target.touched !== undefined) showLabels(ledger, target);
  hold(ledger.list, target.whole, -1);
  releaseLabels(ledger, reservation.labels);
}

/** The labels of the latest touch are kept, unless a later touch was settled before. */
function keepTouch(ledger: LedgerState, target: LedgerTarget, { labels, movedSeq }: Reservation): void {
  if (target.touched !== undefined && target.touched.seq > movedSeq) return;
  labels.references += 1;
  if (target.touched !== undefined) releaseLabels(ledger, target.touched.labels);
  target.touched = { labels, seq: movedSeq };
}

function holdParts(ledger: LedgerState, reservation: Reservation, keys: readonly string[]): void {
  const fresh = keys.filter((key) => !reservation.parts.includes(key));
  if (fresh.length === 0) return;
  const { target } = reservation;
  for (const key of fresh) hold(ledger.list, target.parts.get(key) ?? newPart(ledger, target, key), 1);
  reservation.parts = reservation.parts.length === 0 ? keys : [...reservation.parts, ...fresh];
}

/** Counts the target under the labels of its latest touch or reservation. */
function showLabels(ledger: LedgerState, target: LedgerTarget): void {
  let latest = target.touched === undefined ? undefined : { labels: target.touched.labels, movedSeq: target.touched.seq };
  for (const reservation of target.reservations) {
    if (latest === undefined || reservation.movedSeq >= latest.movedSeq) latest = reservation;
  }
  const { labels } = present(latest, "what a target was reserved or touched by");
  if (target.shown === labels) return;
  target.shown = labels;
  moveCells(ledger.list, target.whole, [cellOf(ledger, ALL_KEY), ...labels.cells]);
}

function newTarget(ledger: LedgerState, name: string): LedgerTarget {
  const drop = (): void => {
    ledger.targets.delete(name);
    if (target.touched !== undefined) releaseLabels(ledger, target.touched.labels);
  };
  const target: LedgerTarget = {
    name,
    whole: newCounted([], drop),
    parts: new Map(),
    reservations: new Set(),
    touched: undefined,
    shown: undefined,
  };
  ledger.targets.set(name, target);
  return target;
}

function newPart(ledger: LedgerState, target: LedgerTarget, key: string): Counted {
  const cell = cellOf(ledger, key);
  cell.references += 1;
  const part = newCounted([cell], () => {
    target.parts.delete(key);
    releaseCell(ledger, key, cell);
  });
  target.parts.set(key, part);
  return part;
}

/** The one shared set of these labels, with one reference for the caller. */
function shareLabels(ledger: LedgerState, { labels }: LabelSet): SharedLabels {
  const entries = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  const key = JSON.stringify(entries);
  const known = ledger.labelSets.get(key);
  const shared = known ?? {
    key,
    labels: new Map(entries),
    references: 0,
    cells: entries.map(([label, value]) => {
      const cell = cellOf(ledger, labelKey(label, value));
      cell.references += 1;
      return cell;
    }),
  };
  ledger.labelSets.set(key, shared);
  shared.references += 1;
  return shared;
}

function releaseLabels(ledger: LedgerState, shared: SharedLabels): void {
  shared.references -= 1;
  if (shared.references > 0) return;
  ledger.labelSets.delete(shared.key);
  for (const [label, value] of shared.labels) {
    const key = labelKey(label, value);
    releaseCell(ledger, key, cellOf(ledger, key));
  }
}

function cellOf(ledger: LedgerState, key: string): Cell {
  const cell = ledger.cells.get(key) ?? newCell();
  ledger.cells.set(key, cell);
  return cell;
}

function releaseCell(ledger: LedgerState, key: string, cell: Cell): void {
  cell.references -= 1;
  if (cell.references === 0) ledger.cells.delete(key);
}
