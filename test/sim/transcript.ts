// A run as people read it: one line for each thing that happened, with its time since the beginning, who it is about, and what is not a default.
// 1. Workflows are w1, w2, … in the order in which they appear; tasks are stage.action@target. The same run makes the same lines.

import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { toJsonString } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";
import { GuardEventSchema } from "../../internal/gen/holdfast/journal/v1/journal_pb.ts";
import type { GuardEvent } from "../../internal/gen/holdfast/journal/v1/journal_pb.ts";
import { EventSchema, ModeSchema, VerdictGivenSchema, WorkflowSubmittedSchema } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { Event, Mode } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { WorkflowDefinition } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import { columnsOf, isOverTargets, stagesOf, widthOf } from "../../internal/expr/workflow-parts.ts";
import type { Part, StageInPlace } from "../../internal/expr/workflow-parts.ts";

/** What a transcript has to know of a workflow. */
export interface TranscriptWorkflow {
  readonly id: string;
  readonly submitted: {
    readonly mode: Mode;
    readonly definition?: WorkflowDefinition | undefined;
    readonly targets: readonly { readonly name: string }[];
  };
}

const ITEMS_MAX = 6;
const TEXT_LENGTH_MAX = 300;
const TIME_WIDTH = 12;
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g;
/** What everybody knows, or nobody reads: times stand in front, and digests say nothing. */
const UNSAID: ReadonlySet<string> = new Set(["at_ms", "at", "after_ms", "detail_crc", "digest"]);
/** Told by a summary instead. */
const SUMMED_UP: ReadonlySet<string> = new Set([
  "id",
  "definition",
  "targets",
  "action_kinds",
  "mode",
  "request_id",
  "request_digest",
  "expires_after_ms",
]);
/** Said also when they are 0: the first one. */
const SAID: ReadonlySet<string> = new Set(["task", "stage"]);

/** An event of a workflow, in one line. */
export function eventText(event: Event, workflow: TranscriptWorkflow): string {
  const { kind, by } = event;
  const summed = kind.case === "workflowSubmitted" ? ` ${summary(workflow)}` : "";
  const place = (task: number): string => taskName(workflow, task);
  return `${workflow.id} ${kindText(EventSchema, event, place)}${summed}${by === "" ? "" : ` by ${by}`}`;
}

/** An event of the guard, in one line; `find` finds the workflow of an ID. */
export function guardText(event: GuardEvent, find: (id: string) => TranscriptWorkflow | undefined): string {
  const { value } = event.kind;
  const holder = value !== undefined && "holder" in value ? find(String(value.holder)) : undefined;
  return `guard ${kindText(GuardEventSchema, event, (task) => (holder === undefined ? String(task) : taskName(holder, task)))}`;
}

/** Lines that begin with milliseconds and name workflows by their IDs, as people read them: seconds, and w1, w2, … as they appear. */
export function readableLines(lines: readonly string[]): readonly string[] {
  const aliases = new Map<string, string>();
  const alias = (id: string): string => {
    const known = aliases.get(id) ?? `w${aliases.size + 1}`;
    aliases.set(id, known);
    return known;
  };
  return lines.map((line) => {
    const [, atMs = "", text = line] = /^([0-9]+) (.*)$/s.exec(line) ?? [];
    const time = atMs === "" ? "" : (Number(atMs) / 1_000).toFixed(3);
    return `${time.padStart(TIME_WIDTH)}  ${text.replaceAll(UUID, alias)}`;
  });
}

/** The field of the oneof `kind`, and what stands in it. */
function kindText(schema: DescMessage, message: Message, place: (task: number) => string): string {
  const reflected = reflect(schema, message);
  const field = reflected.fields.find((candidate) => candidate.oneof?.name === "kind" && reflected.isSet(candidate));
  if (field === undefined || field.fieldKind !== "message") return "nothing";
  return `${field.localName}${messageText(reflected.get(field), place)}`;
}

function messageText(message: ReflectMessage, place: (task: number) => string): string {
  let text = "";
  for (const field of message.fields) {
    const isSummedUp = message.desc === WorkflowSubmittedSchema && SUMMED_UP.has(field.name);
    const isFirst = SAID.has(field.name) && message.desc !== VerdictGivenSchema;
    if (!UNSAID.has(field.name) && !isSummedUp && (isFirst || message.isSet(field))) text += ` ${fieldText(message, field, place)}`;
  }
  return text;
}

function fieldText(message: ReflectMessage, field: DescField, place: (task: number) => string): string {
  switch (field.fieldKind) {
    case "enum":
      return `${field.name}=${field.enum.value[message.get(field)]?.localName.toLowerCase()}`;
    case "message":
      return `${field.name}=${itemText(message.get(field), place)}`;
    case "scalar": {
      const value = message.get(field);
      return field.name === "task" && typeof value === "number" ? place(value) : `${field.name}=${cut(String(value))}`;
    }
    case "list": {
      const items = [...message.get(field)];
      return `${field.name}=${listText(items, place)}`;
    }
    case "map":
      return `${field.name}={${[...message.get(field)].map(([key, value]) => `${String(key)}:${itemText(value, place)}`).join(" ")}}`;
    default:
      return field satisfies never;
  }
}

function listText(items: readonly unknown[], place: (task: number) => string): string {
  const shown = items.slice(0, ITEMS_MAX).map((item) => itemText(item, place));
  return `[${shown.join(", ")}${items.length > ITEMS_MAX ? `, … ${items.length} in all` : ""}]`;
}

function itemText(item: unknown, place: (task: number) => string): string {
  if (!isReflected(item)) return cut(String(item));
  const isOurs = item.desc.typeName.startsWith("holdfast.");
  return isOurs ? `{${messageText(item, place).trim()}}` : cut(toJsonString(item.desc, item.message));
}

function isReflected(value: unknown): value is ReflectMessage {
  return typeof value === "object" && value !== null && "desc" in value;
}

/** A file stands on lines of its own, whole; everything else is cut. */
function cut(text: string): string {
  if (text.includes("\n")) return `\n${text.trimEnd().replaceAll(/^/gm, " ".repeat(TIME_WIDTH + 4))}`;
  return text.length > TEXT_LENGTH_MAX ? `${text.slice(0, TEXT_LENGTH_MAX)}…` : text;
}

/** `fix.apply@h3`. */
function taskName({ submitted }: TranscriptWorkflow, task: number): string {
  let first = 0;
  for (const { stage } of partsOf(submitted.definition)) {
    const { name } = stage;
    const columns = columnsOf(stage);
    const count = columns.length * widthOf(stage, submitted.targets.length);
    const offset = task - first;
    first += count;
    if (offset >= count) continue;
    const unit = Math.floor(offset / columns.length);
    const target = isOverTargets(stage) ? submitted.targets[unit]?.name : stage.over === undefined ? "service" : `item${unit}`;
    return `${name}.${columns[offset % columns.length]?.name}@${target}`;
  }
  return `task=${task}`;
}

/** What was submitted, stage by stage. */
function summary({ submitted }: TranscriptWorkflow): string {
  const { definition, targets, mode } = submitted;
  const stages = partsOf(definition).map(({ stage, part }) => {
    const shown = columnsOf(stage).map(({ name, way, part: of, action }) => {
      const needs = action.needs === undefined ? "" : ` needs ${action.needs.actions.join("+")}`;
      return `${name}:${way.uses}${of === "undo" ? "" : needs}${partText(of)}`;
    });
    return `${stage.name}${partText(part)}${stage.over === undefined ? "" : ` over ${widthOf(stage, targets.length)}`} (${shown.join(", ")})`;
  });
  return `${ModeSchema.value[mode]?.localName.toLowerCase()} "${definition?.name}": ${stages.join("; ")}`;
}

function partsOf(definition: WorkflowDefinition | undefined): readonly StageInPlace[] {
  return definition === undefined ? [] : stagesOf(definition);
}

function partText(part: Part): string {
  return part === "main" ? "" : ` [${part}]`;
}
