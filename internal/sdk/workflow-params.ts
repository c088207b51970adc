// The `params` of a workflow file: what values a submission may bring, and the reading of `--param name=text` by their types.
// 1. It parses: what comes out has the declared type, or is a fault with its place.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { fromJsonString } from "@bufbuild/protobuf";
import type { Value } from "@bufbuild/protobuf/wkt";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { HoldfastError } from "../base/errors.ts";
import { isJsonObject } from "../base/json.ts";
import type { JsonValue } from "../base/json.ts";
import { PARAMS_MAX } from "../base/limits.ts";
import { didYouMean } from "../base/nearest.ts";
import type { ParamSchema, WorkflowDefinition } from "../gen/holdfast/v1/workflow_pb.ts";
import { ParamType } from "../gen/holdfast/v1/workflow_pb.ts";
import { isList, kindOf } from "./file-cursor.ts";
import type { FileCursor } from "./file-cursor.ts";

const PARAM_FIELDS = ["type", "required", "default", "min", "max", "pattern", "allowed", "description"] as const;
const PARAM_NAME = /^[a-z][a-z0-9_]{0,63}$/;
const TYPES: ReadonlyMap<string, ParamType> = new Map<string, ParamType>([
  ["string", ParamType.STRING],
  ["int", ParamType.INT],
  ["number", ParamType.NUMBER],
  ["bool", ParamType.BOOL],
  ["list", ParamType.LIST],
  ["object", ParamType.OBJECT],
]);

/** What a value of a type must be, and how to say it. */
interface Kind {
  readonly fits: (value: JsonValue) => boolean;
  readonly form: string;
}

const TEXT: Kind = { fits: (value) => typeof value === "string", form: "text" };
const KINDS: ReadonlyMap<ParamType, Kind> = new Map<ParamType, Kind>([
  [ParamType.INT, { fits: (value) => Number.isSafeInteger(value), form: "a whole number" }],
  [ParamType.NUMBER, { fits: (value) => typeof value === "number", form: "a number" }],
  [ParamType.BOOL, { fits: (value) => typeof value === "boolean", form: "true or false" }],
  [ParamType.LIST, { fits: isList, form: "a list (on the command line as JSON)" }],
  [ParamType.OBJECT, { fits: isJsonObject, form: "a map (on the command line as JSON)" }],
]);

type ParamInit = MessageInitShape<typeof ParamSchema>;

/** Reads the declarations. */
export function readParams(field: FileCursor, what = "params"): { [name: string]: ParamInit } {
  const params: { [name: string]: ParamInit } = {};
  const entries = field.entries(what);
  if (entries.length > PARAMS_MAX) field.refuse(`at most ${PARAMS_MAX} parameters; found ${entries.length}`);
  for (const [name, entry] of entries) {
    if (!PARAM_NAME.test(name))
      entry.faults.addKey(entry.path, "a parameter's name is lower-case letters, digits and _, at most 64, a letter first");
    const param = readParam(entry);
    if (param !== undefined) params[name] = param;
  }
  return params;
}

/** The values of `--param name=text` arguments, by the declared types. Throws INVALID_ARGUMENT with all that is wrong. */
export function parseParams(definition: WorkflowDefinition, args: readonly string[]): { [name: string]: JsonValue } {
  const values: { [name: string]: JsonValue } = {};
  const details: { place: string; reason: string }[] = [];
  for (const arg of args) {
    const equals = arg.indexOf("=");
    const name = equals === -1 ? arg : arg.slice(0, equals);
    const place = `--param ${name}`;
    const param = Object.hasOwn(definition.params, name) ? definition.params[name] : undefined;
    if (equals === -1) details.push({ place, reason: "must be name=value" });
    else if (param === undefined) details.push({ place, reason: undeclared(name, Object.keys(definition.params)) });
    else if (Object.hasOwn(values, name)) details.push({ place, reason: "is given twice" });
    else {
      const value = valueOf(param.type, arg.slice(equals + 1));
      if (value === undefined) details.push({ place, reason: `must be ${formOf(param.type)}` });
      else values[name] = value;
    }
  }
  for (const [name, param] of Object.entries(definition.params)) {
    const isGiven = Object.hasOwn(values, name) || args.some((arg) => arg.startsWith(`${name}=`));
    if (param.required && !isGiven) details.push({ place: `--param ${name}`, reason: "is required and missing" });
  }
  if (details.length === 0) return values;
  throw new HoldfastError("INVALID_ARGUMENT", details.map(({ place, reason }) => `${place}: ${reason}`).join("\n"), { details });
}

function readParam(entry: FileCursor): ParamInit | undefined {
  const fields = entry.fields(PARAM_FIELDS, "a parameter");
  if (fields === undefined) return undefined;
  const type = fields.read("type", readType) ?? ParamType.STRING;
  const bounds = { min: -Number.MAX_VALUE, max: Number.MAX_VALUE, isWhole: false };
  const min = fields.read("min", (item) => item.number(bounds));
  const max = fields.read("max", (item) => item.number(bounds));
  if (min !== undefined && max !== undefined && min > max) entry.refuse("min is above max");
  const defaultValue = fields.read("default", (item) => typed(item, type));
  return {
    type,
    required: fields.read("required", (item) => item.boolean()) ?? false,
    ...(defaultValue === undefined ? {} : { defaultValue }),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    pattern: fields.read("pattern", (item) => item.text()) ?? "",
    allowed: fields.read("allowed", (item) => item.items("allowed").flatMap((value) => typed(value, type) ?? [])) ?? [],
    description: fields.read("description", (item) => item.text()) ?? "",
  };
}

function readType(field: FileCursor): ParamType | undefined {
  const text = field.text();
  if (text === undefined) return undefined;
  return (
    TYPES.get(text) ??
    field.refuse(`there is no type "${text.slice(0, 32)}"${didYouMean(text, TYPES.keys())}; types are ${[...TYPES.keys()].join(", ")}`)
  );
}

function typed(field: FileCursor, type: ParamType): Value | undefined {
  if (!fits(field.value, type)) return field.refuse(`must be ${formOf(type)}; found ${kindOf(field.value)}`);
  return fromJsonString(ValueSchema, JSON.stringify(field.value));
}

function fits(value: JsonValue, type: ParamType): boolean {
  return (KINDS.get(type) ?? TEXT).fits(value);
}

function valueOf(type: ParamType, text: string): JsonValue | undefined {
  if (type === ParamType.STRING || type === ParamType.UNSPECIFIED) return text;
  const value = jsonOf(text);
  return value !== undefined && fits(value, type) ? value : undefined;
}

function jsonOf(text: string): JsonValue | undefined {
  try {
    const value: JsonValue = JSON.parse(text);
    return value;
  } catch {
    return undefined; // the caller says what form is right
  }
}

function formOf(type: ParamType): string {
  return (KINDS.get(type) ?? TEXT).form;
}

function undeclared(name: string, known: readonly string[]): string {
  const others = known.length === 0 ? "; the workflow declares none" : `; the workflow declares ${known.join(", ")}`;
  return `is not declared in the workflow's params${didYouMean(name, known) || others}`;
}
