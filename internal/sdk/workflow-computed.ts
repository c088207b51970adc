// Numbers of a workflow file that are `${{ params.x }}`: taken out before the file is read, and sent as expressions beside the definition.
// 1. Where one stood, the reader finds a value of the right form: the service writes the real one over it, at Submit.
// 2. Only the whole of a value can be an expression, and only at the places of base/computed-place.ts.

import { assertNever } from "../base/assert.ts";
import type { NumberForm } from "../base/computed-place.ts";
import { computedPlace } from "../base/computed-place.ts";
import { indexPath, keyPath } from "../base/json-path.ts";
import { isJsonObject, setKey } from "../base/json.ts";
import type { JsonObject, JsonValue } from "../base/json.ts";
import { isList } from "./file-cursor.ts";

/** A file's value without the expressions, and these by their place. */
interface Taken {
  readonly value: JsonValue;
  readonly computed: { [place: string]: string };
}

const WHOLE = /^\s*\$\{\{((?:(?!\}\}).)*)\}\}\s*$/s;
/** What can hold a place: arguments are templates of their own. */
const HOLDERS: ReadonlySet<string> = new Set([
  "stages",
  "actions",
  "on_success",
  "on_failure",
  "always",
  "try",
  "undo",
  "rollout",
  "retry",
  "waves",
  "repeat",
  "over",
  "completion",
]);

/** Takes the expressions out. */
export function takeComputed(value: JsonValue): Taken {
  const computed: { [place: string]: string } = {};
  return { value: without(value, "", computed), computed };
}

function without(value: JsonValue, path: string, computed: Taken["computed"]): JsonValue {
  if (isList(value)) return value.map((item, index) => without(item, indexPath(path, index), computed));
  if (isJsonObject(value)) return withoutOf(value, path, computed);
  const form = typeof value === "string" ? computedPlace(path)?.form : undefined;
  const [, source] = typeof value === "string" && form !== undefined ? (WHOLE.exec(value) ?? []) : [];
  if (form === undefined || source === undefined) return value;
  computed[path] = source.trim();
  return stand(form);
}

function withoutOf(object: JsonObject, path: string, computed: Taken["computed"]): JsonObject {
  const result: { [key: string]: JsonValue } = {};
  for (const [key, value] of Object.entries(object)) {
    const place = keyPath(path, key);
    const isHolder = HOLDERS.has(key) || typeof value === "string";
    setKey(result, key, isHolder ? without(value, place, computed) : value);
  }
  return result;
}

/** What stands there until the service has the value. */
function stand(form: NumberForm): JsonValue {
  switch (form.kind) {
    case "whole":
      return form.min;
    case "share":
      return 0;
    case "duration":
      return "1s";
    case "amount":
      return 1;
    case "rate":
      return "1/s";
    default:
      return assertNever(form);
  }
}
