// The recovery table: how an attempt in doubt is settled by looking. Every combination has one row, and a test walks them all.
// 1. Never a blind retry (H2): what neither the shim nor the check can settle is held for a person. Only what is idempotent is
//    applied again where there is no way to look: that is what the word promises.
// 2. In a journal that was brought back from a backup everything unfinished is in doubt, what had not begun too: the service that the backup
//    was taken from may have gone on. What is unsafe is then never applied before a person has said so.

import { assertNever } from "../base/assert.ts";

/** What is known of an apply whose end was not journaled. */
export interface Doubt {
  /** What the place where it ran says: its result is there; nothing is there; it cannot be reached; there is no such place. */
  readonly look: "result" | "absent" | "unreachable" | "none";
  readonly effects: "idempotent" | "unsafe";
  /** Whole or not at all. */
  readonly isAtomic: boolean;
  /** The other side of a handshake knows the work by an ID: committing again does nothing twice. */
  readonly hasRemoteId: boolean;
  /** What the check finds now, compared with what it found before the apply. */
  readonly check: "converged" | "as-before" | "other" | "unknowable" | "failed";
  /** The journal was brought back from a backup since: what was done after the backup is not in it, perhaps not even the apply itself. */
  readonly isRestored: boolean;
}

/** What to do about it. */
export type Settlement =
  /** The run's own result counts. */
  | "take-result"
  /** It was done. */
  | "done"
  /** It was not done, or may be done again with the same result. */
  | "apply-again"
  /** Somebody else changed it: failed, with both checksums. */
  | "foreign-change"
  /** Nobody can say: held for a person. */
  | "hold";

/** Settles a doubt. */
export function settleDoubt(doubt: Doubt): Settlement {
  if (doubt.look === "result") return "take-result";
  if (doubt.look === "unreachable") return "hold";
  if (doubt.hasRemoteId) return "apply-again";
  // As before, or another than before: both say nothing of what was done after the backup.
  if (doubt.isRestored && doubt.effects === "unsafe") return doubt.check === "converged" ? "done" : "hold";
  switch (doubt.check) {
    case "converged":
      return "done";
    case "as-before":
      return "apply-again";
    case "other":
      if (doubt.isAtomic) return "foreign-change";
      return doubt.effects === "idempotent" ? "apply-again" : "hold";
    case "unknowable":
      return doubt.effects === "idempotent" ? "apply-again" : "hold";
    case "failed":
      return "hold";
    default:
      return assertNever(doubt.check);
  }
}
