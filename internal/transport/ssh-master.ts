// The lifetime of one multiplexed connection: a master process of ssh in the background that sessions go through.
// 1. One start at a time per connection: who comes meanwhile waits for it, so that first commands do not race for the socket.
// 2. A master that stays from an earlier life of the service is used again when it answers, and its socket is removed when it does not.
// 3. `ensure` says what stands in the way before any session is tried: then nothing was started at the far end.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { CONNECTION_MESSAGE_BYTES_MAX } from "../base/limits.ts";
import type { Clock } from "../engine/ports.ts";
import type { SshConnection } from "../gen/holdfast/v1/workflow_pb.ts";
import { controlArgs, masterArgs } from "./ssh-command.ts";
import type { SshSettings } from "./ssh-command.ts";
import type { Slots } from "./slots.ts";

/** What masters share. */
export interface MasterPorts {
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string>>;
  readonly settings: SshSettings;
  /** Makes the directory of the sockets, or says why it cannot be. */
  readonly prepare: () => Promise<string | undefined>;
  /** How many may be starting at a time. */
  readonly starting: Slots;
  readonly closed: AbortSignal;
}

type Finished = { readonly status: number | undefined; readonly talk: string };

/** One connection's master. */
export class SshMaster {
  readonly #connection: SshConnection;
  readonly #socket: string;
  readonly #ports: MasterPorts;
  #start: Promise<string | undefined> | undefined;
  #isKnown = false;

  constructor(connection: SshConnection, { socket, ports }: { readonly socket: string; readonly ports: MasterPorts }) {
    this.#connection = connection;
    this.#socket = socket;
    this.#ports = ports;
  }

  /** Resolves with undefined when sessions can be opened, else with what ssh said. */
  async ensure(): Promise<string | undefined> {
    if (this.#isKnown && existsSync(this.#socket)) return undefined;
    this.#start ??= this.#open().finally(() => {
      this.#start = undefined;
    });
    return this.#start;
  }

  /** Forgets a master that opens no sessions any more; those that it has go on, and the next `ensure` starts another. */
  async discard(): Promise<void> {
    this.#isKnown = false;
    await this.#ask("stop");
    await rm(this.#socket, { force: true });
  }

  /** Ends the connection, if it is open. */
  async close(): Promise<void> {
    await this.#start;
    if (this.#isKnown) await this.#ask("exit");
    this.#isKnown = false;
  }

  async #open(): Promise<string | undefined> {
    const { starting, closed, prepare } = this.#ports;
    if (!(await starting.take(closed))) return "the service is going down";
    try {
      const fault = await prepare();
      if (fault !== undefined) return fault;
      if (existsSync(this.#socket)) {
        this.#isKnown = (await this.#ask("check")).status === 0;
        if (this.#isKnown) return undefined;
        await rm(this.#socket, { force: true });
      }
      const started = await this.#ssh(masterArgs(this.#connection, { socket: this.#socket, settings: this.#ports.settings }));
      this.#isKnown = started.status === 0;
      return this.#isKnown ? undefined : started.talk || `ssh ended with status ${started.status ?? "?"}`;
    } finally {
      starting.release();
    }
  }

  #ask(question: "check" | "stop" | "exit"): Promise<Finished> {
    return this.#ssh(controlArgs(this.#connection, { socket: this.#socket, question }));
  }

  /** Runs ssh until it exits; twice the time that a connection may take is the end of it. */
  #ssh(args: readonly string[]): Promise<Finished> {
    const { clock, env, settings } = this.#ports;
    return new Promise((resolve) => {
      const child = spawn("ssh", args, { env: { ...env }, cwd: "/", detached: true, stdio: ["ignore", "ignore", "pipe"] });
      let talk = Buffer.alloc(0);
      const cancel = clock.after(2 * settings.connectTimeoutMs, () => {
        talk = Buffer.from(`no connection within ${(2 * settings.connectTimeoutMs) / 1_000} s`);
        child.kill("SIGKILL");
      });
      const finish = (status: number | undefined): void => {
        cancel();
        child.stderr.destroy();
        resolve({ status, talk: talk.toString("utf8").trim() });
      };
      child.stderr.on("data", (chunk: Buffer) => {
        talk = Buffer.concat([talk, chunk]).subarray(-CONNECTION_MESSAGE_BYTES_MAX);
      });
      child.once("error", (error) => {
        talk = Buffer.from(error.message);
        finish(undefined);
      });
      // A background master may hold stderr for a moment longer than the client that became it: "close" could wait for it.
      child.once("exit", (status) => {
        if (status === 0) finish(status);
      });
      child.once("close", (status) => finish(status ?? undefined));
    });
  }
}
