// How long a Submit takes until it is acknowledged, which is after its sync, with many in flight.
// 1. The workflows are those of the three-step row; none is executed, so that nothing else runs.

import { randomUUID } from "node:crypto";
import { connectClient } from "../../../internal/sdk/client.ts";
import { startEcho } from "../floors/echo.ts";
import { runInFlight } from "../in-flight.ts";
import type { Figure, Row, Scale } from "../row.ts";
import type { Rate } from "../samples.ts";
import { withService } from "../service.ts";
import type { Service } from "../service.ts";

const CALL_MS_MAX = 600_000;
const IN_FLIGHT = 64;
/** All of them together stay below the bound of open workflows, 20,000. */
const COUNT = { full: 3_000, quick: 500 };
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

async function measureAll({ address, token }: Service, scale: Scale): Promise<readonly Figure[]> {
  const client = connectClient({ address, token, callTimeoutMs: CALL_MS_MAX, httpVersion: "2" });
  const submit = (): Promise<unknown> => client.submit({ requestId: randomUUID(), definition });
  const echo = await startEcho();
  const runs: Rate[] = [];
  const echoes: Rate[] = [];
  try {
    await echo.measure({ count: WARM[scale], inFlight: IN_FLIGHT });
    await runInFlight({ count: WARM[scale], inFlight: IN_FLIGHT }, submit);
    for (let repeat = 0; repeat < REPEATS[scale]; repeat++) {
      runs.push(await runInFlight({ count: COUNT[scale], inFlight: IN_FLIGHT }, submit));
      echoes.push(await echo.measure({ count: COUNT[scale], inFlight: IN_FLIGHT }));
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
      isGuarded: true,
    },
  ];
}
