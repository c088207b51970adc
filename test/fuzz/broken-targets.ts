// Parsers with planted bugs, one of each kind of fault: what the fuzzer does not see here it would not see in the product either.

import { writeFileSync } from "node:fs";
import fc from "fast-check";
import { plainTarget } from "./target.ts";
import type { FuzzTarget } from "./target.ts";

const TEXTS = fc.string({ maxLength: 20 });
const SOUND_MS = 0;

const LEAKED: Uint8Array[] = [];
const LEAKED_BYTES = 16 * 1024;
const LOOP_MS = 1_300;

const PARSERS: ReadonlyMap<string, (input: string) => Promise<void> | void> = new Map<string, (input: string) => Promise<void> | void>([
  ["sound", () => undefined],
  ["crash", (input) => void (input.includes("%") ? undefinedOf(input).length : SOUND_MS)],
  ["slow", (input) => (input.includes("%") ? spin(LOOP_MS) : undefined)],
  ["hang", (input) => (input.includes("%") ? spin(Number.POSITIVE_INFINITY) : undefined)],
  ["silence", (input) => (input.includes("%") ? new Promise<void>(() => undefined) : undefined)],
  ["rejection", (input) => (input.includes("%") ? forgotten() : undefined)],
  ["leak", () => void LEAKED.push(new Uint8Array(LEAKED_BYTES))],
  ["heap", (input) => (input.includes("%") ? fill() : undefined)],
  ["litter", (input) => writeFileSync(input, "")],
  ["thrown", (input) => void (input.includes("%") ? setImmediate(() => undefinedOf(input).length) : SOUND_MS)],
]);

/** A target around one of the parsers. */
export function brokenTarget(name: string): FuzzTarget {
  const attempt = PARSERS.get(name);
  if (attempt === undefined) throw new Error(`there is no broken parser "${name}"`);
  return plainTarget(name, "a parser with a planted bug", { inputs: TEXTS, attempt });
}

/** What a parser reads that takes a thing to be there. */
function undefinedOf(input: string): { readonly length: number } {
  return JSON.parse(`[${JSON.stringify(input)}]`)[1];
}

/** Of CPU, not of the clock: on a busy machine too. */
function spin(ms: number): void {
  const before = process.threadCpuUsage();
  for (;;) {
    const { user, system } = process.threadCpuUsage(before);
    if ((user + system) / 1_000 > ms) return;
  }
}

function forgotten(): void {
  void Promise.reject(new Error("nobody looks after this one"));
}

function fill(): void {
  const all: unknown[] = [];
  for (;;) all.push(Array.from({ length: 10_000 }, (_, index) => ({ index })));
}
