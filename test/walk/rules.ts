// What must hold at every step, and what a walk takes for right in its other checks.
// 1. A field says how far a rule is bent: so a test can show that a walk notices it (bent-rules.test.ts).

import { placeOf } from "../../internal/workflow/blueprint.ts";
import type { WorkflowState } from "../../internal/workflow/state.ts";

/** How the rules stand. */
export interface Rules {
  /** So many targets more than `parallel` says may be in flight. */
  readonly parallelMore: number;
  /** So many targets more than `max_at_risk` says may be at risk. */
  readonly atRiskMore: number;
  /** True: beside an undo its target may await something. */
  readonly mayAwaitBesideUndo: boolean;
  /** True: what was taken back may be done again. */
  readonly isUndoKnown: boolean;
  /** True: where failures are allowed, a workflow may succeed with something undone. */
  readonly isFailureAllowed: boolean;
  /** So many of the last events a replay misses. */
  readonly eventsLost: number;
  /** True: in a friendly world nothing is frozen. */
  readonly isThawed: boolean;
}

/** As the documents say. */
export const FAITHFUL: Rules = {
  parallelMore: 0,
  atRiskMore: 0,
  mayAwaitBesideUndo: true,
  isUndoKnown: true,
  isFailureAllowed: true,
  eventsLost: 0,
  isThawed: true,
};

/** The first rule that does not hold; undefined: all do. */
export function brokenNow(state: WorkflowState, rules: Rules): string | undefined {
  return tooManyInFlight(state, rules) ?? tooManyAtRisk(state, rules) ?? runsBesideUndo(state, rules);
}

function tooManyInFlight({ stageRun: run }: WorkflowState, { parallelMore }: Rules): string | undefined {
  if (run === undefined || run.inFlight.size <= run.stage.parallel + parallelMore) return undefined;
  return `parallel is ${run.stage.parallel}, and ${run.inFlight.size} targets are in flight`;
}

/** A target in flight that is not at risk keeps room to become so. Only the first stage of a walk runs over targets: none leaves it more at risk. */
function tooManyAtRisk({ stageRun: run, targetsAtRisk }: WorkflowState, { atRiskMore }: Rules): string | undefined {
  if (run?.stage.isOverTargets !== true) return undefined;
  if (targetsAtRisk + run.roomKept <= run.stage.atRiskMax + atRiskMore) return undefined;
  return `max_at_risk is ${run.stage.atRiskMax}; at risk are ${targetsAtRisk}, and ${run.roomKept} more keep room to become so`;
}

/** What takes a target's work back has that target to itself. */
function runsBesideUndo(state: WorkflowState, { mayAwaitBesideUndo }: Rules): string | undefined {
  const places = [...state.running.keys()].map((task) => ({ task, ...placeOf(state.blueprint, task) }));
  const undone = new Set(places.filter(({ action }) => action.part === "undo").map(({ ordinal }) => ordinal));
  const beside = places.find(
    ({ task, ordinal, action }) => undone.has(ordinal) && action.part !== "undo" && !(mayAwaitBesideUndo && state.awaiting.has(task)),
  );
  return beside === undefined ? undefined : `"${beside.action.name}" runs beside an undo of the same target`;
}
