// The proof of a freeze, for people at night: what is frozen, what took note, what still runs, by name.
// 1. Zero is said in words, never left out: "none" is what the reader is looking for.

import { assertNever } from "../../internal/base/assert.ts";
import type { Freeze, FreezeProof, FrozenTask } from "../../internal/gen/holdfast/v1/guard_service_pb.ts";
import type { FreezeScope } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import { FreezeMode } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import { taskName, timeText } from "./status-text.ts";

const NAMES_SHOWN_MAX = 50;

/** The lines of a proof. */
export function proofLines(proof: FreezeProof): readonly string[] {
  const { freezes, acknowledged, acknowledgedCount, inFlight, inFlightCount, pastReturn, pastReturnCount } = proof;
  if (freezes.length === 0) return ["nothing is frozen"];
  return [
    ...freezes.map((freeze) => `FROZEN ${freezeText(freeze)}`),
    ...named("acknowledged (nothing frozen of these starts any more)", acknowledged, acknowledgedCount),
    ...named("in flight (nothing changed yet)", inFlight.map(frozenTaskName), inFlightCount),
    ...named("past the point of no return", pastReturn.map(frozenTaskName), pastReturnCount),
  ];
}

/** `f3 everything, by ann since …: reason (what runs is being ended)`. */
export function freezeText({ id, scope, mode, reason, by, at }: Freeze): string {
  const who = by === "" ? "" : `, by ${by}`;
  const since = at === undefined ? "" : ` since ${timeText(at)}`;
  const running = mode === FreezeMode.ABORT ? "what runs is being ended" : "what runs comes to its end";
  return `${id} ${scopeText(scope)}${who}${since}: ${reason === "" ? "no reason given" : reason} (${running})`;
}

/** What a freeze is about. */
export function scopeText(scope: FreezeScope | undefined): string {
  const kind = scope?.kind;
  switch (kind?.case) {
    case "everything":
    case undefined:
      return "everything";
    case "namespace":
      return `namespace ${kind.value}`;
    case "workflowName":
      return `workflows named ${kind.value}`;
    case "label":
      return `targets with ${kind.value.label}=${kind.value.value}`;
    default:
      return assertNever(kind);
  }
}

/** How many frozen attempts still run. */
export function runningCount(proof: FreezeProof | undefined): number {
  return proof === undefined ? 0 : proof.inFlightCount + proof.pastReturnCount;
}

function frozenTaskName(task: FrozenTask): string {
  return `${task.workflow} ${taskName(task)}`;
}

function named(what: string, names: readonly string[], count: number): readonly string[] {
  if (count === 0) return [`${what}: none`];
  const shown = names.slice(0, NAMES_SHOWN_MAX);
  const rest = count - shown.length;
  return [`${what}: ${count}`, ...shown.map((name) => `  ${name}`), ...(rest > 0 ? [`  and ${rest} more; -o json names up to 1,000`] : [])];
}
