// The checker's part for calls: which overloads fit the arguments, and what they yield.
// 1. Where several overloads fit (an argument is dyn) and differ in their result, the result is dyn, as in cel-go.
// 2. Overloads that mix kinds of numbers count only where no other fits.

import { assign, assignAll, rename, resolve } from "./assign.ts";
import { deref, fieldType, refuseType, showType } from "./check-state.ts";
import type { Check, Local } from "./check-state.ts";
import { literalIssue } from "./check-literal.ts";
import { candidateNames } from "./messages.ts";
import { literalOf } from "./nodes.ts";
import { dottedName } from "./pass.ts";
import { overloadKey } from "./signatures.ts";
import type { Overload } from "./signatures.ts";
import type { Expr } from "./source.ts";
import { describeCall } from "./standard.ts";
import { BOOL, DYN, ERROR, formatType, optionalOf } from "./type.ts";
import type { Type } from "./type.ts";

type Call = Extract<Expr["exprKind"], { case: "callExpr" }>["value"];

/** A call, what macros bind around it, and how to check what is below it. */
interface CallSite {
  readonly call: Call;
  readonly local: Local;
  readonly below: (child: Expr) => Type;
}

const SHOWN_OVERLOADS_MAX = 6;

/** The type of a call. */
export function checkCall(check: Check, node: Expr, { call, local, below }: CallSite): Type {
  const { function: name, target, args } = call;
  if (name === "_?._" || name === "_[?_]" || name === "_[_]") return checkIndex(check, node, call, below);
  const qualified = target === undefined ? undefined : dottedName(target);
  const root = qualified?.split(".")[0] ?? "";
  const whole = qualified === undefined || local.has(root) ? [] : functionOverloads(check, `${qualified}.${name}`);
  if (target !== undefined && whole.length === 0) {
    const all = [target, ...args];
    const types = all.map(below);
    return resolveCall(check, { node, name, kind: "method", args: all, types, overloads: methodOverloads(check, name) });
  }
  const types = args.map(below);
  const shown = whole.length > 0 && qualified !== undefined ? `${qualified}.${name}` : name;
  const overloads = whole.length > 0 ? whole : functionOverloads(check, name);
  return resolveCall(check, { node, name: shown, kind: "function", args, types, overloads });
}

interface Resolution {
  readonly node: Expr;
  readonly name: string;
  readonly kind: "function" | "method";
  readonly args: readonly Expr[];
  readonly types: readonly Type[];
  readonly overloads: readonly Overload[];
}

function functionOverloads(check: Check, name: string): readonly Overload[] {
  for (const candidate of candidateNames(check.declared.messages, name)) {
    const found = check.declared.functions.get(overloadKey("function", candidate));
    if (found !== undefined) return found;
  }
  return [];
}

function methodOverloads(check: Check, name: string): readonly Overload[] {
  return check.declared.functions.get(overloadKey("method", name)) ?? [];
}

function resolveCall(check: Check, call: Resolution): Type {
  const { node, name, args, types } = call;
  const overloads = call.overloads.filter(({ parameters }) => parameters.length === types.length);
  // An unknown name or count of arguments: the rewriting pass refuses it in its own words.
  if (overloads.length === 0) return ERROR;
  const result = tryOverloads(check, types, overloads);
  if (result === undefined) return refuseOverload(check, call, overloads);
  args.forEach((argument, index) => {
    const literal = literalOf(argument);
    const issue = typeof literal === "string" ? literalIssue({ name, kind: call.kind, arity: args.length }, index, literal) : undefined;
    if (issue !== undefined) refuseType(check, argument, issue);
  });
  if (types.some(({ kind }) => kind === "error") && isGeneric(name)) return ERROR;
  return withNode(check, node, overloads[0]?.resultOf?.(args.map(literalOf)) ?? result);
}

/** After an error in an argument, what only hands it on is an error too: one mistake is told once. */
function isGeneric(name: string): boolean {
  return name === "_?_:_" || name === "dyn" || name === "_+_";
}

function withNode(check: Check, node: Expr, type: Type): Type {
  check.types.set(node, type);
  return type;
}

function tryOverloads(check: Check, types: readonly Type[], overloads: readonly Overload[]): Type | undefined {
  const isMixed = ({ parameters }: Overload): boolean => parameters.some((type) => formatType(type).includes("number"));
  const first = tryAll(
    check,
    types,
    overloads.filter((overload) => !isMixed(overload)),
  );
  return first ?? tryAll(check, types, overloads.filter(isMixed));
}

function tryAll(check: Check, types: readonly Type[], overloads: readonly Overload[]): Type | undefined {
  let result: Type | undefined;
  for (const overload of overloads) {
    const suffix = `?${++check.freshCount}`;
    const wanted = overload.parameters.map((parameter) => rename(parameter, suffix));
    if (!assignAll(check.bindings, types, wanted)) continue;
    const found = resolve(check.bindings, rename(overload.result, suffix));
    if (result === undefined) result = found;
    else if (showType(check, result) !== showType(check, found)) result = DYN;
  }
  return result;
}

function refuseOverload(check: Check, call: Resolution, overloads: readonly Overload[]): Type {
  if (call.types.some(({ kind }) => kind === "error")) return ERROR;
  const [only] = overloads;
  if (only !== undefined && overloads.length === 1 && /^[a-z]/i.test(call.name)) return refuseArgument(check, call, only);
  const operand = wrongOperand(check, call);
  if (operand !== undefined) return operand;
  const signature = { name: call.name, kind: call.kind, arity: call.types.length };
  const found = describeCall(
    signature,
    call.types.map((type) => showType(check, type)),
  );
  const takes = overloads.map(({ parameters }) =>
    describeCall(
      signature,
      parameters.map((type) => showType(check, type)),
    ),
  );
  const shown = [...new Set(takes)].filter((text) => !text.includes("number"));
  const hint = shown.length > 0 && shown.length <= SHOWN_OVERLOADS_MAX ? `; there is ${shown.join(", ")}` : "";
  return refuseType(check, call.node, `no such overload: ${found}${hint}`);
}

/** What stands beside && and ||, or before ?, is a bool. */
function wrongOperand(check: Check, call: Resolution): Type | undefined {
  const count = call.name === "_&&_" || call.name === "_||_" ? 2 : call.name === "_?_:_" ? 1 : 0;
  const wrong = call.types.slice(0, count).findIndex((type) => !assign(check.bindings, type, BOOL));
  const node = call.args[wrong];
  if (node === undefined) return undefined;
  return refuseType(check, node, `expected bool, found ${showType(check, call.types[wrong] ?? DYN)}; compare it with something`);
}

/** The only overload that there is does not fit: the first argument that does not is what is wrong. */
function refuseArgument(check: Check, call: Resolution, { parameters }: Overload): Type {
  const suffix = `?${++check.freshCount}`;
  const wanted = parameters.map((parameter) => rename(parameter, suffix));
  const wrong = wanted.findIndex((parameter, index) => !assign(check.bindings, call.types[index] ?? DYN, parameter));
  const argument = call.args[wrong] ?? call.node;
  const found = showType(check, call.types[wrong] ?? DYN);
  const expected = showType(check, parameters[wrong] ?? DYN);
  if (call.kind === "method" && wrong === 0)
    return refuseType(check, call.node, `${call.name}() is a method of ${expected}, found ${found}`);
  const number = call.kind === "method" ? wrong : wrong + 1;
  return refuseType(check, argument, `${call.name}(): argument ${number} is ${found}, expected ${expected}`);
}

/** `a.?b`, `a[?k]` and `a[k]`: a literal key of an object is one of its fields. */
function checkIndex(check: Check, node: Expr, call: Call, below: (child: Expr) => Type): Type {
  const [operand, index] = call.args;
  if (operand === undefined || index === undefined) return DYN;
  const operandType = resolve(check.bindings, below(operand));
  const indexType = below(index);
  const isOptional = call.function !== "_[_]";
  const inner = deref(operandType);
  const key = literalOf(index);
  const isField = typeof key === "string" && (inner.kind === "object" || call.function === "_?._");
  const found = isField
    ? fieldType(check, node, { operand: inner, field: key })
    : elementType(check, { node, operand: inner, operandType, indexType });
  if (found.kind === "error") return ERROR;
  return isOptional || operandType.kind === "optional" ? optionalOf(deref(found)) : found;
}

function elementType(
  check: Check,
  {
    node,
    operand,
    operandType,
    indexType,
  }: { readonly node: Expr; readonly operand: Type; readonly operandType: Type; readonly indexType: Type },
): Type {
  if (operand.kind === "object") return DYN;
  const overloads = functionOverloads(check, "_[_]");
  const found = tryOverloads(check, [operand, indexType], overloads);
  if (found !== undefined) return found;
  if (operand.kind === "error" || indexType.kind === "error") return ERROR;
  return refuseType(check, node, `no such overload: ${showType(check, operandType)}[${showType(check, indexType)}]${hintOf(operand)}`);
}

function hintOf(operand: Type): string {
  if (operand.kind === "list") return "; the index of a list is an int";
  return operand.kind === "map" ? `; its keys are ${operand.key.kind}` : "";
}
