// What a restart would make of the events: the same state, and nothing that it would do beside (H4).
// 1. Caches are left out: what is parked, ready, or was once answered is found anew. What follows from them is compared by the next step.

import { timeMs } from "../../internal/base/ids.ts";
import { applyEvent, foldFirst } from "../../internal/workflow/apply.ts";
import { nextStep } from "../../internal/workflow/dispatch.ts";
import { caused } from "../../internal/workflow/events.ts";
import type { WorkflowState } from "../../internal/workflow/state.ts";
import type { Drill } from "../fakes/drill.ts";
import type { Rules } from "./rules.ts";

/** No part of the fold, or the same by itself. */
const LEFT_OUT = new Set([
  "parking",
  "entrance",
  "failedTargets",
  "ready",
  "lockWaits",
  "earlierAnswers",
  "stage",
  "blueprint",
  "submitted",
]);

/** Where the state of a replay differs from the one that was lived; undefined: nowhere. */
export function replayFault(drill: Drill, { eventsLost }: Rules): string | undefined {
  const replayed = foldFirst(caused("ann", "workflowSubmitted", drill.state.submitted), timeMs(0));
  for (const { event, atMs } of drill.events.slice(0, drill.events.length - eventsLost)) applyEvent(replayed, event, timeMs(atMs));
  const [lived, folded] = [linesOf(drill.state), linesOf(replayed)];
  const at = lived.findIndex((line, index) => line !== folded[index]);
  if (at !== -1 || lived.length !== folded.length) return `a replay differs: ${lived[at]} was lived, and ${folded[at]} comes of the events`;
  const next = nextStep(replayed, drill.facts);
  return next === undefined ? undefined : `after a replay there is more to do: ${next.kind.case}`;
}

function linesOf(state: WorkflowState): readonly string[] {
  return JSON.stringify(state, plainly, 1).split("\n");
}

/** Sets, maps and tables as lists; what JSON has no word for as text. */
function plainly(key: string, value: unknown): unknown {
  if (LEFT_OUT.has(key)) return undefined;
  if (typeof value === "bigint" || value === Infinity) return String(value);
  if (value instanceof Set || value instanceof Map) return [...value];
  if (value instanceof Uint8Array || value instanceof Uint16Array || value instanceof Uint32Array) return [...value].join();
  return value;
}
