// Digests of what people and machines quote: one spelling, one hash.
// 1. Equal JSON values have equal digests, whatever the order of their keys.

import { createHash } from "node:crypto";
import { canonicalJson } from "./json.ts";
import type { JsonValue } from "./json.ts";

/** `sha256:` and 64 hex digits over the canonical text of a JSON value. */
export function digestJson(value: JsonValue): string {
  return digestText(canonicalJson(value));
}

/** `sha256:` and 64 hex digits over a text that has one spelling. */
export function digestText(text: string): string {
  return `sha256:${sha256Hex(text)}`;
}

/** 64 hex digits over bytes or text. */
export function sha256Hex(content: Uint8Array | string): string {
  return createHash("sha256").update(content).digest("hex");
}
