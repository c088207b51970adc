// What a script does: it runs the client as a process on a pipe, against one service, and reads exit code, stdout and stderr.
// 1. HOLDFAST_TEST_BUILT=1 runs what was built, else the sources run. 2. Nothing of the caller's own settings gets through: only the variables that the contract names are set.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { DaemonFixture } from "./daemon.ts";

/** How a run of the client ended. */
export interface ScriptResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly lines: readonly string[];
}

/** A JSON object that the client printed. */
export type Printed = Record<string, unknown>;

const PROJECT = join(import.meta.dirname, "..", "..");
const PROGRAM = process.env["HOLDFAST_TEST_BUILT"] === "1" ? "bin/holdfast.mjs" : "cmd/holdfast/main.ts";

/** A script beside a service. */
export class Script {
  readonly #daemon: DaemonFixture;
  /** Over those by which the service is found. */
  env: Readonly<Record<string, string>> = {};

  constructor(daemon: DaemonFixture) {
    this.#daemon = daemon;
  }

  /** Writes a file into the script's own directory and returns its path. */
  file(name: string, text: string): string {
    const directory = join(this.#daemon.directory, "files");
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  }

  /** Starts `holdfast ARGS`. */
  start(...args: readonly string[]): { readonly child: ChildProcess; readonly ended: Promise<ScriptResult> } {
    const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:HOLDFAST|XDG)_/.test(name)));
    const child = spawn(process.execPath, [join(PROJECT, PROGRAM), ...args], {
      cwd: this.#daemon.directory,
      env: { ...own, ...this.#daemon.clientEnv, ...this.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const text = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk: Buffer) => (text.stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (text.stderr += chunk.toString()));
    const ended = new Promise<ScriptResult>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve({ code, ...text, lines: text.stdout.split("\n").filter((line) => line !== "") }));
    });
    return { child, ended };
  }

  /** Runs `holdfast ARGS` to its end. */
  run(...args: readonly string[]): Promise<ScriptResult> {
    return this.start(...args).ended;
  }

  /** The JSON lines of a verb with `-o json` that must end with this code and say nothing on stderr. */
  async json(args: readonly string[], code = 0): Promise<readonly Printed[]> {
    const result = await this.run(...args, "-o", "json");
    expect([result.code, result.stderr]).toEqual([code, ""]);
    return result.lines.map((line): Printed => JSON.parse(line));
  }

  /** The one JSON line of a verb with `-o json`. */
  async one(args: readonly string[], code = 0): Promise<Printed> {
    const lines = await this.json(args, code);
    expect(lines.length).toBe(1);
    return lines[0] ?? {};
  }

  /** The error of a verb that must fail, as scripts read it. */
  async error(args: readonly string[]): Promise<{ readonly exit: number | null; readonly code: string; readonly message: string }> {
    const { code: exit, stdout, stderr } = await this.run(...args, "-o", "json");
    expect([stdout, stderr.trimEnd().split("\n").length]).toEqual(["", 1]);
    const { error } = JSON.parse(stderr);
    expect(Object.keys(error)).toEqual(["code", "message", "details"]);
    return { exit, code: error.code, message: error.message };
  }
}

/** Asks again until the answer will do. */
export async function until<Answer>(ask: () => Promise<Answer>, holds: (answer: Answer) => boolean): Promise<Answer> {
  for (;;) {
    const answer = await ask();
    if (holds(answer)) return answer;
  }
}
