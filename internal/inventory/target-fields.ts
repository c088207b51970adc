// Checks of a target's parts, the same for every kind of inventory; the parser of each kind calls these.
// 1. A name, a host and a user can stand in a path, a log line and an argument vector: no slash, no control character, no leading dash.
// 2. A fault is a reason as text; the caller knows the place.

import { isAbsolute, resolve } from "node:path";
import type { JsonValue } from "../base/json.ts";
import { LABEL_NAME_LENGTH_MAX, LABEL_VALUE_LENGTH_MAX, TARGET_NAME_LENGTH_MAX } from "../base/limits.ts";

const NAME = /^[^\s/\\\p{C}-][^\s/\\\p{C}]*$/u;
const HOST = /^[^\s/\\\p{C}-][^\s/\\\p{C}]{0,252}$/u;
const USER = /^[^\s\p{C}-][^\s\p{C}]{0,63}$/u;
const CONTROL = /\p{Cc}/u;
const PATH_LENGTH_MAX = 4_096;

/** Undefined when it is a target's name, else the reason why not. */
export function nameFault(name: string): string | undefined {
  if (name.length > TARGET_NAME_LENGTH_MAX)
    return `a target's name has at most ${TARGET_NAME_LENGTH_MAX} characters; this one has ${name.length}`;
  if (name === "." || name === ".." || !NAME.test(name)) {
    return `not a target's name: ${shown(name)}; it has no white space, "/", "\\" or control characters, and does not begin with "-"`;
  }
  return undefined;
}

/** Undefined when ssh can be asked for it, else the reason. */
export function hostFault(host: string): string | undefined {
  return HOST.test(host) ? undefined : `not a host name or address: ${shown(host)}`;
}

/** Undefined when it can be a user's name, else the reason. */
export function userFault(user: string): string | undefined {
  return USER.test(user) ? undefined : `not a user's name: ${shown(user)}`;
}

/** A port, or undefined. */
export function parsePort(value: JsonValue): number | undefined {
  const port = typeof value === "string" && /^\d{1,5}$/.test(value) ? Number(value) : value;
  return typeof port === "number" && Number.isInteger(port) && port >= 1 && port <= 65_535 ? port : undefined;
}

/** An absolute path without `..`, or undefined. A relative one counts from `base`; `~/` from the service's home. */
export function parsePath(text: string, { base, home }: { readonly base: string; readonly home: string }): string | undefined {
  if (text === "" || text.length > PATH_LENGTH_MAX || CONTROL.test(text)) return undefined;
  const path = text.startsWith("~/") && home !== "" ? resolve(home, text.slice(2)) : resolve(base, text);
  return isAbsolute(path) && path.length <= PATH_LENGTH_MAX ? path : undefined;
}

/** A label's value as text; undefined for what is no scalar, or too long. */
export function parseLabel(value: JsonValue | undefined): string | undefined {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "string" && value.length <= LABEL_VALUE_LENGTH_MAX ? value : undefined;
}

/** Undefined when it can be a label's name, else the reason. */
export function labelNameFault(name: string): string | undefined {
  if (name !== "" && name.length <= LABEL_NAME_LENGTH_MAX && !CONTROL.test(name)) return undefined;
  return `not a label's name: ${shown(name)}; it has 1 to ${LABEL_NAME_LENGTH_MAX} characters, none of them a control character`;
}

/** A name as messages may show it. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
