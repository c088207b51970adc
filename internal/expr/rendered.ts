// Rendered arguments: JSON whose strings may be a SecretText, which knows the names of secrets and never a value.
// 1. A SecretText cannot be forged by data: values from JSON are never class instances. 2. Whatever prints or stringifies one shows ***.

import { setKey } from "../base/json.ts";
import type { JsonValue } from "../base/json.ts";

const MASK = "***";

/** A piece of text that is known, or the name of a secret that stands there. */
export type SecretPart = string | { readonly secret: string };

/** A string with secrets in it, whose values only `revealRendered` fills in. */
export class SecretText {
  readonly parts: readonly SecretPart[];

  constructor(parts: readonly SecretPart[]) {
    this.parts = parts;
  }

  /** The names of the secrets in it, in order. */
  get secrets(): readonly string[] {
    return this.parts.flatMap((part) => (typeof part === "string" ? [] : [part.secret]));
  }

  toString(): string {
    return this.parts.map((part) => (typeof part === "string" ? part : MASK)).join("");
  }

  toJSON(): string {
    return this.toString();
  }
}

/** JSON that may hold SecretText where strings are. */
export type Rendered = null | boolean | number | string | SecretText | readonly Rendered[] | { readonly [key: string]: Rendered };

/** The arguments as people and the journal may see them: each secret is `***`. */
export function maskRendered(rendered: Rendered): JsonValue {
  return mapSecrets(rendered, (text) => text.toString());
}

/** The arguments as the action gets them; `lookUp` gives the value of a secret or throws. Never journal, log or show the result. */
export function revealRendered(rendered: Rendered, lookUp: (name: string) => string): JsonValue {
  return mapSecrets(rendered, (text) => text.parts.map((part) => (typeof part === "string" ? part : lookUp(part.secret))).join(""));
}

/** True when there is a secret anywhere inside. */
export function hasSecrets(rendered: Rendered): boolean {
  if (rendered instanceof SecretText) return true;
  if (typeof rendered !== "object" || rendered === null) return false;
  return Object.values<Rendered>(rendered).some(hasSecrets);
}

function mapSecrets(rendered: Rendered, textOf: (text: SecretText) => string): JsonValue {
  if (rendered instanceof SecretText) return textOf(rendered);
  if (typeof rendered !== "object" || rendered === null) return rendered;
  if (isList(rendered)) return rendered.map((item) => mapSecrets(item, textOf));
  const object: { [key: string]: JsonValue } = {};
  for (const [key, item] of Object.entries(rendered)) setKey(object, key, mapSecrets(item, textOf));
  return object;
}

function isList(rendered: Rendered): rendered is readonly Rendered[] {
  return Array.isArray(rendered);
}
