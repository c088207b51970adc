// The command line client from start to finish: `holdfast status ID` against a service that is warm, beside a Node that does nothing.
// 1. It is started as people start it, by bin/holdfast.mjs, under this very Node; what it prints is checked.
// 2. Its compiled code is in its cache already: the first runs, which are not counted, put it there.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { fromJson } from "@bufbuild/protobuf";
import { SubmitRequestSchema } from "../../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import type { Figure, Row, Scale } from "../row.ts";
import { localTargets, withService } from "../service.ts";
import type { Service } from "../service.ts";

const CLIENT = join(import.meta.dirname, "..", "..", "..", "bin", "holdfast.mjs");
const TARGETS = 10;
const WARM_RUNS = 3;
const REPEATS: Readonly<Record<Scale, number>> = { full: 40, quick: 15 };

export const row: Row = {
  name: "cli",
  title: "`holdfast status ID` from start to finish, against a warm service",
  measure: (scale) => withService({ inventory: localTargets(TARGETS, "/") }, (service) => measure(service, REPEATS[scale])),
};

async function measure(service: Service, repeats: number): Promise<readonly Figure[]> {
  const id = await aFinishedWorkflow(service);
  const env = {
    ...process.env,
    HOLDFAST_ADDR: service.address,
    HOLDFAST_TOKEN: service.token,
    HOLDFAST_STATE_DIR: join(service.directory, "state"),
  };
  const status = (): Promise<number> => timed([CLIENT, "status", id], { env, says: id });
  const nothing = (): Promise<number> => timed(["-e", "0"], { env, says: "" });
  const [values, floor]: [number[], number[]] = [[], []];
  for (let run = 0; run < WARM_RUNS; run += 1) await Promise.all([status(), nothing()]);
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    values.push(await status());
    floor.push(await nothing());
  }
  return [
    {
      what: "holdfast status, start to finish",
      unit: "ms",
      better: "lower",
      values,
      floor: { what: "node -e 0", values: floor },
      wanted: "<= 150 ms",
      isGuarded: true,
    },
  ];
}

/** Runs Node with these arguments; says how many milliseconds passed until it was gone. */
async function timed(args: readonly string[], { env, says }: { readonly env: NodeJS.ProcessEnv; readonly says: string }): Promise<number> {
  const startMs = performance.now();
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const [code] = await once(child, "close");
  const tookMs = performance.now() - startMs;
  if (code !== 0 || !said.includes(says)) throw new Error(`node ${args.join(" ")} ended with ${String(code)} and said: ${said}`);
  return tookMs;
}

async function aFinishedWorkflow(service: Service): Promise<string> {
  const action = { name: "look", uses: "assert", with: { that: "true" } };
  const stage = { name: "all", over: { targets: true }, actions: [action] };
  const definition = { name: "bench", targets: { where: "true" }, stages: [stage] };
  const client = service.client();
  const { id } = await client.submit(fromJson(SubmitRequestSchema, { requestId: randomUUID(), definition }));
  await client.exec({ workflow: { id }, wait: true });
  return id;
}
