// All functions that expressions may call, in one table: ours, the library's behind a charge, and calls into the scope. The rewriting
// pass sends every call of an expression to an entry of this table, so no function runs unmetered.
// 1. One name, kind and arity is one entry, whatever the types; a method's target is its first argument.

import { CelScalar, celEnv, celFunc } from "@bufbuild/cel";
import type { CelEnv, CelFunc, CelType, CelValue } from "@bufbuild/cel";
import { fleetFunctions } from "./fleet-functions.ts";
import { loops } from "./loops.ts";
import { mathFunctions } from "./math-functions.ts";
import type { Messages } from "./messages.ts";
import { charge } from "./meter.ts";
import { numberFunctions } from "./number-functions.ts";
import { operators } from "./operators.ts";
import { optionalFunctions } from "./optional-functions.ts";
import { scopeCalls } from "./scope-functions.ts";
import { callStandard, standardSignatures } from "./standard.ts";
import type { Signature } from "./standard.ts";
import { textFunctions } from "./text-functions.ts";

/** A function of expressions: what it is called, and what it does with as many arguments as its arity says. */
export interface Builtin extends Signature {
  readonly call: (args: readonly CelValue[]) => CelValue;
}

/** The table, and the library's environment that plans expressions against it. */
export interface Builtins {
  readonly env: CelEnv;
  /** The environment that also knows messages. */
  envWith(messages: Messages): CelEnv;
  /** The name under which a function is planned, or undefined where there is none of this name, kind and arity. */
  find(signature: Signature): string | undefined;
  /** The arities that a name has: empty for an unknown one. */
  arities(name: string, kind: Signature["kind"]): readonly number[];
  /** All names of a kind that authors may write. */
  names(kind: Signature["kind"]): readonly string[];
}

let made: Builtins | undefined;

/** The functions, made at the first use. */
export function builtins(): Builtins {
  made ??= makeBuiltins();
  return made;
}

function makeBuiltins(): Builtins {
  const table = new Map<string, Builtin>();
  for (const signature of standardSignatures())
    table.set(keyOf(signature), { ...signature, call: (args) => callStandard(signature, args) });
  const ours = [operators, loops, textFunctions, numberFunctions, mathFunctions, fleetFunctions, optionalFunctions, scopeCalls];
  for (const builtin of ours.flatMap((make) => make())) table.set(keyOf(builtin), builtin);
  const funcs = [...table.entries()].map(([key, builtin]) => toLibrary(key, builtin));
  const env = celEnv({ funcs });
  const all = [...table.values()];
  return {
    env,
    envWith: ({ registry, container }) => celEnv({ funcs, registry, namespace: container }),
    find: (signature) => (table.has(keyOf(signature)) ? keyOf(signature) : undefined),
    arities: (name, kind) => all.filter((builtin) => builtin.name === name && builtin.kind === kind).map((builtin) => builtin.arity),
    names: (kind) => [
      ...new Set(all.filter((builtin) => builtin.kind === kind && /^[a-z]/i.test(builtin.name)).map((builtin) => builtin.name)),
    ],
  };
}

/** `f size/1` and `m size/1`: no author can write a name with a blank, so the library's own functions stay out of reach. */
function keyOf({ name, kind, arity }: Signature): string {
  return `${kind === "method" ? "m" : "f"} ${name}/${arity}`;
}

function toLibrary(key: string, { arity, call }: Builtin): CelFunc {
  const parameters: CelType[] = Array.from({ length: arity }, () => CelScalar.DYN);
  return celFunc(key, parameters, CelScalar.DYN, (...args: CelValue[]): CelValue => {
    charge(1);
    return call(args);
  });
}
