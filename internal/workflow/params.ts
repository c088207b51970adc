// The parser of a workflow's parameters: declared ones only, each of its type and within its bounds, defaults filled in.
// 1. Every declared parameter has a value afterwards; all faults are found at once. 2. Messages say no value.

import { toJson } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { canonicalJson, isJsonObject, setKey } from "../base/json.ts";
import type { JsonObject, JsonValue } from "../base/json.ts";
import { didYouMean } from "../base/nearest.ts";
import { exprDouble } from "../expr/lift.ts";
import { compile, evaluateBoolean } from "../expr/program.ts";
import type { Param } from "../gen/holdfast/v1/workflow_pb.ts";
import { ParamType } from "../gen/holdfast/v1/workflow_pb.ts";
import type { FaultList } from "./fault-list.ts";

/** The longest text that a parameter may be. */
const PARAM_TEXT_LENGTH_MAX = 64 * 1024;

/** A message's Struct: JSON that may be changed. */
export type ParamValues = { [name: string]: ReturnType<typeof toJson> };

/** What declared values are called, and where they stand. */
interface Words {
  readonly place: string;
  readonly noun: string;
}

const PARAMETERS: Words = { place: "params", noun: "parameter" };

/** Every declared parameter (or other declared value) with its value; faults go to the list. */
export function resolveParams(
  declared: Readonly<Record<string, Param>>,
  given: JsonObject,
  faults: FaultList,
  words: Words = PARAMETERS,
): ParamValues {
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(declared, name))
      faults.add(`${words.place}.${name}`, `no such ${words.noun} is declared${didYouMean(name, Object.keys(declared))}`);
  }
  const values: ParamValues = {};
  for (const name of Object.keys(declared).sort()) {
    const param = declared[name];
    if (param === undefined) continue;
    const place = `${words.place}.${name}`;
    // A default that is out of its own bounds is the author's fault, and is told whether it is used today or not.
    if (param.defaultValue !== undefined && Object.hasOwn(given, name))
      checkParam(param, toJson(ValueSchema, param.defaultValue), { place: `${place}.default`, faults });
    const value = valueOf(param, Object.hasOwn(given, name) ? given[name] : undefined);
    if (value === undefined) faults.add(place, "it is required and was not given");
    else {
      checkParam(param, value, { place, faults });
      setKey(values, name, structuredClone(value) as ReturnType<typeof toJson>);
    }
  }
  return values;
}

/** The parameters as expressions see them: one of type NUMBER is a double also where it is whole. */
export function expressionParams(declared: Readonly<Record<string, Param>>, values: JsonObject): Readonly<Record<string, unknown>> {
  const seen: { [name: string]: unknown } = {};
  for (const [name, value] of Object.entries(values)) {
    const isDouble = typeof value === "number" && Object.hasOwn(declared, name) && declared[name]?.type === ParamType.NUMBER;
    setKey(seen, name, isDouble ? exprDouble(value) : value);
  }
  return seen;
}

function valueOf(param: Param, given: JsonValue | undefined): JsonValue | undefined {
  if (given !== undefined) return given;
  if (param.defaultValue !== undefined) return toJson(ValueSchema, param.defaultValue);
  return param.required ? undefined : typeRule(param.type).empty;
}

interface TypeRule {
  /** As people say it. */
  readonly name: string;
  /** What an optional parameter without a default is. */
  readonly empty: JsonValue;
  accepts(value: JsonValue): boolean;
}

const TEXT: TypeRule = { name: "text", empty: "", accepts: (value) => typeof value === "string" };

const TYPES: Readonly<Record<ParamType, TypeRule>> = {
  [ParamType.UNSPECIFIED]: TEXT,
  [ParamType.STRING]: TEXT,
  [ParamType.INT]: { name: "a whole number", empty: 0, accepts: (value) => Number.isSafeInteger(value) },
  [ParamType.NUMBER]: { name: "a number", empty: 0, accepts: (value) => typeof value === "number" && Number.isFinite(value) },
  [ParamType.BOOL]: { name: "true or false", empty: false, accepts: (value) => typeof value === "boolean" },
  [ParamType.LIST]: { name: "a list", empty: [], accepts: (value) => Array.isArray(value) },
  [ParamType.OBJECT]: { name: "an object", empty: {}, accepts: isJsonObject },
};

/** A type that no version of this program knows is refused at the door; text is the default. */
function typeRule(type: ParamType): TypeRule {
  return TYPES[type] ?? TEXT;
}

interface CheckContext {
  readonly place: string;
  readonly faults: FaultList;
}

function checkParam(param: Param, value: JsonValue, { place, faults }: CheckContext): void {
  const type = typeRule(param.type);
  if (!type.accepts(value)) {
    faults.add(place, `expected ${type.name}, found ${jsonTypeName(value)}`);
    return;
  }
  const size = typeof value === "number" ? value : sizeOf(value);
  if (size !== undefined && param.min !== undefined && size < param.min) faults.add(place, `it is below the least allowed, ${param.min}`);
  if (size !== undefined && param.max !== undefined && size > param.max) faults.add(place, `it is above the most allowed, ${param.max}`);
  if (typeof value === "string" && value.length > PARAM_TEXT_LENGTH_MAX)
    faults.add(place, `it is longer than ${PARAM_TEXT_LENGTH_MAX} characters`);
  if (typeof value === "string" && param.pattern !== "" && !matches(param.pattern, value, { place, faults }))
    faults.add(place, `it does not match the pattern ${param.pattern}`);
  if (param.allowed.length > 0 && !param.allowed.some((allowed) => canonicalJson(toJson(ValueSchema, allowed)) === canonicalJson(value))) {
    faults.add(place, `it is none of the ${param.allowed.length} allowed values`);
  }
}

const MATCHED = { value: "string", pattern: "string" };

/** RE2, by the expression engine: no pattern can take for ever. */
function matches(pattern: string, value: string, { place, faults }: CheckContext): boolean {
  const result = faults.collect(`${place}.pattern`, () =>
    evaluateBoolean(compile("value.matches(pattern)", { place: `${place}.pattern`, declarations: MATCHED }), { value, pattern }),
  );
  return result ?? true;
}

function jsonTypeName(value: JsonValue): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "a list" : `a ${typeof value}`;
}

function sizeOf(value: JsonValue): number | undefined {
  if (typeof value === "string" || Array.isArray(value)) return value.length;
  return undefined;
}
