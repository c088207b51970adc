// The example examples/satellite-disk-erase as it stands, on a fleet, a site database and a service of a test's own.
// 1. The shipped files are used word for word, but for the site database's port and, where a test says so, shorter times.
// 2. What happened is read from the machines' own logs.

import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { parseDurationMs } from "../../internal/base/duration.ts";
import { DaemonFixture } from "./daemon.ts";
import { Script } from "./script.ts";

/** What a test may want to differ. */
export interface SceneOptions {
  readonly sites?: number;
  readonly machines?: number;
  /** Instead of an hour and a minute, such as `3s` and `1s`. */
  readonly period?: string;
  readonly pause?: string;
  /** The shipped policies by name; default: those that are meant to fit. */
  readonly policies?: readonly string[];
}

/** One erase, by the machine's own log. */
export interface Erase {
  readonly machine: string;
  readonly site: string;
  readonly beganMs: number;
  /** Undefined: it never ended. */
  readonly endedMs: number | undefined;
}

/** The shipped policies under which the example runs. */
export const SATELLITE_POLICIES = [
  "allowed-actions",
  "change-window",
  "four-eyes",
  "same-args",
  "satellite-disk-erase",
  "start-or-end",
] as const;

const PROJECT = join(import.meta.dirname, "..", "..");
const EXAMPLE = join(PROJECT, "examples/satellite-disk-erase");

/** The example, running. */
export class SatelliteScene {
  readonly daemon: DaemonFixture;
  readonly script: Script;
  /** The fleet, the copied policies and the copied workflow files. */
  readonly directory: string;
  readonly #options: Required<Omit<SceneOptions, "period" | "pause">> & SceneOptions;
  #database: ChildProcess | undefined;
  #port = "";

  constructor(options: SceneOptions) {
    this.#options = { sites: 3, machines: 6, policies: SATELLITE_POLICIES, ...options };
    const args: string[] = [];
    this.daemon = new DaemonFixture({ args });
    this.directory = join(this.daemon.directory, "fleet");
    args.push("--inventory", join(this.directory, "inventory.json"), "--actions", join(EXAMPLE, "actions"));
    args.push("--policies", join(this.directory, "policies"));
    this.script = new Script(this.daemon);
  }

  /** Where the site database listens; the shipped files say 7580. */
  get port(): string {
    return this.#port;
  }

  async start(): Promise<void> {
    const { sites, machines, policies } = this.#options;
    mkdirSync(join(this.directory, "policies"), { recursive: true });
    const made = spawnSync(process.execPath, [join(EXAMPLE, "make-fleet.mjs"), this.directory, String(sites), String(machines)]);
    if (made.status !== 0) throw new Error(made.stderr.toString());
    this.#port = await this.#startDatabase();
    for (const name of policies) this.#copy(join(PROJECT, "policies", `${name}.yaml`), join(this.directory, "policies", `${name}.yaml`));
    this.#copy(join(EXAMPLE, "satellite-disk-erase.yaml"), this.workflow);
    cpSync(join(EXAMPLE, "refused"), join(this.directory, "refused"), { recursive: true });
    for (const name of this.refused) this.#copy(join(EXAMPLE, "refused", name), join(this.directory, "refused", name));
    await this.daemon.start();
  }

  async remove(): Promise<void> {
    this.#database?.kill("SIGKILL");
    await this.daemon.remove();
  }

  /** The workflow file. */
  get workflow(): string {
    return join(this.directory, "workflow.yaml");
  }

  /** The names of the files of which each is refused. */
  get refused(): readonly string[] {
    return readdirSync(join(EXAMPLE, "refused")).sort();
  }

  /** Changes what the site database says of a site. */
  setSite(site: string, entry: { readonly kind: string; readonly state: string }): void {
    const path = join(this.directory, "sites.json");
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), [site]: entry }));
  }

  /** Every erase that any machine wrote down, in order of its beginning. */
  erases(): readonly Erase[] {
    const erases: Erase[] = [];
    for (const machine of readdirSync(join(this.directory, "machines"))) {
      const log = join(this.directory, "machines", machine, "erase.log");
      if (!existsSync(log)) continue;
      for (const line of readFileSync(log, "utf8").trimEnd().split("\n")) {
        const [at = "", what = ""] = line.split(" ");
        const site = machine.slice(0, machine.lastIndexOf("-"));
        if (what === "begin") erases.push({ machine, site, beganMs: Number(at), endedMs: undefined });
        else erases.push({ ...(erases.pop() ?? { machine, site, beganMs: 0 }), endedMs: Number(at) });
      }
    }
    return erases.toSorted((a, b) => a.beganMs - b.beganMs);
  }

  #copy(from: string, to: string): void {
    const { period = "1h", pause = "60s" } = this.#options;
    const text = readFileSync(from, "utf8")
      .replaceAll("127.0.0.1:7580", `127.0.0.1:${this.#port}`)
      .replaceAll("period: 1h", `period: ${period}`)
      .replaceAll("pause: 60s", `pause: ${pause}`)
      .replaceAll("pause_s: 60", `pause_s: ${(parseDurationMs(pause) ?? 0) / 1_000}`);
    writeFileSync(to, text);
  }

  #startDatabase(): Promise<string> {
    const child = spawn(process.execPath, [join(EXAMPLE, "sites.mjs"), this.directory, "0"], { stdio: ["ignore", "pipe", "inherit"] });
    this.#database = child;
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.stdout.once("data", (chunk: Buffer) => resolve(/:(\d+)\//.exec(chunk.toString())?.[1] ?? ""));
    });
  }
}

/** The example, for the length of the test. */
export async function startScene(options: SceneOptions = {}): Promise<SatelliteScene> {
  const scene = new SatelliteScene(options);
  onTestFinished(() => scene.remove());
  await scene.start();
  return scene;
}
