// What a sink sends: an event as one line of JSON, and as one sentence for people. Pure.
// 1. A line is bounded: the fields of an event beyond SINK_EVENT_BYTES_MAX are left out, and the line says so.

import { toJson } from "@bufbuild/protobuf";
import { TimestampSchema, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { isJsonObject } from "../base/json.ts";
import type { JsonObject, JsonValue } from "../base/json.ts";
import { SINK_EVENT_BYTES_MAX, SINK_TEXT_LENGTH_MAX } from "../base/sink-limits.ts";
import type { FeedEvent } from "../engine/ports.ts";

/** What a person should hear of. */
export const ALERT_KINDS: readonly string[] = [
  "workflowFailed",
  "workflowWaiting",
  "freezePlaced",
  "freezeLifted",
  "storeRestored",
  "journalGap",
];

/** The event as a receiver gets it: one line, without its end. */
export function eventLine(sink: string, event: FeedEvent, options: { readonly isFilterUnclear: boolean }): string {
  const fields = JSON.stringify(event.event);
  const isCut = Buffer.byteLength(fields) > SINK_EVENT_BYTES_MAX;
  return JSON.stringify({
    id: event.id,
    kind: event.kind,
    sink,
    at: toJson(TimestampSchema, timestampFromMs(event.atMs)),
    by: event.by,
    text: eventText(event),
    ...(event.workflow === undefined ? {} : { workflow: event.workflow }),
    ...(event.stage === "" ? {} : { stage: event.stage }),
    ...(event.action === "" ? {} : { action: event.action }),
    ...(event.target === "" ? {} : { target: event.target }),
    event: isCut ? {} : event.event,
    ...(isCut ? { isCut: true } : {}),
    ...(options.isFilterUnclear ? { isFilterUnclear: true } : {}),
  });
}

/** The event as one sentence. */
export function eventText(event: FeedEvent): string {
  const text = sentence(event);
  return text.length <= SINK_TEXT_LENGTH_MAX ? text : `${text.slice(0, SINK_TEXT_LENGTH_MAX - 1)}…`;
}

/** Kinds that have a sentence of their own; `what` is the workflow. */
const SENTENCES: ReadonlyMap<string, (event: FeedEvent, what: string) => string> = new Map<
  string,
  (event: FeedEvent, what: string) => string
>([
  ["workflowFailed", ({ event }, what) => `${what} failed: ${textOf(event["error"])}`],
  ["workflowWaiting", ({ event }, what) => `${what} waits for a person: ${reasons(event["waitingFor"])}`],
  ["freezePlaced", ({ event, by }) => `freeze ${textOf(event["id"])} was placed by ${by}: ${textOf(event["reason"])}`],
  ["freezeLifted", ({ event, by }) => `freeze ${textOf(event["id"])} was lifted by ${by}: ${textOf(event["reason"])}`],
  ["storeRestored", () => "the journal was brought back from a backup: everything is frozen until it is thawed"],
  ["journalGap", ({ event }) => `a part of the journal cannot be read: ${textOf(event["reason"])}; what happened there is not told`],
]);

function sentence(event: FeedEvent): string {
  const { kind, by, workflow, stage, action, target } = event;
  const what = workflow === undefined ? "" : `workflow "${workflow.name}" (${workflow.key === "" ? workflow.id : workflow.key})`;
  const own = SENTENCES.get(kind);
  if (own !== undefined) return own(event, what);
  const place = [stage, action].filter((name) => name !== "").join("/");
  const at = [place, target === "" ? "" : `on ${target}`].filter((part) => part !== "").join(" ");
  return [what, kind, at, by === "" ? "" : `by ${by}`].filter((part) => part !== "").join(" ");
}

function reasons(value: JsonValue | undefined): string {
  if (!isList(value)) return "";
  return value.flatMap((hold) => (isJsonObject(hold) ? [textOf(hold["message"])] : [])).join("; ");
}

function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function textOf(value: JsonObject[string] | undefined): string {
  return typeof value === "string" ? value : "";
}
