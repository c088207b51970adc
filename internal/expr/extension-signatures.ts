// The types of the functions that are not CEL's standard: ours, `math`, `base64`, optionals, and what macros become.
// 1. What is called here is defined in the table of builtins.ts, with the same numbers of arguments.

import { mergeSignatures, parseSignatures } from "./signatures.ts";
import type { OverloadTable } from "./signatures.ts";
import { standardOverloads } from "./standard-signatures.ts";

const EXTREME_ARITY_MAX = 8;
const FLEET_ARITY_MAX = 4;
const NUMBERS = ["int", "uint", "double"];

let all: OverloadTable | undefined;

/** The types of all functions that authors may write, and of what macros become. */
export function builtinOverloads(): OverloadTable {
  all ??= mergeSignatures([standardOverloads(), parseSignatures({ functions: `${extremes()}${FUNCTIONS}`, methods: METHODS })]);
  return all;
}

/** `min(int, int) -> int`, `math.least(number, number) -> dyn` and so on: of one kind, or of mixed kinds. */
function extremes(): string {
  const names = [
    { names: ["min", "max"], arityMax: FLEET_ARITY_MAX },
    { names: ["math.least", "math.greatest"], arityMax: EXTREME_ARITY_MAX },
  ];
  const lines = names.flatMap(({ names: same, arityMax }) =>
    same.flatMap((name) => [
      ...NUMBERS.flatMap((type) => [`${name}(list(${type})) -> ${type}`, ...extremeLines(name, { type, result: type, arityMax })]),
      `${name}(list(number)) -> dyn`,
      ...extremeLines(name, { type: "number", result: "dyn", arityMax }),
    ]),
  );
  return lines.join("\n");
}

function extremeLines(
  name: string,
  line: { readonly type: string; readonly result: string; readonly arityMax: number },
): readonly string[] {
  return Array.from(
    { length: line.arityMax },
    (_, index) => `${name}(${Array.from({ length: index + 1 }, () => line.type).join(", ")}) -> ${line.result}`,
  );
}

const FUNCTIONS = `
countBy(list(dyn), string) -> map(string, int)
percent(number, number) -> double
inWindow(timestamp, string, string) -> bool
inCidr(string, string) -> bool
semverCompare(string, string) -> int
glob(string, string) -> bool
math.ceil(double) -> double
math.floor(double) -> double
math.round(double) -> double
math.trunc(double) -> double
math.isNaN(double) -> bool
math.isInf(double) -> bool
math.isFinite(double) -> bool
math.abs(int) -> int
math.abs(uint) -> uint
math.abs(double) -> double
math.sign(int) -> int
math.sign(uint) -> uint
math.sign(double) -> double
math.bitAnd(int, int) -> int
math.bitAnd(uint, uint) -> uint
math.bitOr(int, int) -> int
math.bitOr(uint, uint) -> uint
math.bitXor(int, int) -> int
math.bitXor(uint, uint) -> uint
math.bitNot(int) -> int
math.bitNot(uint) -> uint
math.bitShiftLeft(int, int) -> int
math.bitShiftLeft(uint, int) -> uint
math.bitShiftRight(int, int) -> int
math.bitShiftRight(uint, int) -> uint
base64.encode(bytes) -> string
base64.decode(string) -> bytes
optional.of(A) -> optional(A)
optional.none() -> optional(A)
optional.ofNonZeroValue(A) -> optional(A)
optional.unwrap(list(optional(A))) -> list(A)
@hasValue(optional(A)) -> bool
@value(optional(A)) -> A
@append(list(A), A) -> list(A)
@map() -> map(A, B)
@insert(map(A, B), A, B) -> map(A, B)
@insertEntry(map(A, B), map(A, B)) -> map(A, B)`;

const METHODS = `
hasValue(optional(A)) -> bool
value(optional(A)) -> A
or(optional(A), optional(A)) -> optional(A)
orValue(optional(A), A) -> A
unwrapOpt(list(optional(A))) -> list(A)`;
