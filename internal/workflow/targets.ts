// Chooses the targets of a workflow out of the inventory: once, sorted, and never by mistake all of them (H6).
// 1. Nothing chosen is an error. 2. A name that the inventory does not hold is an error that names it.
// 3. A target that lacks a label which the condition asks for is not chosen, whatever the condition: an absent label never widens the scope.

import { HoldfastError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { SELECT_COST_MAX } from "../base/limits.ts";
import { didYouMean } from "../base/nearest.ts";
import { createMeter } from "../expr/meter.ts";
import { compile, evaluateBoolean } from "../expr/program.ts";
import type { Program } from "../expr/program.ts";
import { selectorScope } from "../expr/workflow-types.ts";
import type { Param, Target, TargetSelector } from "../gen/holdfast/v1/workflow_pb.ts";
import { expressionParams } from "./params.ts";

/** How many missing names an error shows. */
const MISSING_SHOWN_MAX = 10;

/** What is chosen from, and what is known of the choice. */
export interface Selection {
  /** The inventory, sorted by name. */
  readonly known: readonly Target[];
  readonly params: JsonObject;
  /** The parameters as the definition declares them. */
  readonly declared: Readonly<Record<string, Param>>;
  /** How many there must be, by everyone who said so: all must be right. Empty: any number above zero. */
  readonly expected: readonly number[];
}

/** The chosen targets, sorted by name. Throws INVALID_ARGUMENT or FAILED_PRECONDITION, naming what was found, or RESOURCE_EXHAUSTED beyond the cost. */
export function selectTargets(selector: TargetSelector, selection: Selection, costMax: number = SELECT_COST_MAX): readonly Target[] {
  const hasWhere = selector.where !== "";
  const hasNames = selector.names.length > 0;
  if (hasWhere === hasNames)
    throw new HoldfastError("INVALID_ARGUMENT", "targets: say either `where` (CEL over `target`) or `names` (a list that is not empty)");
  const chosen = hasWhere ? selectWhere(selector.where, selection, costMax) : selectNames(selector.names, selection.known);
  if (chosen.length === 0)
    throw new HoldfastError(
      "FAILED_PRECONDITION",
      `targets: none of the inventory's ${selection.known.length} targets was chosen; an empty choice is an error, never "all"`,
    );
  const wrong = selection.expected.find((expected) => expected !== chosen.length);
  if (wrong !== undefined) {
    throw new HoldfastError(
      "FAILED_PRECONDITION",
      `targets: ${chosen.length} were chosen, ${wrong} are expected; look at the selector and the inventory before you change the number`,
    );
  }
  return chosen;
}

/** Compiles a selector's `where`; throws INVALID_ARGUMENT with its place. */
export function compileSelector(where: string, declared: Readonly<Record<string, Param>>): Program {
  return compile(where, { place: "targets.where", ...selectorScope(declared), result: "bool" });
}

function selectWhere(where: string, { known, declared, ...given }: Selection, costMax: number): readonly Target[] {
  const program = compileSelector(where, declared);
  const params = expressionParams(declared, given.params);
  // One budget for the whole inventory: a condition that is dear, times 100,000 targets, would hold the service for minutes.
  const meter = createMeter(costMax);
  const elsewhere = new Map<string, boolean>();
  const isElsewhere = (label: string): boolean => {
    const found = elsewhere.get(label) ?? known.some(({ labels }) => Object.hasOwn(labels, label));
    elsewhere.set(label, found);
    return found;
  };
  return known.filter((target) => {
    try {
      return evaluateBoolean(program, { target: { name: target.name, labels: target.labels }, params }, meter);
    } catch (error) {
      const label = missingLabel(error, target);
      if (label === undefined || !isElsewhere(label)) throw error;
      return false; // a condition on a label that this target lacks does not choose it; a label that no target has is a mistake
    }
  });
}

/** The label that an expression asked for and the target does not have; undefined for any other error. */
function missingLabel(error: unknown, { labels }: Target): string | undefined {
  const reason = error instanceof HoldfastError ? error.details[0]?.reason : undefined;
  const label = /^no such key: (.*)$/s.exec(reason ?? "")?.[1];
  return label === undefined || Object.hasOwn(labels, label) ? undefined : label;
}

function selectNames(names: readonly string[], known: readonly Target[]): readonly Target[] {
  const byName = new Map(known.map((target) => [target.name, target]));
  const missing = names.filter((name) => !byName.has(name));
  if (missing.length > 0) {
    const shown = missing.slice(0, MISSING_SHOWN_MAX).map((name) => `"${name}"${didYouMean(name, byName.keys())}`);
    throw new HoldfastError(
      "INVALID_ARGUMENT",
      `targets.names: the inventory does not hold ${missing.length} of them: ${shown.join(", ")}`,
    );
  }
  const wanted = new Set(names);
  if (wanted.size !== names.length) throw new HoldfastError("INVALID_ARGUMENT", "targets.names: a name is there twice");
  return known.filter((target) => wanted.has(target.name));
}
