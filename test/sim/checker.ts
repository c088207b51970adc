// What every checker of the simulation is told: each event in the order of the journal, with what the model of its workflow says, and when.
// 1. A checker is a dumb oracle: it reads events and the fleet's own record, and nothing of the service's state.

import type { GuardEvent } from "../../internal/gen/holdfast/journal/v1/journal_pb.ts";
import type { Event } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { Model } from "./model.ts";
import type { PolicyTerms } from "./random-policies.ts";

/** What was true when an entry was appended. */
export interface Stamp {
  /** All the machine's running time, over its boots. */
  readonly trueMs: number;
  readonly boot: string;
  readonly monotonicMs: number;
  readonly wallMs: number;
  /** The policy in force; undefined: none, or nobody can tell. */
  readonly policy: PolicyTerms | undefined;
  readonly isPolicyBroken: boolean;
  readonly isStopFileThere: boolean;
}

/** An event, and when it happened. */
export interface Happened {
  readonly model: Model;
  readonly event: Event;
  readonly stamp: Stamp;
  /** By the guard's clock, worked out again. */
  readonly guardMs: number;
}

/** One checker. */
export interface Checker {
  /** An event, after the model has taken it in. */
  take(happened: Happened): void;
  /** An event of the guard. */
  takeGuard?(event: GuardEvent): void;
  /** The end of an entry, after its events and those of the guard. */
  endEntry?(): void;
}

/** Versions of the policy that a workflow is asked by: the one that it was submitted under, and the one in force. */
export function askedPolicies(
  model: Model,
  stamp: Pick<Stamp, "policy">,
  versions: ReadonlyMap<string, PolicyTerms>,
): readonly PolicyTerms[] {
  const pinned = model.submitted.policies.flatMap(({ digest }) => versions.get(digest) ?? []);
  return stamp.policy === undefined || pinned.includes(stamp.policy) ? pinned : [...pinned, stamp.policy];
}
