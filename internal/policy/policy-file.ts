// A policy file: YAML in, a compiled policy out. docs/policies.md describes the form.
// 1. All that is wrong is said at once, each fault with file, line and column. An unknown field is a fault: a misspelled setting
//    must never silently allow. 2. The same text gives the same policy, and the same digest.

import { present } from "../base/assert.ts";
import { digestText } from "../base/digest.ts";
import { FileCursor, FileFaults, isList } from "../base/file-cursor.ts";
import type { FileFields } from "../base/file-cursor.ts";
import { isJsonObject } from "../base/json.ts";
import type { JsonObject, JsonValue } from "../base/json.ts";
import { POLICY_FILE_BYTES_MAX, POLICY_LIMITS_MAX, POLICY_PARAMS_MAX, POLICY_RULES_MAX, POLICY_TESTS_MAX } from "../base/limits.ts";
import { placeName } from "../base/place.ts";
import { readYaml } from "../base/yaml.ts";
import type { YamlFile } from "../base/yaml.ts";
import { compileField } from "./policy-expression.ts";
import type { CompiledPolicy } from "./policy.ts";
import { readLimit, readRule } from "./rule-file.ts";
import { readTest } from "./test-file.ts";
import { matchVocabulary, typeOfValue } from "./vocabulary.ts";

const POLICY_FIELDS = ["name", "description", "match", "params", "rules", "limits", "tests"] as const;
const NAME = /^[a-z][a-z0-9_-]{0,63}$/;
const NAME_FORM = "lower-case letters, digits, _ and -, at most 64, a letter first";
const PARAM_NAME = /^[a-z][a-z0-9_]{0,63}$/;
const DESCRIPTION_LENGTH_MAX = 4_096;

type PolicyFields = FileFields<(typeof POLICY_FIELDS)[number]>;

/** Reads and compiles a policy file; throws INVALID_ARGUMENT with every fault and its place. */
export function readPolicy(file: string, source: string): CompiledPolicy {
  const yaml = readYaml(source, { file, bytesMax: POLICY_FILE_BYTES_MAX });
  const faults = new FileFaults(yaml, source);
  const fields = new FileCursor(faults, "", yaml.value).fields(POLICY_FIELDS, "a policy");
  const policy = fields === undefined ? undefined : readFields(fields, { yaml, source });
  faults.throwIfAny();
  return present(policy, "a policy without a fault");
}

function readFields(
  fields: PolicyFields,
  { yaml, source }: { readonly yaml: YamlFile; readonly source: string },
): CompiledPolicy | undefined {
  const name = fields.need("name", "write for example name: blast-radius")?.word(NAME, NAME_FORM);
  const description = fields.read("description", readDescription) ?? "";
  const params = fields.read("params", readParams) ?? {};
  const types = typeOfValue(params, "params");
  const matchField = fields.need("match", "say in CEL which workflows it is for; 'true' is every workflow");
  const match =
    matchField === undefined ? undefined : compileField(matchField, { vocabulary: matchVocabulary(types), result: "bool", where: "match" });
  const rules = readNamed(fields, "rules", POLICY_RULES_MAX, (item) => readRule(item, types));
  const limits = readNamed(fields, "limits", POLICY_LIMITS_MAX, (item) => readLimit(item, types));
  if (hasNone(fields, "rules") && hasNone(fields, "limits"))
    fields.cursor.refuse("a policy needs rules or limits: this one would allow everything");
  // As written: a rule with a fault has its name all the same.
  const names = { rules: namesIn(fields, "rules"), limits: namesIn(fields, "limits") };
  const tests = readNamed(fields, "tests", POLICY_TESTS_MAX, (item) => readTest(item, names));
  if (name === undefined || match === undefined || matchField === undefined) return undefined;
  const matchPlace = placeName(yaml.file, yaml.near(matchField.path));
  return { name, digest: policyDigest(source), file: yaml.file, source, description, match, matchPlace, params, rules, limits, tests };
}

function readDescription(field: FileCursor): string | undefined {
  const text = field.text();
  return text === undefined || text.length <= DESCRIPTION_LENGTH_MAX
    ? text
    : field.refuse(`is longer than ${DESCRIPTION_LENGTH_MAX} characters`);
}

/** Constants: what they are is what expressions see. */
function readParams(field: FileCursor): JsonObject {
  const entries = field.entries("params");
  if (entries.length > POLICY_PARAMS_MAX) field.refuse(`at most ${POLICY_PARAMS_MAX} params; found ${entries.length}`);
  for (const [name, entry] of entries) {
    if (!PARAM_NAME.test(name))
      entry.faults.addKey(entry.path, "a param's name is lower-case letters, digits and _, at most 64, a letter first");
    if (hasNull(entry.value)) entry.refuse("has no value; write one, or leave the param out");
  }
  return isJsonObject(field.value) ? field.value : {};
}

function hasNull(value: JsonValue): boolean {
  if (value === null) return true;
  return typeof value === "object" && Object.values(value).some(hasNull);
}

function hasNone(fields: PolicyFields, name: "rules" | "limits"): boolean {
  const field = fields.get(name);
  return field === undefined || (Array.isArray(field.value) && field.value.length === 0);
}

function namesIn(fields: PolicyFields, list: "rules" | "limits"): readonly string[] {
  const { value = null } = fields.get(list) ?? {};
  if (!isList(value)) return [];
  return value.flatMap((item) => (isJsonObject(item) && typeof item["name"] === "string" ? [item["name"]] : []));
}

/** A list of named things; a name twice is a fault. */
function readNamed<T extends { readonly name: string }>(
  fields: PolicyFields,
  name: "rules" | "limits" | "tests",
  countMax: number,
  read: (item: FileCursor) => T | undefined,
): readonly T[] {
  const field = fields.get(name);
  if (field === undefined) return [];
  const items = field.items(name);
  if (items.length > countMax) {
    field.refuse(`at most ${countMax} ${name}; found ${items.length}`);
    return [];
  }
  const seen = new Set<string>();
  return items.flatMap((item) => {
    const given = isJsonObject(item.value) ? item.value["name"] : undefined;
    if (typeof given === "string" && seen.has(given)) item.refuse(`the name ${JSON.stringify(given.slice(0, 64))} stands twice in ${name}`);
    if (typeof given === "string") seen.add(given);
    const made = read(item);
    return made === undefined ? [] : [made];
  });
}

/** `sha256:` and 64 hex digits. */
function policyDigest(source: string): string {
  return digestText(source);
}
