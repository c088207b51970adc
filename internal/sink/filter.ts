// The filter of a sink: CEL over an event, checked when the file is read, asked of every event of the kinds that the sink wants.
// 1. An event that its filter cannot be asked about is delivered: one alert too many is better than one that nobody hears.

import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { HoldfastError } from "../base/errors.ts";
import type { FileCursor } from "../base/file-cursor.ts";
import { positionIn } from "../base/place.ts";
import type { FeedEvent } from "../engine/ports.ts";
import { compile, evaluateBoolean } from "../expr/program.ts";
import type { Program } from "../expr/program.ts";
import type { ExprTypeDecl } from "../expr/type.ts";
import type { SinkWhen } from "./sink.ts";

/** What a filter may name. */
const DECLARATIONS: Readonly<Record<string, ExprTypeDecl>> = {
  kind: "string",
  by: "string",
  at: "timestamp",
  workflow: {
    object: "workflow",
    fields: {
      id: "string",
      name: "string",
      namespace: "string",
      key: "string",
      submitted_by: "string",
      annotations: "map(string, string)",
    },
  },
  stage: "string",
  action: "string",
  target: "string",
  event: "dyn",
};

/** What a sink makes of an event. */
export type Match = "no" | "yes" | "unclear";

/** Compiles the filter at a field; undefined, with faults noted, where it is not right. */
export function compileFilter(field: FileCursor): Program | undefined {
  const source = field.text();
  if (source === undefined) return undefined;
  const { faults, path } = field;
  const origin = faults.origin(path);
  try {
    return compile(source, { place: faults.file.file, origin, declarations: DECLARATIONS, result: "bool" });
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    for (const { place, reason } of error.details) faults.addAt(positionIn(place) ?? origin, path, reason);
    return undefined;
  }
}

/** Whether a sink wants an event. */
export function matches(when: SinkWhen, event: FeedEvent): Match {
  if (!when.kinds.has(event.kind)) return "no";
  const { workflow } = event;
  if (workflow !== undefined && (!isAmong(workflow.namespace, when.namespaces) || !isAmong(workflow.name, when.workflows))) return "no";
  if (when.filter === undefined) return "yes";
  try {
    return evaluateBoolean(when.filter, scopeOf(event)) ? "yes" : "no";
  } catch (error) {
    if (error instanceof HoldfastError) return "unclear";
    throw error;
  }
}

function isAmong(name: string, patterns: readonly string[]): boolean {
  return patterns.length === 0 || patterns.some((pattern) => fits(name, pattern));
}

/** `*` is any run of characters; the parts between them are looked for from the left, which is enough. */
function fits(name: string, pattern: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return name === pattern;
  let at = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return name.startsWith(first) && name.endsWith(last) && name.length - last.length >= at;
}

function scopeOf({ kind, by, atMs, workflow, stage, action, target, event }: FeedEvent): Readonly<Record<string, unknown>> {
  const { id = "", name = "", namespace = "", key = "", submittedBy = "", annotations = {} } = workflow ?? {};
  const about = { id, name, namespace, key, submitted_by: submittedBy, annotations };
  return { kind, by, at: timestampFromMs(atMs), workflow: about, stage, action, target, event };
}
