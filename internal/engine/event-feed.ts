// The feed: all events of all workflows, and those of the guard that concern people, in the order of the journal.
// 1. It reads the journal, never memory (H3). The same cursor gives the same steps, after any restart.
// 2. The order is that of batches; within a batch, of frames. So the events of one workflow are in their own order.
// 3. What cannot be read is told as `journalGap`, and passed: a damaged place stops nobody.

import { create } from "@bufbuild/protobuf";
import { HoldfastError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { GUARD_STREAM, timeMs, WorkflowId } from "../base/ids.ts";
import type { TimeMs } from "../base/ids.ts";
import { FEED_BATCHES_READ_MAX, FEED_EVENTS_READ_MAX } from "../base/sink-limits.ts";
import type { GuardEvent } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { WorkflowOutcome } from "../gen/holdfast/v1/event_pb.ts";
import type { Event } from "../gen/holdfast/v1/event_pb.ts";
import { WorkflowStatusSchema } from "../gen/holdfast/v1/status_pb.ts";
import { DERIVED, FEED_KINDS, eventFields, guardFields, isToldOfGuard } from "./feed-fields.ts";
import { FeedStates } from "./feed-states.ts";
import { namesOf } from "./history.ts";
import { readableRecord } from "./lookup.ts";
import type { BatchFrame, Clock, EventFeed, FeedCursor, FeedEvent, FeedStep, FeedWorkflow, Journal, JournalBatch } from "./ports.ts";

/** The feed of a journal. */
export function createEventFeed(journal: Journal, clock: Pick<Clock, "nowMs">): EventFeed {
  const states = new FeedStates(journal);
  const reader = { journal, states, clock };
  return {
    kinds: FEED_KINDS,
    end: () => ({ batch: journal.lastBatch(), events: 0 }),
    restored: () => {
      const mark = journal.restoreMark();
      return mark === undefined ? undefined : { restore: mark.restore, batch: mark.batch };
    },
    read: (after, kinds) => readSteps(reader, after, kinds),
    onMore: (callback) => journal.onBatch(callback),
  };
}

interface Reader {
  readonly journal: Journal;
  readonly states: FeedStates;
  readonly clock: Pick<Clock, "nowMs">;
}

type Kinds = ReadonlySet<string>;

async function readSteps(reader: Reader, after: FeedCursor, kinds: Kinds): Promise<readonly FeedStep[]> {
  const steps: FeedStep[] = [];
  let [batches, events] = [0, 0];
  for await (const batch of reader.journal.readBatches({ afterBatch: after.batch })) {
    const skipped = batch.number === after.batch + 1 ? after.events : 0;
    for await (const step of batchSteps(reader, batch, kinds)) {
      if (step.cursor.batch < batch.number && step.cursor.events <= skipped) continue;
      steps.push(step);
      events += step.events.length;
      if (events >= FEED_EVENTS_READ_MAX) return steps;
    }
    batches += 1;
    if (batches >= FEED_BATCHES_READ_MAX) return steps;
  }
  return steps;
}

/** A step for each event of the batch that somebody wants, and one that ends the batch. */
async function* batchSteps(reader: Reader, batch: JournalBatch, kinds: Kinds): AsyncGenerator<FeedStep> {
  const { number, frames } = batch;
  const framesOf = Map.groupBy(
    frames.filter(({ missing }) => missing === 0),
    ({ stream }) => stream,
  );
  let done = 0;
  for (const one of frames) {
    const { stream, frame } = one;
    const siblings = framesOf.get(stream) ?? [];
    done += one.missing;
    for (const [offset, event] of [...frame.events, ...frame.guardEvents].entries()) {
      done += 1;
      const isEnd = one === siblings.at(-1) && offset === frame.events.length - 1;
      const events = await told(reader, { siblings, one, offset, event, isEnd }, kinds);
      if (events.length > 0) yield { events, cursor: { batch: number - 1, events: done } };
    }
  }
  const gap = batch.damage !== undefined && kinds.has(DERIVED.gap) ? [gapEvent(reader, batch, batch.damage)] : [];
  yield { events: gap, cursor: { batch: number, events: 0 } };
}

interface Place {
  /** All frames that the batch has of the stream. */
  readonly siblings: readonly BatchFrame[];
  readonly one: BatchFrame;
  readonly offset: number;
  readonly event: Event | GuardEvent;
  /** It is the last of its workflow in the batch. */
  readonly isEnd: boolean;
}

async function told(reader: Reader, place: Place, kinds: Kinds): Promise<readonly FeedEvent[]> {
  const { one, offset, event } = place;
  const { stream, frame } = one;
  const id: string = stream;
  const at = { seq: frame.firstSeq + offset, atMs: timeMs(frame.timeMs + event.afterMs) };
  if (event.$typeName === "holdfast.journal.v1.GuardEvent") return guardEvents(event, at, kinds);
  if (stream === GUARD_STREAM || !WorkflowId.is(id)) return [];
  return workflowEvents(reader, { ...place, ...at, id, event }, kinds);
}

function guardEvents(event: GuardEvent, at: { readonly seq: number; readonly atMs: TimeMs }, kinds: Kinds): readonly FeedEvent[] {
  const { kind } = event;
  if (!isToldOfGuard(event) || kind.case === undefined || !kinds.has(kind.case)) return [];
  const by = "by" in kind.value ? kind.value.by : "";
  return [
    { ...NO_NAMES, id: `${GUARD_STREAM}/${at.seq}`, kind: kind.case, atMs: at.atMs, by, workflow: undefined, event: guardFields(event) },
  ];
}

interface WorkflowPlace extends Place {
  readonly id: WorkflowId;
  readonly event: Event;
  readonly seq: number;
  readonly atMs: TimeMs;
}

async function workflowEvents(reader: Reader, place: WorkflowPlace, kinds: Kinds): Promise<readonly FeedEvent[]> {
  const { id, event, seq, isEnd } = place;
  const { kind } = event;
  const found: { readonly kind: string; readonly fields: JsonObject; readonly id: string }[] = [];
  if (kind.case !== undefined && kinds.has(kind.case)) found.push({ kind: kind.case, fields: eventFields(event), id: `${id}/${seq}` });
  const hasFailed = kind.case === "workflowEnded" && kind.value.outcome === WorkflowOutcome.FAILED;
  if (hasFailed && kinds.has(DERIVED.failed))
    found.push({ kind: DERIVED.failed, fields: eventFields(event), id: `${id}/${seq}/${DERIVED.failed}` });
  const waiting = isEnd && kinds.has(DERIVED.waiting) ? await beganToWait(reader, place) : undefined;
  if (waiting !== undefined) found.push({ kind: DERIVED.waiting, fields: waiting, id: `${id}/${seq}/${DERIVED.waiting}` });
  if (found.length === 0) return [];
  const about = { atMs: place.atMs, by: event.by, workflow: workflowOf(reader, id) };
  const names = await namesAt(reader, place);
  return found.map((one) => {
    const shown = one.kind === kind.case ? names : NO_NAMES;
    return { ...about, ...shown, id: one.id, kind: one.kind, event: one.fields };
  });
}

const NO_NAMES = { stage: "", action: "", target: "" } as const;

/** A workflow whose events are damaged has nothing that could be derived from them; the damage itself is told as a gap. */
async function beganToWait({ states }: Reader, { id, siblings }: WorkflowPlace): Promise<JsonObject | undefined> {
  return unlessLost(
    states.beganToWait(
      id,
      siblings.map(({ frame }) => frame),
    ),
  );
}

async function namesAt(
  { states }: Reader,
  { id, seq, event: { kind } }: WorkflowPlace,
): Promise<typeof NO_NAMES | Required<ReturnType<typeof namesOf>>> {
  if (kind.case === undefined || !("task" in kind.value || "stage" in kind.value)) return NO_NAMES;
  const blueprint = await unlessLost(states.blueprint(id, seq));
  if (blueprint === undefined) return NO_NAMES;
  const { stage = "", action = "", target = "" } = namesOf(blueprint, kind);
  return { stage, action, target };
}

async function unlessLost<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof HoldfastError && error.code === "DATA_LOSS") return undefined;
    throw error;
  }
}

/** What of its record never changes. */
function workflowOf({ journal }: Reader, id: WorkflowId): FeedWorkflow {
  const status = readableRecord(journal, id)?.status ?? create(WorkflowStatusSchema, {});
  const { name, namespace, key, submittedBy, annotations } = status;
  return { id, name, namespace, key, submittedBy, annotations: { ...annotations } };
}

/** What it held is not known, and so neither is when it happened. */
function gapEvent({ clock }: Reader, { first, number }: JournalBatch, reason: string): FeedEvent {
  const event = { firstBatch: first, lastBatch: number, reason };
  return { ...NO_NAMES, id: `journal/${number}`, kind: DERIVED.gap, atMs: clock.nowMs(), by: "", workflow: undefined, event };
}
