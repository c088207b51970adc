// The command line client from start to finish: `holdfast status ID` against a service that is warm, beside a Node that does nothing.
// 1. It is started as people start it, by bin/holdfast.mjs, under this very Node; what it prints is checked.
// 2. Its compiled code is in its cache already: the first runs, which are not counted, put it there.

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { fromJson } from "@bufbuild/protobuf";
import { SubmitRequestSchema } from "../../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { nodeCost } from "../process-cost.ts";
import type { CommandCost } from "../process-cost.ts";
import type { Figure, Row, Scale } from "../row.ts";
import { localTargets, withService } from "../service.ts";
import type { Service } from "../service.ts";

const CLIENT = join(import.meta.dirname, "..", "..", "..", "bin", "holdfast.mjs");
const TARGETS = 10;
const WARM_RUNS = 3;
const REPEATS: Readonly<Record<Scale, number>> = { full: 40, quick: 7 };

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
  const status = (): Promise<CommandCost> => costOf([CLIENT, "status", id], { env, says: id });
  const nothing = (): Promise<CommandCost> => costOf(["-e", "0"], { env, says: "" });
  const [runs, floors]: [CommandCost[], CommandCost[]] = [[], []];
  for (let run = 0; run < WARM_RUNS; run += 1) await Promise.all([status(), nothing()]);
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    runs.push(await status());
    floors.push(await nothing());
  }
  return [
    {
      what: "holdfast status, start to finish",
      unit: "ms",
      better: "lower",
      values: runs.map(({ tookMs }) => tookMs),
      floor: { what: "node -e 0", values: floors.map(({ tookMs }) => tookMs) },
      wanted: "<= 150 ms",
    },
    {
      what: "its time on the cores",
      unit: "ms",
      better: "lower",
      values: runs.map(({ coreMs }) => coreMs),
      floor: { what: "node -e 0", values: floors.map(({ coreMs }) => coreMs) },
      isGuarded: true,
    },
  ];
}

async function costOf(
  args: readonly string[],
  { env, says }: { readonly env: NodeJS.ProcessEnv; readonly says: string },
): Promise<CommandCost> {
  const cost = await nodeCost(args, env);
  if (!cost.said.includes(says)) throw new Error(`node ${args.join(" ")} said: ${cost.said}`);
  return cost;
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
