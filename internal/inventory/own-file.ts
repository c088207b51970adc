// The parser of Holdfast's own inventory format: `defaults`, and `targets` with name, labels, connection and become.
// 1. What is unknown is refused with a place: a misspelled label or connection must not quietly change which hosts are meant.
// 2. Defaults merge into each target: labels by name; a connection's fields when both are of one kind, else the target's own stands.

import { create } from "@bufbuild/protobuf";
import { indexPath, keyPath } from "../base/json-path.ts";
import { isJsonObject } from "../base/json.ts";
import type { JsonObject, JsonValue } from "../base/json.ts";
import { LABELS_MAX, TARGETS_MAX } from "../base/limits.ts";
import { TargetSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import { parseConnection } from "./own-connection.ts";
import type { ConnectionFields } from "./own-connection.ts";
import type { FoundTarget, PlaceOf, Reading } from "./reading.ts";
import { collectFaults, refuseUnknown } from "./refusal.ts";
import type { Refuse } from "./refusal.ts";
import { labelNameFault, nameFault, parseLabel } from "./target-fields.ts";

/** What a file's content is read against. */
export interface OwnFileContext {
  readonly place: PlaceOf;
  /** The file's directory: relative paths count from it. */
  readonly base: string;
  readonly home: string;
}

interface Part {
  readonly labels: ReadonlyMap<string, string>;
  readonly connection: ConnectionFields;
}

/** The targets of a parsed file, and everything that is wrong with it. */
export function parseOwnFile(value: JsonValue, context: OwnFileContext): Reading {
  const { faults, refuse } = collectFaults(context.place);
  const targets: FoundTarget[] = [];
  if (!isJsonObject(value)) {
    refuse("", "an inventory is a map with `targets`, and perhaps `defaults`");
    return { targets, faults, warnings: [] };
  }
  refuseUnknown(value, { path: "", known: ["defaults", "targets"], refuse });
  const { defaults = {}, targets: list } = value;
  const shared = isJsonObject(defaults) ? parsePart(defaults, { path: "defaults", known: PART_KEYS, context, refuse }) : undefined;
  if (shared === undefined) refuse("defaults", "must be a map of labels, connection and become");
  if (!Array.isArray(list)) refuse("targets", "must be a list of targets; an empty one is written []");
  else if (list.length > TARGETS_MAX) refuse("targets", `an inventory has at most ${TARGETS_MAX} targets; found ${list.length}`);
  else {
    for (const [index, item] of list.entries()) {
      const path = indexPath("targets", index);
      const target = parseTarget(item, { path, shared, context, refuse });
      if (target !== undefined) targets.push({ target, place: () => context.place(path) });
    }
  }
  return { targets, faults, warnings: [] };
}

const PART_KEYS = ["labels", "connection", "become"];

interface ParseOptions {
  readonly path: string;
  readonly context: OwnFileContext;
  readonly refuse: Refuse;
}

function parseTarget(item: JsonValue, { path, shared, context, refuse }: ParseOptions & { readonly shared: Part | undefined }) {
  if (!isJsonObject(item)) return refuse(path, "a target is a map with a name and a connection");
  const { name } = item;
  const part = parsePart(item, { path, known: ["name", ...PART_KEYS], context, refuse });
  if (typeof name !== "string") return refuse(keyPath(path, "name"), "is missing, or no text; every target has a name");
  const fault = nameFault(name);
  if (fault !== undefined) return refuse(keyPath(path, "name"), fault);
  const labels = new Map([...(shared?.labels ?? []), ...part.labels]);
  if (labels.size > LABELS_MAX)
    refuse(keyPath(path, "labels"), `a target has at most ${LABELS_MAX} labels, with those of defaults; found ${labels.size}`);
  const connection = merged(shared?.connection, part.connection);
  if (connection.kind === undefined) {
    if (item["connection"] !== undefined || shared === undefined) return undefined; // refused already
    return refuse(path, "has no connection, and defaults has none: write connection: { ssh: {} } or connection: { local: { root: … } }");
  }
  return create(TargetSchema, {
    name,
    labels: Object.fromEntries(labels),
    connection: { kind: withHost(connection.kind, name), ...(connection.become === undefined ? {} : { become: connection.become }) },
  });
}

/** Over ssh, a target without a host of its own is asked for by its name. */
function withHost(kind: Exclude<ConnectionFields["kind"], undefined>, name: string) {
  return kind.case === "ssh" ? { case: kind.case, value: { host: name, ...kind.value } } : kind;
}

function merged(base: ConnectionFields | undefined, own: ConnectionFields): ConnectionFields {
  const become = own.become ?? base?.become;
  const kinds = mergedKind(base?.kind, own.kind);
  return { kind: kinds, become };
}

function mergedKind(base: ConnectionFields["kind"], own: ConnectionFields["kind"]): ConnectionFields["kind"] {
  if (own === undefined || base === undefined) return own ?? base;
  if (own.case === "local" && base.case === "local") return { case: "local", value: { ...base.value, ...own.value } };
  if (own.case === "ssh" && base.case === "ssh") return { case: "ssh", value: { ...base.value, ...own.value } };
  return own;
}

function parsePart(item: JsonObject, { path, known, context, refuse }: ParseOptions & { readonly known: readonly string[] }): Part {
  refuseUnknown(item, { path, known, refuse });
  return {
    labels: parseLabels(item["labels"], { path: keyPath(path, "labels"), context, refuse }),
    connection: parseConnection(
      { connection: item["connection"], become: item["become"] },
      { path, base: context.base, home: context.home, refuse },
    ),
  };
}

function parseLabels(value: JsonValue | undefined, { path, refuse }: ParseOptions): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  if (value === undefined) return labels;
  if (!isJsonObject(value)) {
    refuse(path, "must be a map of names to texts, numbers or booleans");
    return labels;
  }
  for (const [name, raw] of Object.entries(value)) {
    const label = parseLabel(raw);
    const fault =
      labelNameFault(name) ??
      (label === undefined ? "a label's value is a text of at most 1,024 characters, a number or a boolean" : undefined);
    if (fault !== undefined) refuse(keyPath(path, name), fault);
    else if (label !== undefined) labels.set(name, label);
  }
  return labels;
}
