// Literals that are a language of their own are read at load: patterns, timestamps, durations, time zones, windows, networks, versions.
// 1. A literal that cannot be read is refused with the reason; one that is computed is judged when it runs.

import { CelScalar, celEnv, isCelError, parse, plan } from "@bufbuild/cel";
import { isNetwork } from "./cidr.ts";
import { isVersion } from "./semver.ts";
import type { Signature } from "./standard.ts";
import { isPattern } from "./text-functions.ts";
import { isTimeZone, windowFault } from "./window.ts";

/** An offset from UTC as a time zone: `+02:00`. */
const OFFSET = /^[+-]?\d\d:\d\d$/;

/** What is wrong with a literal as the argument of that place of a function (a method's target is argument 0), or undefined. */
export function literalIssue(signature: Signature, index: number, literal: string): string | undefined {
  const { name } = signature;
  if (name === "matches" && index === 1 && !isPattern(literal))
    return "this is not a regular expression of RE2 (no look-around, no back-references)";
  if (name === "timestamp" && !isReadable("timestamp", literal)) return 'this is not a timestamp; write "2026-01-05T10:00:00Z"';
  if (name === "duration" && !isReadable("duration", literal)) return 'this is not a duration; write "90s", "1h30m" or "500ms"';
  if (/^get[A-Z]/.test(name) && index === 1 && !OFFSET.test(literal) && !isTimeZone(literal))
    return 'this is not a time zone; write "Europe/Berlin", "UTC" or "+02:00"';
  if (name === "inWindow" && index === 1) return windowFault(literal);
  if (name === "inWindow" && index === 2 && !isTimeZone(literal)) return 'this is not a time zone; write "Europe/Berlin" or "UTC"';
  if (name === "inCidr" && index === 1 && !isNetwork(literal)) return 'this is not a network; write "10.0.0.0/8" or "2001:db8::/32"';
  if (name === "semverCompare" && !isVersion(literal)) return 'this is not a version; write "1.2.3" or "1.2.3-rc.1"';
  return undefined;
}

const readers = new Map<string, (text: string) => boolean>();

/** The library reads these only inside an evaluation: so each is a small expression of its own, planned once. */
function isReadable(name: "timestamp" | "duration", literal: string): boolean {
  const read = readers.get(name) ?? makeReader(name);
  readers.set(name, read);
  return read(literal);
}

function makeReader(name: "timestamp" | "duration"): (text: string) => boolean {
  const evaluate = plan(celEnv({ variables: { text: CelScalar.STRING } }), parse(`${name}(text)`));
  return (text) => !isCelError(evaluate({ text }));
}
