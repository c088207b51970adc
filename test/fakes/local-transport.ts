// A small real Transport for tests of actions: spawns processes on this host, in a group of their own, under the target's root.
// It keeps the results of runs in memory, so that `look` answers as the shim's status files would. It survives no restart.

import { spawn } from "node:child_process";
import type { HostCommand, HostLook, HostResult, RunRef, Transport } from "../../internal/engine/ports.ts";
import type { Target } from "../../internal/gen/holdfast/v1/workflow_pb.ts";

/** The transport, with what a test may want to know and to change. */
export interface TestTransport extends Transport {
  /** Every command that ran, in order. */
  readonly commands: HostCommand[];
  /** Put in front of PATH: where a test puts programs that die on command. */
  pathPrefix: string;
}

/** Makes a transport that runs everything on this host. */
export function createTestTransport(): TestTransport {
  const results = new Map<string, HostResult>();
  const transport: TestTransport = {
    commands: [],
    pathPrefix: "",
    async run(target: Target, command: HostCommand): Promise<HostResult> {
      transport.commands.push(command);
      const result = await spawnCommand(target, command, transport.pathPrefix);
      if (command.run !== undefined) results.set(nameOf(command.run), result);
      return result;
    },
    async look(_target: Target, { run }): Promise<HostLook> {
      return results.get(nameOf(run)) ?? { kind: "absent" };
    },
  };
  return transport;
}

function nameOf(run: RunRef): string {
  return `${run.taskKey}/${run.attempt}`;
}

function spawnCommand(target: Target, command: HostCommand, pathPrefix: string): Promise<HostResult> {
  const kind = target.connection?.kind;
  const root = kind?.case === "local" && kind.value.root !== "" ? kind.value.root : undefined;
  const [program = "", ...args] = command.argv;
  const path = process.env["PATH"] ?? "/usr/bin:/bin";
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: command.cwd ?? root ?? "/",
      env: { HOME: "/", ...command.env, PATH: pathPrefix === "" ? path : `${pathPrefix}:${path}` },
      detached: true,
      stdio: "pipe",
    });
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    let ended: "timed-out" | "cancelled" | undefined;
    const end = (reason: "timed-out" | "cancelled"): void => {
      ended = reason;
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    };
    const timer = setTimeout(() => end("timed-out"), command.timeoutMs);
    const onAbort = (): void => end("cancelled");
    command.signal.addEventListener("abort", onAbort, { once: true });
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.stdin.on("error", () => undefined); // a program need not read its input
    child.stdin.end(command.stdin ?? new Uint8Array());
    child.on("error", (error) => resolve({ kind: "unreachable", message: `cannot start: ${error.message}` }));
    child.on("close", (status, signal) => {
      clearTimeout(timer);
      command.signal.removeEventListener("abort", onAbort);
      const [out, err] = [Buffer.concat(stdout), Buffer.concat(stderr)];
      if (ended === "timed-out") resolve({ kind: "timed-out", stdout: out, stderr: err });
      else if (ended === "cancelled") resolve({ kind: "cancelled" });
      else resolve(exited(status ?? (signal === "SIGKILL" ? 137 : 143), out, err, command.outputBytesMax));
    });
  });
}

function exited(status: number, stdout: Buffer, stderr: Buffer, bytesMax: number): HostResult {
  const isTruncated = stdout.length > bytesMax || stderr.length > bytesMax;
  return {
    kind: "exited",
    status,
    stdout: stdout.subarray(0, bytesMax),
    stderr: stderr.subarray(Math.max(0, stderr.length - bytesMax)),
    isTruncated,
  };
}
