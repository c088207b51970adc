// The parser of what an Ansible inventory script answers to `--list` (also `ansible-inventory --list`): groups, their variables, `_meta.hostvars`.
// 1. Groups become labels `group.NAME: "true"`, groups of groups included; variables that are text, number or boolean become labels.
// 2. No connection variable (`ansible_…`) and nothing whose name sounds like a secret becomes a label: labels are journaled.
// 3. What Holdfast cannot do as Ansible would (another connection, another become) is refused, never ignored.

import { create } from "@bufbuild/protobuf";
import { keyPath } from "../base/json-path.ts";
import { isJsonObject } from "../base/json.ts";
import type { JsonObject, JsonValue } from "../base/json.ts";
import { LABELS_MAX, TARGETS_MAX } from "../base/limits.ts";
import { TargetSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import { parseAnsibleConnection } from "./ansible-connection.ts";
import { readGroups } from "./ansible-groups.ts";
import type { AnsibleHost } from "./ansible-groups.ts";
import type { OwnFileContext } from "./own-file.ts";
import type { FoundTarget, Reading } from "./reading.ts";
import { collectFaults } from "./refusal.ts";
import type { Refuse } from "./refusal.ts";
import { labelNameFault, nameFault, parseLabel } from "./target-fields.ts";

const SECRET = /pass|secret|token|credential|vault|private|api_?key|(^|_)key($|_)/i;
const GROUPS_WITHOUT_LABEL: ReadonlySet<string> = new Set(["all", "ungrouped"]);

/** The targets of the answer, and everything that is wrong with it. */
export function parseAnsible(value: JsonValue, context: OwnFileContext): Reading {
  const { faults, refuse } = collectFaults(context.place);
  if (!isJsonObject(value)) {
    refuse("", "must be an object of groups, as `--list` answers");
    return { targets: [], faults, warnings: [] };
  }
  const hosts = readGroups(value, refuse);
  if (hosts.size > TARGETS_MAX) refuse("", `an inventory has at most ${TARGETS_MAX} targets; found ${hosts.size}`);
  const targets: FoundTarget[] = [];
  let dropped = 0;
  for (const [name, host] of hosts) {
    const path = hostPath(value, name);
    const fault = nameFault(name);
    if (fault !== undefined) {
      refuse(path, fault);
      continue;
    }
    const connection = parseAnsibleConnection(name, host.variables, { path, base: context.base, home: context.home, refuse });
    const { labels, droppedCount } = labelsOf(host, path, refuse);
    dropped += droppedCount;
    if (connection !== undefined)
      targets.push({ target: create(TargetSchema, { name, labels, connection }), place: () => context.place(path) });
  }
  const warnings = dropped === 0 ? [] : [`${dropped} variables of hosts did not become labels: a target has at most ${LABELS_MAX}`];
  return { targets, faults, warnings };
}

/** Where a host is said most of: its variables, else the whole answer. */
function hostPath(value: JsonObject, name: string): string {
  const meta = value["_meta"];
  const hostvars = isJsonObject(meta) ? meta["hostvars"] : undefined;
  return isJsonObject(hostvars) && Object.hasOwn(hostvars, name) ? keyPath("_meta.hostvars", name) : "";
}

/** Groups first, then variables by name; what is beyond the bound is dropped in that order, the same each time. */
function labelsOf({ groups, variables }: AnsibleHost, path: string, refuse: Refuse) {
  const labels: { [name: string]: string } = {};
  let count = 0;
  for (const group of [...groups].sort()) {
    if (GROUPS_WITHOUT_LABEL.has(group)) continue;
    labels[`group.${group}`] = "true";
    count++;
  }
  if (count > LABELS_MAX) refuse(path, `is in ${count} groups; each becomes a label, and a target has at most ${LABELS_MAX}`);
  let droppedCount = 0;
  for (const name of [...variables.keys()].sort()) {
    const label = parseLabel(variables.get(name));
    if (
      label === undefined ||
      name.startsWith("ansible_") ||
      SECRET.test(name) ||
      label.includes("{{") ||
      labelNameFault(name) !== undefined
    )
      continue;
    if (count >= LABELS_MAX) droppedCount++;
    else {
      labels[name] = label;
      count++;
    }
  }
  return { labels, droppedCount };
}
