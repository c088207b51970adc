// A workflow's events as people read them: numbered, timed, with the names of stage, action and target beside the positions.
// 1. Only what is on disk is read, and it is read in order without gaps.

import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { seq, workflowStream } from "../base/ids.ts";
import { WATCH_EVENTS_MAX } from "../base/limits.ts";
import type { Event, VerdictGiven } from "../gen/holdfast/v1/event_pb.ts";
import { Gate } from "../gen/holdfast/v1/policy_pb.ts";
import type { HistoryEvent } from "../gen/holdfast/v1/status_pb.ts";
import { HistoryEventSchema } from "../gen/holdfast/v1/status_pb.ts";
import type { GetHistoryResponse } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { GetHistoryResponseSchema } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { placeOf, unitName } from "../workflow/blueprint.ts";
import type { Blueprint } from "../workflow/blueprint.ts";
import type { WorkflowState } from "../workflow/state.ts";
import { ItemNames } from "./item-names.ts";
import type { Journal } from "./ports.ts";

/** Streams events after a number, at most WATCH_EVENTS_MAX at a time. */
export async function* readHistory(
  journal: Journal,
  state: WorkflowState,
  options: { readonly afterSeq: number; readonly hasDetails: boolean },
): AsyncIterable<GetHistoryResponse> {
  for await (const events of readEvents(journal, state.blueprint, options)) yield create(GetHistoryResponseSchema, { events });
}

/** The events after a number that are on disk, in chunks of at most WATCH_EVENTS_MAX. */
export async function* readEvents(
  journal: Journal,
  blueprint: Blueprint,
  options: { readonly afterSeq: number; readonly hasDetails: boolean },
): AsyncIterable<HistoryEvent[]> {
  const names = namesSince(journal, blueprint, options.afterSeq);
  let chunk: HistoryEvent[] = [];
  for await (const frame of journal.readFrames(workflowStream(blueprint.id), { afterSeq: seq(options.afterSeq) })) {
    for (const [offset, event] of frame.events.entries()) {
      const number = frame.firstSeq + offset;
      if (number <= options.afterSeq) continue;
      names?.take(event, number);
      const parts = names === undefined ? blueprint : await names.at(blueprint, number);
      chunk.push(historyEvent(journal, parts, { event, number, atMs: frame.timeMs + event.afterMs, hasDetails: options.hasDetails }));
      if (chunk.length < WATCH_EVENTS_MAX) continue;
      yield chunk;
      chunk = [];
    }
  }
  if (chunk.length > 0) yield chunk;
}

/** Undefined: the items of its lists are called the same at all events after that number. */
function namesSince(journal: Journal, { stages }: Blueprint, afterSeq: number): ItemNames | undefined {
  return stages.some(({ list }) => list !== undefined && list.sinceSeq > afterSeq) ? new ItemNames(journal) : undefined;
}

interface Numbered {
  readonly event: Event;
  readonly number: number;
  readonly atMs: number;
  readonly hasDetails: boolean;
}

function historyEvent(journal: Journal, blueprint: Blueprint, { event, number, atMs, hasDetails }: Numbered): HistoryEvent {
  const { kind } = event;
  const detail =
    hasDetails && kind.case === "attemptEnded" && kind.value.detailCrc !== 0
      ? journal.detailOf(blueprint.id, kind.value.task, kind.value.attempt)
      : undefined;
  return create(HistoryEventSchema, {
    seq: BigInt(number),
    at: timestampFromMs(atMs),
    event,
    ...namesOf(blueprint, kind),
    ...(detail === undefined ? {} : { detail }),
  });
}

/** A verdict is about a task, a wave, or the workflow as a whole. */
function verdictNames(blueprint: Blueprint, { verdict, stage, task }: VerdictGiven): ReturnType<typeof namesOf> {
  if (verdict?.gate === Gate.TASK) return taskNames(blueprint, task);
  return verdict?.gate === Gate.WAVE || verdict?.gate === Gate.EXPAND ? { stage: blueprint.stages[stage]?.name ?? "" } : {};
}

function taskNames(blueprint: Blueprint, task: number): ReturnType<typeof namesOf> {
  const { stage, action, ordinal } = placeOf(blueprint, task);
  return { stage: stage.name, action: action.name, target: unitName(blueprint, stage, ordinal) };
}

/** The names of the stage, the action and the target that an event is about. */
export function namesOf(
  blueprint: Blueprint,
  kind: Event["kind"],
): { readonly stage?: string; readonly action?: string; readonly target?: string } {
  if (kind.case === undefined) return {};
  if (kind.case === "verdictGiven") return verdictNames(blueprint, kind.value);
  if ("task" in kind.value) return taskNames(blueprint, kind.value.task);
  if ("stage" in kind.value && kind.value.stage !== undefined) return { stage: blueprint.stages[kind.value.stage]?.name ?? "" };
  return {};
}
