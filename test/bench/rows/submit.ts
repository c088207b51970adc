// How long a Submit takes until it is acknowledged, which is after its sync, with many in flight.
// 1. The workflows are those of the three-step row; none is executed, so that nothing else runs.
// 2. What is guarded is the service's time on the cores beside the echo's, for as many calls.

import { randomUUID } from "node:crypto";
import { connectClient } from "../../../internal/sdk/client.ts";
import { startEcho } from "../floors/echo.ts";
import { runInFlight } from "../in-flight.ts";
import { coreMsEach } from "../process-cost.ts";
import type { Figure, Row, Scale } from "../row.ts";
import type { Rate } from "../samples.ts";
import { withService } from "../service.ts";
import type { Service } from "../service.ts";

const CALL_MS_MAX = 600_000;
const IN_FLIGHT = 64;
/** All of them together stay below the bound of open workflows, 20,000. */
const COUNT = { full: 3_000, quick: 600 };
const WARM = { full: 3_000, quick: 1_000 };
const REPEATS = { full: 5, quick: 3 };

const definition = {
  name: "submitted",
  stages: ["one", "two", "three"].map((name) => ({ name, actions: [{ name: "nothing", uses: "assert", with: { that: "true" } }] })),
};

/** The row. */
export const row: Row = {
  name: "submit",
  title: `Submit, acknowledged and synced, ${IN_FLIGHT} in flight`,
  measure: (scale: Scale) => withService({ args: ["--log-level", "warn"] }, (service) => measureAll(service, scale)),
};

async function measureAll(service: Service, scale: Scale): Promise<readonly Figure[]> {
  const { address, token } = service;
  const client = connectClient({ address, token, callTimeoutMs: CALL_MS_MAX, httpVersion: "2" });
  const submit = (): Promise<unknown> => client.submit({ requestId: randomUUID(), definition });
  const echo = await startEcho();
  const runs: Rate[] = [];
  const echoes: Rate[] = [];
  const [coreMs, echoCoreMs]: [number[], number[]] = [[], []];
  const load = { count: COUNT[scale], inFlight: IN_FLIGHT };
  try {
    await echo.measure({ count: WARM[scale], inFlight: IN_FLIGHT });
    await runInFlight({ count: WARM[scale], inFlight: IN_FLIGHT }, submit);
    for (let repeat = 0; repeat < REPEATS[scale]; repeat++) {
      const run = await coreMsEach(service, { count: load.count, work: () => runInFlight(load, submit) });
      const bare = await coreMsEach(echo, { count: load.count, work: () => echo.measure(load) });
      runs.push(run.result);
      coreMs.push(run.coreMs);
      echoes.push(bare.result);
      echoCoreMs.push(bare.coreMs);
    }
  } finally {
    await echo.close();
  }
  const wanted = scale === "full" ? { wanted: "<= 25 ms" } : {};
  const time = (name: "p50" | "p99", key: "p50Ms" | "p99Ms"): Figure => ({
    what: `${name} of Submit, ${IN_FLIGHT} in flight`,
    unit: "ms",
    better: "lower",
    values: runs.map((run) => run[key]),
    floor: { what: `${name} of a bare Connect echo`, values: echoes.map((run) => run[key]) },
  });
  return [
    { ...time("p99", "p99Ms"), ...wanted },
    time("p50", "p50Ms"),
    {
      what: `Submits a second, ${IN_FLIGHT} in flight`,
      unit: "/s",
      better: "higher",
      values: runs.map(({ perSecond }) => perSecond),
      floor: { what: "bare Connect echoes a second", values: echoes.map(({ perSecond }) => perSecond) },
    },
    {
      what: `the service's time on a core for a Submit, ${IN_FLIGHT} in flight`,
      unit: "ms",
      better: "lower",
      values: coreMs,
      floor: { what: "a bare Connect echo, the echo's time on a core", values: echoCoreMs },
      isGuarded: true,
    },
  ];
}
