// Which type fits where: assignability with type parameters, after the rules of cel-go's checker.
// 1. What is bound is bound for the whole expression: `[]` is a list of something until a use says of what.
// 2. A trial that fails binds nothing.

import { DYN, formatType, mapParts, partsOf } from "./type.ts";
import type { Type } from "./type.ts";

/** What parameters stand for, by name. */
export type Bindings = Map<string, Type>;

/** True when all `from` fit all `to`; binds parameters only then. */
export function assignAll(bindings: Bindings, from: readonly Type[], to: readonly Type[]): boolean {
  const trial = new Map(bindings);
  if (from.length !== to.length || !fitsAll(trial, from, to)) return false;
  for (const [name, type] of trial) bindings.set(name, type);
  return true;
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

function fitsAll(bindings: Bindings, from: readonly Type[], to: readonly Type[]): boolean {
  return from.every((type, index) => fits(bindings, type, to[index] ?? DYN));
}

function fits(bindings: Bindings, from: Type, to: Type): boolean {
  if (to.kind === "parameter") {
    const outcome = substitute(bindings, from, to);
    if (outcome !== "free") return outcome === "fits";
  }
  if (from.kind === "parameter") return substitute(bindings, to, from) === "fits";
  if (isWild(from) || isWild(to)) return true;
  if (from.kind === "null") return isNullable(to);
  if (to.kind === "null") return isNullable(from);
  if (from.kind === "wrapper") return fits(bindings, from.of, to);
  if (to.kind === "wrapper") return fits(bindings, from, to.of);
  if (to.kind === "number") return from.kind === "int" || from.kind === "uint" || from.kind === "double";
  return fitsParts(bindings, from, to);
}

function fitsParts(bindings: Bindings, from: Type, to: Type): boolean {
  if (from.kind === "object" && to.kind === "map") return fits(bindings, { kind: "string" }, to.key) && fits(bindings, DYN, to.value);
  if (from.kind === "map" && to.kind === "object") return fitsParts(bindings, to, from);
  if (from.kind === "list" && to.kind === "list") return fits(bindings, from.element, to.element);
  if (from.kind === "map" && to.kind === "map") return fitsAll(bindings, [from.key, from.value], [to.key, to.value]);
  if (from.kind === "optional" && to.kind === "optional") return fits(bindings, from.item, to.item);
  if (from.kind === "type" && to.kind === "type") return true;
  if (from.kind === "object" && to.kind === "object") return from.name === to.name;
  if (from.kind === "message" && to.kind === "message") return from.name === to.name;
  return from.kind === to.kind;
}

/** `fits`, `fails`, or `free` where the parameter is not bound and cannot be bound to the type. */
function substitute(bindings: Bindings, type: Type, parameter: Type & { kind: "parameter" }): "fits" | "fails" | "free" {
  if (isSameType(type, parameter)) return "fits";
  const bound = bindings.get(parameter.name);
  if (bound === undefined) {
    if (isInside(bindings, parameter.name, type)) return "free";
    bindings.set(parameter.name, type);
    return "fits";
  }
  if (isSameType(type, bound)) return "fits";
  if (!fits(bindings, type, bound)) return "fails";
  const general = mostGeneral(type, bound);
  if (!isInside(bindings, parameter.name, general)) bindings.set(parameter.name, general);
  return "fits";
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
