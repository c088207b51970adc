// Which type fits where: assignability with type parameters, after the rules of cel-go's checker.
// 1. What is bound is bound for the whole expression: `[]` is a list of something until a use says of what.
// 2. A trial that fails binds nothing.

import { DYN, formatType, mapParts, partsOf } from "./type.ts";
import type { Type } from "./type.ts";

/** What parameters stand for, by name. */
export type Bindings = Map<string, Type>;

/** An assignment under way: what it binds is undone when it fails. Copying the bindings instead made long lists quadratic. */
interface Trial {
  readonly bindings: Bindings;
  readonly undo: (readonly [name: string, before: Type | undefined])[];
}

/** True when all `from` fit all `to`; binds parameters only then. */
export function assignAll(bindings: Bindings, from: readonly Type[], to: readonly Type[]): boolean {
  const trial: Trial = { bindings, undo: [] };
  if (from.length === to.length && fitsAll(trial, from, to)) return true;
  for (const [name, before] of trial.undo.reverse()) {
    if (before === undefined) bindings.delete(name);
    else bindings.set(name, before);
  }
  return false;
}

/** True when `from` fits `to`; binds parameters only then. */
export function assign(bindings: Bindings, from: Type, to: Type): boolean {
  return assignAll(bindings, [from], [to]);
}

/** The type of a list's elements, so far of `previous`, after another one: the more general of the two, or dyn. */
export function joinTypes(bindings: Bindings, previous: Type, current: Type): Type {
  if (assign(bindings, previous, current)) return mostGeneral(current, previous);
  return DYN;
}

/** The type with its parameters replaced; those that are not bound become dyn when `free` is "dyn". */
export function resolve(bindings: Bindings, type: Type, free: "keep" | "dyn" = "keep"): Type {
  if (type.kind !== "parameter") return mapParts(type, (part) => resolve(bindings, part, free));
  const bound = bindings.get(type.name);
  if (bound !== undefined) return resolve(bindings, bound, free);
  return free === "dyn" ? DYN : type;
}

/** The type with every parameter renamed by a suffix: a fresh copy of a signature's parameter for each use. */
export function rename(type: Type, suffix: string): Type {
  if (type.kind === "parameter") return { kind: "parameter", name: type.name + suffix };
  return mapParts(type, (part) => rename(part, suffix));
}

/** True for two types that are the same, parameters by name. */
export function isSameType(left: Type, right: Type): boolean {
  return left === right || (left.kind === right.kind && identity(left) === identity(right));
}

function identity(type: Type): string {
  if (type.kind === "parameter") return `%${type.name}`;
  if (type.kind === "list") return `list(${identity(type.element)})`;
  if (type.kind === "map") return `map(${identity(type.key)},${identity(type.value)})`;
  if (type.kind === "optional") return `optional(${identity(type.item)})`;
  if (type.kind === "type") return `type(${identity(type.of)})`;
  return `${type.kind} ${formatType(type)}`;
}

function fitsAll(trial: Trial, from: readonly Type[], to: readonly Type[]): boolean {
  return from.every((type, index) => fits(trial, type, to[index] ?? DYN));
}

function fits(trial: Trial, from: Type, to: Type): boolean {
  if (to.kind === "parameter") {
    const outcome = substitute(trial, from, to);
    if (outcome !== "free") return outcome === "fits";
  }
  if (from.kind === "parameter") return substitute(trial, to, from) === "fits";
  if (isWild(from) || isWild(to)) return true;
  if (from.kind === "null") return isNullable(to);
  if (to.kind === "null") return isNullable(from);
  if (from.kind === "wrapper") return fits(trial, from.of, to);
  if (to.kind === "wrapper") return fits(trial, from, to.of);
  if (to.kind === "number") return from.kind === "int" || from.kind === "uint" || from.kind === "double";
  return fitsParts(trial, from, to);
}

function fitsParts(trial: Trial, from: Type, to: Type): boolean {
  if (from.kind === "object" && to.kind === "map") return fits(trial, { kind: "string" }, to.key) && fits(trial, DYN, to.value);
  if (from.kind === "map" && to.kind === "object") return fitsParts(trial, to, from);
  if (from.kind === "list" && to.kind === "list") return fits(trial, from.element, to.element);
  if (from.kind === "map" && to.kind === "map") return fitsAll(trial, [from.key, from.value], [to.key, to.value]);
  if (from.kind === "optional" && to.kind === "optional") return fits(trial, from.item, to.item);
  if (from.kind === "type" && to.kind === "type") return true;
  if (from.kind === "object" && to.kind === "object") return fitsObject(trial, from, to);
  if (from.kind === "message" && to.kind === "message") return from.name === to.name;
  return from.kind === to.kind;
}

type ObjectType = Extract<Type, { kind: "object" }>;

/** Objects of one name, or with the same fields: the results of two actions may be compared. */
function fitsObject(trial: Trial, from: ObjectType, to: ObjectType): boolean {
  if (from.name === to.name) return true;
  if (from.fields.size !== to.fields.size || from.isOpen !== to.isOpen) return false;
  return [...from.fields].every(([name, type]) => {
    const wanted = to.fields.get(name);
    return wanted !== undefined && fits(trial, type, wanted);
  });
}

/** `fits`, `fails`, or `free` where the parameter is not bound and cannot be bound to the type. */
function substitute(trial: Trial, type: Type, parameter: Type & { kind: "parameter" }): "fits" | "fails" | "free" {
  if (isSameType(type, parameter)) return "fits";
  const bound = trial.bindings.get(parameter.name);
  if (bound === undefined) {
    if (isInside(trial.bindings, parameter.name, type)) return "free";
    bind(trial, parameter.name, type);
    return "fits";
  }
  if (isSameType(type, bound)) return "fits";
  if (!fits(trial, type, bound)) return "fails";
  const general = mostGeneral(type, bound);
  if (!isInside(trial.bindings, parameter.name, general)) bind(trial, parameter.name, general);
  return "fits";
}

function bind({ bindings, undo }: Trial, name: string, type: Type): void {
  undo.push([name, bindings.get(name)]);
  bindings.set(name, type);
}

function mostGeneral(left: Type, right: Type): Type {
  return isAsGeneral(left, right) ? left : right;
}

function isAsGeneral(left: Type, right: Type): boolean {
  if (left.kind === "dyn" || left.kind === "parameter") return true;
  if (right.kind === "dyn" || right.kind === "parameter") return false;
  if (left.kind === "wrapper" && right.kind !== "wrapper") return isSameType(left.of, right) || right.kind === "null";
  if (right.kind === "null") return isNullable(left);
  if (left.kind === "list" && right.kind === "list") return isAsGeneral(left.element, right.element);
  if (left.kind === "map" && right.kind === "map") return isAsGeneral(left.key, right.key) && isAsGeneral(left.value, right.value);
  if (left.kind === "optional" && right.kind === "optional") return isAsGeneral(left.item, right.item);
  return isSameType(left, right) || (left.kind === "type" && right.kind === "type");
}

function isInside(bindings: Bindings, name: string, type: Type): boolean {
  if (type.kind !== "parameter") return partsOf(type).some((part) => isInside(bindings, name, part));
  if (type.name === name) return true;
  const bound = bindings.get(type.name);
  return bound !== undefined && isInside(bindings, name, bound);
}

function isWild(type: Type): boolean {
  return type.kind === "dyn" || type.kind === "error";
}

function isNullable(type: Type): boolean {
  return ["null", "wrapper", "object", "message", "timestamp", "duration", "optional", "dyn", "error"].includes(type.kind);
}
