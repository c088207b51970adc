// A sink at work: at least once, in order, and nobody else is held back.

import { onTestFinished, expect, test } from "vitest";
import { FakeClock, settle } from "../../test/fakes/fake-clock.ts";
import { FakeFeed, aFeedEvent } from "../../test/fakes/feed-events.ts";
import { HoldfastError } from "../base/errors.ts";
import { FEED_KINDS } from "../engine/feed-fields.ts";
import type { FeedEvent } from "../engine/ports.ts";
import type { KeptCursor } from "./cursor.ts";
import type { Delivered, Parcel } from "./parcel.ts";
import { SinkRunner } from "./runner.ts";
import { readSinks } from "./sink-file.ts";

const START: KeptCursor = { batch: 0, events: 0, restore: "" };

/** Events of a workflow by number. */
const event = (seq: number, kind = "workflowEnded"): FeedEvent => aFeedEvent({ id: `w/${seq}`, kind });

class Bench {
  readonly feed = new FakeFeed();
  readonly clock = new FakeClock();
  /** What the other side took, and what it refused. */
  readonly taken: string[] = [];
  readonly refused: string[] = [];
  readonly kept: KeptCursor[] = [];
  readonly logged: string[] = [];
  answer: (parcel: Parcel) => Delivered | Promise<Delivered> = () => ({ kind: "taken" });
  keepFailure: Error | undefined;
  readonly signals: AbortSignal[] = [];

  start(cursor: KeptCursor = START, when = "{ kinds: [workflowEnded] }"): SinkRunner {
    const source = `sinks: [{ name: log, when: ${when}, command: { argv: [/bin/true] }, retry: { first: 1s, max: 8s } }]`;
    const [sink] = readSinks("sinks.yaml", source, FEED_KINDS);
    if (sink === undefined) throw new Error("one sink");
    const log = { info: (line: string) => void this.logged.push(line), warn: (line: string) => void this.logged.push(`! ${line}`) };
    const runner = new SinkRunner(sink, cursor, {
      feed: this.feed,
      clock: this.clock,
      ids: { fraction: () => 1 },
      directory: {
        keepCursor: async (_, kept) => {
          if (this.keepFailure !== undefined) throw this.keepFailure;
          this.kept.push(kept);
        },
      },
      deliver: async (_, parcel, signal) => {
        this.signals.push(signal);
        const result = await this.answer(parcel);
        (result.kind === "taken" ? this.taken : this.refused).push(parcel.id);
        return result;
      },
      log,
    });
    runner.start();
    onTestFinished(() => runner.stop());
    return runner;
  }
}

const NO: Delivered = { kind: "refused", reason: "answered 503" };

test("events are delivered in order, and the cursor moves past each once it was taken", async () => {
  const bench = new Bench();
  bench.feed.push(event(1), event(2, "stageEnded"), event(3));
  const runner = bench.start();
  await settle();
  bench.feed.push(event(4));
  await settle();
  expect(bench.taken).toEqual(["w/1", "w/3", "w/4"]);
  expect(bench.kept.map(({ batch, events }) => `${batch}+${events}`)).toEqual(["0+1", "0+3", "1+1"]);
  expect(runner.cursor).toEqual({ batch: 2, events: 0, restore: "" });
  expect(runner.record.count).toBe(3);
});

test("what is not taken is tried again, later and later, and nothing overtakes it", async () => {
  const bench = new Bench();
  bench.answer = () => NO;
  bench.feed.push(event(1), event(2));
  const runner = bench.start();
  await settle();
  for (const waitMs of [1_000, 2_000, 4_000, 8_000, 8_000]) {
    expect(bench.clock.nextInMs).toBe(waitMs);
    bench.clock.advance(waitMs);
    await settle();
  }
  expect(bench.refused).toEqual(Array.from({ length: 6 }, () => "w/1"));
  expect([bench.taken, bench.kept]).toEqual([[], []]);
  expect(runner.record.failure).toMatchObject({ waiting: "w/1", reason: "answered 503", tries: 6 });
  bench.answer = () => ({ kind: "taken" });
  bench.clock.advance(8_000);
  await settle();
  expect(bench.taken).toEqual(["w/1", "w/2"]);
  expect(runner.record.failure).toBeUndefined();
  expect(bench.logged).toEqual([
    expect.stringMatching(/^! sink log cannot deliver w\/1: answered 503; /),
    expect.stringContaining("delivers again"),
  ]);
});

test("what was delivered when the service died, and not noted, is delivered again, and so is all that follows", async () => {
  const bench = new Bench();
  bench.feed.push(event(1), event(2));
  bench.feed.push(event(3));
  const runner = bench.start();
  await settle();
  await runner.stop();
  const afterFirst = bench.kept[0] ?? START;
  bench.taken.length = 0;
  bench.start(afterFirst);
  await settle();
  expect(bench.taken).toEqual(["w/2", "w/3"]);
});

test("a cursor that cannot be written keeps the next event back", async () => {
  const bench = new Bench();
  bench.keepFailure = new HoldfastError("FAILED_PRECONDITION", "the disk is full");
  bench.feed.push(event(1), event(2));
  const runner = bench.start();
  await settle();
  expect(bench.taken).toEqual(["w/1"]);
  expect(runner.record.failure).toMatchObject({ waiting: "", reason: "the disk is full", tries: 1 });
  bench.clock.advance(1_000);
  await settle();
  expect(bench.taken, "it waits for the disk, not for a while").toEqual(["w/1"]);
  bench.keepFailure = undefined;
  bench.clock.advance(2_000);
  await settle();
  expect(bench.taken).toEqual(["w/1", "w/2"]);
  expect(runner.record.failure).toBeUndefined();
});

test("a journal that cannot be read is read again, and a fault of our own ends nothing", async () => {
  const bench = new Bench();
  bench.feed.push(event(1));
  bench.feed.failure = new TypeError("undefined is not a function");
  const runner = bench.start();
  await settle();
  expect(runner.record.failure?.reason).toBe("a fault of the service itself: undefined is not a function");
  bench.clock.advance(1_000);
  await settle();
  expect(bench.taken).toEqual(["w/1"]);
});

test("stop breaks off a delivery and a wait, and starts nothing more", async () => {
  const bench = new Bench();
  const hanging = Promise.withResolvers<Delivered>();
  bench.answer = () => hanging.promise;
  bench.feed.push(event(1), event(2));
  const runner = bench.start();
  await settle();
  const stopped = runner.stop();
  expect(bench.signals[0]?.aborted).toBe(true);
  hanging.resolve(NO);
  await stopped;
  expect([bench.refused, bench.taken, bench.kept, bench.clock.timerCount]).toEqual([["w/1"], [], [], 0]);
});

test("an event that its filter cannot be asked about is delivered, and says so", async () => {
  const bench = new Bench();
  const lines: unknown[] = [];
  bench.answer = ({ line }) => {
    lines.push(JSON.parse(line));
    return { kind: "taken" };
  };
  bench.feed.push(event(1));
  bench.start(START, "{ kinds: [workflowEnded], filter: 'event.nothing == 1' }");
  await settle();
  expect(lines).toEqual([
    expect.objectContaining({ id: "w/1", kind: "workflowEnded", sink: "log", at: "2026-01-01T12:00:00Z", isFilterUnclear: true }),
  ]);
});
