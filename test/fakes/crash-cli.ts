// The command line client with a crash in it: `node crash-cli.ts STEP ARGS…` kills itself with SIGKILL before the STEP-th of the operations
// that a crash can fall between: each file operation of the logbook, each call, and after each call's answer. Test only.

import { diskFiles } from "../../internal/sdk/logbook-files.ts";
import { runCli } from "../../cmd/holdfast/cli.ts";
import { connectClient } from "../../internal/sdk/client.ts";
import type { HoldfastClient } from "../../internal/sdk/client.ts";
import type { LogbookFiles } from "../../internal/sdk/ports.ts";
import type { TextStream } from "../../cmd/holdfast/world.ts";

const [stepText = "", ...args] = process.argv.slice(2);
const killAt = Number(stepText);
let step = 0;

function mayDie(): void {
  step++;
  if (step === killAt) process.kill(process.pid, "SIGKILL");
}

/** Before each method's call, and after its answer. */
function mortal<Port extends object>(port: Port, methods: readonly string[]): Port {
  return new Proxy(port, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name, target);
      if (typeof method !== "function") return method;
      if (!methods.includes(String(name))) return method.bind(target);
      return async (...values: unknown[]) => {
        mayDie();
        const answer: unknown = await method.apply(target, values);
        mayDie();
        return answer;
      };
    },
  });
}

function streamTo(stream: NodeJS.WriteStream): TextStream {
  return {
    isTerminal: false,
    size: () => ({ columns: 80, rows: 24 }),
    isOpen: () => true,
    write: (text) => void stream.write(text),
    drained: () => Promise.resolve(),
  };
}

const { randomUUID } = await import("node:crypto");
const { readFile } = await import("node:fs/promises");
const files: LogbookFiles = mortal(diskFiles, ["makeDirectory", "writeSynced", "rename", "syncDirectory"]);
const open = async (options: Parameters<typeof connectClient>[0]): Promise<HoldfastClient> =>
  mortal(connectClient(options), ["submit", "exec"]);

process.exitCode = await runCli(args, {
  env: process.env,
  home: "/nonexistent",
  stdout: streamTo(process.stdout),
  stderr: streamTo(process.stderr),
  ask: () => Promise.resolve(undefined),
  clock: {
    nowMs: () => Date.now(),
    after: (delayMs, callback) => {
      const timer = setTimeout(callback, delayMs);
      return () => clearTimeout(timer);
    },
  },
  files,
  readFile: async (path) => readFile(path).catch(() => undefined),
  newRequestId: () => randomUUID(),
  openClient: open,
  interrupted: new AbortController().signal,
});
// The parent learns how many operations there were in all.
process.stderr.write(`\nsteps ${step}\n`);
