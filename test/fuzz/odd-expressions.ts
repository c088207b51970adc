// Arbitrary expressions: grown from the grammar, by type, so that most of them compile; and good ones with their bytes changed.
// 1. One in ten arguments is of another type than is asked for: the checker is fuzzed as well as the evaluator.

import fc from "fast-check";
import { mutated, textMutations } from "./mutation.ts";

type Type = "bool" | "int" | "uint" | "double" | "string" | "bytes" | "list" | "map" | "timestamp" | "duration" | "dyn" | "optional";

/** Productions by the type of their value; `$type` is a part of that type, `$$` a name of a variable. */
const GRAMMAR: Readonly<Record<Type, readonly string[]>> = {
  bool: [
    "true",
    "false",
    "!$bool",
    "($bool && $bool)",
    "($bool || $bool)",
    "($bool ? $bool : $bool)",
    "$int == $int",
    "$double < $int",
    "$string >= $string",
    "$dyn == $dyn",
    "$list != $list",
    "$map == $map",
    "$string in $list",
    "$string in $map",
    "$string.contains($string)",
    "$string.startsWith($string)",
    "$string.matches($string)",
    "$string.matches('(a+)+$')",
    "has($map.a)",
    "has(params.x)",
    "$list.exists(v, $bool)",
    "$list.all(v, v == $dyn)",
    "$list.exists_one(v, $bool)",
    "$map.exists(k, k == $string)",
    "$list.all(i, v, i < $int)",
    "glob($string, $string)",
    "inCidr($string, $string)",
    "inWindow($timestamp, $string, $string)",
    "math.isNaN($double)",
    "$optional.hasValue()",
    "type($dyn) == type($dyn)",
    "bool($string)",
  ],
  int: [
    "0",
    "1",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "0xFF",
    "$int + $int",
    "$int - $int",
    "$int * $int",
    "$int / $int",
    "$int % $int",
    "-$int",
    "size($string)",
    "size($list)",
    "$map.size()",
    "int($string)",
    "int($double)",
    "int($timestamp)",
    "$string.indexOf($string)",
    "$timestamp.getHours('Europe/Berlin')",
    "$timestamp.getFullYear()",
    "$duration.getSeconds()",
    "math.bitShiftLeft($int, $int)",
    "math.abs($int)",
    "min($int, $int)",
    "max([$int, $int])",
    "semverCompare($string, $string)",
    "($bool ? $int : $int)",
    "numbers[$int]",
    "workflow.targets",
  ],
  uint: ["0u", "18446744073709551615u", "uint($int)", "$uint + $uint", "$uint * $uint", "$uint % $uint", "math.bitNot($uint)"],
  double: [
    "0.5",
    "1e308",
    "-0.0",
    "double($string)",
    "double('NaN')",
    "double('Infinity')",
    "$double / $double",
    "$double * $double",
    "math.round($double)",
    "percent($int, $int)",
  ],
  string: [
    "''",
    "'a'",
    '"\\u{10FFFF}"',
    "'''x\n'y'''",
    "r'\\n'",
    "target.name",
    "target.labels.site",
    "target.labels['site']",
    "long",
    "$string + $string",
    "string($dyn)",
    "$string.replace($string, $string)",
    "$string.replace('', $string)",
    "$string.substring($int, $int)",
    "$string.charAt($int)",
    "$string.upperAscii()",
    "$string.reverse()",
    "$string.trim()",
    "$list.join($string)",
    "'%s %d %.3f %x %e %b'.format([$dyn, $int, $double, $int, $double, $int])",
    "$string.format($list)",
    "strings.quote($string)",
    "base64.encode($bytes)",
    "($bool ? $string : $string)",
    "workflow.annotations[$string]",
  ],
  bytes: ["b''", "b'\\xff\\000'", "bytes($string)", "base64.decode($string)", "$bytes + $bytes"],
  list: [
    "[]",
    "[$dyn]",
    "[$dyn, $dyn, $dyn]",
    "[$int, $int]",
    "[?$optional]",
    "names",
    "numbers",
    "$list + $list",
    "$list.map(v, $dyn)",
    "$list.map(v, v)",
    "$list.filter(v, $bool)",
    "$list.map(v, $list)",
    "$map.map(k, k)",
    "$string.split($string)",
    "$string.split('')",
    "$list.map(a, names.map(b, a + b))",
    "optional.unwrap([$optional])",
  ],
  map: [
    "{}",
    "{'a': $dyn}",
    "{$string: $dyn}",
    "{$int: $dyn, $int: $dyn}",
    "{?'a': $optional}",
    "{'a': $map}",
    "target.labels",
    "params",
    "countBy($list, $string)",
    "$map.transformMap(k, v, $dyn)",
    "{'__proto__': $dyn}",
  ],
  timestamp: [
    "now",
    "timestamp('2026-01-05T10:00:00Z')",
    "timestamp($string)",
    "timestamp($int)",
    "$timestamp + $duration",
    "$duration + $timestamp",
  ],
  duration: ["duration('1h')", "duration($string)", "duration($int)", "$timestamp - $timestamp", "$duration + $duration"],
  dyn: [
    "null",
    "any",
    "params.x",
    "params.list[0]",
    "any.a.b[1].c",
    "dyn($int)",
    "v",
    "k",
    "$bool",
    "$int",
    "$double",
    "$string",
    "$list",
    "$map",
    "$list[$int]",
    "$map[$string]",
    "$map.a",
    "$optional.value()",
    "$optional.orValue($dyn)",
    "stage('fix').failed",
    "stage($string).changed",
    "nosuch",
    "nosuch($dyn)",
    "$dyn.nosuch($dyn)",
    "google.protobuf.Duration{seconds: 1}",
    "int",
  ],
  optional: [
    "optional.none()",
    "optional.of($dyn)",
    "optional.ofNonZeroValue($dyn)",
    "$map[?$string]",
    "$list[?$int]",
    "params.?x",
    "$optional.or($optional)",
    "$map.?a.?b",
  ],
};

const LEAVES: Readonly<Record<Type, string>> = {
  bool: "true",
  int: "1",
  uint: "1u",
  double: "1.5",
  string: "'x'",
  bytes: "b'x'",
  list: "names",
  map: "target.labels",
  timestamp: "now",
  duration: "duration('1s')",
  dyn: "any",
  optional: "params.?x",
};

const TYPES = ["bool", "int", "uint", "double", "string", "bytes", "list", "map", "timestamp", "duration", "dyn", "optional"] as const;
const PART = /\$(bool|int|uint|double|string|bytes|list|map|timestamp|duration|dyn|optional)/g;
const CHOICES = 60;
const LENGTH_MAX = 6_000;
const WRONG_ONE_IN = 10;

/** Expressions. */
export const oddExpressions: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: grown() },
  { weight: 3, arbitrary: fc.tuple(grown(), textMutations).map(([text, mutations]) => mutated(text, mutations)) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        fc.constantFrom("(", "[", "{", "!", "-", "a.", "a[", "{'a':", "[1].map(v,", "x ? ", "1 + ", "a && ", "f(", "// \n", "'", '"""'),
        fc.nat({ max: 1_500 }),
      )
      .map(([text, times]) => text.repeat(times)),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom("names", "numbers"), fc.integer({ min: 1, max: 8 })).map(([list, depth]) => nested(list, depth)),
  },
);

/** A production is chosen by each number in turn; when they are used up, the leaves are taken. */
function grown(): fc.Arbitrary<string> {
  return fc.tuple(fc.constantFrom(...TYPES), fc.array(fc.nat({ max: 997 }), { maxLength: CHOICES })).map(([type, choices]) => {
    const left = choices.toReversed();
    return grow(type, left).slice(0, LENGTH_MAX);
  });
}

function grow(type: Type, left: number[]): string {
  const choice = left.pop();
  if (choice === undefined) return LEAVES[type];
  const productions = GRAMMAR[type];
  const production = productions[choice % productions.length] ?? "";
  return production.replaceAll(PART, (_, asked: string) => {
    const wrong = left.length > 0 && (left.at(-1) ?? 0) % WRONG_ONE_IN === 0 ? TYPES[(left.pop() ?? 0) % TYPES.length] : undefined;
    return grow(wrong ?? TYPES.find((name) => name === asked) ?? "dyn", left);
  });
}

/** Loops in loops: what costs most for its length. */
function nested(list: string, depth: number): string {
  let text = "true";
  for (let level = 0; level < depth; level++) text = `${list}.all(v${level}, ${text})`;
  return text;
}
