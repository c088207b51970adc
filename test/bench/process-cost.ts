// What another process costs, as the kernel counts it: its time on the cores, and the memory that it holds.
// 1. Read from /proc by pid; the process must still be there. What a command costs from its start to its end, bash counts.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";

/** Of /proc/PID/stat: the kernel's USER_HZ, 100 on every Linux that Node runs on. */
const TICKS_A_SECOND = 100;

/** The time that a process spent on a core so far, all its threads together, in seconds; in steps of 10 ms. */
export function cpuSecondsOfProcess(pid: number): number {
  const fields = (readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1) ?? "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND; // utime and stime, counted from the state on
}

/** The most memory that it ever held (`VmHWM`), or what it holds now (`VmRSS`), in MiB. */
export function memoryMiBOfProcess(pid: number, field: "VmHWM" | "VmRSS"): number {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  if (found === null) throw new Error(`/proc/${pid}/status has no ${field}`);
  return Number(found[1]) / 1_024;
}

/** Does the work `count` times and says what each cost the other process on a core, in ms, beside what the work gave. */
export async function coreMsEach<T>(
  other: { cpuSeconds(): number },
  { count, work }: { readonly count: number; readonly work: () => Promise<T> },
): Promise<{ readonly result: T; readonly coreMs: number }> {
  const before = other.cpuSeconds();
  const result = await work();
  return { result, coreMs: ((other.cpuSeconds() - before) * 1_000) / count };
}

/** What a command said, and what it cost. */
export interface CommandCost {
  readonly said: string;
  /** From its start until it was gone. */
  readonly tookMs: number;
  /** All of its threads together. */
  readonly coreMs: number;
}

/** Runs Node with these arguments. Rejects unless it ends with 0. */
export async function nodeCost(args: readonly string[], env: NodeJS.ProcessEnv): Promise<CommandCost> {
  const words = ["-c", `TIMEFORMAT="%3U %3S"; time "$@"`, "bench", process.execPath, ...args];
  const startMs = performance.now();
  const child = spawn("bash", words, { env, stdio: ["ignore", "pipe", "pipe"] });
  const [said, told] = [textOf(child.stdout), textOf(child.stderr)];
  const [code] = await once(child, "close");
  const tookMs = performance.now() - startMs;
  const [, user, system] = /(\d+\.\d+) (\d+\.\d+)\n$/.exec(told()) ?? [];
  if (code !== 0 || user === undefined) throw new Error(`node ${args.join(" ")} ended with ${String(code)} and said: ${said()}${told()}`);
  return { said: said(), tookMs, coreMs: (Number(user) + Number(system)) * 1_000 };
}

function textOf(stream: NodeJS.ReadableStream): () => string {
  let text = "";
  stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
  return () => text;
}
