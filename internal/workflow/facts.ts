// What the core may ask while it decides.
// 1. All answers follow from the journal and from the turn's own time; what comes of chance is journaled, so a replay never asks again (H4).

import type { AttemptDetail } from "../gen/holdfast/v1/status_pb.ts";
import type { TimeMs } from "../base/ids.ts";

/** The inputs of a decision beside the state and the command. */
export interface Facts {
  /** The turn's time. */
  readonly nowMs: TimeMs;
  /** Uniform in [0, 1); what comes of it is journaled. */
  fraction(): number;
  /** The latest detail of a task: outputs live in the store, not in the state. */
  detail(task: number): AttemptDetail | undefined;
  /** True when this workflow holds the target's lock or could take it now. */
  canLock(target: string): boolean;
}
