// The journal in memory: the same contract without a disk, for tests and the simulator.
// 1. "auto": an append is durable in a microtask. "manual": nothing is durable until sync() says so, in the order of appends.
// 2. crash() is a power cut: it hands out a new journal with what was durable, and as much of the rest as the test likes (the disk may hold
//    more than was acknowledged); the old one never acknowledges anything again.

import { assert } from "../../internal/base/assert.ts";
import { HoldfastError } from "../../internal/base/errors.ts";
import { GUARD_STREAM, seq, workflowStream } from "../../internal/base/ids.ts";
import type { Seq, StreamId, WorkflowId } from "../../internal/base/ids.ts";
import { JOURNAL_LIST_MAX } from "../../internal/base/limits.ts";
import type {
  BatchFrame,
  Journal,
  JournalBatch,
  JournalDamage,
  JournalEntry,
  JournalFrame,
  JournalReport,
  RestoreMark,
  WorkflowRecord,
} from "../../internal/engine/ports.ts";
import type { AttemptDetail } from "../../internal/gen/holdfast/v1/status_pb.ts";

/** When appends become durable. */
export type MemoryJournalMode = "auto" | "manual";

/** What reads see: everything appended, or what is durable. */
interface View {
  readonly frames: Map<StreamId, JournalFrame[]>;
  readonly details: Map<string, AttemptDetail>;
  readonly latest: Map<string, number>;
  readonly records: Map<WorkflowId, WorkflowRecord>;
  readonly open: Set<WorkflowId>;
  readonly byKey: Map<string, WorkflowId>;
  readonly byRequest: Map<string, WorkflowId>;
  readonly cuts: Map<StreamId, Cut>;
}

/** What of a stream is dropped: the first event after its first frame, the first that is still there, and the first that is to be kept. */
interface Cut {
  readonly from: number;
  readonly before: number;
  readonly wanted: number;
}

/** One entry drops so many frames of its stream at most: a cut takes several, as it does on a disk. */
const CUT_FRAMES_MAX = 3;

/** A journal without a disk. */
export class MemoryJournal implements Journal {
  /** All that is durable, in order. */
  readonly entries: JournalEntry[] = [];
  /** Called with each entry as it is appended, before anything else: for crashes at the n-th append. */
  onAppend: ((entry: JournalEntry, index: number) => void) | undefined;
  /** What is durable in memory is never lost. */
  readonly lostBatches = [];
  /** Set by a test: the journal was brought back from a backup. */
  restored: RestoreMark | undefined;
  readonly #mode: MemoryJournalMode;
  /** Called with each entry when it is durable, before anybody hears of it. */
  onDurable: ((entry: JournalEntry) => void) | undefined;
  readonly #pending: { readonly entry: JournalEntry; readonly resolve: () => void }[] = [];
  /** What reads of what was appended see before what is durable. */
  #appended = newView();
  #durable = newView();
  /** The last number of each stream, of what was appended and of what is durable. */
  #ends = new Map<StreamId, number>();
  #durableEnds = new Map<StreamId, number>();
  readonly #damaged = new Map<StreamId, string>();
  #isScheduled = false;
  #hasEnded = false;
  #count = 0;
  readonly #onBatch = new Set<() => void>();

  constructor(mode: MemoryJournalMode, entries: readonly JournalEntry[] = []) {
    this.#mode = mode;
    for (const entry of entries) {
      this.#check(entry);
      this.#makeDurable(entry);
    }
  }

  /** Entries that were appended and are not durable. */
  get pendingCount(): number {
    return this.#pending.length;
  }

  append(entry: JournalEntry): Promise<void> {
    if (this.#hasEnded) return new Promise<void>(() => {});
    this.onAppend?.(entry, this.#count++);
    this.#check(entry);
    addTo(this.#appended, entry);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#pending.push({ entry, resolve });
    if (this.#mode === "auto" && !this.#isScheduled) {
      this.#isScheduled = true;
      queueMicrotask(() => {
        this.#isScheduled = false;
        this.sync();
      });
    }
    return promise;
  }

  /** Makes the oldest pending entries durable (absent: all) and resolves their appends. */
  sync(count: number = this.#pending.length): void {
    if (this.#hasEnded) return;
    for (const { entry, resolve } of this.#pending.splice(0, count)) {
      this.#makeDurable(entry);
      resolve();
      for (const callback of this.#onBatch) callback();
    }
    if (this.#pending.length === 0) this.#appended = newView();
  }

  /** Power off. The next life has what was durable and the `kept` oldest pending entries. */
  crash(options: { readonly kept: number; readonly mode?: MemoryJournalMode }): MemoryJournal {
    this.#hasEnded = true;
    const survived = this.#pending.slice(0, options.kept).map(({ entry }) => entry);
    const next = new MemoryJournal(options.mode ?? this.#mode);
    next.#takeOver(this.entries, { durable: this.#durable, ends: this.#durableEnds });
    for (const entry of survived) {
      next.#check(entry);
      next.#makeDurable(entry);
    }
    for (const [stream, reason] of this.#damaged) next.damage(stream, reason);
    return next;
  }

  /** From now on reading this stream's frames throws DATA_LOSS. */
  damage(stream: StreamId, reason: string): void {
    this.#damaged.set(stream, reason);
  }

  async *readFrames(stream: StreamId, range: { readonly afterSeq: Seq }): AsyncGenerator<JournalFrame> {
    const reason = this.#damaged.get(stream);
    if (reason !== undefined) {
      const details = [{ place: `${stream}:${range.afterSeq + 1}`, reason }];
      throw new HoldfastError("DATA_LOSS", `JOURNAL_CORRUPT: stream ${stream}, event ${range.afterSeq + 1}: ${reason}`, { details });
    }
    const frames = this.#durable.frames.get(stream) ?? [];
    const start = frames.findLastIndex(({ firstSeq }) => firstSeq <= range.afterSeq + 1);
    for (const frame of frames.slice(Math.max(0, start))) {
      const skipped = Math.max(0, range.afterSeq + 1 - frame.firstSeq);
      const [events, guardEvents] = [frame.events.slice(skipped), frame.guardEvents.slice(skipped)];
      if (events.length + guardEvents.length > 0) yield { ...frame, firstSeq: add(frame.firstSeq, skipped), events, guardEvents };
    }
  }

  /** Each entry is a batch of its own. */
  async *readBatches({ afterBatch }: { readonly afterBatch: number }): AsyncGenerator<JournalBatch> {
    const last = this.entries.length;
    for (let number = afterBatch + 1; number <= last; number++) {
      const entry = this.entries[number - 1];
      if (entry === undefined) continue;
      const frames = batchFrames(entry).map((each) => (isCut(this.#durable, each) ? missingFrame(each) : each));
      const damage = frames.every(({ missing }) => missing === 0)
        ? undefined
        : `of batch ${number}: events are not kept: continue_as_new has dropped them`;
      yield { first: number, number, frames, damage };
    }
  }

  /** Events of a workflow before this one are dropped by now, but for its first frame; 0: none. */
  droppedBefore(id: string): number {
    for (const [stream, { before }] of this.#durable.cuts) if (stream === id) return before;
    return 0;
  }

  lastBatch(): number {
    return this.entries.length;
  }

  onBatch(callback: () => void): () => void {
    this.#onBatch.add(callback);
    return () => void this.#onBatch.delete(callback);
  }

  detail(id: WorkflowId, task: number): AttemptDetail | undefined {
    const key = `${id} ${task}`;
    return this.detailOf(id, task, Math.max(this.#appended.latest.get(key) ?? 1, this.#durable.latest.get(key) ?? 1));
  }

  detailOf(id: WorkflowId, task: number, attempt: number): AttemptDetail | undefined {
    const key = `${id} ${task} ${attempt}`;
    return this.#appended.details.get(key) ?? this.#durable.details.get(key);
  }

  record(id: WorkflowId): WorkflowRecord | undefined {
    return this.#appended.records.get(id) ?? this.#durable.records.get(id);
  }

  findByRequest(namespace: string, requestId: string): WorkflowId | undefined {
    const key = `${namespace} ${requestId}`;
    return this.#appended.byRequest.get(key) ?? this.#durable.byRequest.get(key);
  }

  findByKey(namespace: string, key: string): WorkflowId | undefined {
    return this.#appended.byKey.get(`${namespace} ${key}`) ?? this.#durable.byKey.get(`${namespace} ${key}`);
  }

  async *openWorkflows(): AsyncGenerator<WorkflowId> {
    yield* [...this.#durable.open].sort();
  }

  async listRecords(options: {
    readonly namespace: string;
    readonly before?: WorkflowId;
    readonly limit: number;
  }): Promise<readonly WorkflowRecord[]> {
    const { namespace, before, limit } = options;
    assert(Number.isInteger(limit) && limit > 0 && limit <= JOURNAL_LIST_MAX, "a page of records has 1 to JOURNAL_LIST_MAX of them");
    return [...this.#durable.records]
      .filter(([id, { status }]) => (namespace === "*" || status.namespace === namespace) && (before === undefined || id < before))
      .sort(([left], [right]) => (left < right ? 1 : -1))
      .slice(0, limit)
      .map(([, record]) => ({ ...record, status: { ...record.status, stages: [] } })); // as from a disk: nobody else's
  }

  async verify(options: { readonly head?: string }): Promise<JournalReport> {
    const damage: JournalDamage[] = [...this.#damaged].map(([stream, reason]) => ({ stream, seq: 1, reason }));
    const hasHead = options.head === undefined || options.head === "";
    if (!hasHead) damage.push({ stream: "", seq: 0, reason: "its tail is lost: a journal in memory has no head" });
    const frames = [...this.#durable.frames.values()].flat();
    const events = frames.reduce((sum, frame) => sum + frame.events.length + frame.guardEvents.length, 0);
    return { batches: this.entries.length, frames: frames.length, events, head: "", damage };
  }

  async *dump(options: { readonly stream?: string }): AsyncGenerator<string> {
    for (const entry of this.entries) {
      const { id, firstSeq, timeMs } = entry;
      if (options.stream === undefined || options.stream === id) yield JSON.stringify({ row: "frame", stream: id, firstSeq, timeMs });
    }
  }

  /** Without bytes: what is in memory only cannot be brought back. */
  async *backup(): AsyncGenerator<Uint8Array> {}

  restoreMark(): RestoreMark | undefined {
    return this.restored;
  }

  async close(): Promise<void> {
    this.#hasEnded = true;
  }

  /** What is durable of a journal that has ended is handed on as it is: to read it all again would cost more than anything else in a large run. */
  #takeOver(entries: readonly JournalEntry[], from: { readonly durable: View; readonly ends: ReadonlyMap<StreamId, number> }): void {
    for (const entry of entries) this.entries.push(entry);
    this.#durable = from.durable;
    this.#ends = new Map(from.ends);
    this.#durableEnds = new Map(from.ends);
  }

  #check(entry: JournalEntry): void {
    assert(entry.id !== undefined || entry.events.length === 0, "events belong to a workflow");
    if (entry.id !== undefined && entry.events.length > 0) this.#follow(workflowStream(entry.id), entry.firstSeq, entry.events.length);
    if (entry.guardEvents.length > 0) this.#follow(GUARD_STREAM, entry.guardFirstSeq, entry.guardEvents.length);
    assert(
      [...entry.events, ...entry.guardEvents].every(({ afterMs }) => afterMs === 0),
      "events are appended without afterMs: the journal sets it",
    );
  }

  #follow(stream: StreamId, firstSeq: number, count: number): void {
    const last = this.#ends.get(stream) ?? 0;
    assert(firstSeq === last + 1, `an append to stream ${stream} follows its last event without a gap`);
    this.#ends.set(stream, last + count);
  }

  #makeDurable(entry: JournalEntry): void {
    this.entries.push(entry);
    addTo(this.#durable, entry);
    const { id, events, guardEvents } = entry;
    if (id !== undefined && events.length > 0) this.#durableEnds.set(workflowStream(id), entry.firstSeq + events.length - 1);
    if (guardEvents.length > 0) this.#durableEnds.set(GUARD_STREAM, entry.guardFirstSeq + guardEvents.length - 1);
    this.onDurable?.(entry);
  }
}

function batchFrames(entry: JournalEntry): readonly BatchFrame[] {
  const { id, timeMs, events, guardFirstSeq, guardEvents } = entry;
  const frames: BatchFrame[] = [];
  if (id !== undefined && events.length > 0)
    for (const frame of framesOf(entry)) frames.push({ stream: workflowStream(id), frame, missing: 0 });
  if (guardEvents.length > 0)
    frames.push({ stream: GUARD_STREAM, frame: { firstSeq: guardFirstSeq, timeMs, events: [], guardEvents }, missing: 0 });
  return frames;
}

function newView(): View {
  return {
    frames: new Map(),
    details: new Map(),
    latest: new Map(),
    records: new Map(),
    open: new Set(),
    byKey: new Map(),
    byRequest: new Map(),
    cuts: new Map(),
  };
}

function addTo(view: View, entry: JournalEntry): void {
  const { id, timeMs, guardEvents } = entry;
  if (guardEvents.length > 0) push(view.frames, GUARD_STREAM, { firstSeq: entry.guardFirstSeq, timeMs, events: [], guardEvents });
  if (id !== undefined) addToWorkflow(view, { ...entry, id });
}

function addToWorkflow(view: View, entry: JournalEntry & { readonly id: WorkflowId }): void {
  const { id, events } = entry;
  if (events.length > 0) {
    for (const frame of framesOf(entry)) push(view.frames, workflowStream(id), frame);
    if (!view.records.has(id)) view.open.add(id);
  }
  if (entry.cutBefore !== undefined) wantCut(view, workflowStream(id), entry.cutBefore);
  cutFrames(view, id);
  for (const detail of entry.details) {
    const { task, attempt } = detail;
    view.details.set(`${id} ${task} ${attempt}`, detail);
    view.latest.set(`${id} ${task}`, Math.max(attempt, view.latest.get(`${id} ${task}`) ?? 1));
  }
  if (entry.index === undefined) return;
  const { kind, record } = entry.index;
  const { namespace, key } = record.status;
  view.records.set(id, record);
  if (kind === "ended") view.open.delete(id);
  else view.open.add(id);
  if (kind !== "ended" && key !== "") view.byKey.set(`${namespace} ${key}`, id);
  if (kind === "opened" && record.requestId !== "") view.byRequest.set(`${namespace} ${record.requestId}`, id);
}

/** A generation begins with a frame of its own. */
function framesOf({ firstSeq, timeMs, events }: JournalEntry): readonly JournalFrame[] {
  const at = events.findIndex(({ kind }) => kind.case === "continuedAsNew");
  const parts = at <= 0 ? [events] : [events.slice(0, at), events.slice(at)];
  return parts.map((part, index) => ({ firstSeq: index === 0 ? firstSeq : add(firstSeq, at), timeMs, events: part, guardEvents: [] }));
}

function wantCut({ frames, cuts }: View, stream: StreamId, wanted: number): void {
  const [first] = frames.get(stream) ?? [];
  const from = (first?.firstSeq ?? 1) + (first?.events.length ?? 0);
  cuts.set(stream, { from, before: cuts.get(stream)?.before ?? from, wanted });
}

/** Drops what is to go of a stream, some frames at a time. Its first frame stays. */
function cutFrames(view: View, id: WorkflowId): void {
  const stream = workflowStream(id);
  const cut = view.cuts.get(stream);
  if (cut === undefined || cut.before >= cut.wanted) return;
  const frames = view.frames.get(stream) ?? [];
  const dropped = frames.filter((frame, index) => index > 0 && frame.firstSeq < cut.wanted).slice(0, CUT_FRAMES_MAX);
  for (const { kind } of dropped.flatMap((frame) => frame.events))
    if (kind.case === "attemptEnded" || kind.case === "taskRefused") view.details.delete(`${id} ${kind.value.task} ${kind.value.attempt}`);
  view.frames.set(
    stream,
    frames.filter((frame) => !dropped.includes(frame)),
  );
  const last = dropped.at(-1);
  view.cuts.set(stream, { ...cut, before: last === undefined ? cut.wanted : last.firstSeq + last.events.length });
}

function missingFrame({ stream, frame }: BatchFrame): BatchFrame {
  return { stream, frame: { ...frame, events: [] }, missing: frame.events.length };
}

function isCut({ cuts }: View, { stream, frame: { firstSeq } }: BatchFrame): boolean {
  const cut = cuts.get(stream);
  return cut !== undefined && firstSeq >= cut.from && firstSeq < cut.before;
}

function push(frames: Map<StreamId, JournalFrame[]>, stream: StreamId, frame: JournalFrame): void {
  const list = frames.get(stream);
  if (list === undefined) frames.set(stream, [frame]);
  else list.push(frame);
}

function add(first: Seq, count: number): Seq {
  return seq(first + count);
}
