// What a command printed, as actions hand it on: text, JSON or nothing, and a tail for people.
// 1. Broken UTF-8 becomes replacement characters; text that was cut says so. 2. JSON that was cut or does not parse is a failure.

import type { JsonValue } from "@bufbuild/protobuf";
import { HoldfastError } from "../base/errors.ts";
import { canonicalJson } from "../base/json.ts";
import { ERROR_MESSAGE_LENGTH_MAX, OUTPUT_BYTES_MAX, OUTPUT_TAIL_BYTES_MAX } from "../base/limits.ts";
import { positionOf } from "../base/place.ts";
import type { Exited } from "./host-run.ts";
import { jsonFaultOffset } from "./json-fault.ts";

/** How stdout becomes an action's output. */
export type OutputKind = "text" | "json" | "none";

/** The output, or why there is none. */
export type OutputReading = { readonly output?: JsonValue } | { readonly fault: string };

/** Reads stdout as what it was declared to be. */
export function readOutput(kind: OutputKind, exited: Pick<Exited, "stdout" | "isTruncated">): OutputReading {
  if (kind === "none") return {};
  const isCut = exited.isTruncated && exited.stdout.length >= OUTPUT_BYTES_MAX;
  const text = decodeText(exited.stdout);
  if (kind === "text") return { output: isCut ? `${text}\n[cut: more than ${OUTPUT_BYTES_MAX} bytes]` : text.replace(/\r?\n$/, "") };
  if (isCut) return { fault: `stdout is larger than ${OUTPUT_BYTES_MAX} bytes, so it is not whole JSON; print less` };
  return readJson(text);
}

/** Parses JSON text, with the place of a fault in it. */
export function readJson(text: string): { readonly output: JsonValue } | { readonly fault: string } {
  if (text.trim() === "") return { fault: "stdout is empty where JSON was declared; print JSON, or say output: text" };
  try {
    const output = parseJson(text);
    canonicalJson(output); // refuses nesting beyond the bound
    return { output };
  } catch (cause) {
    if (cause instanceof HoldfastError) return { fault: `stdout is ${cause.message}` };
    return { fault: `stdout is not JSON${jsonPlace(text)}; print JSON, or say output: text` };
  }
}

/** The last line that is not empty, bounded; empty when there is none. */
export function lastLine(bytes: Uint8Array): string {
  const text = decodeText(bytes.subarray(Math.max(0, bytes.length - ERROR_MESSAGE_LENGTH_MAX * 4)));
  const line = text
    .split("\n")
    .map((each) => each.trim())
    .findLast((each) => each !== "");
  return (line ?? "").slice(0, ERROR_MESSAGE_LENGTH_MAX / 2);
}

/** The end of what was printed, for people: stdout, then stderr. */
export function tailOf(exited: Pick<Exited, "stdout" | "stderr">): string {
  const half = OUTPUT_TAIL_BYTES_MAX / 2;
  const stderr = exited.stderr.subarray(Math.max(0, exited.stderr.length - Math.max(half, OUTPUT_TAIL_BYTES_MAX - exited.stdout.length)));
  const stdout = exited.stdout.subarray(Math.max(0, exited.stdout.length - (OUTPUT_TAIL_BYTES_MAX - stderr.length)));
  const out = decodeText(stdout);
  return `${out}${out === "" || out.endsWith("\n") ? "" : "\n"}${decodeText(stderr)}`.trimEnd();
}

/** UTF-8 as text; what is broken becomes U+FFFD. */
export function decodeText(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

function parseJson(text: string): JsonValue {
  return JSON.parse(text) as JsonValue;
}

function jsonPlace(text: string): string {
  const { line, column } = positionOf(text, jsonFaultOffset(text));
  return ` at line ${line}, column ${column}`;
}
