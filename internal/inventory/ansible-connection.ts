// The parser of Ansible's connection variables (`ansible_host`, `ansible_port`, …) into a connection of Holdfast's.
// 1. What is not supported is refused: a host must not be reached in another way than its inventory says.

import { keyPath } from "../base/json-path.ts";
import type { JsonValue } from "../base/json.ts";
import { Become } from "../gen/holdfast/v1/workflow_pb.ts";
import type { Refuse } from "./refusal.ts";
import { hostFault, parsePath, parsePort, userFault } from "./target-fields.ts";

interface Options {
  readonly path: string;
  readonly base: string;
  readonly home: string;
  readonly refuse: Refuse;
}

type Variables = ReadonlyMap<string, JsonValue>;

const SSH: ReadonlySet<JsonValue | undefined> = new Set([undefined, "ssh", "smart", "paramiko", "ansible.builtin.ssh"]);
const LOCAL: ReadonlySet<JsonValue | undefined> = new Set(["local", "ansible.builtin.local"]);
const TRUE: ReadonlySet<JsonValue | undefined> = new Set([true, "true", "True", "yes", "1", 1]);
/** Without these a host would be reached as somebody else, or not as its inventory says. */
const UNSUPPORTED = ["ansible_ssh_common_args", "ansible_ssh_extra_args", "ansible_ssh_executable", "ansible_password", "ansible_ssh_pass"];

/** The connection, or undefined after a fault was noted. */
export function parseAnsibleConnection(name: string, variables: Variables, options: Options) {
  const { path, refuse } = options;
  const become = parseBecome(variables, options);
  const connection = variables.get("ansible_connection");
  if (LOCAL.has(connection)) return { kind: { case: "local" as const, value: {} }, become };
  if (!SSH.has(connection)) return refuse(keyPath(path, "ansible_connection"), "is not supported; supported are ssh and local");
  for (const variable of UNSUPPORTED) {
    const value = variables.get(variable);
    if (value !== undefined && value !== "")
      refuse(keyPath(path, variable), "is not supported; say it in the ssh configuration, and use keys or an agent");
  }
  const host = textOf(variables, ["ansible_host", "ansible_ssh_host"], { ...options, faultOf: hostFault }) ?? name;
  if (host === name && hostFault(name) !== undefined) refuse(path, hostFault(name) ?? "");
  const user = textOf(variables, ["ansible_user", "ansible_ssh_user"], { ...options, faultOf: userFault });
  const rawPort = variables.get("ansible_port") ?? variables.get("ansible_ssh_port");
  const port = rawPort === undefined ? undefined : parsePort(rawPort);
  if (rawPort !== undefined && port === undefined) refuse(keyPath(path, "ansible_port"), "must be a number from 1 to 65535");
  const rawKey = textOf(variables, ["ansible_ssh_private_key_file", "ansible_private_key_file"], { ...options, faultOf: () => undefined });
  const identity = rawKey === undefined ? undefined : parsePath(rawKey, options);
  if (rawKey !== undefined && identity === undefined) refuse(keyPath(path, "ansible_ssh_private_key_file"), "must be a path");
  const value = {
    host,
    ...(user === undefined ? {} : { user }),
    ...(port === undefined ? {} : { port }),
    ...(identity === undefined ? {} : { identity }),
  };
  return { kind: { case: "ssh" as const, value }, become };
}

function parseBecome(variables: Variables, { path, refuse }: Options): Become {
  if (!TRUE.has(variables.get("ansible_become"))) return Become.UNSPECIFIED;
  const method = variables.get("ansible_become_method");
  const user = variables.get("ansible_become_user");
  if (method !== undefined && method !== "sudo") refuse(keyPath(path, "ansible_become_method"), "is not supported; supported is sudo");
  if (user !== undefined && user !== "root") refuse(keyPath(path, "ansible_become_user"), "is not supported; become is always root");
  return Become.SUDO;
}

function textOf(
  variables: Variables,
  names: readonly string[],
  { path, refuse, faultOf }: Options & { readonly faultOf: (text: string) => string | undefined },
): string | undefined {
  for (const name of names) {
    const value = variables.get(name);
    if (value === undefined || value === null || value === "") continue;
    if (typeof value !== "string") refuse(keyPath(path, name), "must be text");
    else if (value.includes("{{")) refuse(keyPath(path, name), "is a template; Holdfast takes only what `--list` has worked out");
    else if (faultOf(value) !== undefined) refuse(keyPath(path, name), faultOf(value) ?? "");
    else return value;
  }
  return undefined;
}
