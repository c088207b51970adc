// Freezes: what is stopped, by whom and why. In force from the event on, until it is lifted by its ID or its scope.
// 1. A freeze is found by what it stops, not by looking at all of them: the check before each start is a few look-ups.
// 2. IDs are never used twice.

import { create } from "@bufbuild/protobuf";
import type { FreezeLifted, FreezePlaced, GuardEvent } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { FreezeMode, FreezeScopeSchema } from "../gen/holdfast/v1/policy_pb.ts";
import type { FreezeScope } from "../gen/holdfast/v1/policy_pb.ts";
import { assert, assertNever, present } from "../base/assert.ts";
import { HoldfastError } from "../base/errors.ts";
import { FREEZES_MAX } from "../base/limits.ts";
import { guardEvent } from "./guard-event.ts";
import type { GuardState } from "./guard.ts";

/** One freeze in force. */
export interface FreezeEntry {
  /** `f1`, `f2`, … */
  readonly id: string;
  readonly scope: FreezeScope;
  readonly mode: FreezeMode;
  readonly reason: string;
  readonly by: string;
  /** When, on the guard's clock. */
  readonly atMs: number;
}

/** What may be frozen: a workflow, or a target of it. */
export interface FreezeSubject {
  readonly namespace: string;
  readonly workflowName: string;
  /** Of the target; absent: the workflow as a whole. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** The freezes in force. */
export interface FreezeState {
  readonly byId: Map<string, FreezeEntry>;
  /** By what they stop. */
  readonly byScope: Map<string, readonly FreezeEntry[]>;
  /** How many of them stop targets by a label. */
  labelCount: number;
  /** The number of the last ID. */
  lastNumber: number;
}

/** Nothing is frozen. */
export function emptyFreezes(): FreezeState {
  return { byId: new Map(), byScope: new Map(), labelCount: 0, lastNumber: 0 };
}

/** The freeze's ID and the event that places it; one of the same scope and mode that is there already makes no event. */
export function placeFreeze(
  { freezes }: GuardState,
  freeze: { readonly scope: FreezeScope; readonly mode: FreezeMode; readonly reason: string; readonly by: string },
  nowMs: number,
): { readonly id: string; readonly events: readonly GuardEvent[] } {
  const mode = freeze.mode === FreezeMode.UNSPECIFIED ? FreezeMode.FINISH : freeze.mode;
  const known = freezes.byScope.get(scopeKey(freeze.scope))?.find((entry) => entry.mode === mode);
  if (known !== undefined) return { id: known.id, events: [] };
  if (freezes.byId.size >= FREEZES_MAX) {
    throw new HoldfastError("RESOURCE_EXHAUSTED", `${FREEZES_MAX} freezes are in force, which is the most; lift some with "holdfast thaw"`);
  }
  const id = `f${freezes.lastNumber + 1}`;
  return { id, events: [guardEvent(nowMs, { case: "freezePlaced", value: { ...freeze, mode, id } })] };
}

/** The event that freezes everything, beside what is frozen already: a restored store's own freeze is lifted by its own ID, and no bound refuses it. */
export function freezeForRestore({ freezes }: GuardState, reason: string, nowMs: number): GuardEvent {
  const scope = create(FreezeScopeSchema, { kind: { case: "everything", value: true } });
  const id = `f${freezes.lastNumber + 1}`;
  return guardEvent(nowMs, { case: "freezePlaced", value: { id, scope, mode: FreezeMode.FINISH, reason, by: "restore" } });
}

/** The events that lift a freeze by its ID, or all of a scope, with their IDs; none where there is none. */
export function liftFreezes(
  { freezes }: GuardState,
  match: { readonly id: string } | { readonly scope: FreezeScope },
  { by, reason }: { readonly by: string; readonly reason: string },
  nowMs: number,
): { readonly ids: readonly string[]; readonly events: readonly GuardEvent[] } {
  const matching = "id" in match ? [freezes.byId.get(match.id)] : (freezes.byScope.get(scopeKey(match.scope)) ?? []);
  const ids = matching.filter((entry) => entry !== undefined).map(({ id }) => id);
  return { ids, events: ids.map((id) => guardEvent(nowMs, { case: "freezeLifted", value: { id, by, reason } })) };
}

/** All freezes in force, the oldest first. */
export function freezesOf({ freezes }: GuardState): readonly FreezeEntry[] {
  return [...freezes.byId.values()];
}

/** The freezes that stop a workflow, or a target of it. */
export function freezesOn({ freezes }: GuardState, { namespace, workflowName, labels }: FreezeSubject): readonly FreezeEntry[] {
  if (freezes.byId.size === 0) return [];
  const keys = [EVERYTHING, namespaceKey(namespace), nameKey(workflowName)];
  if (freezes.labelCount > 0) for (const [label, value] of Object.entries(labels ?? {})) keys.push(labelKey(label, value));
  return keys.flatMap((key) => freezes.byScope.get(key) ?? []);
}

/** True when some freeze stops targets by their labels: then each target is to be asked about. */
export function hasLabelFreezes({ freezes }: GuardState): boolean {
  return freezes.labelCount > 0;
}

/** Folds a freeze. */
export function foldFrozen(freezes: FreezeState, { id, scope, mode, reason, by }: FreezePlaced, atMs: number): void {
  assert(!freezes.byId.has(id), "the ID of a freeze is used once");
  const entry: FreezeEntry = { id, scope: present(scope, "a freeze's scope"), mode, reason, by, atMs };
  const key = scopeKey(entry.scope);
  freezes.byId.set(id, entry);
  freezes.byScope.set(key, [...(freezes.byScope.get(key) ?? []), entry]);
  if (entry.scope.kind.case === "label") freezes.labelCount += 1;
  freezes.lastNumber = Math.max(freezes.lastNumber, Number(id.slice(1)));
}

/** Folds the end of a freeze. */
export function foldLifted(freezes: FreezeState, { id }: FreezeLifted): void {
  const entry = present(freezes.byId.get(id), "the freeze that is lifted");
  const key = scopeKey(entry.scope);
  const left = (freezes.byScope.get(key) ?? []).filter((each) => each !== entry);
  freezes.byId.delete(id);
  if (left.length === 0) freezes.byScope.delete(key);
  else freezes.byScope.set(key, left);
  if (entry.scope.kind.case === "label") freezes.labelCount -= 1;
}

const EVERYTHING = "everything";

function scopeKey({ kind }: FreezeScope): string {
  assert(kind.case !== undefined, "a freeze says what it stops");
  switch (kind.case) {
    case "everything":
      return EVERYTHING;
    case "namespace":
      return namespaceKey(kind.value);
    case "workflowName":
      return nameKey(kind.value);
    case "label":
      return labelKey(kind.value.label, kind.value.value);
    default:
      return assertNever(kind);
  }
}

function namespaceKey(namespace: string): string {
  return `namespace:${namespace}`;
}

function nameKey(workflowName: string): string {
  return `name:${workflowName}`;
}

function labelKey(label: string, value: string): string {
  return `label:${label.length}:${label}=${value}`;
}
