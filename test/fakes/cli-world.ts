// A world for the command line client in tests: its output is kept, its files and its state are in a temporary directory, the rest is real.

import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { runCli } from "../../cmd/holdfast/cli.ts";
import type { TextStream, World } from "../../cmd/holdfast/world.ts";
import { connectClient } from "../../internal/sdk/client.ts";
import { diskFiles } from "../../internal/sdk/logbook-files.ts";

/** What one run of the client came to. */
export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The JSON lines of stdout. */
  json(): Record<string, unknown>[];
}

/** A directory with a client in it. */
export class CliDesk {
  readonly directory: string;
  env: Record<string, string | undefined>;
  /** Added to the wall clock. */
  lateMs = 0;
  readonly interrupt = new AbortController();

  /** `directory` is the caller's, who also removes it. */
  constructor(env: Record<string, string | undefined>, directory: string) {
    this.directory = directory;
    this.env = {
      HOLDFAST_STATE_DIR: join(this.directory, "state"),
      HOLDFAST_DATA: join(this.directory, "data"),
      HOLDFAST_TOKEN: "t",
      ...env,
    };
  }

  /** Writes a file and returns its path. */
  file(name: string, text: string): string {
    const path = join(this.directory, name);
    writeFileSync(path, text);
    return path;
  }

  /** Runs one command line to its end. `answer`: what the person at the terminal types; without it there is nobody to ask. */
  async run(args: readonly string[], options: { isTerminal?: boolean; answer?: string } = {}): Promise<CliResult> {
    const chunks = { stdout: "", stderr: "" };
    const stream = (name: "stdout" | "stderr"): TextStream => ({
      isTerminal: options.isTerminal === true,
      size: () => ({ columns: 100, rows: 30 }),
      isOpen: () => true,
      write: (text) => {
        chunks[name] += text;
      },
      drained: () => Promise.resolve(),
    });
    const world: World = {
      env: this.env,
      home: this.directory,
      stdout: stream("stdout"),
      stderr: stream("stderr"),
      ask: async (question) => {
        if (options.answer !== undefined) chunks.stderr += `${question}\n`;
        return options.answer;
      },
      clock: {
        nowMs: () => Date.now() + this.lateMs,
        after: (delayMs, callback) => {
          const timer = setTimeout(callback, Math.min(delayMs, 50));
          return () => clearTimeout(timer);
        },
      },
      files: diskFiles,
      readFile: async (path, bytesMax) => {
        try {
          return (await readFile(path)).subarray(0, bytesMax);
        } catch {
          return undefined;
        }
      },
      newRequestId: () => randomUUID(),
      openClient: async (options) => connectClient(options),
      interrupted: this.interrupt.signal,
    };
    const code = await runCli(args, world);
    const lines = () => chunks.stdout.split("\n").filter((line) => line !== "");
    return { code, ...chunks, json: () => lines().map((line) => JSON.parse(line)) };
  }
}
