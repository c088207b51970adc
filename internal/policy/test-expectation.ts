// What a test of a policy file expects: `allow`, `no-match`, or a map from what follows to the rules that are broken.
// 1. Names of rules and limits that the policy does not have are faults: a test that can never fail shows nothing.

import type { FileCursor } from "../base/file-cursor.ts";
import { isJsonObject } from "../base/json.ts";
import { didYouMean } from "../base/nearest.ts";
import type { TestExpectation } from "./policy.ts";

const EXPECT_FIELDS = ["deny", "wait", "approve", "warn", "audit", "limits"] as const;
const FORM = "allow, no-match, or a map such as { deny: [per-site] }";
const NOTHING: TestExpectation["broken"] = { deny: [], wait: [], approve: [] };

/** The names that a policy has. */
interface Names {
  readonly rules: readonly string[];
  readonly limits: readonly string[];
}

/** Reads an expectation. */
export function readExpectation(field: FileCursor, names: Names): TestExpectation | undefined {
  if (field.value === "allow") return { isNoMatch: false, broken: NOTHING, told: {}, limits: undefined };
  if (field.value === "no-match") return { isNoMatch: true, broken: NOTHING, told: {}, limits: undefined };
  if (!isJsonObject(field.value)) return field.refuse(`must be ${FORM}`);
  const fields = field.fields(EXPECT_FIELDS, "expect");
  if (fields === undefined) return undefined;
  if (Object.keys(field.value).length === 0) return field.refuse(`is empty; write ${FORM}`);
  const rules = (key: "deny" | "wait" | "approve" | "warn" | "audit"): readonly string[] | undefined =>
    fields.read(key, (item) => readNames(item, names.rules));
  const [warn, audit] = [rules("warn"), rules("audit")];
  return {
    isNoMatch: false,
    broken: { deny: rules("deny") ?? [], wait: rules("wait") ?? [], approve: rules("approve") ?? [] },
    told: { ...(warn === undefined ? {} : { warn }), ...(audit === undefined ? {} : { audit }) },
    limits: fields.read("limits", (item) => readLimits(item, names.limits)),
  };
}

function readNames(field: FileCursor, known: readonly string[]): readonly string[] {
  return field.items("rules").flatMap((item) => {
    const text = item.text();
    if (text === undefined) return [];
    if (!known.includes(text)) item.refuse(`the policy has no rule of this name${didYouMean(text, known)}`);
    return [text];
  });
}

/** `NAME/KEY`, or `NAME/KEY each VALUE`. */
function readLimits(field: FileCursor, known: readonly string[]): readonly string[] {
  return field.items("limits").flatMap((item) => {
    const text = item.text();
    if (text === undefined) return [];
    const [name = ""] = text.split("/");
    if (!known.includes(name))
      item.refuse(`write NAME/KEY, or NAME/KEY each VALUE; the policy has no limit of this name${didYouMean(name, known)}`);
    return [text];
  });
}
