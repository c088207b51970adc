// The journal alone under kill -9 and under a disk that is full: what was acknowledged is there, in order, and nothing is half there.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { GUARD_STREAM, seq, workflowStream } from "../../internal/base/ids.ts";
import type { StreamId } from "../../internal/base/ids.ts";
import { openJournal } from "../../internal/journal/open-journal.ts";
import type { LevelJournal } from "../../internal/journal/level-journal.ts";
import { anId } from "../fakes/journal-entries.ts";
import { seededRandom } from "../fakes/fake-ids.ts";
import { temporaryDirectory } from "../fakes/temp-directory.ts";

const SEED = Number(process.env["HOLDFAST_SEED"] ?? 7);
const LIVES = 10;
const WRITER = join(import.meta.dirname, "journal-writer.ts");
/** Two generations of 50, and what of the next ones was in flight. */
const EVENTS_KEPT_MAX = 200;
const STREAMS: readonly StreamId[] = [GUARD_STREAM, ...[1, 2, 3, 4, 5].map((n) => workflowStream(anId(n)))];

/** Runs the writer until it has acknowledged so many entries, or ended; returns the last acknowledged number of each stream. */
async function write(command: readonly string[], killAfter: number): Promise<{ acknowledged: Map<string, number>; isFatal: boolean }> {
  const [file = "", ...args] = command;
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const acknowledged = new Map<string, number>();
  let lines = 0;
  let isFatal = false;
  for await (const line of createInterface({ input: child.stdout })) {
    const [word, stream, at] = line.split(" ");
    if (word === "ack" && stream !== undefined) acknowledged.set(stream, Number(at));
    isFatal ||= word === "fatal";
    if (++lines === killAfter || isFatal) child.kill("SIGKILL");
  }
  await exited;
  return { acknowledged, isFatal };
}

async function ends(journal: LevelJournal): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const stream of STREAMS) {
    let [last, read] = [0, 0];
    for await (const frame of journal.readFrames(stream, { afterSeq: seq(0) })) {
      const isStart = last > 0 && frame.events[0]?.kind.case === "continuedAsNew";
      if (!isStart) expect(frame.firstSeq).toBe(last + 1);
      last = frame.firstSeq + frame.events.length + frame.guardEvents.length - 1;
      read += frame.events.length;
    }
    if (stream === STREAMS.at(-1)) expect(read, "events of an endless workflow that are kept").toBeLessThan(EVENTS_KEPT_MAX);
    found.set(stream, last);
  }
  return found;
}

async function check(directory: string, acknowledged: ReadonlyMap<string, number>): Promise<void> {
  const onFatal = (error: unknown): never => {
    throw error;
  };
  const journal = await openJournal(directory, { onFatal, nowMs: Date.now, isReadOnly: false });
  try {
    const found = await ends(journal);
    for (const [stream, last] of acknowledged) expect(found.get(stream), `${stream} (seed ${SEED})`).toBeGreaterThanOrEqual(last);
    const turns = STREAMS.slice(1).reduce((sum, stream) => sum + (found.get(stream) ?? 0), 0);
    expect(found.get(GUARD_STREAM), "each turn's events and its guard's are there together, or not at all").toBe(turns);
    expect((await journal.verify({})).damage).toEqual([]);
    for (let n = 1; n <= 5; n++)
      if (n < 5 || (found.get(anId(n)) ?? 0) % 50 > 0) expect(journal.detail(anId(n), found.get(anId(n)) ?? 0)).toBeDefined();
  } finally {
    await journal.close();
  }
}

test(`every acknowledged entry survives kill -9, ${LIVES} times over (seed ${SEED})`, async () => {
  const directory = temporaryDirectory();
  const random = seededRandom(SEED);
  for (let life = 0; life < LIVES; life++) {
    const { acknowledged } = await write([process.execPath, WRITER, directory], 20 + Math.floor(random() * 8_000));
    expect(acknowledged.size).toBeGreaterThan(1);
    await check(directory, acknowledged);
  }
});

test("a write that fails acknowledges nothing more, and what was acknowledged is whole after there is room again", async () => {
  const directory = temporaryDirectory();
  // No file may grow beyond 512 KiB: the next write of LevelDB's log fails, as on a full disk.
  const limited = ["sh", "-c", 'ulimit -f "$1"; shift; exec "$@"', "sh", "1024", process.execPath, WRITER, directory];
  const { acknowledged, isFatal } = await write(limited, Number.POSITIVE_INFINITY);
  expect(isFatal).toBe(true);
  expect(acknowledged.get(GUARD_STREAM)).toBeGreaterThan(100);
  await check(directory, acknowledged);
});
