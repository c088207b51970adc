// The parser of a connection as Holdfast's own inventory writes it: `{ local: { root } }` or `{ ssh: { … } }`, and `become`.
// 1. Paths come out absolute, without `..`.

import { keyPath } from "../base/json-path.ts";
import { isJsonObject } from "../base/json.ts";
import type { JsonObject, JsonValue } from "../base/json.ts";
import { Become } from "../gen/holdfast/v1/workflow_pb.ts";
import { refuseUnknown } from "./refusal.ts";
import type { Refuse } from "./refusal.ts";
import { hostFault, parsePath, parsePort, userFault } from "./target-fields.ts";

/** The fields of an ssh connection that were written. */
export interface SshFields {
  readonly host?: string;
  readonly port?: number;
  readonly user?: string;
  readonly identity?: string;
  readonly knownHosts?: string;
  readonly config?: string;
}

/** What was written of a connection; absent is not the same as empty, because defaults fill what is absent. */
export interface ConnectionFields {
  readonly kind:
    | { readonly case: "local"; readonly value: { readonly root?: string } }
    | { readonly case: "ssh"; readonly value: SshFields }
    | undefined;
  readonly become: Become | undefined;
}

interface Options {
  readonly path: string;
  readonly base: string;
  readonly home: string;
  readonly refuse: Refuse;
}

/** Reads `connection`, and `become` at the target's level, which wins over the one inside the connection. */
export function parseConnection(
  { connection, become }: { readonly connection: JsonValue | undefined; readonly become: JsonValue | undefined },
  options: Options,
): ConnectionFields {
  const { path, refuse } = options;
  const outer = parseBecome(become, keyPath(path, "become"), refuse);
  if (connection === undefined) return { kind: undefined, become: outer };
  const inside = keyPath(path, "connection");
  if (!isJsonObject(connection)) {
    refuse(inside, "must be a map: { local: { root: … } } or { ssh: { host: … } }");
    return { kind: undefined, become: outer };
  }
  refuseUnknown(connection, { path: inside, known: ["local", "ssh", "become"], refuse });
  const inner = parseBecome(connection["become"], keyPath(inside, "become"), refuse);
  const { local, ssh } = connection;
  if (local !== undefined && ssh !== undefined) refuse(inside, "is either local or ssh, not both");
  else if (local === undefined && ssh === undefined && connection["become"] === undefined) refuse(inside, "needs local or ssh");
  return { kind: parseKind({ local, ssh }, { ...options, path: inside }), become: outer ?? inner };
}

function parseKind(
  { local, ssh }: { local: JsonValue | undefined; ssh: JsonValue | undefined },
  options: Options,
): ConnectionFields["kind"] {
  const key = local !== undefined ? "local" : ssh !== undefined ? "ssh" : undefined;
  if (key === undefined) return undefined;
  const path = keyPath(options.path, key);
  const value = local ?? ssh ?? {};
  if (!isJsonObject(value)) {
    options.refuse(path, `must be a map; with nothing to say it is written { ${key}: {} }`);
    return undefined;
  }
  if (key === "ssh") return { case: "ssh", value: parseSsh(value, { ...options, path }) };
  refuseUnknown(value, { path, known: ["root"], refuse: options.refuse });
  return { case: "local", value: pathField(value, "root", { ...options, path }) };
}

function parseSsh(value: JsonObject, options: Options): SshFields {
  const { path, refuse } = options;
  refuseUnknown(value, { path, known: ["host", "port", "user", "identity", "known_hosts", "config"], refuse });
  const port = value["port"] === undefined ? undefined : parsePort(value["port"]);
  if (value["port"] !== undefined && port === undefined) refuse(keyPath(path, "port"), "must be a number from 1 to 65535");
  const { identity } = pathField(value, "identity", options);
  const { known_hosts: knownHosts } = pathField(value, "known_hosts", options);
  const { config } = pathField(value, "config", options);
  return {
    ...textField(value, "host", hostFault, options),
    ...(port === undefined ? {} : { port }),
    ...textField(value, "user", userFault, options),
    ...(identity === undefined ? {} : { identity }),
    ...(knownHosts === undefined ? {} : { knownHosts }),
    ...(config === undefined ? {} : { config }),
  };
}

function textField<K extends string>(value: JsonObject, key: K, faultOf: (text: string) => string | undefined, { path, refuse }: Options) {
  const text = value[key];
  if (text === undefined) return {};
  const fault = typeof text === "string" ? faultOf(text) : "must be text";
  if (fault !== undefined) refuse(keyPath(path, key), fault);
  return { [key]: typeof text === "string" ? text : "" } as { readonly [key in K]?: string };
}

function pathField<K extends string>(value: JsonObject, key: K, { path, base, home, refuse }: Options) {
  const text = value[key];
  if (text === undefined) return {} as { readonly [key in K]?: string };
  const found = typeof text === "string" ? parsePath(text, { base, home }) : undefined;
  if (found === undefined) refuse(keyPath(path, key), "must be a path, relative to this file's directory or absolute");
  return { [key]: found ?? base } as { readonly [key in K]?: string };
}

function parseBecome(value: JsonValue | undefined, path: string, refuse: Refuse): Become | undefined {
  if (value === undefined) return undefined;
  if (value === "sudo") return Become.SUDO;
  if (value === "none" || value === false) return Become.UNSPECIFIED;
  refuse(path, "must be sudo or none");
  return undefined;
}
