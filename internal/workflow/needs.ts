// What a need means: what becomes of an action, or of a stage, by where that stands which it needs.
// 1. One table, said in words in docs/workflow-file.md; needs.test.ts holds it in every combination.
// 2. "go": as far as this need is concerned it may start; "wait": not yet; "skip": it never may, and is skipped, when its other needs have ended.
// 3. A stage that has ended does not change any more while later ones run, so what is said across stages is asked once (H9).

import type { StagePlan, TaskPlace } from "./blueprint.ts";
import { taskAt } from "./blueprint.ts";
import type { StageResult, WorkflowState } from "./state.ts";
import { isClosed, isFailure, isGood } from "./task-state.ts";

/** What follows from a need for what has it. */
export type NeedAnswer = "go" | "wait" | "skip";

/** What an action needs of an earlier stage. */
export interface EarlierNeed {
  readonly stage: number;
  /** The position of the action in that stage. */
  readonly action: number;
}

/**
 * The table. `isContinued`: what is needed has `continue_on_error`. `isOver`: its stage has ended, and nothing that is open in it will
 * happen.
 */
export function needAnswer(now: number, { isContinued, isOver }: { readonly isContinued: boolean; readonly isOver: boolean }): NeedAnswer {
  if (isGood(now) || (isContinued && isFailure(now))) return "go";
  if (isFailure(now) || isClosed(now)) return "skip";
  return isOver ? "skip" : "wait";
}

/** The same of a stage. */
export function stageNeedAnswer(result: StageResult, isContinued: boolean): NeedAnswer {
  if (result === "succeeded" || (isContinued && result === "failed")) return "go";
  return result === "failed" || result === "skipped" ? "skip" : "wait";
}

/** What all needs of a task come to together. */
export function answerNeeds(state: WorkflowState, place: TaskPlace): NeedAnswer {
  const { stage, ordinal, action } = place;
  if (action.index > action.alternatives.first) return answerAlternative(state, place);
  let answer: NeedAnswer = "go";
  for (const needed of action.needs) {
    const isContinued = stage.actions[needed]?.continuesOnError === true;
    const one = needAnswer(actionState(state, { stage, ordinal, action: needed }), { isContinued, isOver: false });
    if (one === "wait") return one;
    if (one === "skip") answer = one;
  }
  for (const need of action.earlierNeeds) if (answerEarlier(state, { stage, ordinal, need }) === "skip") return "skip";
  return answer;
}

/** A further alternative is tried when the one before it has failed; when that succeeded it is closed. */
function answerAlternative(state: WorkflowState, { stage, ordinal, action }: TaskPlace): NeedAnswer {
  return isFailure(state.tasks.get(taskAt(stage, ordinal, action.index - 1))) ? "go" : "wait";
}

/** The position of the alternative that stands for an action: the first that has not failed, or the last. */
export function alternativeOf(
  state: WorkflowState,
  at: { readonly stage: StagePlan; readonly ordinal: number; readonly action: number },
): number {
  const { stage, ordinal, action } = at;
  const end = stage.actions[action]?.alternatives.end ?? action + 1;
  let index = action;
  while (index + 1 < end && isFailure(state.tasks.get(taskAt(stage, ordinal, index)))) index += 1;
  return index;
}

function actionState(state: WorkflowState, at: { readonly stage: StagePlan; readonly ordinal: number; readonly action: number }): number {
  return state.tasks.get(taskAt(at.stage, at.ordinal, alternativeOf(state, at)));
}

interface EarlierNeedAt {
  readonly stage: StagePlan;
  readonly ordinal: number;
  readonly need: EarlierNeed;
}

/** On the same target where both stages run over targets; the one task of a stage that ran once; else of all its targets or items. */
function answerEarlier(state: WorkflowState, { stage, ordinal, need }: EarlierNeedAt): NeedAnswer {
  const earlier = state.blueprint.stages[need.stage];
  const action = earlier?.actions[need.action];
  if (earlier === undefined || action === undefined) return "skip";
  const at = (target: number): NeedAnswer =>
    needAnswer(actionState(state, { stage: earlier, ordinal: target, action: need.action }), {
      isContinued: action.continuesOnError,
      isOver: true,
    });
  if (!earlier.isOverTargets && earlier.list === undefined) return at(0);
  if (earlier.isOverTargets && stage.isOverTargets) return at(ordinal);
  const known = state.stageRun?.earlierAnswers;
  const key = taskAt(earlier, 0, need.action);
  const found = known?.get(key);
  if (found !== undefined) return found;
  let answer: NeedAnswer = "go";
  for (let target = 0; target < earlier.width && answer === "go"; target++) answer = at(target);
  known?.set(key, answer);
  return answer;
}
