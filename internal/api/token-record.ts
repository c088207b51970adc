// Tokens as they lie on disk: parses and writes the text of DATA/tokens.json.
// 1. No secret is in it: of a token there is the SHA-256 of its 256 random bits. A slow hash would add nothing: it makes guessing dear where
//    secrets are guessable, and nobody guesses 256 random bits; but it would cost every call its milliseconds.
// 2. What is not wholly understood is refused, with the place: a broken file is never read as fewer tokens, or none.
// 3. Version 2 ends with a sum, so that a flipped bit in a hash, a role or a time is seen. Version 1 had none; the next write makes it a 2.

import { sha256Hex } from "../base/digest.ts";
import { HoldfastError } from "../base/errors.ts";
import { isJsonObject } from "../base/json.ts";
import type { JsonObject, JsonValue } from "../base/json.ts";
import { TOKENS_MAX, TOKEN_NAMESPACES_MAX, TOKEN_NAME_LENGTH_MAX, TOKEN_ROLES_MAX } from "../base/limits.ts";
import { roleKind } from "./rights.ts";

/** How its bearer shows who it is: by a secret of this hash, or by a client certificate of this name. */
export type Proof = { readonly kind: "secret"; readonly sha256: string } | { readonly kind: "certificate" };

/** One token. */
export interface TokenRecord {
  readonly name: string;
  /** Sorted, none twice. */
  readonly roles: readonly string[];
  /** Sorted, none twice; none: all namespaces. */
  readonly namespaces: readonly string[];
  readonly proof: Proof;
  readonly createdAtMs: number;
  readonly createdBy: string;
  /** Undefined: never. */
  readonly expiresAtMs: number | undefined;
}

const VERSION = 2;
const VERSION_WITHOUT_SUM = 1;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]*$/;
const ROLE = /^(?:viewer|submitter|operator|admin|approver:[a-z][a-z0-9_-]{0,63})$/;
const NAMESPACE = /^[a-z0-9][a-z0-9-]{0,63}$/;
const SHA256 = /^[0-9a-f]{64}$/;

/** The principal of the file admin.token, which no other token may be named after. */
export const ADMIN_NAME = "admin";

/** By what names are told apart: two that differ in the case of letters alone are one to a person. */
export function nameKey(name: string): string {
  return name.toLowerCase();
}

/** The text of the file. */
export function writeTokens(records: readonly TokenRecord[]): string {
  const tokens = records.map(({ proof, expiresAtMs, ...rest }) => ({
    ...rest,
    ...(proof.kind === "secret" ? { sha256: proof.sha256 } : { certificate: true }),
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
  }));
  return `${JSON.stringify({ version: VERSION, tokens, sum: sumOf(tokens) }, undefined, 1)}\n`;
}

/** Over the list as it is written. */
function sumOf(tokens: unknown): string {
  return sha256Hex(JSON.stringify(tokens));
}

/** The tokens of the file's text; throws FAILED_PRECONDITION with the place of what is wrong. */
export function parseTokens(text: string): readonly TokenRecord[] {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch {
    throw refuse("", "it is no JSON"); // the parser's own message would show a piece of the file
  }
  if (!isJsonObject(file)) throw refuse("", "it is no JSON object");
  const { version, tokens } = file;
  const hasSum = version === VERSION;
  if (!hasSum && version !== VERSION_WITHOUT_SUM)
    throw refuse("version", `must be ${VERSION_WITHOUT_SUM} or ${VERSION}: a newer holdfastd may have written it`);
  if (!Array.isArray(tokens)) throw refuse("tokens", "must be a list");
  if (tokens.length > TOKENS_MAX) throw refuse("tokens", `holds more than ${TOKENS_MAX}`);
  const records = tokens.map((token: JsonValue, index) => parseRecord(token, `tokens[${index}]`));
  const names = new Set(records.map(({ name }) => nameKey(name)));
  if (names.size !== records.length) throw refuse("tokens", "holds one name twice");
  const secrets = records.flatMap(({ proof }) => (proof.kind === "secret" ? [proof.sha256] : []));
  if (new Set(secrets).size !== secrets.length) throw refuse("tokens", "holds one sha256 twice");
  const known = hasSum ? ["version", "tokens", "sum"] : ["version", "tokens"];
  if (Object.keys(file).some((key) => !known.includes(key))) throw refuse("", "holds a field that this holdfastd does not know");
  if (hasSum && file["sum"] !== sumOf(tokens)) throw refuse("sum", "is not that of the tokens: the file was damaged, or edited by hand");
  return records;
}

function parseRecord(token: JsonValue, place: string): TokenRecord {
  if (!isJsonObject(token)) throw refuse(place, "must be an object");
  const known = new Set(["name", "roles", "namespaces", "sha256", "certificate", "createdAtMs", "createdBy", "expiresAtMs"]);
  const unknown = Object.keys(token).find((key) => !known.has(key));
  if (unknown !== undefined) throw refuse(place, "holds a field that this holdfastd does not know");
  const name = text(token, "name", place);
  if (!NAME.test(name) || name.length > TOKEN_NAME_LENGTH_MAX || nameKey(name) === ADMIN_NAME)
    throw refuse(`${place}.name`, "is no name of a token");
  const roles = texts(token, "roles", { place, max: TOKEN_ROLES_MAX, form: ROLE });
  if (roles.length === 0) throw refuse(`${place}.roles`, "names no role");
  const namespaces = texts(token, "namespaces", { place, max: TOKEN_NAMESPACES_MAX, form: NAMESPACE });
  if (namespaces.length > 0 && roles.some((role) => roleKind(role) === "admin"))
    throw refuse(`${place}.namespaces`, "the role admin is not bound to namespaces");
  const createdAtMs = moment(token, "createdAtMs", place);
  const expiresAtMs = token["expiresAtMs"] === undefined ? undefined : moment(token, "expiresAtMs", place);
  return { name, roles, namespaces, proof: parseProof(token, place), createdAtMs, createdBy: text(token, "createdBy", place), expiresAtMs };
}

function parseProof(token: JsonObject, place: string): Proof {
  const { sha256, certificate } = token;
  if (certificate === true && sha256 === undefined) return { kind: "certificate" };
  if (certificate === undefined && typeof sha256 === "string" && SHA256.test(sha256)) return { kind: "secret", sha256 };
  throw refuse(place, "must hold either sha256, 64 hex digits, or certificate, true");
}

function text(token: JsonObject, field: string, place: string): string {
  const value = token[field];
  if (typeof value === "string") return value;
  throw refuse(`${place}.${field}`, "must be a text");
}

function texts(token: JsonObject, field: string, rule: { place: string; max: number; form: RegExp }): readonly string[] {
  const value = token[field];
  const place = `${rule.place}.${field}`;
  if (!Array.isArray(value) || value.length > rule.max) throw refuse(place, `must be a list of at most ${rule.max}`);
  const items = value.filter((item: JsonValue) => typeof item === "string");
  if (items.length !== value.length || !items.every((item) => rule.form.test(item)))
    throw refuse(place, "holds what does not belong there");
  return [...new Set(items)].toSorted();
}

function moment(token: JsonObject, field: string, place: string): number {
  const value = token[field];
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw refuse(`${place}.${field}`, "must be whole milliseconds since 1970");
}

function refuse(place: string, reason: string): HoldfastError {
  return new HoldfastError("FAILED_PRECONDITION", place === "" ? reason : `${place}: ${reason}`);
}
