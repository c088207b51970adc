// Writes events as protobuf does. Those of which a workflow has one for each task, wave or stage are written by hand: that takes a tenth of the time.
// 1. The bytes equal those of protobuf's own encoder: event-encoder.test.ts holds them to it, field by field, also when a field is added.

import { toBinary } from "@bufbuild/protobuf";
import { assert, assertNever } from "../base/assert.ts";
import type { GuardEvent, TargetsSettled } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { GuardEventSchema } from "../gen/holdfast/journal/v1/journal_pb.ts";
import type {
  ApplyStarted,
  AttemptEnded,
  AttemptStarted,
  Event,
  StageEnded,
  WaveEnded,
  WaveStarted,
  WorkflowSubmitted,
} from "../gen/holdfast/v1/event_pb.ts";
import { EventSchema, WorkflowSubmittedSchema } from "../gen/holdfast/v1/event_pb.ts";
import { WorkflowDefinitionSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import type { WorkflowDefinition } from "../gen/holdfast/v1/workflow_pb.ts";
import type { ByteWriter } from "./byte-writer.ts";

/** Tags: the field's number times 8, plus 0 for a number, 2 for what has a length, 5 for four bytes. */
const EVENT = {
  afterMs: 0x08,
  by: 0x12,
  workflowSubmitted: 0x1a,
  workflowExecuted: 0x22,
  stageStarted: 0x32,
  waveStarted: 0x3a,
  attemptStarted: 0x42,
  applyStarted: 0x4a,
  attemptEnded: 0x5a,
  waveEnded: 0x82,
  stageEnded: 0x8a,
} as const;
const SUBMITTED = { id: 0x0a, definition: 0x12 } as const;
const STAGE = { stage: 0x08 } as const;
const WAVE = { wave: 0x10, first: 0x18, count: 0x20, pauseMs: 0x18 } as const;
const STAGE_END = { succeeded: 0x10, error: 0x1a } as const;
const ATTEMPT = { task: 0x08, attempt: 0x10 } as const;
const STARTED = { rulesAllowed: 0x18 } as const;
const APPLY = { before: 0x1a } as const;
const ENDED = {
  outcome: 0x18,
  before: 0x22,
  after: 0x2a,
  error: 0x32,
  retryAfterMs: 0x38,
  detailCrc: 0x45,
  deferredFor: 0x48,
  repeatAfterMs: 0x58,
  iteration: 0x60,
} as const;
const GUARD = { afterMs: 0x08, atMs: 0x28, targetsSettled: 0x62 } as const;
const SETTLED = { holder: 0x0a, targets: 0x12, target: 0x0a, failedUses: 0x12 } as const;

/** Writes a workflow's event, with its distance from the frame's time. */
export function writeEvent(out: ByteWriter, event: Event, afterMs: number): void {
  assert(event.afterMs === 0, "an event is appended without afterMs: the journal sets it");
  out.number(EVENT.afterMs, afterMs);
  const { kind } = event;
  if (kind.case === "workflowSubmitted") return writeSubmitted(out, event.by, kind.value);
  // What sets variables is rare, and has a form of its own.
  if (!isByHand(kind) || (kind.case === "attemptEnded" && kind.value.set !== undefined)) return out.raw(toBinary(EventSchema, event));
  out.text(EVENT.by, event.by);
  const start = out.open(EVENT[kind.case]);
  writeKind(out, kind);
  out.close(start);
}

/** The bytes of definitions that workflows share (engine/checked-definitions.ts), for as long as somebody has them. */
const definitions = new WeakMap<WorkflowDefinition, Uint8Array | "written once">();

/** One that no other workflow shares is written once, and its bytes would only be in the way: they are kept from the second time on. */
function bytesOf(definition: WorkflowDefinition): Uint8Array {
  const known = definitions.get(definition);
  if (known instanceof Uint8Array) return known;
  const bytes = toBinary(WorkflowDefinitionSchema, definition);
  definitions.set(definition, known === undefined ? "written once" : bytes);
  return bytes;
}

/** The definition is most of it, and mostly one that was written before. */
function writeSubmitted(out: ByteWriter, by: string, submitted: WorkflowSubmitted): void {
  out.text(EVENT.by, by);
  const start = out.open(EVENT.workflowSubmitted);
  out.text(SUBMITTED.id, submitted.id);
  const { definition } = submitted;
  if (definition !== undefined) {
    const place = out.open(SUBMITTED.definition);
    out.raw(bytesOf(definition));
    out.close(place);
  }
  // The other fields come after these two, in the order of their numbers.
  out.raw(toBinary(WorkflowSubmittedSchema, withoutDefinition(submitted)));
  out.close(start);
}

function withoutDefinition(submitted: WorkflowSubmitted): WorkflowSubmitted {
  const { definition: _, ...rest } = submitted;
  return { ...rest, id: "" };
}

type Kind = Event["kind"];
type KindByHand = Exclude<Extract<Kind, { readonly case: keyof typeof EVENT }>, { readonly case: "workflowSubmitted" }>;

function isByHand(kind: Kind): kind is KindByHand {
  return kind.case !== undefined && kind.case in EVENT;
}

function writeKind(out: ByteWriter, kind: KindByHand): void {
  switch (kind.case) {
    case "workflowExecuted":
      return;
    case "stageStarted":
      return out.number(STAGE.stage, kind.value.stage);
    case "waveStarted":
      return writeWaveStarted(out, kind.value);
    case "attemptStarted":
      return writeStarted(out, kind.value);
    case "applyStarted":
      return writeApply(out, kind.value);
    case "attemptEnded":
      return writeEnded(out, kind.value);
    case "waveEnded":
      return writeWaveEnded(out, kind.value);
    case "stageEnded":
      return writeStageEnded(out, kind.value);
    default:
      assertNever(kind);
  }
}

/** Writes a guard's event, with its distance from the frame's time. */
export function writeGuardEvent(out: ByteWriter, event: GuardEvent, afterMs: number): void {
  assert(event.afterMs === 0, "a guard's event is appended without afterMs: the journal sets it");
  out.number(GUARD.afterMs, afterMs);
  if (event.kind.case !== "targetsSettled") return out.raw(toBinary(GuardEventSchema, event));
  out.number(GUARD.atMs, Number(event.atMs));
  return writeSettled(out, event.kind.value);
}

function writeWaveStarted(out: ByteWriter, { stage, wave, first, count }: WaveStarted): void {
  out.number(STAGE.stage, stage);
  out.number(WAVE.wave, wave);
  out.number(WAVE.first, first);
  out.number(WAVE.count, count);
}

function writeWaveEnded(out: ByteWriter, { stage, wave, pauseMs }: WaveEnded): void {
  out.number(STAGE.stage, stage);
  out.number(WAVE.wave, wave);
  out.number(WAVE.pauseMs, pauseMs);
}

function writeStageEnded(out: ByteWriter, { stage, succeeded, error }: StageEnded): void {
  out.number(STAGE.stage, stage);
  out.number(STAGE_END.succeeded, succeeded ? 1 : 0);
  out.text(STAGE_END.error, error);
}

function writeStarted(out: ByteWriter, { task, attempt, rulesAllowed }: AttemptStarted): void {
  out.number(ATTEMPT.task, task);
  out.number(ATTEMPT.attempt, attempt);
  out.number(STARTED.rulesAllowed, rulesAllowed);
}

function writeApply(out: ByteWriter, { task, attempt, before }: ApplyStarted): void {
  out.number(ATTEMPT.task, task);
  out.number(ATTEMPT.attempt, attempt);
  out.text(APPLY.before, before);
}

function writeEnded(out: ByteWriter, ended: AttemptEnded): void {
  out.number(ATTEMPT.task, ended.task);
  out.number(ATTEMPT.attempt, ended.attempt);
  out.number(ENDED.outcome, ended.outcome);
  out.text(ENDED.before, ended.before);
  out.text(ENDED.after, ended.after);
  out.text(ENDED.error, ended.error);
  if (ended.retryAfterMs !== undefined) out.present(ENDED.retryAfterMs, ended.retryAfterMs);
  out.fixed32(ENDED.detailCrc, ended.detailCrc);
  out.number(ENDED.deferredFor, ended.deferredFor);
  if (ended.repeatAfterMs !== undefined) out.present(ENDED.repeatAfterMs, ended.repeatAfterMs);
  out.number(ENDED.iteration, ended.iteration);
}

function writeSettled(out: ByteWriter, { holder, targets }: TargetsSettled): void {
  const start = out.open(GUARD.targetsSettled);
  out.text(SETTLED.holder, holder);
  for (const { target, failedUses } of targets) {
    const place = out.open(SETTLED.targets);
    out.text(SETTLED.target, target);
    for (const uses of failedUses) out.element(SETTLED.failedUses, uses);
    out.close(place);
  }
  out.close(start);
}
