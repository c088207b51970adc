// What the Transport tests stand on: a place under test, commands with defaults, and the means to look behind the transport's back.
// 1. No test sleeps for a fixed time: it waits until a thing is so, for a bounded time.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { toJson } from "@bufbuild/protobuf";
import { present } from "../../internal/base/assert.ts";
import type { HostCommand, HostResult, RunRef, Transport } from "../../internal/engine/ports.ts";
import { TargetSchema } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import type { Target } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import { systemClock } from "../../internal/system/clock.ts";
import { createTransport } from "../../internal/transport/transport.ts";
import type { TransportOptions } from "../../internal/transport/transport.ts";

/** A kind of connection under test. */
export interface TransportPlace {
  readonly target: Target;
  /** Where run directories are. */
  readonly runsDir: string;
  readonly options: TransportOptions;
  dispose(): Promise<void>;
}

/** Options for tests: everything short, in a directory of their own. */
export function transportOptions(dir: string, changes: Partial<TransportOptions> = {}): TransportOptions {
  return {
    stateDir: `${dir}/s`,
    controlDir: `${dir}/c`,
    clock: systemClock,
    pace: { run: async (_origin, work) => work() },
    env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", HOME: dir, LANG: "C.UTF-8" },
    log: () => undefined,
    graceMs: 500,
    ssh: { connectTimeoutMs: 5_000, aliveIntervalMs: 5_000, idleMs: 20_000 },
    ...changes,
  };
}

/** A command with defaults; the argument says only what matters. */
export function aCommand(changes: Partial<HostCommand> & { readonly argv: readonly string[] }): HostCommand {
  return { env: {}, timeoutMs: 20_000, outputBytesMax: 100_000, signal: new AbortController().signal, ...changes };
}

/** A shell script as a command. */
export function aScript(script: string, changes: Partial<HostCommand> = {}): HostCommand {
  return aCommand({ argv: ["sh", "-c", script], ...changes });
}

/** Waits until a thing is so. */
export async function until(isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`it did not become so in time: ${isSo.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What a person would read of a result. */
export function shown(result: HostResult | { readonly kind: "absent" }): Record<string, unknown> {
  if (result.kind !== "exited" && result.kind !== "timed-out") return { ...result };
  return { ...result, stdout: Buffer.from(result.stdout).toString("latin1"), stderr: Buffer.from(result.stderr).toString("latin1") };
}

/** True while the process whose number is in the file lives; one that nobody has reaped is dead. */
export function isAlive(pidFile: string): boolean {
  const pid = readFileSync(pidFile, "utf8").trim();
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

let keys = 0;

/** A reference that no other test uses. */
export function aRun(): RunRef {
  keys += 1;
  return { taskKey: `task.${keys}`, attempt: 1 };
}

/** One transport at one place, for the tests of a file. */
export class TransportBench {
  readonly #open: () => Promise<TransportPlace>;
  #place: TransportPlace | undefined;
  #transport: (Transport & { close(): Promise<void> }) | undefined;
  #dir = "";

  constructor(open: () => Promise<TransportPlace>) {
    this.#open = open;
  }

  get place(): TransportPlace {
    return present(this.#place, "the place under test");
  }

  get transport(): Transport {
    return present(this.#transport, "the transport under test");
  }

  async open(): Promise<void> {
    this.#dir = mkdtempSync("/tmp/hft-");
    this.#place = await this.#open();
    this.#transport = createTransport(this.#place.options);
  }

  async close(): Promise<void> {
    await this.#transport?.close();
    await this.#place?.dispose();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  /** Runs a command at the place. */
  readonly run = async (command: HostCommand): Promise<Record<string, unknown>> =>
    shown(await this.transport.run(this.place.target, command));

  /** Looks for a run at the place. */
  readonly look = async (run: RunRef, changes: Partial<HostCommand> = {}): Promise<Record<string, unknown>> =>
    shown(await this.transport.look(this.place.target, { ...aScript("", changes), run }));

  /** A path that no other test uses. */
  readonly file = (): string => `${mkdtempSync(`${this.#dir}/`)}/f`;

  /** Where the shim keeps what it knows of a task. */
  readonly runDir = ({ taskKey }: RunRef): string => {
    const { runsDir } = this.place;
    const shard = existsSync(runsDir) ? readdirSync(runsDir).find((entry) => existsSync(`${runsDir}/${entry}/${taskKey}`)) : undefined;
    return `${runsDir}/${shard ?? "none"}/${taskKey}`;
  };

  /** A service of its own that runs one command, and can be killed. */
  readonly startService = (script: string, run: RunRef): ChildProcess => {
    const { stateDir, controlDir, env, graceMs, ssh } = this.place.options;
    const order = { target: toJson(TargetSchema, this.place.target), options: { stateDir, controlDir, env, graceMs, ssh }, script, run };
    return spawn(
      process.execPath,
      ["--no-warnings", fileURLToPath(new URL("./transport-service.ts", import.meta.url)), JSON.stringify(order)],
      { stdio: "inherit" },
    );
  };
}
