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
import { happened } from "./events.ts";
import type { ScopeOf } from "./expression-scope.ts";
import { endScope, workflowScope } from "./expression-scope.ts";
import type { Facts } from "./facts.ts";
import { expressionParams } from "./params.ts";
import type { ParamValues } from "./params.ts";
import type { RepeatRule } from "./repeat-rule.ts";
import type { StageRun, WorkflowState } from "./state.ts";

/** What an iteration came to. */
type Judgement = { readonly kind: "done" } | { readonly kind: "again" } | { readonly kind: "failed"; readonly error: string };

/** What the end of an attempt says of its action's `repeat`. */
export interface IterationEnd {
  /** Which iteration came to a good end; absent: none did. */
  readonly iteration?: number;
  /** When the next one begins; absent: there is none. */
  readonly repeatAfterMs?: number;
  /** Present: the action has failed by it. */
  readonly error?: string;
}

/** What `repeat` makes of the end of an attempt: `until` sees the variables as it has set them. */
export function judgeIteration(
  state: WorkflowState,
  { report, set = {} }: { readonly report: AttemptReport; readonly set: ParamValues | undefined },
  facts: Pick<Facts, "detail">,
): IterationEnd {
  const { action } = placeOf(state.blueprint, report.task);
  const isGood = report.outcome === AttemptOutcome.UNCHANGED || report.outcome === AttemptOutcome.CHANGED;
  if (action.repeat === undefined || !isGood || state.blueprint.mode === Mode.PLAN) return {};
  const iteration = state.iterations.get(report.task) ?? 1;
  const scope = endScope(state, report, facts);
  const vars = expressionParams(state.submitted.definition?.vars ?? {}, { ...state.vars, ...set });
  const judgement = judge(action.repeat, { iteration, scope: (name) => (name === "vars" ? vars : scope(name)) });
  switch (judgement.kind) {
    case "done":
      return { iteration };
    case "again":
      return { iteration, repeatAfterMs: action.repeat.everyMs };
    case "failed":
      return { iteration, error: judgement.error };
    default:
      return assertNever(judgement);
  }
}

/** The event that ends a stage in which nothing is left to do: its end, or its next iteration. */
export function endIteration(state: WorkflowState, run: StageRun, facts: Pick<Facts, "detail">): Event {
  const { repeat, index: stage } = run.stage;
  // An early finish is the end of it: whether it is done is not asked any more.
  const isOnce = repeat === undefined || state.blueprint.mode === Mode.PLAN || state.finish !== undefined;
  if (isOnce) return happened("stageEnded", { stage, succeeded: true });
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
