// A start on a store that has grown: a large workflow half done, killed in the middle, and as many finished workflows beside it.
// 1. Each start has a fresh copy of the store, with the tables of LevelDB in the page cache, as a service has that was just killed.
// 2. "Dispatched" is the time of the first AttemptStarted of this life, by the journal; a client reads it from the history.
// 3. The floor is a reading of the same rows from bare LevelDB: those of the streams that a start has to replay.
// 4. A quick measurement has no figures: on a store that is made in seconds a start is mostly Node's own.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { Level } from "level";
import { GUARD_STREAM, workflowStream } from "../../../internal/base/ids.ts";
import { ROW, streamRange } from "../../../internal/journal/layout.ts";
import { bigStore, copyStore } from "../big-store.ts";
import type { BigStore } from "../big-store.ts";
import type { Figure, Row, Scale } from "../row.ts";
import { withScratch } from "../scratch.ts";
import { Service } from "../service.ts";

/** The first dispatch of a life is among the last events of the workflow when its history is read, which is at once. */
const EVENTS_BACK = 200_000;
const REPEATS = 5;

interface Start {
  readonly servingMs: number;
  readonly dispatchedMs: number;
  readonly rssPeakMiB: number;
  readonly cpuMs: number;
  readonly floor: Floor;
}

/** What bare LevelDB takes for the rows that a start replays. */
interface Floor {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** The row. */
export const row: Row = {
  name: "restart",
  title: "Start on a store with one workflow of 1,000,000 tasks half done and 1,000,000 finished workflows",
  async measure(scale: Scale): Promise<readonly Figure[]> {
    if (scale === "quick") return [];
    const store = await bigStore(scale);
    const starts: Start[] = [];
    for (let repeat = 0; repeat < REPEATS; repeat++) starts.push(await measureStart(store));
    const what = "the rows to replay read from bare LevelDB";
    const wall = { what, values: starts.map(({ floor }) => floor.wallMs) };
    const cpu = { what, values: starts.map(({ floor }) => floor.cpuMs) };
    return [
      {
        what: "from the start of the process until it serves",
        unit: "ms",
        better: "lower",
        values: starts.map(({ servingMs }) => servingMs),
        floor: wall,
        wanted: "<= 10 s",
      },
      {
        what: "until the first task is dispatched",
        unit: "ms",
        better: "lower",
        values: starts.map(({ dispatchedMs }) => dispatchedMs),
        wanted: "<= 15 s",
      },
      {
        what: "time on the cores until it serves",
        unit: "ms",
        better: "lower",
        values: starts.map(({ cpuMs }) => cpuMs),
        floor: cpu,
      },
      { what: "peak of its memory until it serves", unit: "MiB", better: "lower", values: starts.map(({ rssPeakMiB }) => rssPeakMiB) },
    ];
  },
};

function measureStart(store: BigStore): Promise<Start> {
  return withScratch(async (directory) => {
    const data = join(directory, "data");
    mkdirSync(data, { mode: 0o700 });
    copyStore(store, data);
    const floor = await readRows(store, data);
    const service = new Service({ directory });
    try {
      const startedMs = Date.now();
      const servingMs = await service.start();
      const [rssPeakMiB, cpuMs] = [service.rssPeakMiB(), service.cpuSeconds() * 1_000];
      const dispatchedMs = (await firstDispatch(service, store, startedMs)) - startedMs;
      return { servingMs, dispatchedMs, rssPeakMiB, cpuMs, floor };
    } finally {
      await service.kill();
    }
  });
}

/** When the first attempt of this life was started. */
async function firstDispatch(service: Service, { halfDone }: BigStore, sinceMs: number): Promise<number> {
  const client = service.client();
  const workflow = { id: halfDone, namespace: "" };
  const { seq } = await client.status({ workflow });
  const afterSeq = BigInt(Math.max(0, Number(seq) - EVENTS_BACK));
  for await (const { at, event } of client.history({ workflow, afterSeq })) {
    const atMs = at === undefined ? 0 : timestampMs(at);
    if (atMs >= sinceMs && event?.kind.case === "attemptStarted") return atMs;
  }
  throw new Error("no task was dispatched after the restart");
}

/** How long bare LevelDB takes for the rows that a start replays, with its own opening. */
async function readRows({ halfDone }: BigStore, data: string): Promise<Floor> {
  const startMs = performance.now();
  const cpuBefore = process.cpuUsage();
  const db = new Level<Uint8Array, Uint8Array>(join(data, "journal"), { keyEncoding: "view", valueEncoding: "view" });
  await db.open();
  let rows = 0;
  for (const stream of [GUARD_STREAM, workflowStream(halfDone)]) {
    const iterator = db.iterator(streamRange(ROW.frame, stream));
    for (let chunk = await iterator.nextv(256); chunk.length > 0; chunk = await iterator.nextv(256)) rows += chunk.length;
    await iterator.close();
  }
  await db.close();
  if (rows === 0) throw new Error("the store holds no rows to replay");
  const { user, system } = process.cpuUsage(cpuBefore);
  return { wallMs: performance.now() - startMs, cpuMs: (user + system) / 1_000 };
}
