// How the variables of a workflow change: by actions that end well, and by signals. Expressions read them as `vars`.
// 1. What is computed goes into the event that changes them; a replay computes nothing (H4).
// 2. All expressions of one change see the values from before it; a value of another type than declared changes nothing.

import { HoldfastError } from "../base/errors.ts";
import type { JsonValue } from "../base/json.ts";
import { ERROR_MESSAGE_LENGTH_MAX, VARS_BYTES_MAX } from "../base/limits.ts";
import { AttemptOutcome, Mode } from "../gen/holdfast/v1/event_pb.ts";
import { placeOf } from "./blueprint.ts";
import type { AttemptReport } from "./commands.ts";
import { endScope } from "./expression-scope.ts";
import type { ScopeOf } from "./expression-scope.ts";
import type { Facts } from "./facts.ts";
import { FaultList } from "./fault-list.ts";
import { resolveParams } from "./params.ts";
import type { ParamValues } from "./params.ts";
import type { SetPlan } from "./set-plan.ts";
import type { WorkflowState } from "./state.ts";

/** The new values of the variables that are changed; throws INVALID_ARGUMENT where one has none, or none of its type. */
export function computeSet(state: WorkflowState, plan: SetPlan, scope: ScopeOf): ParamValues {
  const declared = state.submitted.definition?.vars ?? {};
  const computed = Object.fromEntries(plan.map(([name, program]): [string, JsonValue] => [name, program.evaluate(scope)]));
  const faults = new FaultList();
  const asked = Object.fromEntries(plan.flatMap(([name]) => (declared[name] === undefined ? [] : [[name, declared[name]]])));
  const values = resolveParams(asked, computed, faults, { place: "set", noun: "variable" });
  const bytes = Buffer.byteLength(JSON.stringify({ ...state.vars, ...values }));
  if (bytes > VARS_BYTES_MAX) faults.add("set", `the variables would have ${bytes} bytes as JSON, at most ${VARS_BYTES_MAX} are kept`);
  faults.throwIfAny("variables cannot be set");
  return values;
}

/** What an attempt that ended well sets; an error where that cannot be computed. */
export function attemptSet(
  state: WorkflowState,
  report: AttemptReport,
  facts: Pick<Facts, "detail">,
): { readonly set?: ParamValues; readonly error?: string } {
  const { action } = placeOf(state.blueprint, report.task);
  const isGood = report.outcome === AttemptOutcome.CHANGED || report.outcome === AttemptOutcome.UNCHANGED;
  if (action.set.length === 0 || !isGood || state.blueprint.mode === Mode.PLAN) return {};
  try {
    return { set: computeSet(state, action.set, endScope(state, report, facts)) };
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return { error: `it has done its work, and ${error.message}`.slice(0, ERROR_MESSAGE_LENGTH_MAX) };
  }
}
