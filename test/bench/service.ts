// The service that a bench measures: the built holdfastd as a process, on the real store in a temporary directory, no special mode.
// 1. It is run by this process's own Node, so that its pid is the service's; it is ended by that pid.
// 2. What it costs is what the kernel counts for that pid: the peak of its memory, its time on the cores.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connectClient } from "../../internal/sdk/client.ts";
import type { HoldfastClient } from "../../internal/sdk/client.ts";
import { cpuSecondsOfProcess, memoryMiBOfProcess } from "./process-cost.ts";
import { makeScratch } from "./scratch.ts";

const PROJECT = join(import.meta.dirname, "..", "..");
const PROGRAM = join(PROJECT, "dist/cmd/holdfastd/main.js");
const STOP_MS_MAX = 30_000;
const CALL_MS_MAX = 600_000;

/** What may differ. */
export interface ServiceOptions {
  /** The text of its inventory (YAML). Default: no targets. */
  readonly inventory?: string;
  /** More flags. */
  readonly args?: readonly string[];
  /** More variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** More options for its Node, such as `--cpu-prof`. */
  readonly nodeArgs?: readonly string[];
  /** A directory that was filled before, and is left to the caller; default: an empty one that `remove` removes. */
  readonly directory?: string;
}

/** A service in a directory of its own. */
export class Service {
  /** Holds `data` and `inventory.yaml`. */
  readonly directory: string;
  readonly dataDir: string;
  readonly #options: ServiceOptions;
  #child: ChildProcess | undefined;
  #closed: Promise<readonly unknown[]> = Promise.resolve([]);
  #address = "";
  #stderr = "";

  constructor(options: ServiceOptions = {}) {
    if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is missing; run it as "npm run bench", which builds it`);
    this.#options = options;
    this.directory = options.directory ?? makeScratch();
    this.dataDir = join(this.directory, "data");
    writeFileSync(join(this.directory, "inventory.yaml"), options.inventory ?? "targets: []\n");
  }

  /** `http://127.0.0.1:PORT` */
  get address(): string {
    return this.#address;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** The admin token. */
  get token(): string {
    return readFileSync(join(this.dataDir, "admin.token"), "utf8").trim();
  }

  /** Starts it, and says how many milliseconds passed until it served. It may be started again after its end. */
  async start(): Promise<number> {
    const { args = [], env = {}, nodeArgs = [] } = this.#options;
    const where = ["--data", this.dataDir, "--listen", "127.0.0.1:0", "--inventory", join(this.directory, "inventory.yaml")];
    const startMs = performance.now();
    const child = spawn(process.execPath, [...nodeArgs, PROGRAM, ...where, ...args], {
      cwd: PROJECT,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    this.#closed = once(child, "close");
    child.stderr.on("data", (chunk: Buffer) => (this.#stderr = (this.#stderr + chunk.toString()).slice(-4_096)));
    const [line] = await Promise.race([once(child.stdout, "data"), this.#closed]);
    const tookMs = performance.now() - startMs;
    const said = String(line).trim();
    if (!said.startsWith("listening ")) throw new Error(`holdfastd ended before it served:\n${this.#stderr}`);
    child.stdout.resume();
    this.#address = said.slice("listening ".length);
    return tookMs;
  }

  /** A client of its own, with a connection of its own. */
  client(): HoldfastClient {
    return connectClient({ address: this.address, token: this.token, callTimeoutMs: CALL_MS_MAX });
  }

  /** The most memory that it ever held, in MiB (VmHWM). */
  rssPeakMiB(): number {
    return memoryMiBOfProcess(this.pid, "VmHWM");
  }

  /** The memory that it holds now, in MiB (VmRSS). */
  rssMiB(): number {
    return memoryMiBOfProcess(this.pid, "VmRSS");
  }

  /** The time that it spent on a core so far, all its threads together, in seconds. */
  cpuSeconds(): number {
    return cpuSecondsOfProcess(this.pid);
  }

  /** SIGTERM, and waits for its end. */
  async stop(): Promise<void> {
    this.#child?.kill("SIGTERM");
    const giveUp = setTimeout(() => this.#child?.kill("SIGKILL"), STOP_MS_MAX);
    await this.#closed;
    clearTimeout(giveUp);
  }

  /** SIGKILL, and waits for its end. */
  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#closed;
  }

  /** Ends it and removes its directory, but one that the caller brought. */
  async remove(): Promise<void> {
    await this.kill();
    if (this.#options.directory === undefined) rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A service that serves; it is ended with the work, whatever becomes of that. */
export async function withService<T>(options: ServiceOptions, work: (service: Service) => Promise<T>): Promise<T> {
  const service = new Service(options);
  try {
    await service.start();
    return await work(service);
  } finally {
    await service.remove();
  }
}

/** An inventory of `count` targets `host-000000` …, all local; `root` is where their sandboxes would be. */
export function localTargets(count: number, root: string): string {
  const names = Array.from({ length: count }, (_, index) => `host-${String(index).padStart(6, "0")}`);
  const targets = names.map(
    (name, index) => `  - { name: ${name}, labels: { site: s${index % 40} }, connection: { local: { root: ${root} } } }`,
  );
  return `targets:\n${targets.join("\n")}\n`;
}
