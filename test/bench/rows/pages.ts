// Status, pages of workflows and pages of tasks on a store that has grown: one at a time, eight in flight, and while its large workflow runs on.
// 1. Every call is of another place: a random finished workflow, a page that begins anywhere. The seed is the same in each run.
// 2. Pages are of the default length, 100. A filter examines as many rows as one page may.
// 3. A quick measurement has no figures: a page's time is that of the disk's cache and of the neighbours, and its store takes long to make.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { HoldfastClient } from "../../../internal/sdk/client.ts";
import { TaskOutcome } from "../../../internal/gen/holdfast/v1/status_pb.ts";
import { present } from "../../../internal/base/assert.ts";
import { seededRandom } from "../../fakes/fake-ids.ts";
import { bigStore, copyStore } from "../big-store.ts";
import type { BigStore } from "../big-store.ts";
import { startEcho } from "../floors/echo.ts";
import type { Echo } from "../floors/echo.ts";
import { runInFlight } from "../in-flight.ts";
import type { Figure, Row, Scale } from "../row.ts";
import type { Rate } from "../samples.ts";
import { withScratch } from "../scratch.ts";
import { withService } from "../service.ts";

const IN_FLIGHT = 8;
const SEED = 5;
/** Calls of each kind before it is measured: what is compiled by then is compiled in a service that has been up for a while. */
const WARM_UP = 50;
const REPEATS = 5;
const COUNT = 500;

/** One call of each kind, at a random place. */
type Ask = (client: HoldfastClient, store: BigStore, random: () => number) => Promise<unknown>;

const ASKS: Readonly<Record<string, Ask>> = {
  "Status of a finished workflow": (client, store, random) =>
    client.status({ workflow: { id: anyFinished(store, random), namespace: "" } }),
  "a page of workflows": (client, store, random) => client.listWorkflows({ pageToken: anyFinished(store, random) }),
  "a page of workflows, failed ones only": (client, store, random) =>
    client.listWorkflows({ pageToken: anyFinished(store, random), filter: 'workflow.phase == "FAILED"' }),
  "a page of workflows of a small namespace": (client, store, random) =>
    client.listWorkflows({ namespace: "batch", pageToken: anyFinished(store, random) }),
  "a page of tasks": (client, store, random) => client.listTasks({ workflow: half(store), pageToken: anyTask(store, random) }),
  "a page of tasks, failed ones only": (client, store) => client.listTasks({ workflow: half(store), outcomes: [TaskOutcome.FAILED] }),
  "a page of tasks, of one target": (client, store, random) =>
    client.listTasks({ workflow: half(store), target: anyTarget(store, random) }),
  "a page of tasks, by an expression": (client, store, random) =>
    client.listTasks({ workflow: half(store), pageToken: anyTask(store, random), filter: 'task.attempts > 1 && task.action == "a3"' }),
};

/** The row. */
export const row: Row = {
  name: "pages",
  title: "Status and pages on a store with one workflow of 1,000,000 tasks half done and 1,000,000 finished workflows",
  async measure(scale: Scale): Promise<readonly Figure[]> {
    if (scale === "quick") return [];
    const store = await bigStore(scale);
    return withScratch((directory) => {
      const data = join(directory, "data");
      mkdirSync(data, { mode: 0o700 });
      copyStore(store, data);
      return withService({ directory }, (service) => measureAll(service.client(), store));
    });
  },
};

async function measureAll(client: HoldfastClient, store: BigStore): Promise<readonly Figure[]> {
  const echo = await startEcho({ httpVersion: "1.1" });
  const figures: Figure[] = [];
  try {
    await client.pause({ workflow: half(store), reason: "pages are measured" });
    for (const what of Object.keys(ASKS)) {
      figures.push(...(await measureAsk(client, store, { what, inFlight: 1, echo, where: "" })));
      figures.push(...(await measureAsk(client, store, { what, inFlight: IN_FLIGHT, echo, where: `, ${IN_FLIGHT} in flight` })));
    }
    await client.unpause({ workflow: half(store) });
    for (const what of ["Status of a finished workflow", "a page of workflows", "a page of tasks"])
      figures.push(...(await measureAsk(client, store, { what, inFlight: 1, echo, where: ", while the large one runs" })));
  } finally {
    await echo.close();
  }
  return figures;
}

interface Asking {
  readonly what: string;
  readonly inFlight: number;
  readonly echo: Echo;
  readonly where: string;
}

/** How long one kind of call takes, in turn with an echo. */
async function measureAsk(client: HoldfastClient, store: BigStore, { what, inFlight, echo, where }: Asking): Promise<readonly Figure[]> {
  const ask = present(ASKS[what], "a kind of call");
  const random = seededRandom(SEED);
  const call = (): Promise<unknown> => ask(client, store, random);
  await runInFlight({ count: WARM_UP, inFlight }, call);
  await echo.measure({ count: WARM_UP, inFlight });
  const rates: Rate[] = [];
  const floors: Rate[] = [];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    rates.push(await runInFlight({ count: COUNT, inFlight }, call));
    floors.push(await echo.measure({ count: COUNT, inFlight }));
  }
  const p99: Figure = {
    what: `p99 of ${what}${where}`,
    unit: "ms",
    better: "lower",
    values: rates.map(({ p99Ms }) => p99Ms),
    floor: { what: "p99 of a bare Connect echo", values: floors.map(({ p99Ms }) => p99Ms) },
    ...(inFlight === 1 ? { wanted: "<= 20 ms" } : {}),
  };
  const p50: Figure = {
    what: `p50 of ${what}${where}`,
    unit: "ms",
    better: "lower",
    values: rates.map(({ p50Ms }) => p50Ms),
    floor: { what: "p50 of a bare Connect echo", values: floors.map(({ p50Ms }) => p50Ms) },
  };
  return inFlight === 1 && where === "" ? [p50, p99] : [p99];
}

function half({ halfDone }: BigStore): { readonly id: string; readonly namespace: string } {
  return { id: halfDone, namespace: "" };
}

function anyFinished({ finished }: BigStore, random: () => number): string {
  return present(finished[Math.floor(random() * finished.length)], "a finished workflow");
}

function anyTask({ size }: BigStore, random: () => number): string {
  return String(Math.floor(random() * size.targets * size.actions));
}

function anyTarget({ size }: BigStore, random: () => number): string {
  return `web-${String(Math.floor(random() * size.targets)).padStart(6, "0")}.example.net`;
}
