// The command line client's entry: builds the real world and runs one command in it.
// 1. The first interrupt detaches in order; a second one ends the process at once.
// 2. It is built as one CommonJS file (scripts/ensure.mjs): nothing here waits at the top level.

import { randomUUID } from "node:crypto";
import { open } from "node:fs/promises";
import { homedir } from "node:os";
import { diskFiles } from "../../internal/sdk/logbook-files.ts";
import { runCli } from "./cli.ts";
import { EXIT_INTERRUPTED } from "./exit-code.ts";
import type { TextStream, World } from "./world.ts";

const TERMINAL_COLUMNS = 80;
const TERMINAL_ROWS = 24;

function streamOver(stream: NodeJS.WriteStream): TextStream {
  let isOpen = true;
  // A reader that has gone away (`holdfast list | head`) is no error of ours.
  stream.on("error", () => {
    isOpen = false;
  });
  return {
    isTerminal: stream.isTTY === true,
    size: () => ({ columns: stream.columns ?? TERMINAL_COLUMNS, rows: stream.rows ?? TERMINAL_ROWS }),
    isOpen: () => isOpen,
    write: (text) => {
      if (isOpen) stream.write(text);
    },
    drained: () => {
      if (!isOpen || !stream.writableNeedDrain) return Promise.resolve();
      return new Promise((resolve) => {
        const done = () => resolve();
        stream.once("drain", done);
        stream.once("error", done);
        stream.once("close", done);
      });
    },
  };
}

async function readFileUpTo(path: string, bytesMax: number): Promise<Uint8Array | undefined> {
  let file;
  try {
    file = await open(path, "r");
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")) return undefined;
    throw error;
  }
  try {
    const chunks: Buffer[] = [];
    let length = 0;
    while (length < bytesMax) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(Math.min(65_536, bytesMax - length)));
      if (bytesRead === 0) break;
      chunks.push(buffer.subarray(0, bytesRead));
      length += bytesRead;
    }
    return Buffer.concat(chunks);
  } finally {
    await file.close();
  }
}

function interruptedBySignals(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(EXIT_INTERRUPTED);
      controller.abort(new Error(`interrupted by ${signal}`));
    });
  }
  return controller.signal;
}

/** In the terminal's own line mode, so that Ctrl-C stays a signal. */
async function askAtTerminal(question: string, signal: AbortSignal): Promise<string | undefined> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  const { createInterface } = await import("node:readline");
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  try {
    return await new Promise<string | undefined>((resolve, reject) => {
      lines.once("close", () => resolve(undefined));
      signal.addEventListener("abort", () => reject(new Error("interrupted")), { once: true });
      lines.question(question, resolve);
    });
  } finally {
    lines.close();
  }
}

const interrupted = interruptedBySignals();
const world: World = {
  env: process.env,
  home: homedir(),
  stdout: streamOver(process.stdout),
  stderr: streamOver(process.stderr),
  ask: (question) => askAtTerminal(question, interrupted),
  clock: {
    nowMs: () => Date.now(),
    after: (delayMs, callback) => {
      const timer = setTimeout(callback, delayMs);
      return () => clearTimeout(timer);
    },
  },
  files: diskFiles,
  readFile: readFileUpTo,
  newRequestId: () => randomUUID(),
  openClient: async (options) => (await import("../../internal/sdk/client.ts")).connectClient(options),
  interrupted,
};

void runCli(process.argv.slice(2), world).then((code) => {
  process.exitCode = code;
});
