// Ansible's groups: which hosts there are, in which groups each is, and which variables reach it.
// 1. Variables of `all`, then of outer groups, then of inner ones, then the host's own: the later wins; equals are ordered by name.
// 2. Groups that contain each other end in a fault, not in a loop.

import { keyPath } from "../base/json-path.ts";
import { isJsonObject } from "../base/json.ts";
import type { JsonObject, JsonValue } from "../base/json.ts";
import { INVENTORY_GROUPS_MAX } from "../base/limits.ts";
import type { Refuse } from "./refusal.ts";
import { labelNameFault, shown } from "./target-fields.ts";

/** A host as its groups and variables make it. */
export interface AnsibleHost {
  readonly groups: Set<string>;
  readonly variables: Map<string, JsonValue>;
}

interface Group {
  readonly hosts: readonly string[];
  readonly children: readonly string[];
  readonly vars: JsonObject;
}

/** All hosts of an answer to `--list`. */
export function readGroups(value: JsonObject, refuse: Refuse): ReadonlyMap<string, AnsibleHost> {
  const groups = new Map<string, Group>();
  for (const [name, raw] of Object.entries(value)) {
    if (name === "_meta") continue;
    const fault = labelNameFault(`group.${name}`);
    if (fault === undefined) groups.set(name, parseGroup(raw, name, refuse));
    else refuse(keyPath("", name), fault);
  }
  if (groups.size > INVENTORY_GROUPS_MAX) refuse("", `an inventory has at most ${INVENTORY_GROUPS_MAX} groups; found ${groups.size}`);
  const hosts = new Map<string, AnsibleHost>();
  for (const name of outerFirst(groups, refuse)) spread(name, groups, hosts);
  addHostVariables(value["_meta"], hosts, refuse);
  return hosts;
}

/** Gives a group's name and variables to every host in it and in the groups inside it. */
function spread(name: string, groups: ReadonlyMap<string, Group>, hosts: Map<string, AnsibleHost>): void {
  const vars = Object.entries(groups.get(name)?.vars ?? {});
  const pending = [name];
  const seen = new Set(pending);
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    const group = groups.get(at);
    for (const child of group?.children ?? []) {
      if (seen.has(child)) continue;
      seen.add(child);
      pending.push(child);
    }
    for (const hostName of group?.hosts ?? []) {
      const host = hosts.get(hostName) ?? { groups: new Set(), variables: new Map() };
      hosts.set(hostName, host);
      host.groups.add(name);
      for (const [key, variable] of vars) host.variables.set(key, variable);
    }
  }
}

/** Group names, each after all groups that contain it; `all` first. */
function outerFirst(groups: ReadonlyMap<string, Group>, refuse: Refuse): readonly string[] {
  const parentCounts = new Map([...groups.keys()].map((name) => [name, 0]));
  for (const [name, { children }] of groups) {
    for (const child of children) {
      const count = parentCounts.get(child);
      if (count === undefined) refuse(keyPath(keyPath("", name), "children"), `names a group that is not there: ${shown(child)}`);
      else parentCounts.set(child, count + 1);
    }
  }
  const order: string[] = [];
  const byName = (left: string, right: string): number => (left === "all" ? -1 : right === "all" ? 1 : left < right ? -1 : 1);
  let ready = [...parentCounts].flatMap(([name, count]) => (count === 0 ? [name] : [])).sort(byName);
  while (ready.length > 0) {
    order.push(...ready);
    const next: string[] = [];
    for (const child of ready.flatMap((name) => groups.get(name)?.children ?? [])) {
      const count = (parentCounts.get(child) ?? 0) - 1;
      parentCounts.set(child, count);
      if (count === 0) next.push(child);
    }
    ready = next.sort(byName);
  }
  if (order.length < groups.size) {
    const rest = [...groups.keys()].filter((name) => !order.includes(name));
    refuse("", `groups contain each other: ${rest.slice(0, 5).map(shown).join(", ")}`);
  }
  return order;
}

function addHostVariables(meta: JsonValue | undefined, hosts: Map<string, AnsibleHost>, refuse: Refuse): void {
  const hostvars = isJsonObject(meta) ? meta["hostvars"] : undefined;
  if (!isJsonObject(hostvars)) {
    refuse("", "has no _meta.hostvars; Holdfast does not ask for each host with --host, so `--list` must answer with all variables");
    return;
  }
  for (const [name, raw] of Object.entries(hostvars)) {
    const host = hosts.get(name);
    if (!isJsonObject(raw)) refuse(keyPath("_meta.hostvars", name), "must be an object of variables");
    // Variables of a host that is in no group name no target: as in Ansible, groups say which hosts there are.
    else if (host !== undefined) for (const [key, variable] of Object.entries(raw)) host.variables.set(key, variable);
  }
}

function parseGroup(raw: JsonValue, name: string, refuse: Refuse): Group {
  const path = keyPath("", name);
  if (Array.isArray(raw)) return { hosts: parseNames(raw, path, refuse), children: [], vars: {} };
  if (!isJsonObject(raw)) {
    refuse(path, "a group is an object of hosts, children and vars, or a list of hosts");
    return { hosts: [], children: [], vars: {} };
  }
  const { hosts = [], children = [], vars = {} } = raw;
  if (!isJsonObject(vars)) refuse(keyPath(path, "vars"), "must be an object of variables");
  return {
    hosts: parseNames(hosts, keyPath(path, "hosts"), refuse),
    children: parseNames(children, keyPath(path, "children"), refuse),
    vars: isJsonObject(vars) ? vars : {},
  };
}

function parseNames(value: JsonValue, path: string, refuse: Refuse): readonly string[] {
  if (Array.isArray(value) && value.every((name: JsonValue) => typeof name === "string")) {
    return [...new Set(value.flatMap((name: JsonValue) => (typeof name === "string" ? [name] : [])))];
  }
  refuse(path, "must be a list of names");
  return [];
}
