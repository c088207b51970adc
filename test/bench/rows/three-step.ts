// Three-step workflows a second, over RPC, on disk: Submit, then Exec that waits for the end; one client process, the SDK's own client.
// 1. A workflow has three stages of one task each, which runs once and changes nothing (`assert: true`): what is measured is Holdfast's own.
//    It takes two calls and, one after the other, five syncs: Submit; Exec with the first task's start; each task's end with the next one's start.
// 2. Every answer is looked at: a workflow that did not succeed fails the row.
// 3. What is guarded is the service's time on the cores beside the echo's, for the same number of calls: no disk and no neighbour is in it.

import { randomUUID } from "node:crypto";
import { Phase } from "../../../internal/gen/holdfast/v1/status_pb.ts";
import { connectClient } from "../../../internal/sdk/client.ts";
import type { HoldfastClient } from "../../../internal/sdk/client.ts";
import { startEcho } from "../floors/echo.ts";
import type { Echo } from "../floors/echo.ts";
import { measureSync } from "../floors/sync.ts";
import { runInFlight } from "../in-flight.ts";
import { coreMsEach } from "../process-cost.ts";
import type { Figure, Row, Scale } from "../row.ts";
import type { Rate } from "../samples.ts";
import { withService } from "../service.ts";
import type { Service } from "../service.ts";

const CALL_MS_MAX = 600_000;
const CALLS = 2;
const SYNCS = 5;
/** What one sync of a workflow's step writes, about. */
const SYNC_BYTES = 1_024;

/** How many workflows each number in flight gets in one repeat. */
const COUNTS: Readonly<Record<Scale, ReadonlyMap<number, number>>> = {
  full: new Map([
    [1, 500],
    [16, 3_000],
    [64, 6_000],
    [256, 10_000],
  ]),
  quick: new Map([[64, 500]]),
};
const WARM = { full: 6_000, quick: 1_200 };
const REPEATS = { full: 5, quick: 3 };
const GUARDED_IN_FLIGHT = 64;
const MOST_IN_FLIGHT = 256;

const definition = {
  name: "three-step",
  stages: ["one", "two", "three"].map((name) => ({ name, actions: [{ name: "nothing", uses: "assert", with: { that: "true" } }] })),
};

/** The row. */
export const row: Row = {
  name: "three-step",
  title: "Three-step workflows over RPC: Submit, Exec with wait, end seen",
  measure: (scale: Scale) => withService({ args: ["--log-level", "warn"] }, (service) => measureAll(service, scale)),
};

async function measureAll(service: Service, scale: Scale): Promise<readonly Figure[]> {
  const { address, token } = service;
  const client = connectClient({ address, token, callTimeoutMs: CALL_MS_MAX, httpVersion: "2" });
  const echo = await startEcho();
  try {
    await echo.measure({ count: WARM[scale], inFlight: GUARDED_IN_FLIGHT });
    await runInFlight({ count: WARM[scale], inFlight: GUARDED_IN_FLIGHT }, () => threeSteps(client));
    const figures: Figure[] = [];
    for (const [inFlight, count] of COUNTS[scale])
      figures.push(...(await measureLoad({ client, service, echo, scale }, { inFlight, count })));
    return figures;
  } finally {
    await echo.close();
  }
}

/** One workflow, from Submit until its end is seen. */
async function threeSteps(client: HoldfastClient): Promise<void> {
  const { id, digest } = await client.submit({ requestId: randomUUID(), definition });
  const { phase } = await client.exec({ workflow: { id, namespace: "" }, digest, wait: true });
  if (phase !== Phase.SUCCEEDED) throw new Error(`workflow ${id} is in phase ${phase}`);
}

interface Bench {
  readonly client: HoldfastClient;
  readonly service: Service;
  readonly echo: Echo;
  readonly scale: Scale;
}

async function measureLoad(
  { client, service, echo, scale }: Bench,
  { inFlight, count }: { readonly inFlight: number; readonly count: number },
): Promise<readonly Figure[]> {
  const runs: Rate[] = [];
  const echoes: Rate[] = [];
  const syncs: Rate[] = [];
  const coreMs: number[] = [];
  const echoCoreMs: number[] = [];
  for (let repeat = 0; repeat < REPEATS[scale]; repeat++) {
    const run = await coreMsEach(service, { count, work: () => runInFlight({ count, inFlight }, () => threeSteps(client)) });
    const bare = await coreMsEach(echo, { count, work: () => echo.measure({ count: CALLS * count, inFlight }) });
    runs.push(run.result);
    coreMs.push(run.coreMs);
    echoes.push(bare.result);
    echoCoreMs.push(bare.coreMs);
    if (inFlight === 1) syncs.push(await measureSync({ count: 200, bytes: SYNC_BYTES }));
  }
  const rate: Figure = {
    what: `three-step workflows a second, ${inFlight} in flight`,
    unit: "/s",
    better: "higher",
    values: runs.map(({ perSecond }) => perSecond),
    floor: { what: "pairs of bare Connect echoes, as many calls in flight", values: echoes.map(({ perSecond }) => perSecond / CALLS) },
    ...(scale === "full" && inFlight === MOST_IN_FLIGHT ? { wanted: ">= 2,000" } : {}),
  };
  const cost: Figure = {
    what: `the service's time on a core, each, ${inFlight} in flight`,
    unit: "ms",
    better: "lower",
    values: coreMs,
    floor: { what: "two bare Connect echoes, the echo's time on a core", values: echoCoreMs },
    isGuarded: inFlight === GUARDED_IN_FLIGHT,
  };
  return [rate, ...latencies(inFlight, { runs, echoes, syncs }, scale), cost];
}

function latencies(
  inFlight: number,
  { runs, echoes, syncs }: { readonly runs: readonly Rate[]; readonly echoes: readonly Rate[]; readonly syncs: readonly Rate[] },
  scale: Scale,
): readonly Figure[] {
  const latency = (name: "p50" | "p99", key: "p50Ms" | "p99Ms", wanted: string): Figure => ({
    what: `${name} of one, ${inFlight} in flight`,
    unit: "ms",
    better: "lower",
    values: runs.map((run) => run[key]),
    ...(syncs.length === 0
      ? {}
      : {
          floor: {
            what: "two bare echoes and five syncs, one after the other",
            values: syncs.map((sync, repeat) => CALLS * (echoes[repeat]?.[key] ?? 0) + SYNCS * sync[key]),
          },
        }),
    ...(scale === "full" && inFlight === 1 ? { wanted } : {}),
  });
  return [latency("p50", "p50Ms", "<= 3 ms"), latency("p99", "p99Ms", "<= 10 ms")];
}
