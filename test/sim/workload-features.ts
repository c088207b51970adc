// What a submission uses of the language: every field of the wire by its path, every value of its enums, every name of its expressions.
// 1. The list comes from the schema and from the types of expressions themselves: what is added there is missed here until it is generated.

import type { DescEnum, DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { create, toJsonString } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";
import { ParamSchema, WorkflowDefinitionSchema } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import type { WorkflowDefinition } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import { reservedNames } from "../../internal/workflow/names.ts";
import { RESULT_FIELDS, STAGE_FIELDS, TASK_FIELDS, WORKFLOW_FIELDS } from "./random-expression.ts";

/** Lists that hold more of what another list holds: their own fields are counted there. */
const AGAIN: ReadonlySet<string> = new Set(["on_success", "on_failure", "always"]);

/** Every path of a message, with the values of its enums: `SubmitRequest.definition.params.type=INT`. */
export function schemaFeatures(schema: DescMessage): readonly string[] {
  return allPaths(schema, schema.name);
}

function allPaths(schema: DescMessage, at: string): readonly string[] {
  return schema.fields.flatMap((field) => {
    const path = `${at}.${field.name}`;
    const { message, values } = kindOf(field);
    if (message !== undefined && isOurs(message) && !AGAIN.has(field.name)) return [path, ...allPaths(message, path)];
    return [path, ...(values?.values.map(({ name }) => `${path}=${name}`) ?? [])];
  });
}

/** The paths that a message uses. */
export function usedFeatures(schema: DescMessage, message: Message): ReadonlySet<string> {
  const used = new Set<string>();
  collect(reflect(schema, message), schema.name, used);
  return used;
}

function collect(message: ReflectMessage, at: string, used: Set<string>): void {
  for (const field of message.fields) {
    const path = `${at}.${field.name}`;
    if (field.fieldKind === "enum") used.add(`${path}=${field.enum.value[message.get(field)]?.name}`);
    if (!message.isSet(field)) continue;
    used.add(path);
    if (field.fieldKind === "list" && field.listKind === "enum")
      for (const value of message.get(field)) used.add(`${path}=${typeof value === "number" ? field.enum.value[value]?.name : ""}`);
    if (!AGAIN.has(field.name)) for (const part of partsOf(message, field)) if (isOurs(part.desc)) collect(part, path, used);
  }
}

/** The messages in a field. */
function partsOf(message: ReflectMessage, field: DescField): readonly ReflectMessage[] {
  if (field.fieldKind === "message") return [message.get(field)];
  if (field.fieldKind === "list" && field.listKind === "message") return [...message.get(field)].filter(isMessage);
  if (field.fieldKind === "map" && field.mapKind === "message") return [...message.get(field).values()].filter(isMessage);
  return [];
}

function isMessage(value: unknown): value is ReflectMessage {
  return typeof value === "object" && value !== null && "desc" in value;
}

function kindOf(field: DescField): { readonly message: DescMessage | undefined; readonly values: DescEnum | undefined } {
  return { message: field.message, values: field.enum };
}

function isOurs(schema: DescMessage): boolean {
  return schema.file.proto.package.startsWith("holdfast.");
}

const NAMES: readonly (readonly [feature: string, pattern: RegExp])[] = [
  ...reservedNames({ vars: { n: create(ParamSchema) } }).map((name) => [`expression ${name}`, new RegExp(`\\b${name}\\b`)] as const),
  ...WORKFLOW_FIELDS.map((field) => [`expression workflow.${field}`, new RegExp(`\\bworkflow\\.${field}\\b`)] as const),
  ...TASK_FIELDS.map((field) => [`expression task.${field}`, new RegExp(`\\btask\\.${field}\\b`)] as const),
  ...RESULT_FIELDS.map((field) => [`expression action.${field}`, new RegExp(`\\b(a|step_)[0-9]+\\.${field}\\b`)] as const),
  ...STAGE_FIELDS.map((field) => [`expression stage.${field}`, new RegExp(`\\bstage\\('s[0-9]+'\\)\\.${field}\\b`)] as const),
  ["expression stage.actions", /\bstage\('s[0-9]+'\)\.actions\./],
  ["expression item", /\bitem\b/],
  ["expression target.name", /\btarget\.name\b/],
  ["expression target.labels", /\btarget\.labels\b/],
];

/** Names that expressions may use. */
export const EXPRESSION_FEATURES: readonly string[] = NAMES.map(([feature]) => feature);

/** The names that a definition's expressions use. */
export function usedNames(definition: WorkflowDefinition): readonly string[] {
  const text = toJsonString(WorkflowDefinitionSchema, definition);
  return NAMES.filter(([, pattern]) => pattern.test(text)).map(([feature]) => feature);
}
