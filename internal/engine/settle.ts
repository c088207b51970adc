// Settles an attempt in doubt after a restart or a restore: looks where it ran, then at the target, and does what the recovery table says.
// 1. Never a blind retry (H2): the table is workflow/recover.ts, and a test walks all of it.
// 2. A workflow that is being cancelled begins nothing anew: what is known not to have been done stays so.

import { assertNever } from "../base/assert.ts";
import { AttemptOutcome, Effects } from "../gen/holdfast/v1/event_pb.ts";
import type { AttemptReport } from "../workflow/commands.ts";
import type { Doubt } from "../workflow/recover.ts";
import { settleDoubt } from "../workflow/recover.ts";
import type { PreparedAttempt } from "./attempt-prepare.ts";
import { applyAndVerify, reportApply } from "./attempt-apply.ts";
import type { ApplyResult, CheckResult } from "./ports.ts";
import { instantText } from "./restoring.ts";

/** Brings an attempt in doubt to its report. `before` is what the check had found before the apply; empty: nothing, or it had not begun. */
export async function settleAttempt(prepared: PreparedAttempt, before: string): Promise<AttemptReport> {
  const { action, reporter } = prepared;
  const looked = action.look === undefined ? undefined : await action.look(prepared.context());
  const look = lookKind(looked);
  if (look === "result" && looked !== undefined && looked.kind !== "absent") return reportApply(prepared, before, looked);
  const check: CheckResult = look === "unreachable" ? { kind: "unknowable" } : await action.check(prepared.context());
  const settlement = settleDoubt({
    look,
    effects: action.effects === Effects.UNSAFE ? "unsafe" : "idempotent",
    isAtomic: action.isAtomic,
    hasRemoteId: prepared.remoteId() !== "",
    check: checkKind(check, before),
    isRestored: prepared.restored !== undefined,
  });
  const found = "checksum" in check ? check.checksum : "";
  switch (settlement) {
    case "take-result":
    case "hold":
      return reporter.failed({ kind: "unknown", message: heldMessage(prepared, looked, check) }, { before });
    case "done":
      return reporter.end(AttemptOutcome.CHANGED, { before, after: found });
    case "apply-again":
      return prepared.context().signal.aborted ? endWithoutApply(prepared, before, check) : applyAndVerify(prepared, before);
    case "foreign-change": {
      const message = `somebody else changed it while the service was down: it was ${before}, is ${found}, and neither is what is wanted`;
      return reporter.failed({ kind: "failed", message, isRetryable: false }, { before, after: found });
    }
    default:
      return assertNever(settlement);
  }
}

/** Cancelled before it was applied again: done in part at worst, which only a state that is as before rules out. */
function endWithoutApply(prepared: PreparedAttempt, before: string, check: CheckResult): AttemptReport {
  const { reporter } = prepared;
  if (checkKind(check, before) === "as-before")
    return reporter.failed({ kind: "cancelled", message: "it was ended before it was applied" }, { before });
  return reporter.failed({ kind: "unknown", message: heldMessage(prepared, undefined, check) }, { before });
}

function lookKind(looked: ApplyResult | { readonly kind: "absent" } | undefined): Doubt["look"] {
  if (looked === undefined) return "none";
  if (looked.kind === "absent") return "absent";
  return looked.kind === "unreachable" ? "unreachable" : "result";
}

function checkKind(check: CheckResult, before: string): Doubt["check"] {
  switch (check.kind) {
    case "converged":
    case "unknowable":
      return check.kind;
    case "different":
      return check.checksum === before ? "as-before" : "other";
    case "failed":
    case "unreachable":
    case "unknown":
    case "cancelled":
    case "unbegun":
      return "failed";
    default:
      return assertNever(check);
  }
}

function heldMessage(
  { restored }: PreparedAttempt,
  looked: ApplyResult | { readonly kind: "absent" } | undefined,
  check: CheckResult,
): string {
  const start =
    restored === undefined
      ? "the service stopped while it was being applied, and nobody can say whether it was done"
      : `the journal was restored from a backup of ${instantText(restored.backupMs)}; it may have been done since, and nobody can say`;
  if (looked?.kind === "unreachable") return `${start}: ${looked.message}`;
  return "message" in check ? `${start}: ${check.message}` : `${start}; look at the target, then resolve the task`;
}
