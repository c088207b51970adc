import { expect, test } from "vitest";
import { fromJson } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { HoldfastError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { WorkflowDefinitionSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import { FaultList } from "./fault-list.ts";
import { resolveParams } from "./params.ts";

function resolve(params: { [name: string]: JsonValue }, given: JsonObject): unknown {
  const faults = new FaultList();
  const values = resolveParams(fromJson(WorkflowDefinitionSchema, { params }).params, given, faults);
  try {
    faults.throwIfAny("x");
    return values;
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return error.details.map(({ place, reason }) => `${place}: ${reason}`);
  }
}

test("every declared parameter has a value: the given one, the default, or the type's empty one", () => {
  const declared = {
    given: {},
    defaulted: { defaultValue: "d" },
    text: { type: "PARAM_TYPE_STRING" },
    int: { type: "PARAM_TYPE_INT" },
    bool: { type: "PARAM_TYPE_BOOL" },
    list: { type: "PARAM_TYPE_LIST" },
    object: { type: "PARAM_TYPE_OBJECT" },
  };
  expect(resolve(declared, { given: "g" })).toEqual({ given: "g", defaulted: "d", text: "", int: 0, bool: false, list: [], object: {} });
});

test.each<[string, { [name: string]: JsonValue }, JsonObject, RegExp]>([
  ["one that is not declared", { change: {} }, { chnage: "x" }, /^params\.chnage: no such parameter is declared.*change/],
  ["a name of every object's", { a: {} }, { constructor: "x" }, /no such parameter/],
  ["a required one that is missing", { a: { required: true } }, {}, /it is required/],
  ["a number for text", { a: {} }, { a: 1 }, /expected text, found a number/],
  ["a fraction for a whole number", { a: { type: "PARAM_TYPE_INT" } }, { a: 1.5 }, /expected a whole number/],
  ["a number beyond 2^53", { a: { type: "PARAM_TYPE_INT" } }, { a: 2 ** 53 }, /expected a whole number/],
  ["a list for an object", { a: { type: "PARAM_TYPE_OBJECT" } }, { a: [] }, /expected an object, found a list/],
  ["null for a bool", { a: { type: "PARAM_TYPE_BOOL" } }, { a: null }, /expected true or false, found null/],
  ["a number below its least", { a: { type: "PARAM_TYPE_NUMBER", min: 1 } }, { a: 0.9 }, /below the least allowed, 1/],
  ["text beyond its longest", { a: { max: 3 } }, { a: "four" }, /above the most allowed, 3/],
  ["text that is not of its pattern", { a: { pattern: "^CHG[0-9]+$" } }, { a: "INC1" }, /does not match the pattern/],
  ["a value that is not among those allowed", { a: { allowed: ["x", "y"] } }, { a: "z" }, /none of the 2 allowed values/],
  [
    "a default out of its bounds, also when another value is given",
    { a: { max: 1, defaultValue: "long" } },
    { a: "x" },
    /^params\.a\.default: .*above the most/,
  ],
  ["text of more than 64 KiB", { a: {} }, { a: "x".repeat(65_537) }, /longer than 65536/],
])("%s is refused, and no message says a value", (_, declared, given, expected) => {
  const faults = resolve(declared, given);
  expect(Array.isArray(faults) ? faults.join() : faults).toMatch(expected);
  expect(String(faults)).not.toContain("INC1");
});

test("all faults are found at once", () => {
  expect(resolve({ a: { required: true }, b: { type: "PARAM_TYPE_INT" } }, { b: "x", c: 1 })).toHaveLength(3);
});
