// `min` and `max`: over two to four numbers, or over one list that is not empty.
// 1. Types may mix (int, uint, double); the winner keeps its own.

import { isCelList, isCelUint } from "@bufbuild/cel";
import type { CelValue } from "@bufbuild/cel";
import type { Builtin } from "./builtins.ts";
import { EvaluationFault, charge } from "./meter.ts";
import { noOverload } from "./standard.ts";
import type { Signature } from "./standard.ts";

const ARITY_MAX = 4;

/** `min(a, b)`, `max(list)` and so on. */
export function numberFunctions(): readonly Builtin[] {
  const arities = Array.from({ length: ARITY_MAX }, (_, index) => index + 1);
  return arities.flatMap((arity) => [
    extreme("min", arity, (left, right) => left < right),
    extreme("max", arity, (left, right) => left > right),
  ]);
}

function extreme(name: string, arity: number, wins: (left: bigint | number, right: bigint | number) => boolean): Builtin {
  const signature: Signature = { name, kind: "function", arity };
  const call = (args: readonly CelValue[]): CelValue => {
    const [only = null] = args;
    const candidates = args.length === 1 && isCelList(only) ? [...only] : args;
    charge(1 + candidates.length);
    let best: CelValue | undefined;
    for (const candidate of candidates) {
      if (best === undefined || wins(numberOf(candidate, signature), numberOf(best, signature))) best = candidate;
    }
    if (best === undefined) throw new EvaluationFault(`${name}(): the list is empty`);
    numberOf(best, signature);
    return best;
  };
  return { ...signature, call };
}

function numberOf(value: CelValue, signature: Signature): bigint | number {
  if (typeof value === "bigint" || typeof value === "number") return value;
  if (isCelUint(value)) return value.value;
  throw noOverload({ ...signature, arity: 1 }, [value]);
}
