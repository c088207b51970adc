// A holdfastd of a test's own: a real process on a temporary data directory and a free port, stopped by its pid.
// 1. HOLDFAST_TEST_BUILT=1 runs what was built (bin/holdfastd.mjs over dist/), else the sources run.
// 2. kill() is SIGKILL to that one process; start() again goes on with the same directory on the same port, so that clients find it again.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** What a test may want to differ. */
export interface DaemonOptions {
  /** The text of its inventory (YAML); default: no targets. */
  readonly inventory?: string;
  /** More flags. */
  readonly args?: readonly string[];
  /** More variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** Another program than holdfastd, such as test/crash/holdfastd-crashing.ts; relative to the project. */
  readonly program?: string;
  /** Default: a free port, kept over restarts. */
  readonly listen?: string;
}

/** How a process ended. */
export interface DaemonEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const PROJECT = join(import.meta.dirname, "..", "..");
const START_MS_MAX = 30_000;
const STOP_MS_MAX = 30_000;

/** A service in a directory of its own; `directory` is removed and the process ended when the test has finished. */
export class DaemonFixture {
  /** Holds `data`, `inventory.yaml`, and whatever a test puts there. */
  readonly directory = mkdtempSync(join(tmpdir(), "hfd-"));
  readonly dataDir = join(this.directory, "data");
  readonly inventoryFile = join(this.directory, "inventory.yaml");
  /** All of its stderr, over all its lives. */
  stderr = "";
  /** Extra variables for the next start. */
  env: Readonly<Record<string, string>>;
  readonly #options: DaemonOptions;
  #child: ChildProcess | undefined;
  #ended: Promise<DaemonEnd> | undefined;
  #address = "";

  constructor(options: DaemonOptions = {}) {
    this.#options = options;
    this.env = options.env ?? {};
    writeFileSync(this.inventoryFile, options.inventory ?? "targets: []\n");
  }

  /** Where it listens now. */
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

  /** The variables by which the command line client finds it; the client's own state is beside the data. */
  get clientEnv(): Record<string, string> {
    return { HOLDFAST_ADDR: this.address, HOLDFAST_DATA: this.dataDir, HOLDFAST_STATE_DIR: join(this.directory, "state"), NO_COLOR: "1" };
  }

  /** Resolves when it serves; rejects with its stderr when it ends before. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, this.#command(), {
      cwd: PROJECT,
      env: { ...process.env, ...this.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once("close", (code, signal) => resolve({ code, signal })));
    const errorsFrom = this.stderr.length;
    child.stderr.on("data", (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    const line = await firstLine(child);
    if (!line.startsWith("listening ")) {
      const end = await this.#ended;
      throw new Error(`holdfastd ended before it served (${end.code ?? end.signal}): ${this.stderr.slice(errorsFrom)}`);
    }
    this.#address = line.slice("listening ".length);
  }

  /** SIGTERM, and how it ended. */
  stop(): Promise<DaemonEnd> {
    return this.#end("SIGTERM");
  }

  /** SIGKILL, as a power cut for the process. */
  kill(): Promise<DaemonEnd> {
    return this.#end("SIGKILL");
  }

  /** Killed, and started again on the same data. */
  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** Resolves when it ends by itself. */
  async ended(): Promise<DaemonEnd> {
    return this.#ended ?? { code: null, signal: null };
  }

  /** Ends it and removes its directory. */
  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }

  #command(): readonly string[] {
    const isBuilt = process.env["HOLDFAST_TEST_BUILT"] === "1";
    const {
      program = isBuilt ? "bin/holdfastd.mjs" : "cmd/holdfastd/main.ts",
      listen = this.#address === "" ? "127.0.0.1:0" : new URL(this.#address).host,
      args = [],
    } = this.#options;
    return [join(PROJECT, program), "--data", this.dataDir, "--listen", listen, "--inventory", this.inventoryFile, ...args];
  }

  async #end(signal: NodeJS.Signals): Promise<DaemonEnd> {
    const child = this.#child;
    if (child === undefined || this.#ended === undefined) return { code: null, signal: null };
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    const giveUp = setTimeout(() => child.kill("SIGKILL"), STOP_MS_MAX);
    const end = await this.#ended;
    clearTimeout(giveUp);
    return end;
  }
}

/** A service that serves, for the length of the test. */
export async function startDaemon(options: DaemonOptions = {}): Promise<DaemonFixture> {
  const daemon = new DaemonFixture(options);
  onTestFinished(() => daemon.remove());
  await daemon.start();
  return daemon;
}

/** An inventory of local targets `host-00`, `host-01`, …, each with a root directory made below `directory`. */
export function localInventory(directory: string, count: number): string {
  const names = Array.from({ length: count }, (_, index) => `host-${String(index).padStart(2, "0")}`);
  for (const name of names) mkdirSync(join(directory, "hosts", name), { recursive: true });
  const targets = names.map((name) => `  - { name: ${name}, labels: { role: web }, connection: { local: { root: ./hosts/${name} } } }`);
  return `targets:\n${targets.join("\n")}\n`;
}

/** The first line of stdout, or nothing when the process ends without one. */
function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const giveUp = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`holdfastd did not serve within ${START_MS_MAX} ms`));
    }, START_MS_MAX);
    const settle = (line: string): void => {
      clearTimeout(giveUp);
      resolve(line);
    };
    child.stdout?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes("\n")) settle(text.slice(0, text.indexOf("\n")));
    });
    child.once("close", () => settle(""));
    child.once("error", (error) => {
      clearTimeout(giveUp);
      reject(error);
    });
  });
}
