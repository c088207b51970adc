// What the core may ask while it decides.
// 1. All answers follow from the journal, from the guard, from policies that the journal pins and names, and from the turn's own time.
//    What comes of them and of chance is journaled, so a replay never asks again (H4).

import type { Gate, Verdict } from "../gen/holdfast/v1/policy_pb.ts";
import type { AttemptDetail } from "../gen/holdfast/v1/status_pb.ts";
import type { TimeMs } from "../base/ids.ts";
import type { HeldBack } from "./parking.ts";

/** What emergency stops do to the workflow now. */
export interface FreezeFact {
  /** What froze it, for people: `f3 (everything, by ann): …`. */
  readonly names: readonly string[];
  /** True: all of it; false: targets with certain labels. */
  readonly isWhole: boolean;
  /** True: what runs is to be ended. */
  readonly isAbort: boolean;
}

/** May a task start now? */
export type Admission =
  | { readonly kind: "go"; readonly rulesAllowed: number; readonly verdict?: Verdict }
  | { readonly kind: "held"; readonly held: HeldBack; readonly verdict?: Verdict };

/** The inputs of a decision beside the state and the command. */
export interface Facts {
  /** The turn's time. */
  readonly nowMs: TimeMs;
  /** Uniform in [0, 1); what comes of it is journaled. */
  fraction(): number;
  /** The latest detail of a task: outputs live in the store, not in the state. */
  detail(task: number): AttemptDetail | undefined;
  /** Has a detail kept beside the event that the core is about to make. */
  keep(detail: AttemptDetail): void;
  /** True when the task's target holds its locks or could take them all now. */
  canLock(task: number): boolean;
  /** True when policies have a say at the gate. */
  isGated(gate: Gate): boolean;
  /** Asks freezes, rules of the task gate and limits. What it needs is taken when the attempt starts in this very turn. */
  admit(task: number): Admission;
  /** True when this turn has asked enough: the rest follows in the next one. */
  isSpent(): boolean;
  /** What stops the workflow, or some of its targets; undefined: nothing. */
  freeze(): FreezeFact | undefined;
  /** True when the task is stopped now, by a freeze of all of the workflow or of its target. */
  isFrozen(task: number): boolean;
  /** True when the pause between two waves is over, by the guard's clock. */
  isPauseOver(): boolean;
}
