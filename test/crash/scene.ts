// The scene of a crash test: a service that kills itself on command, real sandboxed hosts, and the real command line client.
// 1. Every process is a child of the test and is ended by its own pid; everything is below one temporary directory.

import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { DaemonFixture, localInventory } from "../e2e/daemon.ts";

const PROJECT = join(import.meta.dirname, "..", "..");
const CLIENT_MS_MAX = 60_000;

/** How a client ended. */
export interface ClientEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A status as `-o json` prints it, as far as these tests read it. */
export interface ShownStatus {
  readonly id: string;
  readonly phase: string;
  readonly counts: Readonly<Record<string, number>>;
}

/** One task as `-o json` prints it, as far as these tests read it. */
export interface ShownTask {
  readonly stage: string;
  readonly action: string;
  readonly target: string;
  readonly outcome: string;
  readonly attempts: number;
  readonly changed: boolean;
  readonly error: string;
}

/** A service that can be told to kill itself, its hosts, and its client. */
export class Scene {
  readonly daemon: DaemonFixture;
  readonly hosts: readonly string[];

  constructor(hosts: number, args: readonly string[] = []) {
    this.daemon = new DaemonFixture({ program: "test/crash/holdfastd-crashing.ts", args });
    writeFileSync(this.daemon.inventoryFile, localInventory(this.daemon.directory, hosts));
    this.hosts = Array.from({ length: hosts }, (_, index) => `host-${String(index).padStart(2, "0")}`);
  }

  /** A path in a host's root. */
  at(host: string, path: string): string {
    return join(this.daemon.directory, "hosts", host, path);
  }

  /** A file of a host; empty: there is none. */
  read(host: string, path: string): string {
    const file = this.at(host, path);
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  /** Writes a file beside the data, and says where. */
  write(name: string, text: string): string {
    const path = join(this.daemon.directory, name);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  /** Starts the service, to kill itself as the variables say. */
  async start(crash: Readonly<Record<string, string>> = {}): Promise<void> {
    this.daemon.env = crash;
    await this.daemon.start();
  }

  /** Runs the client to its end; it gives up on a dead service after 200 ms. */
  client(...args: readonly string[]): Promise<ClientEnd> {
    return this.spawnClient(args).ended;
  }

  /** Starts the client. */
  spawnClient(args: readonly string[]) {
    const env = { ...process.env, ...this.daemon.clientEnv };
    const child = spawn(process.execPath, [join(PROJECT, "cmd/holdfast/main.ts"), ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
    const text = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk: Buffer) => (text.stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (text.stderr += chunk.toString()));
    const giveUp = setTimeout(() => child.kill("SIGKILL"), CLIENT_MS_MAX);
    const ended = new Promise<ClientEnd>((resolve) => {
      child.once("close", (code) => {
        clearTimeout(giveUp);
        resolve({ code, ...text });
      });
    });
    return { child, ended };
  }

  /** Every workflow that the service knows. */
  async list(): Promise<readonly ShownStatus[]> {
    const { stdout } = await this.client("list", "-o", "json");
    return lines<ShownStatus>(stdout);
  }

  /** Every task of a workflow. */
  async tasks(id: string): Promise<readonly ShownTask[]> {
    const { stdout } = await this.client("tasks", id, "-o", "json");
    return lines<ShownTask>(stdout);
  }

  /** Ends everything. */
  async remove(): Promise<void> {
    await this.daemon.remove();
  }
}

/** Decodes JSON lines. */
function lines<T>(text: string): readonly T[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line): T => JSON.parse(line));
}
