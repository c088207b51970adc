// The types of CEL's standard library and of the string extension, which the library evaluates.
// 1. Kinds of numbers compare with each other by value; they are not added to each other.

import { mergeSignatures, parseSignatures } from "./signatures.ts";
import type { OverloadTable } from "./signatures.ts";

const SCALARS = ["bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration"];
const CALENDAR = ["FullYear", "Month", "Date", "DayOfMonth", "DayOfWeek", "DayOfYear", "Hours", "Minutes", "Seconds", "Milliseconds"];
const DURATION_PARTS = ["Hours", "Minutes", "Seconds", "Milliseconds"];

/** The standard functions, operators and methods. */
export function standardOverloads(): OverloadTable {
  const ordered = SCALARS.flatMap((type) => ["_<_", "_<=_", "_>_", "_>=_"].map((name) => `${name}(${type}, ${type}) -> bool`));
  const mixed = ["_<_", "_<=_", "_>_", "_>=_"].map((name) => `${name}(number, number) -> bool`);
  const calendar = CALENDAR.flatMap((part) => [`get${part}(timestamp) -> int`, `get${part}(timestamp, string) -> int`]);
  const durations = DURATION_PARTS.map((part) => `get${part}(duration) -> int`);
  const generated = parseSignatures({ functions: [...ordered, ...mixed].join("\n"), methods: [...calendar, ...durations].join("\n") });
  return mergeSignatures([generated, parseSignatures({ functions: `${OPERATORS}\n${CONVERSIONS}`, methods: METHODS })]);
}

const OPERATORS = `
_==_(A, A) -> bool
_==_(number, number) -> bool
_!=_(A, A) -> bool
_!=_(number, number) -> bool
_&&_(bool, bool) -> bool
_||_(bool, bool) -> bool
_?_:_(bool, A, A) -> A
@not_strictly_false(bool) -> bool
!_(bool) -> bool
-_(int) -> int
-_(double) -> double
_+_(int, int) -> int
_+_(uint, uint) -> uint
_+_(double, double) -> double
_+_(string, string) -> string
_+_(bytes, bytes) -> bytes
_+_(list(A), list(A)) -> list(A)
_+_(duration, duration) -> duration
_+_(timestamp, duration) -> timestamp
_+_(duration, timestamp) -> timestamp
_-_(int, int) -> int
_-_(uint, uint) -> uint
_-_(double, double) -> double
_-_(duration, duration) -> duration
_-_(timestamp, duration) -> timestamp
_-_(timestamp, timestamp) -> duration
_*_(int, int) -> int
_*_(uint, uint) -> uint
_*_(double, double) -> double
_/_(int, int) -> int
_/_(uint, uint) -> uint
_/_(double, double) -> double
_%_(int, int) -> int
_%_(uint, uint) -> uint
@in(A, list(A)) -> bool
@in(A, map(A, B)) -> bool
@in(number, list(number)) -> bool
@in(number, map(number, A)) -> bool
_[_](list(A), int) -> A
_[_](map(A, B), A) -> B
_[_](optional(list(A)), int) -> optional(A)
_[_](optional(map(A, B)), A) -> optional(B)`;

const CONVERSIONS = `
size(string) -> int
size(bytes) -> int
size(list(A)) -> int
size(map(A, B)) -> int
type(A) -> type(A)
dyn(A) -> dyn
bool(bool) -> bool
bool(string) -> bool
bytes(bytes) -> bytes
bytes(string) -> bytes
double(double) -> double
double(int) -> double
double(uint) -> double
double(string) -> double
duration(duration) -> duration
duration(string) -> duration
duration(int) -> duration
int(int) -> int
int(uint) -> int
int(double) -> int
int(string) -> int
int(timestamp) -> int
int(duration) -> int
uint(uint) -> uint
uint(int) -> uint
uint(double) -> uint
uint(string) -> uint
string(string) -> string
string(bool) -> string
string(int) -> string
string(uint) -> string
string(double) -> string
string(bytes) -> string
string(timestamp) -> string
string(duration) -> string
timestamp(timestamp) -> timestamp
timestamp(string) -> timestamp
timestamp(int) -> timestamp
matches(string, string) -> bool
strings.quote(string) -> string`;

const METHODS = `
size(string) -> int
size(bytes) -> int
size(list(A)) -> int
size(map(A, B)) -> int
contains(string, string) -> bool
startsWith(string, string) -> bool
endsWith(string, string) -> bool
matches(string, string) -> bool
charAt(string, int) -> string
indexOf(string, string) -> int
indexOf(string, string, int) -> int
lastIndexOf(string, string) -> int
lastIndexOf(string, string, int) -> int
lowerAscii(string) -> string
upperAscii(string) -> string
replace(string, string, string) -> string
replace(string, string, string, int) -> string
split(string, string) -> list(string)
split(string, string, int) -> list(string)
substring(string, int) -> string
substring(string, int, int) -> string
trim(string) -> string
reverse(string) -> string
join(list(string)) -> string
join(list(string), string) -> string
format(string, list(dyn)) -> string`;
