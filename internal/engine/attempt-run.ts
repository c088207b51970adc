// Runs one attempt at a task and keeps the promise that no action has to: look first, write down, change, look again.
// 1. Nothing is changed before ApplyStarted is on disk, and nothing is applied again before it was looked at (H2).
// 2. After a restore from a backup nothing unsafe is begun: it is settled by looking, as what had begun is.
// 3. An attempt ends with one report, or with none when the turn that refused its apply has ended it already.

import { assertNever } from "../base/assert.ts";
import { AttemptOutcome, Effects, Mode } from "../gen/holdfast/v1/event_pb.ts";
import { isAwaiting } from "../workflow/action-plan.ts";
import { placeOf } from "../workflow/blueprint.ts";
import type { AttemptReport } from "../workflow/commands.ts";
import { FINISH_ACTION } from "../expr/finish-rule.ts";
import { wouldChangeBefore } from "../workflow/plan-mode.ts";
import type { RunningTask } from "../workflow/state.ts";
import { applyAndVerify, isKeptBack, notChanged } from "./attempt-apply.ts";
import type { AttemptHost } from "./attempt-host.ts";
import type { PreparedAttempt } from "./attempt-prepare.ts";
import { prepareAttempt, reporterOf } from "./attempt-prepare.ts";
import type { Reporter } from "./attempt-report.ts";
import type { ApplyResult } from "./ports.ts";
import { settleAttempt } from "./settle.ts";

/** Runs an attempt to its report; undefined: it was ended by the turn that refused its apply. */
export async function runAttempt(
  host: AttemptHost,
  at: { readonly task: number; readonly running: RunningTask },
  signal: AbortSignal,
): Promise<AttemptReport | undefined> {
  // After a restart: what was said of it settles it, and nothing of it is run again.
  if (host.state.completions.early(at.task) !== undefined) return reporterOf(host, at).failed({ kind: "unknown", message: "" }, {});
  const prepared = prepareAttempt(host, at, signal);
  const isPlan = host.state.blueprint.mode === Mode.PLAN;
  if (prepared.kind === "refused") return isPlan ? skippedInPlan(host, prepared.report) : prepared.report;
  const { action, reporter } = prepared;
  if (isPlan && mustSkipInPlan(host, prepared)) return reporter.end(AttemptOutcome.SKIPPED, {});
  if (action.effects === Effects.NONE) return endOfReading(reporter, await action.apply(prepared.reading(), ""));
  if (prepared.inDoubtSince !== undefined) return settleAttempt(prepared, prepared.inDoubtSince);
  if (!isPlan && mayBeDoneTwice(prepared)) return settleAttempt(prepared, "");
  return lookAndApply(host, prepared, isPlan);
}

async function lookAndApply(host: AttemptHost, prepared: PreparedAttempt, isPlan: boolean): Promise<AttemptReport | undefined> {
  const { action, reporter } = prepared;
  const check = await action.check(prepared.context());
  switch (check.kind) {
    case "converged": {
      const output = check.output === undefined ? {} : { output: check.output };
      return reporter.end(AttemptOutcome.UNCHANGED, { before: check.checksum, after: check.checksum, ...output });
    }
    case "different":
      reporter.noteDiff(check.diff);
      return isPlan ? reporter.end(AttemptOutcome.CHANGED, { before: check.checksum }) : beginApply(host, prepared, check.checksum);
    case "unknowable":
      return isPlan ? reporter.end(AttemptOutcome.CHANGED, {}) : beginApply(host, prepared, "");
    case "failed":
    case "unreachable":
    case "unknown":
    case "cancelled":
    case "unbegun":
      return reporter.failed(notChanged(check), {});
    default:
      return assertNever(check);
  }
}

/** Asks for leave to change something, with a handshake's first half before it, and applies. */
async function beginApply(host: AttemptHost, prepared: PreparedAttempt, before: string): Promise<AttemptReport | undefined> {
  const { action, reporter, task, attempt } = prepared;
  if (prepared.isFrozen()) return reporter.frozen(before);
  if (action.prepare !== undefined && prepared.remoteId() === "") {
    const answer = await action.prepare(prepared.changing());
    if (answer.kind !== "prepared")
      return isKeptBack(prepared, answer) ? reporter.frozen(before) : reporter.failed(notChanged(answer), { before });
    await host.post({ kind: "recordPrepared", task, attempt, remoteId: answer.remoteId });
  }
  // crash: test/crash/every-append-memory.test.ts
  await host.post({ kind: "startApply", task, attempt, before });
  const running = host.state.running.get(task);
  if (running?.attempt !== attempt || running.before === undefined) return undefined;
  return applyAndVerify(prepared, before);
}

/** In a restored journal, what is unsafe is in doubt before it begins; the other side of a handshake knows by its ID what it has done. */
function mayBeDoneTwice(prepared: PreparedAttempt): boolean {
  return prepared.restored !== undefined && prepared.action.effects === Effects.UNSAFE && prepared.remoteId() === "";
}

function endOfReading(reporter: Reporter, result: ApplyResult): AttemptReport {
  if (result.kind === "awaits") return reporter.awaits(result.awaited);
  if (result.kind === "finishes") return reporter.finishes(result);
  if (result.kind !== "applied") return reporter.failed(notChanged(result), {});
  reporter.noteResult(result);
  return { ...reporter.end(AttemptOutcome.UNCHANGED, {}), isRead: true };
}

/** A plan does not wait, is not finished early, and cannot look at what an earlier action on this target would change first. */
function mustSkipInPlan({ state }: AttemptHost, { action, task }: PreparedAttempt): boolean {
  const { uses } = placeOf(state.blueprint, task).action;
  if (isAwaiting(uses) || uses === FINISH_ACTION) return true;
  return action.effects === Effects.NONE && wouldChangeBefore(state, task);
}

/** In a plan, arguments may name what an earlier action would only have brought about. */
function skippedInPlan({ state }: AttemptHost, report: AttemptReport): AttemptReport {
  if (!wouldChangeBefore(state, report.task)) return report;
  return { ...report, outcome: AttemptOutcome.SKIPPED, error: "", detail: undefined, detailCrc: 0 };
}
