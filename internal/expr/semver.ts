// `semverCompare(a, b)`: the order of versions after semver.org 2.0.0, also with a leading `v`.
// 1. Build metadata does not count; a pre-release is before its release.

import { EvaluationFault } from "./meter.ts";

interface Version {
  readonly numbers: readonly bigint[];
  readonly prerelease: readonly string[];
}

const VERSION_LENGTH_MAX = 256;
const NUMBER = "(0|[1-9][0-9]*)";
const PART = "(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)";
const VERSION = new RegExp(`^v?${NUMBER}\\.${NUMBER}\\.${NUMBER}(?:-(${PART}(?:\\.${PART})*))?(?:\\+[0-9A-Za-z.-]+)?$`);

/** -1, 0 or 1. Throws EvaluationFault for text that is no version. */
export function compareVersions(left: string, right: string): bigint {
  const [a, b] = [readVersion(left), readVersion(right)];
  if (a === undefined || b === undefined) throw new EvaluationFault("semverCompare(): an argument is not a version such as 1.2.3");
  for (const [index, number] of a.numbers.entries()) {
    const other = b.numbers[index] ?? 0n;
    if (number !== other) return number < other ? -1n : 1n;
  }
  return comparePrereleases(a.prerelease, b.prerelease);
}

/** True for the text of a version. */
export function isVersion(text: string): boolean {
  return readVersion(text) !== undefined;
}

function readVersion(text: string): Version | undefined {
  const found = text.length > VERSION_LENGTH_MAX ? null : VERSION.exec(text);
  if (found === null) return undefined;
  const [, major = "", minor = "", patch = "", prerelease = ""] = found;
  return { numbers: [major, minor, patch].map(BigInt), prerelease: prerelease === "" ? [] : prerelease.split(".") };
}

function comparePrereleases(left: readonly string[], right: readonly string[]): bigint {
  if (left.length === 0 || right.length === 0) return BigInt(Math.sign(right.length - left.length));
  for (const [index, part] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 1n;
    const order = compareParts(part, other);
    if (order !== 0n) return order;
  }
  return left.length < right.length ? -1n : 0n;
}

function compareParts(left: string, right: string): bigint {
  const [isNumber, isOtherNumber] = [/^\d+$/.test(left), /^\d+$/.test(right)];
  if (isNumber !== isOtherNumber) return isNumber ? -1n : 1n;
  const [a, b] = isNumber ? [BigInt(left), BigInt(right)] : [left, right];
  return a < b ? -1n : a > b ? 1n : 0n;
}
