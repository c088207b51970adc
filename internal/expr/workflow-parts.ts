// The parts of a workflow in one order: its stages with those that handle how it ended, a stage's actions with those that handle how a target did.
// 1. Positions of stages and tasks follow from this order, so it never changes (H2): main first, then undo, on_success, on_failure, always.
// 2. Whoever looks at all actions of a definition goes through here: nothing is checked, counted or judged that is not run, and the other way.

import { present } from "../base/assert.ts";
import type { Action, Alternative, OnUnknown, Stage, WorkflowDefinition } from "../gen/holdfast/v1/workflow_pb.ts";

/** What an action or a stage is for. */
export type Part = "main" | "undo" | "on_success" | "on_failure" | "always";

/** What of a definition holds stages. */
export type StagesIn = Pick<WorkflowDefinition, "stages"> & Partial<Pick<WorkflowDefinition, "onSuccess" | "onFailure" | "always">>;

/** A stage in its place. */
export interface StageInPlace {
  readonly stage: Stage;
  readonly part: Part;
  /** Where it stands in the definition: `stages[0]`, `on_failure[1]`. */
  readonly place: string;
}

/** An action in its place: one task for each target. An action with `try` is several, one after the other. */
export interface Column {
  /** The task's name: the action's, or `send.2` for its second alternative. */
  readonly name: string;
  readonly action: Action;
  /** What says how it is done: the action itself, or one of its alternatives. */
  readonly way: Pick<Alternative, "uses" | "with" | "retry" | "timeout" | "totalTimeout" | "heartbeat"> & { onUnknown?: OnUnknown };
  readonly part: Part;
  /** Where its action stands in its stage: `actions[0]`, `on_failure[1]`. */
  readonly place: string;
  /** Where what says how it is done stands: the same, or `actions[0].try[1]`. */
  readonly wayPlace: string;
  /** Which of its action's alternatives it is, from 0, and how many there are; an action without has one. */
  readonly alternative: number;
  readonly alternatives: number;
}

/** True for a stage that runs over the workflow's targets. */
export function isOverTargets({ over }: Pick<Stage, "over">): boolean {
  return over?.kind.case === "targets";
}

/** What the expressions of a stage's actions may name of what it runs over. */
export function overOf({ over }: Pick<Stage, "over">): { readonly hasTarget: boolean; readonly hasItem: boolean } {
  return { hasTarget: over?.kind.case === "targets", hasItem: over?.kind.case === "list" };
}

/** How many times the actions of a stage may run: once for each target, for each item that its list may have, or once. */
export function widthOf({ over }: Pick<Stage, "over">, targets: number): number {
  if (over?.kind.case === "targets") return targets;
  return over?.kind.case === "list" ? over.kind.value.max : 1;
}

/** All stages of a workflow, in the order of their positions. */
export function stagesOf({ stages, onSuccess = [], onFailure = [], always = [] }: StagesIn): readonly StageInPlace[] {
  const parts = [
    { part: "main", name: "stages", of: stages },
    { part: "on_success", name: "on_success", of: onSuccess },
    { part: "on_failure", name: "on_failure", of: onFailure },
    { part: "always", name: "always", of: always },
  ] as const;
  return parts.flatMap(({ part, name, of }) => of.map((stage, index) => ({ stage, part, place: `${name}[${index}]` })));
}

/** All actions of a stage, in the order of their positions. */
export function columnsOf({
  actions,
  onSuccess,
  onFailure,
  always,
}: Pick<Stage, "actions" | "onSuccess" | "onFailure" | "always">): readonly Column[] {
  const parts = [
    { part: "main", name: "actions", of: actions },
    { part: "on_success", name: "on_success", of: onSuccess },
    { part: "on_failure", name: "on_failure", of: onFailure },
    { part: "always", name: "always", of: always },
  ] as const;
  const [main, ...others] = parts.map(({ part, name, of }) =>
    of.flatMap((action, index) => columnsOfAction(action, part, `${name}[${index}]`)),
  );
  return [...(main ?? []), ...actions.flatMap(undoColumn), ...others.flat()];
}

function undoColumn(action: Action, index: number): readonly Column[] {
  const { undo } = action;
  if (undo === undefined) return [];
  const place = `actions[${index}]`;
  return [
    { name: `${action.name}.undo`, action, way: undo, part: "undo", place, wayPlace: `${place}.undo`, alternative: 0, alternatives: 1 },
  ];
}

function columnsOfAction(action: Action, part: Part, place: string): readonly Column[] {
  const alternatives = action.try.length;
  if (alternatives === 0)
    return [{ name: action.name, action, way: action, part, place, wayPlace: place, alternative: 0, alternatives: 1 }];
  return action.try.map((way, alternative) => ({
    name: `${action.name}.${alternative + 1}`,
    action,
    way,
    part,
    place,
    wayPlace: `${place}.try[${alternative}]`,
    alternative,
    alternatives,
  }));
}

/** The position of the first alternative of the action at a position. */
export function headOf(columns: readonly Column[], index: number): number {
  return index - (columns[index]?.alternative ?? 0);
}

/** The position of the action, or of its first alternative, that one of part `undo` takes back. */
export function undoneBy(columns: readonly Column[], undo: Column): number {
  return columns.findIndex(({ part, action }) => part === "main" && action === undo.action);
}

/** What is needed last is undone first: each waits for all before it in that order, for those between them may have nothing to take back. */
function undoNeeds(columns: readonly Column[], needs: readonly (readonly number[])[]): ReadonlyMap<number, readonly number[]> {
  const order = allBefore(needs) ?? [];
  const rank = (index: number): number => order[undoneBy(columns, present(columns[index], "a position of an action"))]?.length ?? 0;
  const undos = columns.flatMap(({ part }, index) => (part === "undo" ? [index] : []));
  const sorted = undos.toSorted((left, right) => rank(right) - rank(left) || right - left);
  return new Map(sorted.map((index, at) => [index, sorted.slice(0, at)]));
}

/**
 * Positions of the actions of its own part that each action waits for, by default the one before it; -1: there is none of that name. Of an action with
 * `try` it is the position of its first alternative; each further one waits for the one before it.
 */
export function needsWithin(columns: readonly Column[]): readonly (readonly number[])[] {
  const needs = columns.map(({ action, part, alternative }, index) => {
    if (part === "undo") return [];
    if (alternative > 0) return [index - 1];
    if (action.needs === undefined) return columns[index - 1]?.part === part ? [headOf(columns, index - 1)] : [];
    return action.needs.actions.map((name) => columns.findIndex((other) => other.part === part && other.action.name === name));
  });
  if (!columns.some(({ part }) => part === "undo")) return needs;
  const undo = undoNeeds(columns, needs);
  return needs.map((all, index) => undo.get(index) ?? all);
}

/** For each position all that come before it, sorted; undefined when there is a circle. Negative positions are left out. */
export function allBefore(needs: readonly (readonly number[])[]): readonly (readonly number[])[] | undefined {
  const result: (Set<number> | undefined)[] = needs.map(() => undefined);
  for (let settled = 0; settled < needs.length;) {
    const before = settled;
    for (const [index, all] of needs.entries()) {
      if (result[index] !== undefined) continue;
      const direct = all.filter((needed) => needed >= 0);
      const sets = direct.map((needed) => result[needed]);
      if (sets.some((set) => set === undefined)) continue;
      result[index] = new Set([...direct, ...sets.flatMap((set) => [...(set ?? [])])]);
      settled += 1;
    }
    if (settled === before) return undefined;
  }
  return result.map((set) => [...(set ?? [])].sort((a, b) => a - b));
}

/**
 * Positions of the actions that are certain to have ended before each one, and that its expressions may name: those it needs, directly or through
 * others; for what handles an end all main actions too. None where needs go round in a circle.
 */
export function knownBefore(columns: readonly Column[]): readonly (readonly number[])[] {
  const order = allBefore(needsWithin(columns));
  const main = columns.flatMap(({ part }, index) => (part === "main" ? [index] : []));
  return columns.map(({ part, action }, index) => {
    const all = [...(part === "main" ? [] : main), ...(order?.[index] ?? [])];
    return all.filter((position) => {
      const known = columns[position];
      return known?.part !== "undo" && known?.alternative === 0 && (part === "undo" || known.action !== action);
    });
  });
}
