// The library's own functions (standard and string extensions), called by name and charged by the size of what they get.
// 1. Their errors quote arguments; only what is known to hold no value is passed on.

import { celEnv, isCelError, isCelList, isCelMap } from "@bufbuild/cel";
import type { CelEnv, CelValue } from "@bufbuild/cel";
import { strings } from "@bufbuild/cel/ext";
import { EvaluationFault, charge, chargeText } from "./meter.ts";
import { typeName } from "./lower.ts";

/** A function as expressions know it: methods take their target as the first of `arity` arguments. */
export interface Signature {
  readonly name: string;
  readonly kind: "function" | "method";
  readonly arity: number;
}

/** Steps of building a time zone's calendar, which the library does anew for each call. */
const ZONE_COST = 2_000;
/** Steps of a call of the library, which looks for the overload by the types of the arguments. */
const CALL_COST = 2;
const SAFE_REASONS: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/divide by zero|modulus by zero/, "division by zero"],
  [/overflow/, "the number leaves the range of its type"],
  [/out of bounds/, "index out of range"],
  [/out of range/, "the time leaves the range of its type"],
];

let library: CelEnv | undefined;

/** The functions of the library, each name, kind and arity once. */
export function standardSignatures(): readonly Signature[] {
  const signatures = new Map<string, Signature>();
  for (const { name, target, arguments: parameters } of standard().funcs) {
    const kind = target === undefined ? "function" : "method";
    const arity = parameters.length + (target === undefined ? 0 : 1);
    signatures.set(`${kind} ${name}/${arity}`, { name, kind, arity });
  }
  return [...signatures.values()];
}

/** Charges for the arguments and calls the library's function; throws EvaluationFault for whatever goes wrong. */
export function callStandard(signature: Signature, args: readonly CelValue[]): CelValue {
  charge(CALL_COST);
  for (const argument of args) chargeArgument(argument);
  if (args.length === 2 && /^get[A-Z]/.test(signature.name)) charge(ZONE_COST);
  const isMethod = signature.kind === "method";
  const group = standard().funcs.find(signature.name);
  const result = group?.call(0, isMethod ? args[0] : undefined, isMethod ? args.slice(1) : [...args]);
  if (result === undefined) throw noOverload(signature, args);
  if (isCelError(result)) throw new EvaluationFault(safeReason(signature, result.message));
  return result;
}

/** The fault of a call whose types do not fit: it names them. */
export function noOverload(signature: Signature, args: readonly CelValue[]): EvaluationFault {
  return new EvaluationFault(`no such overload: ${describeCall(signature, args.map(typeName))}`);
}

/** A call as people write it: `int + string`, `size(int)`, `string.startsWith(int)`. */
export function describeCall({ name, kind }: Signature, types: readonly string[]): string {
  const [first = "", ...rest] = types;
  const operator = /^(?:_(.+)_|@(in)|([!-])_)$/.exec(name);
  if (operator?.[3] !== undefined) return `${operator[3]}${first}`;
  if (operator !== null) return `${first} ${operator[1] ?? operator[2] ?? ""} ${rest.join(", ")}`;
  return kind === "method" ? `${first}.${name}(${rest.join(", ")})` : `${name}(${types.join(", ")})`;
}

function chargeArgument(argument: CelValue): void {
  if (typeof argument === "string") chargeText(argument.length);
  else if (typeof argument === "object" && argument !== null) {
    if (argument instanceof Uint8Array) chargeText(argument.length);
    else if (isCelList(argument) || isCelMap(argument)) charge(1 + argument.size);
  }
}

function safeReason(signature: Signature, message: string): string {
  const known = SAFE_REASONS.find(([pattern]) => pattern.test(message));
  const call = describeCall(
    signature,
    Array.from({ length: signature.arity }, () => "…"),
  );
  return known === undefined ? `${call}: an argument has the right type and a value that cannot be used` : `${call}: ${known[1]}`;
}

function standard(): CelEnv {
  library ??= celEnv({ funcs: strings });
  return library;
}
