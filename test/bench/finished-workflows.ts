// Finished workflows by the hundred thousand: what the real engine appends for one of each kind, appended again under other IDs, times and targets.
// 1. What is written is the product's own: the entries are recorded from its engine, and go through the append of its journal. Only what tells
//    workflows apart is replaced; digests are of the ID, not of the content.
// 2. COHORT workflows run at once, so that their entries share batches as those of a busy service do. The same seed writes the same events.

import { hash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { present } from "../../internal/base/assert.ts";
import { seq, timeMs } from "../../internal/base/ids.ts";
import type { TimeMs, WorkflowId } from "../../internal/base/ids.ts";
import type { Actions, IndexChange, Journal, JournalEntry, PreparedAction } from "../../internal/engine/ports.ts";
import type { GuardEvent } from "../../internal/gen/holdfast/journal/v1/journal_pb.ts";
import { Effects } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { Event, WorkflowSubmitted } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { WorkflowStatusSchema } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { TargetSchema } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import type { Target } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import { fakeIds } from "../fakes/fake-ids.ts";
import { World } from "../fakes/world.ts";

/** How many workflows run at once. */
const COHORT = 512;
/** The time from one entry of a workflow to the next. */
const STEP_MS = 4;
/** Hosts that the workflows over one target take turns on. */
const FLEET = 100_000;

/** Of ten workflows in a row the kinds: every fifth changes a target, one of a hundred fails (see kindOf). */
type Kind = "three-step" | "change" | "failed";

/** What the store is filled with. */
interface FinishedOptions {
  readonly count: number;
  /** When the first of them was submitted, and the last one. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Called with each ID, the oldest first. */
  readonly onId: (id: WorkflowId, index: number) => void;
}

/** What one workflow differs in from the recorded one of its kind. */
interface Stamp {
  readonly id: WorkflowId;
  readonly namespace: string;
  readonly key: string;
  readonly target: Target;
  readonly digest: string;
  readonly requestId: string;
  readonly startMs: number;
  readonly entries: readonly JournalEntry[];
}

/** Appends finished workflows to an empty journal; resolves when they are on disk. */
export async function appendFinished(journal: Journal, { count, fromMs, toMs, onId }: FinishedOptions): Promise<void> {
  const recorded = { "three-step": await record("three-step"), change: await record("change"), failed: await record("failed") };
  const steps = Math.max(...Object.values(recorded).map(({ entries }) => entries.length));
  const ids = fakeIds(1);
  let guardSeq = await appendAnchor(journal, recorded.change.anchor, timeMs(fromMs));
  for (let first = 0; first < count; first += COHORT) {
    const startMs = Math.floor(fromMs + ((toMs - fromMs) * first) / count);
    const stamps = Array.from({ length: Math.min(COHORT, count - first) }, (_, at): Stamp => {
      const id = ids.workflowId(timeMs(startMs));
      onId(id, first + at);
      return stampOf(id, { index: first + at, startMs, entries: recorded[kindOf(first + at)].entries });
    });
    for (let step = 0; step < steps; step++) {
      let written = Promise.resolve();
      for (const stamp of stamps) {
        const entry = stamp.entries[step];
        if (entry === undefined) continue;
        written = journal.append(stamped(entry, stamp, { step, guardFirstSeq: guardSeq + 1 }));
        guardSeq += entry.guardEvents.length;
      }
      await written;
    }
  }
}

function kindOf(index: number): Kind {
  if (index % 5 === 3) return "change";
  return index % 100 === 42 ? "failed" : "three-step";
}

function stampOf(id: WorkflowId, { index, startMs, entries }: Pick<Stamp, "startMs" | "entries"> & { readonly index: number }): Stamp {
  const digest = hash("sha256", id, "hex");
  const number = String(index % FLEET).padStart(6, "0");
  return {
    id,
    namespace: index % 10 === 7 ? "batch" : "default",
    key: index % 20 === 0 ? `nightly-${index}` : "",
    target: create(TargetSchema, {
      name: `web-${number}.example.net`,
      labels: { site: `s${index % 40}`, rack: `r${index % 200}`, role: "web" },
    }),
    digest: `sha256:${digest}`,
    requestId: `${digest.slice(0, 8)}-${digest.slice(8, 12)}-4${digest.slice(12, 15)}-8${digest.slice(15, 18)}-${digest.slice(18, 30)}`,
    startMs,
    entries,
  };
}

function stamped(entry: JournalEntry, stamp: Stamp, at: { readonly step: number; readonly guardFirstSeq: number }): JournalEntry {
  const nowMs = timeMs(stamp.startMs + at.step * STEP_MS);
  const atMs = BigInt(nowMs);
  return {
    id: stamp.id,
    firstSeq: entry.firstSeq,
    timeMs: nowMs,
    events: at.step === 0 ? entry.events.map((event) => stampedEvent(event, stamp)) : entry.events,
    guardEvents: entry.guardEvents.map((event) => stampedGuardEvent(event, stamp, atMs)),
    guardFirstSeq: seq(at.guardFirstSeq),
    details: entry.details, // their digests are in the events: even their times are those of the recorded one
    ...(entry.index === undefined ? {} : { index: stampedIndex(entry.index, stamp, nowMs) }),
  };
}

/** The first event is the only one that names its workflow and its targets. */
function stampedEvent(event: Event, { id, namespace, key, target, digest, requestId }: Stamp): Event {
  if (event.kind.case !== "workflowSubmitted") return event;
  const submitted: WorkflowSubmitted = event.kind.value;
  const targets = submitted.targets.length === 0 ? [] : [target];
  const value = { ...submitted, id, namespace, key, targets, digest, requestDigest: digest, requestId };
  return { ...event, kind: { case: "workflowSubmitted", value } };
}

function stampedGuardEvent(event: GuardEvent, { id, target }: Stamp, atMs: bigint): GuardEvent {
  const { kind } = event;
  switch (kind.case) {
    case "targetsReserved": {
      const labelSets = kind.value.labelSets.map((set) => ({ ...set, labels: target.labels }));
      return { ...event, atMs, kind: { case: kind.case, value: { ...kind.value, holder: id, targets: [target.name], labelSets } } };
    }
    case "lockTaken":
      return { ...event, atMs, kind: { case: kind.case, value: { ...kind.value, holder: id, key: `target:${target.name}` } } };
    case "lockReleased":
      return { ...event, atMs, kind: { case: kind.case, value: { ...kind.value, holder: id, key: `target:${target.name}` } } };
    case "targetTouched":
      return { ...event, atMs, kind: { case: kind.case, value: { ...kind.value, holder: id, target: target.name } } };
    case "targetsSettled": {
      const targets = kind.value.targets.map((settled) => ({ ...settled, target: target.name }));
      return { ...event, atMs, kind: { case: kind.case, value: { ...kind.value, holder: id, targets } } };
    }
    case "holderReleased":
      return { ...event, atMs, kind: { case: kind.case, value: { ...kind.value, holder: id } } };
    default:
      throw new Error(`a finished workflow moves the guard in a way that is not known here: ${kind.case}`);
  }
}

function stampedIndex(change: IndexChange, { id, namespace, key, digest, requestId, startMs }: Stamp, nowMs: TimeMs): IndexChange {
  const { status } = change.record;
  const waitingFor = status.waitingFor.map((hold) => ({ ...hold, message: hold.message.replace(status.id, id) }));
  const moments = {
    submittedAt: timestampFromMs(startMs),
    ...(status.executedAt === undefined ? {} : { executedAt: timestampFromMs(startMs + STEP_MS) }),
    ...(status.endedAt === undefined ? {} : { endedAt: timestampFromMs(nowMs) }),
    ...(status.expiresAt === undefined ? {} : { expiresAt: timestampFromMs(startMs + 3_600_000) }),
  };
  const ofThis = create(WorkflowStatusSchema, { ...status, id, namespace, key, digest, waitingFor, ...moments });
  return { ...change, record: { ...change.record, status: ofThis, requestId, requestDigest: digest } };
}

/** What the real engine appends for one workflow of a kind, and how its guard began to keep time. */
async function record(kind: Kind): Promise<{ readonly entries: readonly JournalEntry[]; readonly anchor: GuardEvent | undefined }> {
  const world = new World({ targets: 1 });
  world.fence = (ports) => ({ ...ports, actions: TWO_ACTIONS });
  await world.start();
  await world.run(DEFINITIONS[kind]); // the first one brings the clock's anchor
  const before = world.journal.entries.length;
  const anchor = world.journal.entries.flatMap(({ guardEvents }) => guardEvents).find((event) => event.kind.case === "clockAnchored");
  await world.run(DEFINITIONS[kind], { requestId: "00000000-0000-4000-8000-000000000002" });
  const entries = world.journal.entries.slice(before);
  if (entries.at(-1)?.index?.kind !== "ended") throw new Error(`a recorded workflow of kind ${kind} did not end`);
  return { entries, anchor };
}

/** The guard's time begins with the store's. */
async function appendAnchor(journal: Journal, anchor: GuardEvent | undefined, atMs: TimeMs): Promise<number> {
  const { kind } = present(anchor, "the event with which the guard begins to keep time");
  if (kind.case !== "clockAnchored" || anchor === undefined) throw new Error("the guard did not begin to keep time");
  const value = { ...kind.value, wallMs: BigInt(atMs) };
  const event = { ...anchor, atMs: BigInt(atMs), kind: { case: kind.case, value } };
  const nothing = { id: undefined, firstSeq: seq(1), events: [], details: [] };
  await journal.append({ ...nothing, timeMs: atMs, guardEvents: [event], guardFirstSeq: seq(1) });
  return 1;
}

/** Two actions: `assert` reads, and fails where it is told to; `file` finds something to change, once. */
const TWO_ACTIONS: Actions = {
  find: (uses) => {
    const effects = uses === "assert" ? Effects.NONE : Effects.IDEMPOTENT;
    const parse = (args: JsonObject): PreparedAction => (uses === "assert" ? reading(args["that"] === "true") : changing());
    return { uses, effects, digest: "", validate: () => [], parse };
  },
  names: () => ["assert", "file"],
};

function reading(holds: boolean): PreparedAction {
  const failed = { kind: "failed", message: "not true: size(rescan.output.issues) == 0", isRetryable: false } as const;
  return {
    effects: Effects.NONE,
    isAtomic: true,
    isSensitive: false,
    check: async () => ({ kind: "unknowable" }),
    apply: async () => (holds ? { kind: "applied" } : failed),
  };
}

function changing(): PreparedAction {
  let isDone = false;
  return {
    effects: Effects.IDEMPOTENT,
    isAtomic: true,
    isSensitive: false,
    check: async () =>
      isDone
        ? { kind: "converged", checksum: "mode 0644" }
        : { kind: "different", checksum: "mode 0600", diff: "-mode 0600\n+mode 0644\n" },
    apply: async () => {
      isDone = true;
      return { kind: "applied" };
    },
  };
}

const once = (name: string, that = "true"): JsonValue => ({ name, actions: [{ name: "look", uses: "assert", with: { that } }] });

const DEFINITIONS: Readonly<Record<Kind, JsonValue>> = {
  "three-step": { name: "rotate-certificate", stages: [once("ask"), once("install"), once("confirm")] },
  failed: { name: "rotate-certificate", stages: [once("ask"), once("install", "false"), once("confirm")] },
  change: {
    name: "patch-host",
    targets: { where: "true" },
    stages: [
      { name: "patch", over: { targets: true }, actions: [{ name: "config", uses: "file", with: { path: "/etc/motd", content: "x" } }] },
    ],
  },
};
