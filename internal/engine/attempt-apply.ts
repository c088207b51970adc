// Applies, and looks again: what an action says of its own work is not enough where a check can tell.
// 1. A failure of something that changes nothing is never unknown; one that may have changed something is looked at before it is believed.

import { assert, assertNever } from "../base/assert.ts";
import { AttemptOutcome, Effects } from "../gen/holdfast/v1/event_pb.ts";
import type { AttemptReport } from "../workflow/commands.ts";
import type { PreparedAttempt } from "./attempt-prepare.ts";
import type { ApplyResult, Failure } from "./ports.ts";

/** Applies, and brings it to its report; not while a freeze stops it, however late that came. */
export async function applyAndVerify(prepared: PreparedAttempt, before: string): Promise<AttemptReport> {
  // crash: test/crash/every-append-memory.test.ts
  if (prepared.isFrozen()) return prepared.reporter.frozen(before);
  const result = await prepared.action.apply(prepared.changing(), before);
  return isKeptBack(prepared, result) ? prepared.reporter.frozen(before) : reportApply(prepared, before, result);
}

/** True for what a freeze kept back while it waited for its turn: nothing was sent, and it begins again after the thaw. */
export function isKeptBack(prepared: PreparedAttempt, { kind }: { readonly kind: string }): boolean {
  return kind === "unbegun" && (prepared.isFrozen() || !prepared.context().signal.aborted);
}

/** The report of an apply that has answered, now or in a former life. */
export function reportApply(prepared: PreparedAttempt, before: string, result: ApplyResult): Promise<AttemptReport> {
  assert(result.kind !== "awaits" && result.kind !== "finishes", "only what changes nothing awaits something, or finishes the workflow");
  return result.kind === "applied" ? verify(prepared, before, result) : afterFailedApply(prepared, before, result);
}

/** As a failure of something that changes nothing: nothing is in doubt. */
export function notChanged(failure: Failure): Failure {
  return failure.kind === "unknown" ? { ...failure, kind: "failed" } : failure;
}

/** The report of an apply that says that it was done. */
async function verify(
  prepared: PreparedAttempt,
  before: string,
  applied: Extract<ApplyResult, { kind: "applied" }>,
): Promise<AttemptReport> {
  const { action, reporter } = prepared;
  reporter.noteResult(applied);
  const after = await action.check(prepared.context());
  switch (after.kind) {
    case "unknowable":
      return reporter.end(applied.isChanged === false ? AttemptOutcome.UNCHANGED : AttemptOutcome.CHANGED, { before });
    case "converged":
      return reporter.end(AttemptOutcome.CHANGED, { before, after: after.checksum });
    case "different": {
      const message = "it was applied, and the check afterwards still finds something to change; see the diff";
      const isRetryable = action.effects !== Effects.UNSAFE;
      return reporter.failed({ kind: "failed", message, isRetryable }, { before, after: after.checksum });
    }
    case "failed":
    case "unreachable":
    case "unknown":
    case "cancelled":
    case "unbegun": {
      const message = `it was applied, and could not be looked at afterwards: ${after.message}`;
      return reporter.failed({ kind: "unknown", message }, { before });
    }
    default:
      return assertNever(after);
  }
}

/** An apply whose outcome is unknown is settled by looking, where a check can tell; everything else is as the action says. */
async function afterFailedApply(prepared: PreparedAttempt, before: string, failure: Failure): Promise<AttemptReport> {
  const { action, reporter } = prepared;
  if (failure.kind !== "unknown" || action.effects === Effects.UNSAFE) return reporter.failed(failure, { before });
  const check = await action.check(prepared.context());
  if (check.kind === "converged") return reporter.end(AttemptOutcome.CHANGED, { before, after: check.checksum });
  if (check.kind === "different" && check.checksum === before) {
    return reporter.failed({ kind: "failed", message: `${failure.message}; the check finds that nothing was changed` }, { before });
  }
  return reporter.failed(failure, { before });
}
