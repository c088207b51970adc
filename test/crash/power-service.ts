// Processes under strace: the real service, life after life on one data directory, and the real client.
// 1. A process is ended by its own pid, which the service writes into service.json; strace then ends by itself.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { TRACED } from "./power-trace.ts";

const PROJECT = join(import.meta.dirname, "..", "..");
const TEXT_BYTES_MAX = String(64 * 1024 * 1024);

/** Why nothing can be traced here; empty: it can. */
export function whyUntraceable(): string {
  const tried = spawnSync("strace", ["-f", "--seccomp-bpf", "-o", "/dev/null", "true"], { encoding: "utf8" });
  return tried.status === 0 ? "" : `strace cannot trace here: ${tried.error?.message ?? tried.stderr}`;
}

/** Starts a program of the project under strace; its standard output is a pipe. */
export function spawnTraced(trace: string, args: readonly string[], env: Readonly<Record<string, string>>) {
  const strace = ["-f", "-y", "--seccomp-bpf", "-xx", "-s", TEXT_BYTES_MAX, "-e", `trace=${TRACED}`, "-o", trace];
  return spawn("strace", [...strace, process.execPath, ...args], {
    cwd: PROJECT,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
}

/** Runs the client under strace to its end, and gives what it printed. */
export async function runTracedClient(trace: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  const child = spawnTraced(trace, [join(PROJECT, "cmd/holdfast/main.ts"), ...args], env);
  let printed = "";
  child.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`holdfast ${args.join(" ")} ended with ${String(code)}`);
  return printed;
}

/** A service whose every write, sync and answer is written down. */
export class TracedService {
  /** One trace for each life, in order. */
  readonly traces: string[] = [];
  readonly dataDir: string;
  address = "";
  readonly #directory: string;
  readonly #args: readonly string[];
  #child: ReturnType<typeof spawnTraced> | undefined;

  constructor(directory: string, args: readonly string[]) {
    this.#directory = directory;
    this.#args = args;
    this.dataDir = join(directory, "data");
  }

  get token(): string {
    return readFileSync(join(this.dataDir, "admin.token"), "utf8").trim();
  }

  /** Resolves when it serves. */
  async start(): Promise<void> {
    mkdirSync(this.#directory, { recursive: true });
    const trace = join(this.#directory, `service-${this.traces.length + 1}.trace`);
    this.traces.push(trace);
    const child = spawnTraced(
      trace,
      [join(PROJECT, "cmd/holdfastd/main.ts"), "--data", this.dataDir, "--listen", "127.0.0.1:0", ...this.#args],
      {},
    );
    this.#child = child;
    for await (const line of createInterface({ input: child.stdout })) {
      if (!line.startsWith("listening ")) continue;
      this.address = line.slice("listening ".length);
      return;
    }
    throw new Error("the traced service ended before it served");
  }

  /** SIGKILL to the service itself; resolves when its trace is whole. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    await fetch(this.address); // strace has seen an answer leave whole once the next one is begun
    const { pid } = JSON.parse(readFileSync(join(this.dataDir, "service.json"), "utf8"));
    const closed = once(child, "close");
    process.kill(pid, "SIGKILL");
    await closed;
  }
}
