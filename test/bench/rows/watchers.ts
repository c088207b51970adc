// Ten thousand workflows that run at once, a hundred watchers on each of a hundred of them, and Status asked meanwhile.
// 1. A workflow runs a task that waits for an hour. The watched ones are paused and unpaused while Status is asked, and cancelled at the end.
// 2. Each watcher sees every event from the first to the last, in order, and then the end of its stream; anything else fails the row.
// 3. A watcher is one connection with a stream for each watched workflow. Each stream is a call of one principal, so the service is told
//    by its flag to allow so many; it has no other settings than its defaults besides.
// 4. A quick measurement has no figures: times alone would be left of it, and memory has no floor.

import { randomUUID } from "node:crypto";
import { present } from "../../../internal/base/assert.ts";
import { connectClient } from "../../../internal/sdk/client.ts";
import type { HoldfastClient } from "../../../internal/sdk/client.ts";
import { seededRandom } from "../../fakes/fake-ids.ts";
import { startEcho } from "../floors/echo.ts";
import { runInFlight } from "../in-flight.ts";
import type { Figure, Row, Scale } from "../row.ts";
import type { Rate } from "../samples.ts";
import { withService } from "../service.ts";
import type { Service } from "../service.ts";

interface Size {
  readonly workflows: number;
  readonly watched: number;
  readonly watchers: number;
  /** Each pauses and unpauses every watched workflow once, and asks for so many statuses. */
  readonly repeats: number;
  readonly statuses: number;
}

const SIZE: Size = { workflows: 10_000, watched: 100, watchers: 100, repeats: 5, statuses: 500 };
const CALL_MS_MAX = 600_000;
const IN_FLIGHT = 64;
const SEED = 5;

const definition = { name: "waiting", stages: [{ name: "all", actions: [{ name: "hour", uses: "wait", with: { for: "1h" } }] }] };

/** The row. */
export const row: Row = {
  name: "watchers",
  title: "10,000 workflows running at once, 100 watchers each on 100 of them",
  async measure(scale: Scale): Promise<readonly Figure[]> {
    if (scale === "quick") return [];
    return withService({ args: ["--log-level", "warn", "--calls-per-principal", "16000"] }, (service) => measureAll(service, SIZE));
  },
};

async function measureAll(service: Service, size: Size): Promise<readonly Figure[]> {
  const client = clientOf(service);
  const ids = await runWorkflows(client, size.workflows);
  const watched = ids.slice(0, size.watched);
  const restMiB = service.rssMiB();
  const crowd = new Crowd();
  for (let nth = 0; nth < size.watchers; nth++) await crowd.watch(clientOf(service), watched);
  const asked = await askStatuses(client, { ids, watched, size });
  await runInFlight({ count: watched.length, inFlight: IN_FLIGHT }, (nth) =>
    client.cancel({ workflow: refOf(watched, nth), reason: "end" }),
  );
  await crowd.ended();
  return [
    {
      what: "p99 of Status while the watched ones move",
      unit: "ms",
      better: "lower",
      values: asked.statuses.map(({ p99Ms }) => p99Ms),
      floor: { what: "p99 of a bare Connect echo", values: asked.echoes.map(({ p99Ms }) => p99Ms) },
      wanted: "<= 50 ms",
    },
    {
      what: "the service's peak of memory, all of it",
      unit: "MiB",
      better: "lower",
      values: [service.rssPeakMiB()],
      wanted: "<= 1 GiB",
    },
    { what: "its memory before the watchers came", unit: "MiB", better: "lower", values: [restMiB] },
    { what: "events that watchers got, none lost", unit: "", better: "higher", values: [crowd.events] },
  ];
}

function clientOf({ address, token }: Service): HoldfastClient {
  return connectClient({ address, token, callTimeoutMs: CALL_MS_MAX, httpVersion: "2" });
}

/** Submits and executes so many; they run on for an hour. */
async function runWorkflows(client: HoldfastClient, count: number): Promise<readonly string[]> {
  const ids: string[] = [];
  await runInFlight({ count, inFlight: IN_FLIGHT }, async () => {
    const { id, digest } = await client.submit({ requestId: randomUUID(), definition });
    await client.exec({ workflow: { id, namespace: "" }, digest });
    ids.push(id);
  });
  return ids;
}

async function askStatuses(
  client: HoldfastClient,
  { ids, watched, size }: { readonly ids: readonly string[]; readonly watched: readonly string[]; readonly size: Size },
): Promise<{ readonly statuses: readonly Rate[]; readonly echoes: readonly Rate[] }> {
  const echo = await startEcho();
  const random = seededRandom(SEED);
  const statuses: Rate[] = [];
  const echoes: Rate[] = [];
  try {
    for (let repeat = 0; repeat < size.repeats; repeat++) {
      const moving = runInFlight({ count: watched.length, inFlight: 1 }, async (nth) => {
        await client.pause({ workflow: refOf(watched, nth), reason: "watch" });
        await client.unpause({ workflow: refOf(watched, nth) });
      });
      const status = (): Promise<unknown> => client.status({ workflow: refOf(ids, Math.floor(random() * ids.length)) });
      statuses.push(await runInFlight({ count: size.statuses, inFlight: 1 }, status));
      await moving;
      echoes.push(await echo.measure({ count: size.statuses, inFlight: 1 }));
    }
  } finally {
    await echo.close();
  }
  return { statuses, echoes };
}

function refOf(ids: readonly string[], nth: number): { readonly id: string; readonly namespace: string } {
  return { id: present(ids[nth], "a workflow"), namespace: "" };
}

/** Everybody who watches. */
class Crowd {
  events = 0;
  readonly #streams: Promise<void>[] = [];

  /** One more watcher, with a stream for each workflow; resolves when each has shown its first events. */
  async watch(client: HoldfastClient, ids: readonly string[]): Promise<void> {
    await Promise.all(
      ids.map(
        (id) =>
          new Promise<void>((resolve, reject) => {
            const stream = this.#follow(client, id, resolve);
            stream.catch(reject);
            this.#streams.push(stream);
          }),
      ),
    );
  }

  /** Resolves when every stream has come to its end; rejects when one lost something. */
  async ended(): Promise<void> {
    await Promise.all(this.#streams);
  }

  async #follow(client: HoldfastClient, id: string, begun: () => void): Promise<void> {
    let last = 0n;
    let isOver = false;
    for await (const { events, status } of client.watch({ workflow: { id, namespace: "" } })) {
      for (const { seq } of events) {
        if (seq !== last + 1n) throw new Error(`a watcher of ${id} saw event ${seq} after ${last}`);
        last = seq;
        this.events++;
      }
      isOver = status?.endedAt !== undefined && status.seq === last;
      begun();
    }
    if (!isOver) throw new Error(`a watcher of ${id} saw its stream end after event ${last}, before the workflow's end`);
  }
}
