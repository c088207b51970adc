// Commands over ssh: the service beside the two ways that need no service, on the same hosts, with the same command.
// 1. The service's side is whole: Submit, Exec, the synced journal, the shim at the target, the end seen by the client.
// 2. Every side runs once before it is measured, so that connections which are kept stand, and files lie in memory.

import { randomUUID } from "node:crypto";
import { fromJson } from "@bufbuild/protobuf";
import { Phase } from "../../../internal/gen/holdfast/v1/status_pb.ts";
import { SubmitRequestSchema } from "../../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import type { Figure, Row } from "../row.ts";
import { withScratch } from "../scratch.ts";
import { withService } from "../service.ts";
import type { Service } from "../service.ts";
import { SshHosts } from "../ssh-hosts.ts";

const HOSTS = 8;
const TASKS = 200;
const PARALLEL = 16;
const REPEATS = 5;
const ARGV = ["true"];

const SIDES = ["loop", "xargs", "reading", "changing"] as const;
type Rates = Record<(typeof SIDES)[number], number[]>;

export const row: Row = {
  name: "ssh",
  title: `${TASKS} command tasks (\`true\`) over ${HOSTS} hosts by ssh, ${PARALLEL} at one time`,
  measure: (scale) => (scale === "quick" ? Promise.resolve([]) : withScratch(measure)),
};

async function measure(directory: string): Promise<readonly Figure[]> {
  const hosts = await SshHosts.start(HOSTS, directory);
  try {
    const rates = await withService({ inventory: hosts.inventory(TASKS) }, (service) => compare(hosts, service));
    return figures(rates);
  } finally {
    await hosts.remove();
  }
}

async function compare(hosts: SshHosts, service: Service): Promise<Rates> {
  const size = { count: TASKS, parallel: PARALLEL };
  const rates: Rates = { loop: [], xargs: [], reading: [], changing: [] };
  for (let repeat = 0; repeat <= REPEATS; repeat += 1) {
    const seconds = {
      loop: await hosts.loop(ARGV, size),
      xargs: await hosts.xargs(ARGV, size),
      reading: await runWorkflow(service, "none"),
      changing: await runWorkflow(service, "unsafe"),
    };
    if (repeat > 0) for (const side of SIDES) rates[side].push(TASKS / seconds[side]);
  }
  return rates;
}

/** Runs the command once on every target; says how many seconds that took, from Submit to the end. */
async function runWorkflow(service: Service, effects: "none" | "unsafe"): Promise<number> {
  const action = { name: "run", uses: "command", with: { argv: ARGV, effects } };
  const stage = { name: "all", over: { targets: true }, rollout: { parallel: PARALLEL }, actions: [action] };
  const definition = { name: "bench", targets: { where: "true" }, stages: [stage] };
  const request = fromJson(SubmitRequestSchema, { requestId: randomUUID(), definition });
  const client = service.client();
  const startMs = performance.now();
  const { id } = await client.submit(request);
  const status = await client.exec({ workflow: { id }, wait: true });
  const seconds = (performance.now() - startMs) / 1_000;
  if (status.phase !== Phase.SUCCEEDED) throw new Error(`the workflow did not succeed: phase ${status.phase} of status.proto`);
  return seconds;
}

function figures({ loop, xargs, reading, changing }: Rates): readonly Figure[] {
  const alone = { what: "a shell loop, a connection for each command", values: loop };
  const shared = { what: "xargs -P, ControlMaster", values: xargs };
  const rate = { unit: "/s", better: "higher" } as const;
  return [
    { ...rate, what: "commands that only read, beside a shell loop", values: reading, floor: alone, wanted: ">= 3x the floor" },
    { ...rate, what: "commands that only read, beside xargs", values: reading, floor: shared, wanted: ">= 0.8x the floor" },
    { ...rate, what: "commands that may change something, beside a shell loop", values: changing, floor: alone, wanted: ">= 3x the floor" },
    { ...rate, what: "commands that may change something, beside xargs", values: changing, floor: shared, wanted: ">= 0.8x the floor" },
  ];
}
