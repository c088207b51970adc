// How a workflow takes note of freezes: its history says since when it stood still, why, and until when.
// 1. The note follows the guard (level-triggered): a freeze that came and went while the service was down leaves no trace here.

import { create } from "@bufbuild/protobuf";
import type { Event, FreezeBegan } from "../gen/holdfast/v1/event_pb.ts";
import { FreezeBeganSchema } from "../gen/holdfast/v1/event_pb.ts";
import { happened } from "./events.ts";
import type { FreezeFact } from "./facts.ts";
import type { WorkflowState } from "./state.ts";

/** The event by which the workflow takes note of what freezes it now; undefined: it has. */
export function noteFreeze(state: WorkflowState, now: FreezeFact | undefined): Event | undefined {
  if (now === undefined) return state.freeze === undefined ? undefined : happened("freezeEnded", {});
  if (isNoted(state.freeze, now)) return undefined;
  return happened("freezeBegan", freezeNote(now));
}

/** What is noted of freezes. */
export function freezeNote({ names, isWhole, isAbort }: FreezeFact): FreezeBegan {
  return create(FreezeBeganSchema, { freezes: [...names], whole: isWhole, abort: isAbort });
}

/** FreezeBegan, or a generation that begins in a freeze. */
export function notedFreeze({ freezes, whole, abort }: FreezeBegan): FreezeFact {
  return { names: freezes, isWhole: whole, isAbort: abort };
}

function isNoted(note: FreezeFact | undefined, now: FreezeFact): boolean {
  if (note === undefined) return false;
  return note.isWhole === now.isWhole && note.isAbort === now.isAbort && note.names.join("\n") === now.names.join("\n");
}
