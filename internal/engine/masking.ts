// Keeps the values of secrets out of everything that is journaled, shown or logged: outputs, errors, diffs.
// 1. A value is replaced wherever it stands in a text, also where the text was cut in the middle of it at either end.
// 2. So are its lines one by one (a diff and an indent come between them), and the forms that JSON, URLs and base64 give it.

import { HoldfastError } from "../base/errors.ts";
import type { JsonObject, JsonValue } from "../base/json.ts";
import { isJsonObject, setKey } from "../base/json.ts";
import type { WorkflowState } from "../workflow/state.ts";
import { TOKEN_FORM } from "./completion-token.ts";
import type { Secrets } from "./ports.ts";

const MASK = "***";
/** A shorter piece of a secret at the edge of a cut text says too little to be worth hiding, and would hide ordinary text. */
const EDGE_LENGTH_MIN = 4;

/** A shorter line of a secret (`}`, `---`) says too little, and hiding it would hide ordinary text. */
const LINE_LENGTH_MIN = 4;

/** Hides secrets in texts and JSON. */
export class Masking {
  /** Longest first, so that a secret that contains another is hidden whole. */
  readonly #values: readonly string[];

  readonly #hidesTokens: boolean;

  /** `hidesTokens`: those of other attempts too, which only their form tells. */
  constructor(values: Iterable<string>, { hidesTokens = false }: { readonly hidesTokens?: boolean } = {}) {
    this.#hidesTokens = hidesTokens;
    const shown = new Set([...values].flatMap((value) => formsOf(value)));
    this.#values = [...shown].filter((value) => value !== "").sort((a, b) => b.length - a.length);
  }

  text(text: string): string {
    let masked = this.#hidesTokens ? maskTokens(text) : text;
    for (const value of this.#values) masked = maskEdges(masked.replaceAll(value, MASK), value);
    return masked;
  }

  json(value: JsonValue): JsonValue {
    if (this.#values.length === 0 && !this.#hidesTokens) return value;
    if (typeof value === "string") return this.text(value);
    if (typeof value === "number" || typeof value === "boolean" || value === null) return this.#scalar(value);
    return isJsonObject(value) ? this.object(value) : value.map((item) => this.json(item));
  }

  object(value: JsonObject): JsonObject {
    const object: { [key: string]: JsonValue } = {};
    for (const [key, item] of Object.entries(value)) setKey(object, this.text(key), this.json(item));
    return object;
  }

  /** A number that is a secret's text is hidden too. */
  #scalar(value: number | boolean | null): JsonValue {
    return this.#values.includes(String(value)) ? MASK : value;
  }
}

/** Hides every secret of the workflow, not only those of one action: one task may print what another has written. */
export function maskingOf({ blueprint }: WorkflowState, secrets: Secrets, more: readonly string[] = []): Masking {
  const values = [...more];
  for (const name of blueprint.secrets) {
    try {
      values.push(secrets.value(name));
    } catch (error) {
      // One that is missing fails the task that uses it, with its own message; there is nothing to hide of it.
      if (!(error instanceof HoldfastError)) throw error;
    }
  }
  return new Masking(values, { hidesTokens: blueprint.handsOutTokens });
}

/** Completion tokens, whosever they are. */
function maskTokens(text: string): string {
  return text.replaceAll(TOKEN_FORM, MASK);
}

/** Every form in which a secret is looked for. */
function formsOf(value: string): readonly string[] {
  const lines = value
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line.length >= LINE_LENGTH_MIN);
  const bytes = Buffer.from(value);
  const encoded =
    value.length < LINE_LENGTH_MIN ? [] : [bytes.toString("base64"), bytes.toString("base64url"), encodeURIComponent(value.toWellFormed())];
  return [value, value.trim(), ...lines, ...[value, ...lines].map(escaped), ...encoded];
}

/** As it stands between the quotes of a JSON string. */
function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function maskEdges(text: string, value: string): string {
  return maskStart(maskEnd(text, value), value);
}

function maskEnd(text: string, value: string): string {
  for (let length = Math.min(value.length - 1, text.length); length >= EDGE_LENGTH_MIN; length--) {
    if (text.endsWith(value.slice(0, length))) return text.slice(0, text.length - length) + MASK;
  }
  return text;
}

function maskStart(text: string, value: string): string {
  for (let length = Math.min(value.length - 1, text.length); length >= EDGE_LENGTH_MIN; length--) {
    if (text.startsWith(value.slice(value.length - length))) return MASK + text.slice(length);
  }
  return text;
}
