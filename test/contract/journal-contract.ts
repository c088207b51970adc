// What every journal promises, the real one and the fake: run as `journalContract("name", opener)`.

import { create, equals } from "@bufbuild/protobuf";
import { afterEach, describe, expect, test } from "vitest";
import { GUARD_STREAM, seq, workflowStream } from "../../internal/base/ids.ts";
import type { StreamId } from "../../internal/base/ids.ts";
import type { Journal } from "../../internal/engine/ports.ts";
import type { Event } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { AttemptDetailSchema, StageStatusSchema } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { encodeDetail } from "../../internal/workflow/detail-codec.ts";
import {
  aDetail,
  all,
  anEntry,
  anId,
  aRecord,
  attemptEnded,
  attemptStarted,
  continued,
  lockTaken,
  NOON_MS,
  opening,
} from "../fakes/journal-entries.ts";

/** A journal under test: `reopen` is a restart of the process. */
export interface JournalUnderTest {
  readonly journal: Journal;
  reopen(): Promise<JournalUnderTest>;
  end(): Promise<void>;
}

/** Runs the contract on a journal. */
export function journalContract(name: string, open: () => Promise<JournalUnderTest>): void {
  describe(name, () => {
    let current: JournalUnderTest | undefined;
    const start = async (): Promise<Journal> => (current = await open()).journal;
    const restart = async (): Promise<Journal> => {
      if (current === undefined) throw new Error("start() first");
      current = await current.reopen();
      return current.journal;
    };
    afterEach(async () => {
      await current?.end();
      current = undefined;
    });
    streams(start, restart);
    rows(start, restart);
    indexes(start, restart);
  });
}

type Start = () => Promise<Journal>;

/** Each event of a stream as `seq@time task`. */
async function eventsOf(journal: Journal, stream: StreamId, afterSeq = 0): Promise<string[]> {
  const lines: string[] = [];
  for (const frame of await all(journal.readFrames(stream, { afterSeq: seq(afterSeq) }))) {
    for (const [at, event] of [...frame.events, ...frame.guardEvents].entries()) {
      const value = event.kind.value;
      const what = value !== undefined && "task" in value ? value.task : value !== undefined && "key" in value ? value.key : "";
      lines.push(`${frame.firstSeq + at}@${frame.timeMs + event.afterMs - NOON_MS} ${what}`);
    }
  }
  return lines;
}

/** Each event of the batches as `batch stream/seq`. */
async function batchesOf(journal: Journal, afterBatch: number): Promise<string[]> {
  const batches = await all(journal.readBatches({ afterBatch }));
  return batches.flatMap(({ number, frames }) =>
    frames.flatMap(({ stream, frame }) =>
      [...frame.events, ...frame.guardEvents].map((_, at) => `${number} ${stream}/${frame.firstSeq + at}`),
    ),
  );
}

const one = workflowStream(anId(1));

function streams(start: Start, restart: Start): void {
  test("events come back in order, with their numbers and times, also after a restart", async () => {
    const journal = await start();
    void journal.append(anEntry({ events: [attemptStarted(0), attemptStarted(1)] }));
    void journal.append(anEntry({ firstSeq: 3, atMs: NOON_MS + 5, events: [attemptEnded(0)] }));
    await journal.append(anEntry({ firstSeq: 4, atMs: NOON_MS + 2, events: [attemptEnded(1)] }));
    const expected = ["1@0 0", "2@0 1", "3@5 0", "4@2 1"];
    expect(await eventsOf(journal, one)).toEqual(expected);
    expect(await eventsOf(await restart(), one)).toEqual(expected);
  });

  test("a clock that steps back, or far ahead, changes no event's time", async () => {
    const journal = await start();
    const times = [10, 3, 4, 2 ** 33, 2 ** 33 + 1, 0];
    const appends = times.map((afterMs, at) =>
      journal.append(anEntry({ firstSeq: at + 1, atMs: NOON_MS + afterMs, events: [attemptStarted(at)] })),
    );
    await Promise.all(appends);
    expect(await eventsOf(journal, one)).toEqual(times.map((afterMs, at) => `${at + 1}@${afterMs} ${at}`));
  });

  test("reading begins after any number", async () => {
    const journal = await start();
    for (let at = 1; at <= 9; at += 3) {
      await journal.append(anEntry({ firstSeq: at, events: [attemptStarted(at), attemptStarted(at + 1), attemptStarted(at + 2)] }));
    }
    for (let afterSeq = 0; afterSeq <= 10; afterSeq++) {
      const expected = [1, 2, 3, 4, 5, 6, 7, 8, 9].slice(afterSeq).map((at) => `${at}@0 ${at}`);
      expect(await eventsOf(journal, one, afterSeq)).toEqual(expected);
    }
  });

  test("what an entry lets go is dropped, with its details, but for the stream's first frame; reading passes over it, also after a restart", async () => {
    const journal = await start();
    const [id, other] = [anId(1), anId(2)];
    await journal.append(opening(id));
    await journal.append(opening(other));
    const ended = (task: number): Event => attemptEnded(task, { detailCrc: encodeDetail(aDetail(task)).crc });
    for (const at of [2, 3]) {
      await journal.append(anEntry({ id, firstSeq: at, events: [ended(at)], details: [aDetail(at)] }));
      await journal.append(anEntry({ id: other, firstSeq: at, events: [ended(at)], details: [aDetail(at)] }));
    }
    await journal.append(anEntry({ id, firstSeq: 4, events: [attemptStarted(4), continued(2, 5), attemptStarted(6)] }));
    await journal.append(anEntry({ id, firstSeq: 7, events: [attemptStarted(7), continued(3, 8)], cutBefore: 5 }));
    const kept = ["1@0 0", "5@0 ", "6@0 6", "7@0 7", "8@0 "];
    const check = async (now: Journal): Promise<void> => {
      expect(await eventsOf(now, workflowStream(id))).toEqual(kept);
      for (const [after, from] of [
        [1, 1],
        [2, 1],
        [4, 1],
        [5, 2],
        [7, 4],
      ] as const)
        expect(await eventsOf(now, workflowStream(id), after)).toEqual(kept.slice(from));
      expect([now.detailOf(id, 2, 1), now.detail(id, 3)]).toEqual([undefined, undefined]);
      expect(now.detail(other, 3)).toBeDefined();
      expect(await eventsOf(now, workflowStream(other))).toHaveLength(3);
    };
    await check(journal);
    const again = await restart();
    await check(again);
    await again.append(anEntry({ id, firstSeq: 9, events: [continued(4, 9)], cutBefore: 8 }));
    expect(await eventsOf(again, workflowStream(id))).toEqual(["1@0 0", "8@0 ", "9@0 "]);
    expect((await again.verify({})).damage).toEqual([]);
  });

  test("a stream that nothing was appended to is empty", async () => {
    expect(await eventsOf(await start(), one)).toEqual([]);
  });

  test("a gap or a repeated number is a bug, and says so at once", async () => {
    const journal = await start();
    await journal.append(anEntry({ events: [attemptStarted(0)] }));
    expect(() => journal.append(anEntry({ firstSeq: 3, events: [attemptStarted(1)] }))).toThrow(/without a gap/);
  });

  test("numbers go on after a restart", async () => {
    await (await start()).append(anEntry({ events: [attemptStarted(0)], guardEvents: [lockTaken("a", anId(1))] }));
    const journal = await restart();
    expect(() => journal.append(anEntry({ firstSeq: 1, events: [attemptStarted(1)] }))).toThrow(/without a gap/);
    await (
      await restart()
    ).append(anEntry({ firstSeq: 2, events: [attemptStarted(1)], guardEvents: [lockTaken("b", anId(1))], guardFirstSeq: 2 }));
    expect(await eventsOf(await restart(), GUARD_STREAM)).toEqual(["1@0 a", "2@0 b"]);
  });

  test("many workflows and the guard share batches and keep their own order", async () => {
    const journal = await start();
    let guardFirstSeq = 1;
    const appends: Promise<void>[] = [];
    for (let round = 0; round < 3; round++) {
      for (let n = 1; n <= 50; n++) {
        const guardEvents = [lockTaken(`${n}.${round}`, anId(n))];
        appends.push(
          journal.append(
            anEntry({ id: anId(n), firstSeq: round + 1, events: [attemptStarted(round)], guardEvents, guardFirstSeq: guardFirstSeq++ }),
          ),
        );
      }
      await appends[n50(round)];
    }
    await Promise.all(appends);
    for (let n = 1; n <= 50; n++) expect(await eventsOf(journal, workflowStream(anId(n)))).toEqual(["1@0 0", "2@0 1", "3@0 2"]);
    expect(await eventsOf(journal, GUARD_STREAM)).toHaveLength(150);
    expect((await journal.verify({})).damage).toEqual([]);
  });
}

const n50 = (round: number): number => round * 50 + 25;

function rows(start: Start, restart: Start): void {
  test("batches come in the order in which they were written, from any number on, also after a restart", async () => {
    const journal = await start();
    let calls = 0;
    const end = journal.onBatch(() => calls++);
    expect(journal.lastBatch()).toBe(0);
    await journal.append(opening(anId(1), { events: [attemptStarted(0)] }));
    await journal.append(opening(anId(2), { events: [attemptStarted(1)] }));
    expect(calls).toBe(2);
    end();
    await journal.append(anEntry({ firstSeq: 2, events: [attemptEnded(0)], guardEvents: [lockTaken("a", anId(1))] }));
    expect(calls).toBe(2);
    const expected = [`1 ${anId(1)}/1`, `2 ${anId(2)}/1`, `3 ${anId(1)}/2`, "3 guard/1"];
    expect(await batchesOf(journal, 0)).toEqual(expected);
    const again = await restart();
    expect(again.lastBatch()).toBe(3);
    for (let afterBatch = 0; afterBatch <= 4; afterBatch++)
      expect(await batchesOf(again, afterBatch)).toEqual(expected.filter((line) => Number(line[0]) > afterBatch));
  });

  test("the latest detail of a task is the highest attempt's, at once and after a restart; all are kept", async () => {
    let journal = await start();
    const appended = journal.append(anEntry({ events: [attemptEnded(7)], details: [aDetail(7)] }));
    expect(journal.detail(anId(1), 7)?.attempt).toBe(1);
    void journal.append(
      anEntry({ firstSeq: 2, events: [attemptEnded(7)], details: [aDetail(7, { attempt: 2 }), aDetail(7, { attempt: 3 })] }),
    );
    expect(journal.detail(anId(1), 7)?.attempt).toBe(3);
    await appended;
    await journal.append(anEntry({ firstSeq: 3, events: [attemptEnded(7)], details: [aDetail(7, { attempt: 2, outputTail: "late" })] }));
    for (let life = 0; life < 2; life++) {
      expect(journal.detail(anId(1), 7)?.attempt).toBe(3);
      expect(journal.detailOf(anId(1), 7, 2)?.outputTail).toBe("late");
      expect(equals(AttemptDetailSchema, journal.detailOf(anId(1), 7, 1) ?? aDetail(0), aDetail(7))).toBe(true);
      expect(journal.detail(anId(1), 8)).toBeUndefined();
      expect(journal.detail(anId(2), 7)).toBeUndefined();
      journal = await restart();
    }
  });
}

function indexes(start: Start, restart: Start): void {
  test("a workflow is found by ID, request and key as soon as it is appended, and in its namespace alone", async () => {
    let journal = await start();
    const appended = journal.append(opening(anId(1), { namespace: "ops", key: "k/1", requestId: "r1" }));
    for (let life = 0; life < 2; life++) {
      expect(journal.record(anId(1))?.status.id).toBe(anId(1));
      expect(journal.record(anId(1))?.isOpen).toBe(true);
      expect(journal.record(anId(1))?.requestDigest).toBe("sha256:00");
      expect(journal.findByKey("ops", "k/1")).toBe(anId(1));
      expect(journal.findByRequest("ops", "r1")).toBe(anId(1));
      expect([journal.findByKey("default", "k/1"), journal.findByKey("op", "sk/1"), journal.findByRequest("default", "r1")]).toEqual(
        Array(3).fill(undefined),
      );
      expect(journal.record(anId(2))).toBeUndefined();
      await appended;
      journal = await restart();
    }
  });

  test("a key leads to the last workflow that bore it", async () => {
    const journal = await start();
    await journal.append(opening(anId(1), { key: "k" }));
    await journal.append(
      anEntry({ firstSeq: 2, events: [attemptEnded(0)], index: { kind: "ended", record: aRecord(anId(1), { key: "k", isOpen: false }) } }),
    );
    expect(journal.findByKey("default", "k")).toBe(anId(1));
    await journal.append(opening(anId(2), { key: "k" }));
    expect(journal.findByKey("default", "k")).toBe(anId(2));
    await journal.append(
      anEntry({ firstSeq: 3, events: [attemptStarted(0)], index: { kind: "reopened", record: aRecord(anId(1), { key: "k" }) } }),
    );
    expect(journal.findByKey("default", "k")).toBe(anId(1));
  });

  test("open workflows are those that were opened or reopened and have not ended, the oldest first", async () => {
    const journal = await start();
    const ended = (n: number) => ({ kind: "ended" as const, record: aRecord(anId(n), { isOpen: false }) });
    for (const n of [3, 1, 4, 2]) void journal.append(opening(anId(n)));
    void journal.append(anEntry({ id: anId(1), firstSeq: 2, events: [attemptEnded(0)], index: ended(1) }));
    await journal.append(anEntry({ id: anId(3), firstSeq: 2, events: [attemptEnded(0)], index: ended(3) }));
    await journal.append(
      anEntry({ id: anId(3), firstSeq: 3, events: [attemptStarted(0)], index: { kind: "reopened", record: aRecord(anId(3)) } }),
    );
    expect(await all(journal.openWorkflows())).toEqual([anId(2), anId(3), anId(4)]);
    const next = await restart();
    expect(await all(next.openWorkflows())).toEqual([anId(2), anId(3), anId(4)]);
    expect(next.record(anId(1))?.isOpen).toBe(false);
    expect((await next.verify({})).damage).toEqual([]);
  });

  test("records are listed the newest first, in pages, by namespace or all", async () => {
    const journal = await start();
    for (let n = 1; n <= 6; n++) await journal.append(opening(anId(n), { namespace: n % 2 === 0 ? "even" : "e" }));
    const list = async (namespace: string, limit: number, before?: number) => {
      const records = await journal.listRecords({ namespace, limit, ...(before === undefined ? {} : { before: anId(before) }) });
      return records.map(({ status }) => Number.parseInt(status.id.slice(-4), 16));
    };
    expect(await list("*", 10)).toEqual([6, 5, 4, 3, 2, 1]);
    expect(await list("*", 2, 5)).toEqual([4, 3]);
    expect(await list("even", 10)).toEqual([6, 4, 2]);
    expect(await list("e", 1, 5)).toEqual([3]);
    expect(await list("e", 1, 1)).toEqual([]);
    expect(await list("none", 10)).toEqual([]);
  });

  test("a record is listed without the stages of its status, and else as it is", async () => {
    const journal = await start();
    const record = aRecord(anId(1), { key: "k" });
    const stages = [create(StageStatusSchema, { name: "one", targets: 3 }), create(StageStatusSchema, { name: "two", note: "n" })];
    const full = { ...record, status: { ...record.status, stages, stage: "two", annotations: { a: "b" } } };
    await journal.append({ ...opening(anId(1), { key: "k" }), index: { kind: "opened", record: full } });
    const [listed] = await journal.listRecords({ namespace: "*", limit: 1 });
    expect(listed).toEqual({ ...full, status: { ...full.status, stages: [] } });
    expect(journal.record(anId(1))?.status.stages).toEqual(stages);
  });
}
