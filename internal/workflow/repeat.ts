// `repeat` of an action and of a stage: after a good end `until` is judged, and what is not done yet runs again.
// 1. It is judged once for each iteration, and what comes of it is in an event: a replay judges nothing again (H4).
// 2. Fail closed: an `until` that cannot be evaluated is a failure, and so is one that is not true after the last iteration (H8).

import { assertNever } from "../base/assert.ts";
import { HoldfastError } from "../base/errors.ts";
import { ERROR_MESSAGE_LENGTH_MAX } from "../base/limits.ts";
import { evaluateBoolean } from "../expr/program.ts";
import type { Event } from "../gen/holdfast/v1/event_pb.ts";
import { AttemptOutcome, Mode } from "../gen/holdfast/v1/event_pb.ts";
import { placeOf } from "./blueprint.ts";
import type { AttemptReport } from "./commands.ts";
import { encodeDetail } from "./detail-codec.ts";
import { happened } from "./events.ts";
import type { ScopeOf } from "./expression-scope.ts";
import { taskScope, workflowScope } from "./expression-scope.ts";
import type { Facts } from "./facts.ts";
import type { RepeatRule } from "./repeat-rule.ts";
import type { StageRun, WorkflowState } from "./state.ts";
import { valueToJson } from "./value-json.ts";

/** What an iteration came to. */
type Judgement = { readonly kind: "done" } | { readonly kind: "again" } | { readonly kind: "failed"; readonly error: string };

/** The report of an attempt, with what its action's `repeat` makes of a good end. */
export function judgeIteration(state: WorkflowState, report: AttemptReport, facts: Pick<Facts, "detail">): AttemptReport {
  const { action } = placeOf(state.blueprint, report.task);
  const isGood = report.outcome === AttemptOutcome.UNCHANGED || report.outcome === AttemptOutcome.CHANGED;
  if (action.repeat === undefined || !isGood || state.blueprint.mode === Mode.PLAN) return report;
  const iteration = state.iterations.get(report.task) ?? 1;
  const scope = ownScope(action.identifier, { report, scope: taskScope(state, report.task, facts) });
  const judgement = judge(action.repeat, { iteration, scope });
  switch (judgement.kind) {
    case "done":
      return { ...report, iteration };
    case "again":
      return { ...report, iteration, repeatAfterMs: action.repeat.everyMs };
    case "failed":
      return { ...withError(report, judgement.error), outcome: AttemptOutcome.FAILED, isRetryable: false, iteration };
    default:
      return assertNever(judgement);
  }
}

/** The event that ends a stage in which nothing is left to do: its end, or its next iteration. */
export function endIteration(state: WorkflowState, run: StageRun, facts: Pick<Facts, "detail">): Event {
  const { repeat, index: stage } = run.stage;
  if (repeat === undefined || state.blueprint.mode === Mode.PLAN) return happened("stageEnded", { stage, succeeded: true });
  const judgement = judge(repeat, { iteration: run.iteration, scope: workflowScope(state, facts) });
  if (judgement.kind === "again") return happened("stageRepeated", { stage, iteration: run.iteration + 1, afterMs: repeat.everyMs });
  return happened(
    "stageEnded",
    judgement.kind === "done" ? { stage, succeeded: true } : { stage, succeeded: false, error: judgement.error },
  );
}

function judge({ until, max }: RepeatRule, { iteration, scope }: { readonly iteration: number; readonly scope: ScopeOf }): Judgement {
  try {
    if (evaluateBoolean(until, scope)) return { kind: "done" };
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return failed(`repeat.until cannot be evaluated: ${error.message}`);
  }
  if (iteration < max) return { kind: "again" };
  return failed(`repeat: after ${max === 1 ? "1 iteration" : `${max} iterations`} \`until\` is not true: ${until.source}`);
}

function failed(error: string): Judgement {
  return { kind: "failed", error: error.slice(0, ERROR_MESSAGE_LENGTH_MAX) };
}

/** The action itself, under its own name, as it has just ended. */
function ownScope(name: string, { report, scope }: { readonly report: AttemptReport; readonly scope: ScopeOf }): ScopeOf {
  const changed = report.outcome === AttemptOutcome.CHANGED;
  const output = report.detail?.output === undefined ? {} : { output: valueToJson(report.detail.output) };
  const own = { outcome: "SUCCEEDED", changed, attempts: report.attempt, ...output };
  return (asked) => (asked === name ? own : scope(asked));
}

function withError(report: AttemptReport, error: string): AttemptReport {
  if (report.detail === undefined) return { ...report, error };
  const detail = { ...report.detail, error };
  return { ...report, error, detail, detailCrc: encodeDetail(detail).crc };
}
