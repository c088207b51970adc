// A fleet over ssh for tests: real sshd processes on loopback, each a host with a home of its own, a built service that knows them, and its client.
// 1. Every process is ended by its own pid when the test has finished; everything lies below temporary directories.
// 2. Waiting is for a thing to be so, for a bounded time; there are no sleeps.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { present } from "../../internal/base/assert.ts";
import { DaemonFixture } from "./daemon.ts";
import { startSshd } from "./sshd.ts";
import type { SshdHost, SshdOptions } from "./sshd.ts";

/** How a client ended. */
export interface ClientEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The first word of the last line that is a status: a workflow's ID. */
  readonly id: string;
}

/** One task as `tasks -o json` prints it, as far as these tests read it. */
export interface ShownTask {
  readonly action: string;
  readonly target: string;
  readonly outcome: string;
  readonly attempts: number;
  readonly changed: boolean;
  readonly error: string;
  readonly outputTail: string;
}

/** What a test may want to differ. */
export interface FleetOptions {
  readonly hosts: number;
  /** Options of single hosts, by their number. */
  readonly sshd?: Readonly<Record<number, SshdOptions>>;
  readonly args?: readonly string[];
}

const PROJECT = join(import.meta.dirname, "..", "..");
const WAIT_MS_MAX = 20_000;

/** Hosts `web-0`, `web-1`, … over ssh, and a service that has just started. */
export async function aFleet(options: FleetOptions): Promise<Fleet> {
  const numbers = Array.from({ length: options.hosts }, (_, number) => number);
  const hosts = await Promise.all(numbers.map((number) => startSshd(options.sshd?.[number])));
  onTestFinished(async () => {
    await Promise.all(hosts.map((host) => host.remove()));
  });
  const fleet = new Fleet(hosts, options.args ?? []);
  onTestFinished(() => fleet.daemon.remove());
  await fleet.daemon.start();
  return fleet;
}

/** Hosts, a service and its client. */
export class Fleet {
  readonly hosts: readonly SshdHost[];
  readonly daemon: DaemonFixture;
  /** Is made when anybody asks a person for a password or for leave. */
  readonly askedFile: string;

  constructor(hosts: readonly SshdHost[], args: readonly string[]) {
    this.hosts = hosts;
    this.daemon = new DaemonFixture({
      inventory: inventoryOf(hosts),
      program: "bin/holdfastd.mjs",
      args: ["--grace", "1s", "--ssh-connect-timeout", "5s", ...args],
    });
    this.askedFile = join(this.daemon.directory, "asked");
    const askpass = join(this.daemon.directory, "askpass");
    writeFileSync(askpass, `#!/bin/sh\n: >'${this.askedFile}'\n`);
    chmodSync(askpass, 0o755);
    this.daemon.env = { SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: "force", DISPLAY: ":0" };
  }

  host(number: number): SshdHost {
    return present(this.hosts[number], `host ${number}`);
  }

  /** A path in the home of a host. */
  at(number: number, name: string): string {
    return join(this.host(number).home, name);
  }

  has(number: number, name: string): boolean {
    return existsSync(this.at(number, name));
  }

  /** The lines of a file in the home of a host; none when there is no such file. */
  lines(number: number, name: string): readonly string[] {
    const path = this.at(number, name);
    if (!existsSync(path)) return [];
    return readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => line !== "");
  }

  /** Makes a file in the home of every host, or of one. */
  put(name: string, text = "", numbers: readonly number[] = this.hosts.map((_, number) => number)): void {
    for (const number of numbers) writeFileSync(this.at(number, name), text);
  }

  /** Writes a file beside the data, and says where. */
  write(name: string, text: string): string {
    const path = join(this.daemon.directory, name);
    writeFileSync(path, text);
    return path;
  }

  /** Runs the client to its end. */
  client(...args: readonly string[]): Promise<ClientEnd> {
    return this.start(...args).ended;
  }

  /** Starts the client. */
  start(...args: readonly string[]): { readonly child: ChildProcess; readonly ended: Promise<ClientEnd> } {
    const env = { ...process.env, ...this.daemon.clientEnv };
    const child = spawn(process.execPath, [join(PROJECT, "bin/holdfast.mjs"), ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
    const text = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk: Buffer) => (text.stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (text.stderr += chunk.toString()));
    const ended = new Promise<ClientEnd>((resolve) => {
      child.once("close", (code) => resolve({ code, ...text, id: /^([0-9a-f-]{36}) /m.exec(text.stdout)?.[1] ?? "" }));
    });
    onTestFinished(() => {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    });
    return { child, ended };
  }

  /** The ID of the workflow that was submitted last. */
  async newestId(): Promise<string> {
    const { stdout } = await this.client("list", "--limit", "1", "-o", "json");
    return JSON.parse(stdout).id;
  }

  /** Every task of a workflow, or those that more flags choose. */
  async tasks(id: string, ...flags: readonly string[]): Promise<readonly ShownTask[]> {
    const { stdout } = await this.client("tasks", id, "-o", "json", ...flags);
    return stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line): ShownTask => JSON.parse(line));
  }
}

/** Waits until a thing is so. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + WAIT_MS_MAX;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`it did not become so in time: ${isSo.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** True while a process lives; one that nobody has reaped is dead. */
export function isAlive(pid: string): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

function inventoryOf(hosts: readonly SshdHost[]): string {
  const targets = hosts.map(({ host, port, user, identity, knownHosts, config, home }, number) => ({
    name: `web-${number}`,
    labels: { role: "web", home },
    connection: { ssh: { host, port, user, identity, known_hosts: knownHosts, config } },
  }));
  return JSON.stringify({ targets });
}
