// Changes to a text, or to bytes that are written as Latin-1 text: what a torn disk, a bad editor or a hostile hand makes of a good one.
// 1. A list of changes is data: it shrinks to none, and the empty list is the good text.

import fc from "fast-check";
import { oddText } from "./odd-values.ts";

/** One change; `at` and `size` are taken modulo what there is. */
export interface Mutation {
  readonly kind: "flip" | "put" | "insert" | "cut" | "copy" | "truncate" | "repeat" | "line";
  readonly at: number;
  readonly size: number;
  readonly text: string;
}

const PLACE_MAX = 0xffff;
const REPEATS_MAX = 400;
const LENGTH_MAX = 512 * 1024;
const BYTES = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 8 });

/** Changes of a text. */
export const textMutations = mutationsWith(oddText);
/** Changes of bytes. */
export const byteMutations = mutationsWith(BYTES);

function mutationsWith(text: fc.Arbitrary<string>): fc.Arbitrary<readonly Mutation[]> {
  const kinds = ["flip", "put", "insert", "cut", "copy", "truncate", "repeat", "line"] as const;
  const place = fc.nat({ max: PLACE_MAX });
  return fc.array(fc.record<Mutation>({ kind: fc.constantFrom(...kinds), at: place, size: place, text }), { maxLength: 4 });
}

/** The text after the changes. */
export function mutated(text: string, mutations: readonly Mutation[]): string {
  let result = text;
  for (const mutation of mutations) result = changed(result, mutation).slice(0, LENGTH_MAX);
  return result;
}

function changed(text: string, { kind, at, size, text: odd }: Mutation): string {
  const from = at % (text.length + 1);
  const to = Math.min(text.length, from + 1 + (size % 40));
  const piece = text.slice(from, to);
  switch (kind) {
    case "flip":
      return text.slice(0, from) + flipped(text.slice(from, from + 1), size) + text.slice(from + 1);
    case "put":
      return text.slice(0, from) + odd + text.slice(Math.min(text.length, from + odd.length));
    case "insert":
      return text.slice(0, from) + odd + text.slice(from);
    case "cut":
      return text.slice(0, from) + text.slice(to);
    case "copy": {
      const target = size % (text.length + 1);
      return text.slice(0, target) + piece + text.slice(target);
    }
    case "truncate":
      return text.slice(0, from);
    case "repeat":
      return text.slice(0, from) + piece.repeat(size % REPEATS_MAX) + text.slice(to);
    case "line":
      return moved(text, at, size);
    default:
      return text;
  }
}

function flipped(character: string, size: number): string {
  return character === "" ? "" : String.fromCharCode(character.charCodeAt(0) ^ (1 << (size % 8)));
}

/** A line stands elsewhere, or twice, or with another indentation. */
function moved(text: string, at: number, size: number): string {
  const lines = text.split("\n");
  const index = at % lines.length;
  const line = lines[index] ?? "";
  const target = (size >> 2) % lines.length;
  if ((size & 1) === 0) lines.splice(index, 1);
  lines.splice(target, 0, (size & 2) === 0 ? line : `${" ".repeat(size % 7)}${line.trimStart()}`);
  return lines.join("\n");
}

/** Latin-1 text as the bytes that it stands for. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "latin1"));
}

/** Bytes as the text that stands for them. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}
