// The clients of one run: real command line clients on one logbook, which are killed, stopped, and come back with `holdfast resume`.
// 1. What a client printed counts as acknowledged from then on, even if it died right after.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClientEnd, Scene } from "../scene.ts";
import type { Promised } from "./reckoning.ts";
import type { PlannedClient } from "./run-plan.ts";

const PROJECT = join(import.meta.dirname, "..", "..", "..");
const ID = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/;
const CLIENT_MS_MAX = 180_000;

/** Clients at work. */
export class ClientCrew {
  kills = 0;
  stops = 0;
  /** IDs that clients printed. */
  readonly acknowledged = new Set<string>();
  /** Clients that ended in a way that nobody foresaw. */
  readonly broken: string[] = [];
  /** Everything that was said, for a failed run. */
  readonly talk: string[] = [];
  readonly #scene: Scene;
  readonly #running = new Set<ChildProcess>();
  #open = 0;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  /** True: every client has ended. */
  get isDone(): boolean {
    return this.#open === 0;
  }

  /** Sends a planned client to work. */
  send(client: PlannedClient): void {
    this.take(this.#serve(client));
  }

  /** Counts work as a client's until it has ended. */
  take(work: Promise<unknown>): void {
    this.#open += 1;
    void work
      .catch((error: unknown) => this.broken.push(error instanceof Error ? (error.stack ?? error.message) : String(error)))
      .finally(() => (this.#open -= 1));
  }

  /** SIGKILL for one client, and sometimes another one resumes after a while. False: there was none. */
  kill(options: { readonly which: number; readonly resumedAfterMs: number | undefined }): boolean {
    const child = this.#nth(options.which);
    if (child === undefined || !child.kill("SIGKILL")) return false;
    this.kills += 1;
    if (options.resumedAfterMs !== undefined) this.take(sleep(options.resumedAfterMs).then(() => this.run("resume")));
    return true;
  }

  /** One client stands still for a while. */
  async stop(options: { readonly which: number; readonly forMs: number }): Promise<void> {
    const child = this.#nth(options.which);
    if (child === undefined || !child.kill("SIGSTOP")) return;
    this.stops += 1;
    await sleep(options.forMs);
    child.kill("SIGCONT");
  }

  /** One more client, which takes up what the logbook holds. */
  resume(): Promise<ClientEnd> {
    const ended = this.run("resume");
    this.take(ended);
    return ended;
  }

  /** Runs one client to its end. */
  run(...args: readonly string[]): Promise<ClientEnd> {
    const isBuilt = process.env["HOLDFAST_TEST_BUILT"] === "1";
    const program = join(PROJECT, isBuilt ? "dist/cli/holdfast.mjs" : "cmd/holdfast/main.ts");
    const env = { ...process.env, ...this.#scene.daemon.clientEnv };
    const child = spawn(process.execPath, [program, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
    const text = { stdout: "", stderr: "" };
    this.#running.add(child);
    child.stdout.on("data", (chunk: Buffer) => {
      text.stdout += chunk.toString();
      const id = ID.exec(text.stdout)?.[0];
      if (id !== undefined && (args[0] === "run" || args[0] === "submit")) this.acknowledged.add(id);
    });
    child.stderr.on("data", (chunk: Buffer) => (text.stderr += chunk.toString()));
    const giveUp = setTimeout(() => child.kill("SIGKILL"), CLIENT_MS_MAX);
    return new Promise((resolve) => {
      child.once("close", (code, signal) => {
        clearTimeout(giveUp);
        this.#running.delete(child);
        this.talk.push(`$ holdfast ${args.join(" ")}\n${text.stdout}${text.stderr}-> ${code ?? signal}\n`);
        resolve({ code, ...text });
      });
    });
  }

  /** What the logbook holds. */
  logbook(): readonly Promised[] {
    const directory = join(this.#scene.daemon.directory, "state", "logbook");
    if (!existsSync(directory)) return [];
    const names = readdirSync(directory).filter((name) => name.endsWith(".json"));
    return names.map((name): Promised => JSON.parse(readFileSync(join(directory, name), "utf8")));
  }

  async #serve({ work, verb, afterMs }: PlannedClient): Promise<void> {
    const file = this.#scene.write(`${work.name}.yaml`, work.text);
    await sleep(afterMs);
    // A client whose first word reaches nobody ends with 5 and has asked for nothing: its user says it again.
    const first = verb === "submit" ? ["submit", file] : verb === "start" ? ["run", file, "--no-wait"] : ["run", file];
    let end = await this.run(...first);
    for (let tries = 0; end.code === 5 && tries < 20; tries++) {
      await sleep(200);
      end = await this.run(...first);
    }
    const id = ID.exec(end.stdout)?.[0];
    if (id === undefined || end.code !== 0 || verb === "run") return;
    await this.run(...(verb === "submit" ? ["exec", id, "--wait"] : ["resume", id]));
  }

  #nth(which: number): ChildProcess | undefined {
    const running = [...this.#running];
    return running[which % Math.max(1, running.length)];
  }
}
