// Targets over OpenSSH: commands go through sessions of the target's multiplexed connection, and run under the same shim as at home.
// 1. A session is opened only through a connection that stands, so a host that cannot be reached is known before anything was sent.
//    One that has served waits a little while for another command; never under sudo, whose rights and records are each command's own.
// 2. Sessions per connection are bounded below the usual MaxSessions 10; stop is never stuck behind commands.
// 3. The ssh client may be killed at any time: what it carried goes on at the far end, and is looked for there.

import { chmod, mkdir } from "node:fs/promises";
import { HoldfastError } from "../base/errors.ts";
import {
  SSH_CONTROL_PATH_LENGTH_MAX,
  SSH_CONTROL_SESSIONS_PER_HOST_MAX,
  SSH_MASTERS_MAX,
  SSH_MASTERS_STARTING_MAX,
  SSH_SESSIONS_PER_HOST_MAX,
} from "../base/limits.ts";
import type { Clock, Pace } from "../engine/ports.ts";
import { Become } from "../gen/holdfast/v1/workflow_pb.ts";
import type { SshConnection } from "../gen/holdfast/v1/workflow_pb.ts";
import { connectionFault } from "./connection-fault.ts";
import { exchange } from "./exchange.ts";
import type { Exchange, ShimProcess } from "./exchange.ts";
import type { CallOptions, Far } from "./far.ts";
import { IdleSessions } from "./idle-sessions.ts";
import { callTimes, encodeOrders, quoteShell } from "./orders.ts";
import type { Orders } from "./orders.ts";
import { SHIM_HAND } from "./shim-hand.ts";
import { SHIM, SHIM_INNER } from "./shim.ts";
import { Slots } from "./slots.ts";
import { connectionKey, sessionArgs } from "./ssh-command.ts";
import type { SshSettings } from "./ssh-command.ts";
import { SshMaster } from "./ssh-master.ts";
import type { MasterPorts } from "./ssh-master.ts";

/** What ssh needs of the transport's options. */
export interface SshOptions {
  readonly controlDir: string;
  readonly clock: Clock;
  readonly pace: Pace;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly graceMs: number;
  readonly ssh: SshSettings;
}

/** One target over ssh. */
export interface SshPlace {
  readonly target: string;
  readonly connection: SshConnection;
  readonly become: Become;
}

type Call = Exchange & { readonly isHopeless?: boolean };

/** A connection, and who is using it. */
interface Host {
  readonly key: string;
  readonly socket: string;
  readonly master: SshMaster;
  readonly commands: Slots;
  readonly controls: Slots;
  readonly idle: IdleSessions;
}

/** Makes places that are reached over ssh; `close` ends the connections. */
export function createSsh(options: SshOptions): { far(place: SshPlace): Far; close(): Promise<void> } {
  const closing = new AbortController();
  const hosts = new Hosts(options, closing.signal);
  return {
    far: (place) => ({
      place: `target "${place.target}" (ssh ${place.connection.host})`,
      origin: `ssh ${connectionKey(place.connection)} ${place.become}`,
      base: "",
      cwd: "",
      isRemote: true,
      refusal: async () => undefined,
      call: (orders, call) => callHost(hosts, place, { orders, call, options }),
    }),
    async close() {
      closing.abort();
      await hosts.close();
    },
  };
}

interface HostCall {
  readonly orders: Orders;
  readonly call: CallOptions;
  readonly options: SshOptions;
}

async function callHost(hosts: Hosts, place: SshPlace, { orders, call, options }: HostCall): Promise<Call> {
  const bytes = encodeOrders(orders);
  const host = hosts.of(place.connection);
  const slots = call.isControl ? host.controls : host.commands;
  if (!(await slots.take(call.signal))) return { kind: "aborted", isSent: false };
  let releases = 0;
  const hasIdle = !call.isControl && place.become !== Become.SUDO;
  const onClose = (): void => {
    releases -= 1;
    if (releases === 0) slots.release();
  };
  const tryOnce = (idle?: ShimProcess): Promise<Exchange> => {
    releases += 1;
    return converse(host, place, { bytes, orders, options, leave: call, onClose, hasIdle, idle });
  };
  const talk = async (): Promise<Call> => {
    const idle = hasIdle ? host.idle.take() : undefined;
    let result: Call = { kind: "lost", isSent: false, message: "", boot: "" };
    if (idle !== undefined) {
      result = await tryOnce(idle);
      if (result.kind !== "lost" || result.isSent) return result;
      host.idle.clear(); // What became of one became of all, most likely.
    }
    for (let tries = 0; tries < 2; tries += 1) {
      const fault = await host.master.ensure();
      if (fault !== undefined) return lost(fault, place.connection);
      if (call.signal.aborted) return { kind: "aborted", isSent: false };
      result = await tryOnce();
      if (result.kind !== "lost" || result.isSent) return result;
      const known = connectionFault(result.message, place.connection);
      if (known.isHopeless) return { ...result, ...known };
      // Nothing was sent: the connection is of no use (its host may have been restarted), and a new one may be tried.
      await host.master.discard();
    }
    return result.kind === "lost" ? lost(result.message, place.connection) : result;
  };
  const paced = async (): Promise<Call> => {
    if (orders.op !== "run" && orders.op !== "once") return talk();
    return options.pace.run(`ssh ${host.key}`, talk, call.signal);
  };
  releases += 1;
  try {
    return await paced();
  } catch (error) {
    if (error instanceof HoldfastError && error.code === "CANCELLED") return { kind: "aborted", isSent: false };
    throw error;
  } finally {
    onClose();
  }
}

interface Talk {
  readonly bytes: Uint8Array;
  readonly orders: Orders;
  readonly options: SshOptions;
  readonly leave: Pick<CallOptions, "signal" | "mayBegin">;
  readonly onClose: () => void;
  /** Whether its session may have served before, and may serve again. */
  readonly hasIdle: boolean;
  readonly idle: ShimProcess | undefined;
}

function converse(host: Host, place: SshPlace, { bytes, orders, options, leave, onClose, hasIdle, idle }: Talk): Promise<Exchange> {
  const call = {
    process: () => {
      const sudo = place.become === Become.SUDO ? "sudo -n -H -- /bin/" : "exec ";
      const line = `${sudo}sh -c ${quoteShell(SHIM)} holdfast ${quoteShell(SHIM_INNER)} ${quoteShell(SHIM_HAND)}`;
      const args = sessionArgs(place.connection, { socket: host.socket, settings: options.ssh, line });
      return { file: "ssh", args, env: definedOnly(options.env) };
    },
    orders: bytes,
    isKilledWhenAbandoned: true,
    outputBytesMax: orders.outputBytesMax,
    ...callTimes(orders, options),
  };
  const { signal, mayBegin } = leave;
  return exchange(call, { clock: options.clock, onClose, signal, mayBegin, ...(hasIdle ? { onIdle: host.idle.keep } : {}) }, idle);
}

function lost(talk: string, connection: SshConnection): Call {
  return { kind: "lost", isSent: false, boot: "", ...connectionFault(talk, connection) };
}

function definedOnly(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) if (value !== undefined) kept[name] = value;
  return kept;
}

/** The connections that are, or lately were, open: bounded, the longest unused idle one goes first. */
class Hosts {
  readonly #options: SshOptions;
  readonly #ports: MasterPorts;
  readonly #hosts = new Map<string, Host>();

  constructor(options: SshOptions, closed: AbortSignal) {
    this.#options = options;
    this.#ports = {
      clock: options.clock,
      env: definedOnly(options.env),
      settings: options.ssh,
      prepare: () => prepareControlDir(options.controlDir),
      starting: new Slots(SSH_MASTERS_STARTING_MAX),
      closed,
    };
  }

  of(connection: SshConnection): Host {
    const key = connectionKey(connection);
    const known = this.#hosts.get(key);
    const host = known ?? this.#make(connection, key);
    this.#hosts.delete(key);
    this.#hosts.set(key, host);
    if (known === undefined) this.#evict(host);
    return host;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#hosts.values()].map(closeHost));
  }

  #make(connection: SshConnection, key: string): Host {
    const socket = `${this.#options.controlDir}/${key}`;
    const slots = { commands: new Slots(SSH_SESSIONS_PER_HOST_MAX), controls: new Slots(SSH_CONTROL_SESSIONS_PER_HOST_MAX) };
    const idle = new IdleSessions(this.#options.clock);
    return { key, socket, master: new SshMaster(connection, { socket, ports: this.#ports }), ...slots, idle };
  }

  #evict(newest: Host): void {
    if (this.#hosts.size <= SSH_MASTERS_MAX) return;
    for (const host of this.#hosts.values()) {
      if (host === newest || host.commands.taken + host.controls.taken > 0) continue;
      this.#hosts.delete(host.key);
      void closeHost(host);
      return;
    }
  }
}

function closeHost({ idle, master }: Host): Promise<void> {
  idle.close();
  return master.close();
}

async function prepareControlDir(dir: string): Promise<string | undefined> {
  if (dir.length + 17 > SSH_CONTROL_PATH_LENGTH_MAX) {
    return `the directory for ssh's sockets, ${JSON.stringify(dir)}, is too long: at most ${SSH_CONTROL_PATH_LENGTH_MAX - 17} bytes leave room for a socket's path; choose a shorter one`;
  }
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await chmod(dir, 0o700);
    return undefined;
  } catch (error) {
    return `the directory for ssh's sockets, ${JSON.stringify(dir)}, cannot be made private: ${error instanceof Error ? error.message : String(error)}`;
  }
}
