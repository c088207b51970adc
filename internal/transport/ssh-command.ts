// How the system's ssh client is called: its own configuration, agent and known_hosts apply, and nothing is ever asked.
// 1. BatchMode and StrictHostKeyChecking=yes are not for the configuration to loosen: options on the command line come first in ssh.
// 2. "--" stands before the host, so that no name is read as an option; paths are escaped for ssh's own quoting and percent signs.

import { createHash } from "node:crypto";
import type { SshConnection } from "../gen/holdfast/v1/workflow_pb.ts";

/** What all ssh commands of the service share. */
export interface SshSettings {
  readonly connectTimeoutMs: number;
  readonly aliveIntervalMs: number;
  readonly idleMs: number;
}

/** What a connection is known by: two targets with the same one share a master. */
export function connectionKey(connection: SshConnection): string {
  const { host, port, user, identity, knownHosts, config } = connection;
  return createHash("sha256")
    .update(JSON.stringify([host, port, user, identity, knownHosts, config]))
    .digest("hex")
    .slice(0, 16);
}

/** Arguments that open a master in the background; ssh exits with 0 when others may use it. */
export function masterArgs(
  connection: SshConnection,
  { socket, settings }: { readonly socket: string; readonly settings: SshSettings },
): readonly string[] {
  const persist = ["-o", "ControlMaster=yes", "-o", `ControlPersist=${seconds(settings.idleMs)}`];
  return ["-f", "-N", ...persist, ...commonArgs(connection, { socket, settings }), "--", connection.host];
}

/** Arguments that run a command line over the master, or over a connection of its own when the server lets no more into that one. */
export function sessionArgs(
  connection: SshConnection,
  { socket, settings, line }: { readonly socket: string; readonly settings: SshSettings; readonly line: string },
): readonly string[] {
  return ["-o", "ControlMaster=no", ...commonArgs(connection, { socket, settings }), "--", connection.host, line];
}

/** Arguments that ask a master whether it is there (`check`), or tell it to take no more sessions (`stop`) or to end (`exit`). */
export function controlArgs(
  connection: SshConnection,
  { socket, question }: { readonly socket: string; readonly question: "check" | "stop" | "exit" },
): readonly string[] {
  return [
    "-O",
    question,
    ...(connection.config === "" ? [] : ["-F", connection.config]),
    "-o",
    `ControlPath=${option(socket)}`,
    "--",
    connection.host,
  ];
}

function commonArgs(
  connection: SshConnection,
  { socket, settings }: { readonly socket: string; readonly settings: SshSettings },
): readonly string[] {
  const { port, user, identity, knownHosts, config } = connection;
  return [
    ...(config === "" ? [] : ["-F", config]),
    ...(port === 0 ? [] : ["-p", String(port)]),
    ...(user === "" ? [] : ["-l", user]),
    ...(identity === "" ? [] : ["-o", `IdentityFile=${option(identity)}`, "-o", "IdentitiesOnly=yes"]),
    ...(knownHosts === "" ? [] : ["-o", `UserKnownHostsFile=${option(knownHosts)}`, "-o", "GlobalKnownHostsFile=/dev/null"]),
    ...Object.entries({
      BatchMode: "yes",
      StrictHostKeyChecking: "yes",
      UpdateHostKeys: "no",
      ControlPath: option(socket),
      ConnectTimeout: String(seconds(settings.connectTimeoutMs)),
      ServerAliveInterval: String(seconds(settings.aliveIntervalMs)),
      ServerAliveCountMax: "3",
      LogLevel: "ERROR",
      RequestTTY: "no",
      RemoteCommand: "none",
      PermitLocalCommand: "no",
      ForwardAgent: "no",
      ForwardX11: "no",
      ClearAllForwardings: "yes",
    }).flatMap(([name, value]) => ["-o", `${name}=${value}`]),
  ];
}

function seconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000));
}

/** A path as a value of `-o`: ssh splits at blanks, and expands percent signs. */
function option(path: string): string {
  return `"${path.replaceAll("%", "%%")}"`;
}
