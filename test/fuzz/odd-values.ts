// Values at which parsers break: boundaries of numbers, texts that look like something else, words that mean something somewhere.
// 1. Everything is an arbitrary of fast-check: from a seed, and it shrinks toward the plain.

import fc from "fast-check";
import type { JsonValue } from "../../internal/base/json.ts";

const NUMBERS = [0, 1, -1, 2, 63, 64, 65, 100, 127, 128, 255, 256, 1_000, 4_096, 65_535, 65_536, 200_000, 2_000_000];
const HUGE = [2 ** 31 - 1, 2 ** 31, -(2 ** 31), 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53, -(2 ** 53), 1e21, 1e308, 5e-324, 0.1, -0];

/** Texts that have broken parsers. */
const TEXTS = [
  "",
  " ",
  "\0",
  "\ufeff",
  "\n",
  "\r\n",
  "\t",
  "\u2028",
  "\u202e",
  "\ud800",
  "\udfff",
  "é",
  "e\u0301",
  "🙂",
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "length",
  "null",
  "~",
  "true",
  "no",
  "NaN",
  ".inf",
  "-0",
  "0x10",
  "0o7",
  "1e999",
  "9".repeat(40),
  "2026-01-01",
  "2026-01-05T10:00:00Z",
  "-1h",
  "99999999999d",
  "1.5s",
  "../../x",
  "/",
  "~/x",
  "file:///x",
  "http://127.0.0.1:1/",
  "%",
  "%s%n",
  "$&",
  "$(x)",
  "${{ 1 }}",
  "${{",
  "${{ secret('x') }}",
  "}}",
  "<<",
  "*",
  "&a",
  "*a",
  "!!js/function x",
  "? ",
  "- ",
  ": ",
  "#",
  "|",
  ">",
  "---",
  "...",
  "%YAML 1.2",
  "{",
  "[",
  "\\",
  "'",
  '"',
  "(?<=",
  "(a+)+$",
  "sha256:",
  "019a9f1e-5c3a-7d10-8f00-0123456789ab",
  "000000000000000000000000000",
];

/** Words of the files, the wire and the command line. */
const WORDS =
  "name description params targets stages output annotations where names expect over actions uses with when until needs retry timeout rollout waves pause parallel max_failures max_at_risk rate locks sensitive attempts delay backoff match rules limits tests expr message enforcement gates approve role count tokens period burst concurrency spacing key each fleet principal approvals ledger now gate stage wave action target labels connection ssh local root become sudo host user port identity defaults all hosts children vars _meta ansible_host effects check apply argv env stdin shell type required min max pattern allowed default secret atomic converged_status different_status ok_status submit exec expand task deny wait warn audit file command http assert directory path content mode owner source that version tokens roles namespaces sha256 certificate createdAtMs".split(
    " ",
  );

/** A text that may break something. */
export const oddText: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...TEXTS) },
  { weight: 3, arbitrary: fc.constantFrom(...WORDS) },
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 12 }) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...TEXTS, "a"), fc.constantFrom(64, 255, 1_025, 4_097, 70_000)).map(repeated) },
);

/** A number at a boundary, or any. */
export const oddNumber: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(...NUMBERS),
  fc.constantFrom(...HUGE),
  fc.integer({ min: -1_000, max: 1_000 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

/** A key of a map. */
export const oddKey: fc.Arbitrary<string> = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...WORDS) },
  { weight: 1, arbitrary: oddText },
);

const scalar: fc.Arbitrary<JsonValue> = fc.oneof(
  { weight: 4, arbitrary: oddText },
  { weight: 3, arbitrary: oddNumber },
  { weight: 1, arbitrary: fc.constantFrom(true, false, null) },
);

/** Any JSON, of words that mean something. */
export const oddJson: fc.Arbitrary<JsonValue> = fc.letrec<{ readonly any: JsonValue; readonly list: JsonValue; readonly map: JsonValue }>(
  (tie) => ({
    any: fc.oneof({ depthSize: "small", withCrossShrink: true }, scalar, tie("list"), tie("map")),
    list: fc.array(tie("any"), { maxLength: 5 }),
    map: fc.array(fc.tuple(oddKey, tie("any")), { maxLength: 5 }).map(objectOf),
  }),
).any;

/** Own keys only: `__proto__` is a key like any other here. */
export function objectOf(entries: readonly (readonly [string, JsonValue])[]): { readonly [key: string]: JsonValue } {
  return JSON.parse(`{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(",")}}`);
}

function repeated([text, times]: readonly [string, number]): string {
  return (text === "" ? "a" : text).repeat(Math.ceil(times / Math.max(1, text.length))).slice(0, times);
}
