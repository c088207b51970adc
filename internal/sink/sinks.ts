// The sinks of a file: opened, kept in step with the file when it changes, listed, tried out, closed.
// 1. A file that is broken changes nothing: the last good one stays in use, also over a restart, and what is wrong is logged once and shown.
// 2. A sink whose lines in the file did not change is not disturbed when others do.

import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { HoldfastError } from "../base/errors.ts";
import { didYouMean } from "../base/nearest.ts";
import { SINK_ERROR_LENGTH_MAX, SINK_POLL_MS } from "../base/sink-limits.ts";
import type { Clock, EventFeed, FeedEvent, Ids, Sinks } from "../engine/ports.ts";
import type { SinkInfo } from "../gen/holdfast/v1/sink_service_pb.ts";
import { SinkInfoSchema } from "../gen/holdfast/v1/sink_service_pb.ts";
import { firstCursor, placeCursor } from "./cursor.ts";
import type { KeptCursor } from "./cursor.ts";
import { deliver } from "./deliver.ts";
import { eventLine } from "./event-text.ts";
import type { DeliveryPorts } from "./parcel.ts";
import { SinkRunner } from "./runner.ts";
import type { SinkLog } from "./sink-record.ts";
import type { Sink } from "./sink.ts";
import { SinkDirectory } from "./sink-directory.ts";
import { readSinks } from "./sink-file.ts";
import { SinkSource } from "./sink-source.ts";

/** What sinks need. */
export interface SinksOptions extends DeliveryPorts {
  /** The file; undefined: there are no sinks. */
  readonly file: string | undefined;
  /** Where cursors are kept. */
  readonly directory: string;
  readonly feed: EventFeed;
  readonly clock: Clock;
  readonly ids: Pick<Ids, "fraction">;
  readonly log: SinkLog;
}

/** Sinks that deliver until they are closed. */
export interface OpenSinks extends Sinks {
  /** Breaks off what is under way, which is delivered again later. */
  close(): Promise<void>;
}

/** Opens the sinks; throws INVALID_ARGUMENT for a broken file when there never was a good one. */
export async function openSinks(options: SinksOptions): Promise<OpenSinks> {
  const { file } = options;
  if (file === undefined) return NO_SINKS;
  const directory = new SinkDirectory(options.directory);
  await directory.make();
  const sinks = new FileSinks(options, directory, new SinkSource(file));
  await sinks.open();
  return sinks;
}

const NO_SINKS: OpenSinks = {
  list: () => ({ sinks: [], fault: "" }),
  test: async (name) => {
    throw noSuchSink(name, []);
  },
  close: async () => undefined,
};

class FileSinks implements OpenSinks {
  readonly #options: SinksOptions;
  readonly #directory: SinkDirectory;
  readonly #source: SinkSource;
  readonly #running = new Map<string, SinkRunner>();
  /** Why a sink's cursor is not where it was. */
  readonly #notices = new Map<string, string>();
  #fault = "";
  #isClosed = false;
  #cancelPoll: () => void = () => undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(options: SinksOptions, directory: SinkDirectory, source: SinkSource) {
    this.#options = options;
    this.#directory = directory;
    this.#source = source;
  }

  async open(): Promise<void> {
    const found = this.#source.read();
    try {
      await this.#use(found);
    } catch (error) {
      const last = await this.#directory.lastGood();
      if (!(error instanceof HoldfastError) || error.code !== "INVALID_ARGUMENT" || last === undefined) throw error;
      this.#refused(error);
      await this.#follow(readSinks("last-good.yaml", last, this.#options.feed.kinds));
    }
    this.#poll();
  }

  list(): ReturnType<Sinks["list"]> {
    const runners = [...this.#running.values()].toSorted((left, right) => (left.sink.name < right.sink.name ? -1 : 1));
    return { sinks: runners.map((runner) => this.#info(runner)), fault: this.#fault };
  }

  async test(name: string, signal: AbortSignal): Promise<string> {
    const runner = this.#running.get(name);
    if (runner === undefined) throw noSuchSink(name, [...this.#running.keys()]);
    const event = testEvent(this.#options.clock);
    const line = eventLine(name, event, { isFilterUnclear: false });
    const result = await deliver(runner.sink.to, { sink: name, id: event.id, line }, this.#options, signal);
    return result.kind === "taken" ? "" : result.reason.slice(0, SINK_ERROR_LENGTH_MAX);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelPoll();
    await this.#looking;
    await Promise.all([...this.#running.values()].map((runner) => runner.stop()));
  }

  #poll(): void {
    this.#cancelPoll = this.#options.clock.after(SINK_POLL_MS, () => {
      this.#looking = this.#look().finally(() => {
        if (!this.#isClosed) this.#poll();
      });
    });
  }

  async #look(): Promise<void> {
    try {
      const found = this.#source.readChanged();
      if (found !== undefined) await this.#use(found);
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      this.#refused(error);
    }
  }

  async #use(source: string): Promise<void> {
    const { feed, log } = this.#options;
    const sinks = readSinks(this.#source.name, source, feed.kinds);
    await this.#directory.keepLastGood(source);
    await this.#follow(sinks);
    this.#fault = "";
    log.info(`sinks: ${sinks.length} in use${sinks.length === 0 ? "" : `: ${sinks.map(({ name }) => name).join(", ")}`}`);
  }

  #refused({ message }: HoldfastError): void {
    if (message !== this.#fault) this.#options.log.warn(`the file of sinks cannot be used, the last good one stays in use:\n${message}`);
    this.#fault = message;
  }

  /** Stops what is gone or changed, starts what is new or changed. */
  async #follow(sinks: readonly Sink[]): Promise<void> {
    const wanted = new Map(sinks.map((sink) => [sink.name, sink] as const));
    const leaving = [...this.#running.values()].filter(({ sink }) => wanted.get(sink.name)?.fingerprint !== sink.fingerprint);
    await Promise.all(leaving.map((runner) => runner.stop()));
    for (const { sink } of leaving) this.#running.delete(sink.name);
    for (const sink of sinks) {
      if (this.#running.has(sink.name)) continue;
      const runner = new SinkRunner(sink, await this.#cursorOf(sink), {
        ...this.#options,
        directory: this.#directory,
        deliver: this.#deliver,
      });
      this.#running.set(sink.name, runner);
      runner.start();
    }
  }

  /** A new sink's beginning is on disk before it begins: what happens from now on is its own. */
  async #cursorOf(sink: Sink): Promise<KeptCursor> {
    const { feed, log } = this.#options;
    const kept = await this.#directory.cursor(sink.name);
    const { cursor, reason } = kept === undefined ? { cursor: firstCursor(sink.from, feed), reason: "" } : placeCursor(kept, feed);
    if (reason !== "") {
      log.warn(`sink ${sink.name}: ${reason}`);
      this.#notices.set(sink.name, reason);
    }
    if (kept === undefined || reason !== "") await this.#directory.keepCursor(sink.name, cursor);
    return cursor;
  }

  readonly #deliver = (to: Sink["to"], parcel: Parameters<typeof deliver>[1], signal: AbortSignal) =>
    deliver(to, parcel, this.#options, signal);

  #info({ sink, cursor, record }: SinkRunner): SinkInfo {
    const { failure, lastMs } = record;
    const nowMs = this.#options.clock.nowMs();
    return create(SinkInfoSchema, {
      name: sink.name,
      to: placeOf(sink),
      cursor: BigInt(cursor.batch),
      behind: BigInt(Math.max(0, this.#options.feed.end().batch - cursor.batch)),
      delivered: BigInt(record.count),
      ...(lastMs === undefined ? {} : { deliveredAt: timestampFromMs(lastMs) }),
      ...(failure === undefined ? {} : { failingSince: timestampFromMs(failure.sinceMs) }),
      ...(failure === undefined || failure.nextMs <= nowMs ? {} : { nextTryAt: timestampFromMs(failure.nextMs) }),
      waiting: failure?.waiting ?? "",
      tries: failure?.tries ?? 0,
      error: failure?.reason ?? "",
      notice: this.#notices.get(sink.name) ?? "",
    });
  }
}

/** The path and the query of an address may be a secret, and so may a command's arguments. */
function placeOf({ to }: Sink): string {
  return to.kind === "webhook" ? `webhook ${new URL(to.url).origin}` : `command ${to.argv[0] ?? ""}`;
}

function testEvent(clock: Clock): FeedEvent {
  const nowMs = clock.nowMs();
  return {
    id: `test/${nowMs}`,
    kind: "sinkTest",
    atMs: nowMs,
    by: "",
    workflow: undefined,
    stage: "",
    action: "",
    target: "",
    event: {},
  };
}

function noSuchSink(name: string, names: readonly string[]): HoldfastError {
  const hint = didYouMean(name, names) || '; "holdfast sinks" lists them';
  return new HoldfastError("NOT_FOUND", `there is no sink "${name}"${hint}`);
}
