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
  /** The one that counts all targets, then one for each label. */
  readonly cells: readonly Cell[];
  references: number;
}

/** A target as it counts under a principal or an action. */
interface Part {
  /** The key of the cell. */
  readonly key: string;
  readonly counted: Counted;
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
  touched: readonly string[];
}

/** A target that counts somewhere. */
export interface LedgerTarget {
  readonly name: string;
  /** Counts for all targets, and for the labels shown. */
  readonly whole: Counted;
  /** Few: principals and actions of the last weeks. */
  readonly parts: Part[];
  /** Few: workflows that have it in a wave. */
  readonly reservations: Reservation[];
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
    const known = reserved.get(name);
    const reservation = known ?? { target, labels, movedSeq: 0, parts: [], principalKey: ofPrincipal, touched: [] };
    const before = known?.labels;
    if (known === undefined) target.reservations.push(reservation);
    reserved.set(name, reservation);
    labels.references += 1;
    reservation.labels = labels;
    reservation.movedSeq = moment.seq;
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
  if (!reservation.touched.includes(key)) reservation.touched = [...reservation.touched, key];
  reservation.movedSeq = seq;
  holdParts(ledger, reservation, [key]);
}

function settle(ledger: LedgerState, workflow: string, reservation: Reservation, atMs: number): void {
  const { target, touched } = reservation;
  const reserved = ledger.reservations.get(workflow);
  reserved?.delete(target.name);
  if (reserved?.size === 0) ledger.reservations.delete(workflow);
  target.reservations.splice(target.reservations.indexOf(reservation), 1);
  if (touched.length > 0) {
    touch(ledger.list, target.whole, atMs);
    for (const key of [reservation.principalKey, ...touched]) touch(ledger.list, partOf(ledger, target, key), atMs);
    keepTouch(ledger, target, reservation);
  }
  for (const key of reservation.parts) hold(ledger.list, partOf(ledger, target, key), -1);
  if (target.reservations.length > 0 || target.touched !== undefined) showLabels(ledger, target);
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
  const held = reservation.parts;
  const fresh = held.length === 0 ? keys : keys.filter((key) => !held.includes(key));
  for (const key of fresh) hold(ledger.list, partOf(ledger, reservation.target, key), 1);
  if (fresh.length > 0) reservation.parts = held.length === 0 ? fresh : [...held, ...fresh];
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
  moveCells(ledger.list, target.whole, labels.cells);
}

function newTarget(ledger: LedgerState, name: string): LedgerTarget {
  const drop = (thing: Counted): void => {
    if (thing === target.whole) dropTarget(ledger, target);
    else dropPart(ledger, target, thing);
  };
  const target: LedgerTarget = { name, whole: newCounted([], drop), parts: [], reservations: [], touched: undefined, shown: undefined };
  ledger.targets.set(name, target);
  return target;
}

function dropTarget(ledger: LedgerState, { name, touched }: LedgerTarget): void {
  ledger.targets.delete(name);
  if (touched !== undefined) releaseLabels(ledger, touched.labels);
}

function dropPart(ledger: LedgerState, target: LedgerTarget, thing: Counted): void {
  const at = target.parts.findIndex(({ counted }) => counted === thing);
  const [part] = target.parts.splice(at, 1);
  if (part !== undefined) releaseCell(ledger, part.key);
}

/** The target's part under a key: a new one where it counts nowhere yet. */
function partOf(ledger: LedgerState, target: LedgerTarget, key: string): Counted {
  const known = target.parts.find((part) => part.key === key);
  if (known !== undefined) return known.counted;
  const counted = newCounted([holdCell(ledger, key)], target.whole.drop);
  target.parts.push({ key, counted });
  return counted;
}

/** The one shared set of these labels, with one reference for the caller. */
function shareLabels(ledger: LedgerState, { labels }: LabelSet): SharedLabels {
  const key = JSON.stringify(labels);
  const known = ledger.labelSets.get(key);
  if (known !== undefined) {
    known.references += 1;
    return known;
  }
  const entries = Object.entries(labels);
  const cells = [holdCell(ledger, ALL_KEY), ...entries.map(([label, value]) => holdCell(ledger, labelKey(label, value)))];
  const shared = { key, labels: new Map(entries), cells, references: 1 };
  ledger.labelSets.set(key, shared);
  return shared;
}

function releaseLabels(ledger: LedgerState, shared: SharedLabels): void {
  shared.references -= 1;
  if (shared.references > 0) return;
  ledger.labelSets.delete(shared.key);
  releaseCell(ledger, ALL_KEY);
  for (const [label, value] of shared.labels) releaseCell(ledger, labelKey(label, value));
}

function holdCell(ledger: LedgerState, key: string): Cell {
  const known = ledger.cells.get(key);
  const cell = known ?? newCell();
  if (known === undefined) ledger.cells.set(key, cell);
  cell.references += 1;
  return cell;
}

function releaseCell(ledger: LedgerState, key: string): void {
  const cell = present(ledger.cells.get(key), "a cell that is referred to");
  cell.references -= 1;
  if (cell.references === 0) ledger.cells.delete(key);
}
