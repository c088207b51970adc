// The ledger across workflows: how many distinct targets were touched lately, by label, action and principal, for policies to read.
// 1. Counted are targets that are reserved, in flight or unknown, and those changed or failed within the window before now.
// 2. Whoever asks is never counted: a wave of five asks what the others did.
// 3. The counts are kept step by step (ledger-state.ts) and equal what a rebuild from the journal gives.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { GuardEvent } from "../gen/holdfast/journal/v1/journal_pb.ts";
import type { TargetsReservedSchema } from "../gen/holdfast/journal/v1/journal_pb.ts";
import type { WorkflowId } from "../base/ids.ts";
import { LEDGER_EVENT_LENGTH_MAX, LEDGER_RESERVE_TARGETS_MAX } from "../base/limits.ts";
import { guardEvent } from "./guard-event.ts";
import type { GuardState } from "./guard.ts";
import { expire, isCounted } from "./ledger-count.ts";
import type { LedgerState, LedgerTarget } from "./ledger-state.ts";
import { actionKey, ALL_KEY, labelKey, principalKey } from "./ledger-state.ts";

/** The windows that counts exist for. */
export type LedgerWindow = "1h" | "24h" | "30d";

/** What is counted: targets with a label's value, targets that an action touched, targets that a principal's workflows touched, all. */
export type LedgerDimension =
  | { readonly kind: "label"; readonly label: string; readonly value: string }
  | { readonly kind: "action"; readonly uses: string }
  | { readonly kind: "principal"; readonly name: string }
  | { readonly kind: "all" };

/** A count, and a version that moves whenever the count or what it is made of does. */
export interface LedgerTouched {
  readonly count: number;
  readonly version: number;
}

/** A target that a wave is about to begin with. */
export interface ReservingTarget {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

interface LabelledTarget {
  readonly target: ReservingTarget;
  /** Its labels as text: alike for alike ones, at least where they are in the same order. */
  readonly text: string;
}

const WINDOW_AT: Readonly<Record<LedgerWindow, number>> = { "1h": 0, "24h": 1, "30d": 2 };

/** The events that reserve targets, at most LEDGER_RESERVE_TARGETS_MAX in each; those that the workflow reserved for these actions already make none. */
export function reserveTargets(
  { ledger }: GuardState,
  wave: {
    readonly workflow: WorkflowId;
    readonly targets: readonly ReservingTarget[];
    readonly uses: readonly string[];
    readonly principal: string;
  },
  nowMs: number,
): readonly GuardEvent[] {
  const { workflow, uses, principal } = wave;
  const reserved = ledger.reservations.get(workflow);
  const keys = uses.map(actionKey);
  const fresh = wave.targets.filter(({ name }) => {
    const parts = reserved?.get(name)?.parts;
    return parts === undefined || !keys.every((key) => parts.includes(key));
  });
  const labelled = fresh.map((target): LabelledTarget => ({ target, text: JSON.stringify(target.labels) }));
  return inParts(labelled, ({ target, text }) => target.name.length + text.length).map((targets) => {
    const names = targets.map(({ target }) => target.name);
    const value = { holder: workflow, targets: names, ...withLabelSets(targets), uses: [...uses], principal };
    return guardEvent(nowMs, { case: "targetsReserved", value });
  });
}

/** The event that an action begins to change a target; none when it is known already, or the workflow did not reserve the target. */
export function touchTarget(
  { ledger }: GuardState,
  { workflow, target, uses }: { readonly workflow: WorkflowId; readonly target: string; readonly uses: string },
  nowMs: number,
): readonly GuardEvent[] {
  const reservation = ledger.reservations.get(workflow)?.get(target);
  if (reservation === undefined || reservation.touched.includes(actionKey(uses))) return [];
  return [guardEvent(nowMs, { case: "targetTouched", value: { holder: workflow, target, uses } })];
}

/** The events that settle those of the targets which the workflow reserved. */
export function settleTargets(
  { ledger }: GuardState,
  workflow: WorkflowId,
  targets: readonly { readonly target: string; readonly failedUses: readonly string[] }[],
  nowMs: number,
): readonly GuardEvent[] {
  const reserved = ledger.reservations.get(workflow);
  const settled = targets.filter(({ target }) => reserved?.has(target) === true);
  return inParts(settled, ({ target, failedUses }) => target.length + 128 * failedUses.length).map((part) => {
    const value = { holder: workflow, targets: part.map(({ target, failedUses }) => ({ target, failedUses: [...failedUses] })) };
    return guardEvent(nowMs, { case: "targetsSettled", value });
  });
}

/** How many targets were touched, all of them. */
export function ledgerTouched({ ledger }: GuardState, window: LedgerWindow, dimension: LedgerDimension, nowMs: number): LedgerTouched {
  expire(ledger.list, nowMs);
  const cell = ledger.cells.get(cellKey(dimension));
  const at = WINDOW_AT[window];
  return { count: cell?.counts[at] ?? 0, version: cell?.versions[at] ?? 0 };
}

/** Reads counts for targets that ask, which are not counted. What they would count for is found by one pass over them for each kind of question. */
export function ledgerReader(
  guard: GuardState,
  { nowMs, except }: { readonly nowMs: number; readonly except: readonly string[] },
): { touched(window: LedgerWindow, dimension: LedgerDimension): LedgerTouched } {
  const { ledger } = guard;
  let asking: ReadonlySet<string> | undefined; // most readers find nothing that could be theirs
  const passes = new Map<string, { readonly version: number; readonly own: ReadonlyMap<string, number> }>();
  const ownOf = (window: LedgerWindow, dimension: LedgerDimension): ReadonlyMap<string, number> => {
    const key = `${window} ${dimension.kind === "label" ? labelKey(dimension.label, "") : dimension.kind}`;
    const known = passes.get(key);
    if (known?.version === ledger.list.version) return known.own;
    asking ??= new Set(except);
    const own = countOwn(ledger, asking, WINDOW_AT[window], dimension);
    passes.set(key, { version: ledger.list.version, own });
    return own;
  };
  return {
    touched(window, dimension) {
      const { count, version } = ledgerTouched(guard, window, dimension, nowMs);
      return { count: count === 0 ? 0 : count - (ownOf(window, dimension).get(cellKey(dimension)) ?? 0), version };
    },
  };
}

/** How many of the asking targets count in the window, by cell: for one label, or for all actions, principals, or targets. */
function countOwn(
  { targets }: LedgerState,
  asking: ReadonlySet<string>,
  window: number,
  dimension: LedgerDimension,
): ReadonlyMap<string, number> {
  const own = new Map<string, number>();
  for (const name of asking) {
    const target = targets.get(name);
    if (target === undefined) continue;
    for (const key of cellsOf(target, window, dimension)) own.set(key, (own.get(key) ?? 0) + 1);
  }
  return own;
}

function cellsOf({ whole, parts, shown }: LedgerTarget, window: number, dimension: LedgerDimension): readonly string[] {
  if (!isCounted(whole, window)) return [];
  if (dimension.kind === "all") return [ALL_KEY];
  if (dimension.kind === "label") {
    const value = shown?.labels.get(dimension.label);
    return value === undefined ? [] : [labelKey(dimension.label, value)];
  }
  return parts.filter(({ counted }) => isCounted(counted, window)).map(({ key }) => key);
}

function cellKey(dimension: LedgerDimension): string {
  if (dimension.kind === "label") return labelKey(dimension.label, dimension.value);
  if (dimension.kind === "action") return actionKey(dimension.uses);
  return dimension.kind === "principal" ? principalKey(dimension.name) : ALL_KEY;
}

/** Cuts a list so that no part has more than LEDGER_RESERVE_TARGETS_MAX items, or is much longer than LEDGER_EVENT_LENGTH_MAX. */
function inParts<T>(items: readonly T[], lengthOf: (item: T) => number): readonly (readonly T[])[] {
  const parts: T[][] = [];
  let length = Infinity;
  for (const item of items) {
    const part = parts.at(-1);
    if (part !== undefined && part.length < LEDGER_RESERVE_TARGETS_MAX && length < LEDGER_EVENT_LENGTH_MAX) part.push(item);
    else parts.push([item]);
    length = (parts.at(-1) === part ? length : 0) + lengthOf(item);
  }
  return parts;
}

/** Distinct label sets, and for each target the position of its own. */
function withLabelSets(targets: readonly LabelledTarget[]): Pick<MessageInitShape<typeof TargetsReservedSchema>, "labelSets" | "labelSet"> {
  const positions = new Map<string, number>();
  const labelSets: { labels: Record<string, string> }[] = [];
  const labelSet = targets.map(({ target: { labels }, text }) => {
    const known = positions.get(text);
    if (known !== undefined) return known;
    positions.set(text, labelSets.length);
    return labelSets.push({ labels: { ...labels } }) - 1;
  });
  return { labelSets, labelSet };
}
