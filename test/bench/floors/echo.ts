// The floor of every call: a bare Connect echo in a process of its own, over loopback, with nothing behind it.
// 1. The transport is made as internal/sdk makes the client's, and the messages are those of the Status call.
// 2. Client and server are two processes, as with the service: on two cores each has one.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { RESPONSE_BYTES_MAX } from "../../../internal/base/limits.ts";
import { WorkflowService } from "../../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { runInFlight } from "../in-flight.ts";
import { cpuSecondsOfProcess } from "../process-cost.ts";
import type { Rate } from "../samples.ts";

/** How it is called. */
export interface EchoLoad {
  readonly count: number;
  readonly inFlight: number;
}

/** An echo that runs. */
export interface Echo {
  /** One repeat: calls a second and their times. */
  measure(load: EchoLoad): Promise<Rate>;
  /** The time that its process spent on a core so far, in seconds. */
  cpuSeconds(): number;
  /** Ends its process. */
  close(): Promise<void>;
}

/** Starts the echo; `httpVersion` is 2 unless the client of what it is compared with speaks 1.1. */
export async function startEcho({ httpVersion = "2" }: { readonly httpVersion?: "1.1" | "2" } = {}): Promise<Echo> {
  const program = fileURLToPath(new URL("echo-server.ts", import.meta.url));
  const child = spawn(process.execPath, [program, httpVersion], { stdio: ["pipe", "pipe", "inherit"] });
  const closed = once(child, "close");
  const [line] = await Promise.race([once(child.stdout, "data"), closed]);
  const baseUrl = String(line).trim();
  if (!baseUrl.startsWith("http://")) throw new Error("the echo did not start; what it said is above");
  const client = createClient(WorkflowService, createConnectTransport({ baseUrl, httpVersion, readMaxBytes: RESPONSE_BYTES_MAX }));
  const workflow = { id: "01890a5d-ac96-774b-bcce-b302099a8057", namespace: "default" };
  return {
    measure: (load) => runInFlight(load, () => client.status({ workflow })),
    cpuSeconds: () => cpuSecondsOfProcess(child.pid ?? 0),
    close: async () => {
      child.stdin.end(); // its end, also when this process is killed
      await closed;
    },
  };
}
