// Delivers an event to a program: one line of JSON on its stdin; exit 0 means taken.
// 1. It runs in a process group of its own, which is ended whole at the timeout: TERM, and KILL after SINK_COMMAND_GRACE_MS.
// 2. It inherits PATH, HOME and LANG, and nothing else of the service's environment: secrets may be in there.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { SINK_COMMAND_GRACE_MS, SINK_OUTPUT_BYTES_MAX } from "../base/sink-limits.ts";
import type { Delivered, DeliveryPorts, Parcel } from "./parcel.ts";
import type { SinkCommand } from "./sink.ts";

const INHERITED = ["PATH", "HOME", "LANG"] as const;
const ERROR_LENGTH_MAX = 512;

/** Runs the program with a parcel; never rejects for what the world does. */
export function feed(to: SinkCommand, parcel: Parcel, ports: DeliveryPorts, signal: AbortSignal): Promise<Delivered> {
  if (signal.aborted) return Promise.resolve({ kind: "refused", reason: BROKEN_OFF });
  const [file = "", ...args] = to.argv;
  try {
    const env = { ...inherited(ports.env), HOLDFAST_SINK: parcel.sink, HOLDFAST_EVENT_ID: parcel.id };
    const child = spawn(file, args, { cwd: "/", env, detached: true, stdio: ["pipe", "ignore", "pipe"] });
    return finish(child, { to, parcel, ports, signal });
  } catch (error) {
    return Promise.resolve({ kind: "refused", reason: `cannot be started: ${error instanceof Error ? error.message : String(error)}` });
  }
}

const BROKEN_OFF = "it was broken off: the service ends, or the sink changed";

interface Run {
  readonly to: SinkCommand;
  readonly parcel: Parcel;
  readonly ports: DeliveryPorts;
  readonly signal: AbortSignal;
}

function finish(child: ChildProcess, { to, parcel, ports, signal }: Run): Promise<Delivered> {
  return new Promise((resolve) => {
    let said: Buffer = Buffer.alloc(0);
    let endedFor = "";
    let stopGrace: () => void = () => undefined;
    const end = (reason: string): void => {
      if (endedFor !== "") return;
      endedFor = reason;
      ports.endGroup(child.pid, "SIGTERM");
      stopGrace = ports.clock.after(SINK_COMMAND_GRACE_MS, () => ports.endGroup(child.pid, "SIGKILL"));
    };
    const onAbort = (): void => end(BROKEN_OFF);
    const stopClock = ports.clock.after(to.timeoutMs, () => end(`was ended after ${to.timeoutMs} ms`));
    const give = (result: Delivered): void => {
      stopClock();
      stopGrace();
      signal.removeEventListener("abort", onAbort);
      if (endedFor !== "") ports.endGroup(child.pid, "SIGKILL"); // what it left behind is late too
      child.stderr?.destroy();
      resolve(result);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    child.stdin?.on("error", () => undefined); // one that does not read says so by its exit status
    child.stderr?.on("data", (chunk: Buffer) => (said = Buffer.concat([said, chunk]).subarray(-SINK_OUTPUT_BYTES_MAX)));
    child.on("error", (error) => give({ kind: "refused", reason: `cannot be started: ${error.message}` }));
    child.on("exit", (status, by) => {
      if (status === 0 && endedFor === "") give({ kind: "taken" });
      else give({ kind: "refused", reason: `${endedFor || (by === null ? `exit ${status}` : `ended by ${by}`)}${lastLine(said)}` });
    });
    child.stdin?.end(`${parcel.line}\n`);
  });
}

function inherited(env: DeliveryPorts["env"]): Record<string, string> {
  return Object.fromEntries(INHERITED.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}

function lastLine(said: Buffer): string {
  const line = said.toString("utf8").trimEnd().split("\n").at(-1) ?? "";
  return line === "" ? "" : `: ${line.slice(0, ERROR_LENGTH_MAX)}`;
}
