// One run of the command line client in a world of its own: a directory, an environment, streams that are kept, a service that is there.
// 1. It says what a run may come to: a documented exit code, and where it is not 0 one clear message, never a stack.

import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { runCli } from "../../cmd/holdfast/cli.ts";
import { EXIT_CODES } from "../../cmd/holdfast/exit-code.ts";
import type { TextStream, World } from "../../cmd/holdfast/world.ts";
import { connectClient } from "../../internal/sdk/client.ts";
import { diskFiles } from "../../internal/sdk/logbook-files.ts";
import { assertNoInsides } from "./clean-error.ts";
import { newDirectory } from "./journal-rows.ts";

/** A command that follows something is interrupted after this, as by a person. */
const INTERRUPT_MS = 150;
const DELAY_MS_MAX = 20;
const MESSAGES_MAX = 1;

/** What to run, and in what. */
export interface ClientRun {
  readonly args: readonly string[];
  /** Files by their paths under the directory. */
  readonly files: Readonly<Record<string, string>>;
  /** `$DIR` in it stands for the directory. */
  readonly env: Readonly<Record<string, string>>;
  /** What the person at the terminal types; undefined: there is nobody. */
  readonly answer: string | undefined;
}

/** Runs one command line; throws when it comes to what no command may come to. */
export async function runClient({ args, files, env, answer }: ClientRun): Promise<void> {
  const directory = newDirectory();
  const interrupt = new AbortController();
  const timer = setTimeout(() => interrupt.abort(new Error("interrupted")), INTERRUPT_MS);
  const said = { stdout: "", stderr: "" };
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), text);
    }
    const around = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value.replaceAll("$DIR", directory)]));
    const inside = args.map((arg) => arg.replaceAll("$DIR", directory));
    const world = worldOf({ directory, env: around, answer, said, interrupted: interrupt.signal });
    assertRun(await runCli(inside, world), { args, files, env, said });
  } finally {
    clearTimeout(timer);
    rmSync(directory, { recursive: true });
  }
}

interface Said {
  stdout: string;
  stderr: string;
}

function assertRun(code: number, { args, files, env, said }: Pick<ClientRun, "args" | "files" | "env"> & { readonly said: Said }): void {
  const shown = JSON.stringify(args);
  if (!EXIT_CODES.some(([known]) => known === code)) throw new Error(`${shown} ends with the exit code ${code}, which is not documented`);
  const input = [...args, ...Object.values(files), ...Object.values(env)].join("\n");
  assertNoInsides(said.stderr, input);
  assertNoInsides(said.stdout, input);
  if (code !== 0 && said.stderr === "" && said.stdout === "") throw new Error(`${shown} ends with ${code} and says nothing`);
  const messages = said.stderr.split("\n").filter((line) => line.startsWith("holdfast: ") || line.startsWith('{"error":'));
  if (messages.length > MESSAGES_MAX) throw new Error(`${shown} says ${messages.length} messages: ${said.stderr}`);
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/.test(said.stdout + said.stderr))
    throw new Error(`${shown} prints control characters`);
}

function worldOf(parts: {
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  readonly answer: string | undefined;
  readonly said: Said;
  readonly interrupted: AbortSignal;
}): World {
  const { directory, env, answer, said, interrupted } = parts;
  const stream = (name: keyof Said): TextStream => ({
    isTerminal: false,
    size: () => ({ columns: 80, rows: 24 }),
    isOpen: () => true,
    write: (text) => {
      said[name] += text;
    },
    drained: () => Promise.resolve(),
  });
  return {
    env,
    home: directory,
    stdout: stream("stdout"),
    stderr: stream("stderr"),
    ask: async () => answer,
    clock: {
      nowMs: () => Date.now(),
      after: (delayMs, callback) => {
        const timer = setTimeout(callback, Math.min(delayMs, DELAY_MS_MAX));
        return () => clearTimeout(timer);
      },
    },
    files: diskFiles,
    // Only what lies in the directory: a path that is made up leads nowhere else.
    readFile: async (path, bytesMax) => readInside(directory, path, bytesMax),
    newRequestId: () => randomUUID(),
    openClient: async (options) => connectClient(options),
    interrupted,
  };
}

function readInside(directory: string, path: string, bytesMax: number): Uint8Array | undefined {
  if (!path.startsWith(directory) || path.includes("..")) return undefined;
  try {
    return readFileSync(path).subarray(0, bytesMax);
  } catch {
    return undefined;
  }
}
