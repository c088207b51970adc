// A workflow file: YAML in, the wire's WorkflowDefinition out. The format is described in docs/workflow-file.md.
// 1. All that is wrong is said at once, each fault with file, line and column; an unknown field is a fault, never ignored.
// 2. Pure but for `readSource`: the same text and sources give the same definition, and so the same digest.

import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HoldfastError } from "../base/errors.ts";
import { readYaml } from "../base/yaml.ts";
import { STAGES_MAX, TARGETS_MAX, WORKFLOW_FILE_BYTES_MAX } from "../base/limits.ts";
import type { StageSchema, TargetSelectorSchema, WorkflowDefinition } from "../gen/holdfast/v1/workflow_pb.ts";
import { WorkflowDefinitionSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import { FileCursor, FileFaults } from "./file-cursor.ts";
import type { FileFields } from "./file-cursor.ts";
import { placedInFile } from "./file-places.ts";
import { takeComputed } from "./workflow-computed.ts";
import { readContinue } from "./workflow-continue.ts";
import { readParams } from "./workflow-params.ts";
import { readExpressions, readSignals } from "./workflow-signals.ts";
import { inlineSources } from "./workflow-sources.ts";
import { readDeadline, readStage } from "./workflow-stages.ts";
import { checkWorkflow } from "./workflow-checks.ts";

/** How a workflow file is read. */
export interface WorkflowFileOptions {
  /** The file's name as messages show it. */
  readonly file: string;
  /** The bytes of a file that an argument `source:` names, relative to the workflow file; undefined when there is none. Reads at most one byte over the bound. */
  readonly readSource: (path: string) => Promise<Uint8Array | undefined>;
}

const WORKFLOW_FIELDS = [
  "name",
  "description",
  "params",
  "targets",
  "stages",
  "output",
  "annotations",
  "on_success",
  "on_failure",
  "always",
  "vars",
  "signals",
  "queries",
  "deadline",
  "continue_as_new",
] as const;
const TARGET_FIELDS = ["where", "names", "expect"] as const;
const NAME = /^[a-z0-9][a-z0-9._-]{0,127}$/;

/** A workflow file that was read. */
export interface WorkflowFile {
  readonly definition: WorkflowDefinition;
  /** The service's word about the definition, with line and column of this file. */
  readonly placed: (error: HoldfastError) => HoldfastError;
}

/** Reads a workflow file; throws INVALID_ARGUMENT with every fault and its place. */
export async function readWorkflowFile(text: string, options: WorkflowFileOptions): Promise<WorkflowFile> {
  const file = readYaml(text, { file: options.file, bytesMax: WORKFLOW_FILE_BYTES_MAX });
  const faults = new FileFaults(file, text);
  const { value, computed } = takeComputed(file.value);
  const fields = new FileCursor(faults, "", value).fields(WORKFLOW_FIELDS, "a workflow");
  const definition = create(WorkflowDefinitionSchema, fields === undefined ? {} : { ...readWorkflow(fields), computed });
  if (fields !== undefined) {
    await inlineSources(definition, { faults, readSource: options.readSource });
    checkWorkflow(definition, faults);
  }
  faults.throwIfAny();
  return { definition, placed: (error) => placedInFile(error, faults) };
}

function readWorkflow(fields: FileFields<(typeof WORKFLOW_FIELDS)[number]>): MessageInitShape<typeof WorkflowDefinitionSchema> {
  const name = fields.need("name", "write for example name: rotate-nginx-config");
  const targets = fields.read("targets", readTargets);
  const deadline = fields.read("deadline", readDeadline);
  const continueAsNew = fields.read("continue_as_new", readContinue);
  return {
    name: name?.word(NAME, "lower-case letters, digits, dots and dashes, at most 128") ?? "",
    description: fields.read("description", (field) => field.text()) ?? "",
    params: fields.read("params", readParams) ?? {},
    ...(targets === undefined ? {} : { targets }),
    stages: readStages(fields),
    output: fields.read("output", (field) => field.text()) ?? "",
    vars: fields.read("vars", (field) => readParams(field, "vars")) ?? {},
    signals: fields.read("signals", readSignals) ?? {},
    queries: fields.read("queries", readExpressions) ?? {},
    ...(deadline === undefined ? {} : { deadline }),
    ...(continueAsNew === undefined ? {} : { continueAsNew }),
    annotations: fields.read("annotations", (field) => field.texts("annotations")) ?? {},
    onSuccess: fields.read("on_success", (field) => field.items("on_success").map(readStage)) ?? [],
    onFailure: fields.read("on_failure", (field) => field.items("on_failure").map(readStage)) ?? [],
    always: fields.read("always", (field) => field.items("always").map(readStage)) ?? [],
  };
}

function readStages(fields: FileFields<"stages">): MessageInitShape<typeof StageSchema>[] {
  const field = fields.need("stages", "a workflow needs at least one stage");
  if (field === undefined) return [];
  const items = field.items("stages");
  if (Array.isArray(field.value) && items.length === 0) field.refuse("a workflow needs at least one stage; found none");
  if (items.length > STAGES_MAX) field.refuse(`at most ${STAGES_MAX} stages; found ${items.length}`);
  return items.map(readStage);
}

function readTargets(field: FileCursor): MessageInitShape<typeof TargetSelectorSchema> | undefined {
  const fields = field.fields(TARGET_FIELDS, "targets");
  if (fields === undefined) return undefined;
  const where = fields.read("where", (item) => item.text());
  const names = fields.get("names");
  if (fields.get("where") === undefined && names === undefined)
    field.refuse("needs where (a condition) or names (a list): nothing never means all");
  if (fields.get("where") !== undefined && names !== undefined) field.refuse("has both where and names; write one of them");
  const expect = fields.read("expect", (item) => item.number({ min: 1, max: TARGETS_MAX, isWhole: true }));
  return { where: where ?? "", names: names === undefined ? [] : readNames(names), ...(expect === undefined ? {} : { expect }) };
}

function readNames(field: FileCursor): string[] {
  const items = field.items("names");
  if (Array.isArray(field.value) && items.length === 0) field.refuse("is an empty list: nothing never means all");
  const seen = new Set<string>();
  for (const item of items) {
    const name = item.word(/^.{1,253}$/su, "text of 1 to 253 characters");
    if (name === undefined) continue;
    if (seen.has(name)) item.refuse("appears twice");
    seen.add(name);
  }
  return [...seen];
}
