// The moment at which the list of a stage becomes known: evaluated once, when the stage's turn has come, and frozen in an event (H4).
// 1. What is no list, has more items than `max`, or items without a name of their own, fails the stage; nothing of it begins.
// 2. Task numbers are reserved for `max` items since Submit; those that no item needs are absent from then on.
// 3. A Retry goes on with the items that are frozen. A list that was refused is evaluated again, and so is that of a stage that handles the end
//    of what the Retry does again.

import { present } from "../base/assert.ts";
import { HoldfastError } from "../base/errors.ts";
import type { JsonValue } from "../base/json.ts";
import { ERROR_MESSAGE_LENGTH_MAX, LIST_BYTES_MAX, TARGET_NAME_LENGTH_MAX } from "../base/limits.ts";
import { stagesOf } from "../expr/workflow-parts.ts";
import type { Event, ListExpanded } from "../gen/holdfast/v1/event_pb.ts";
import { Mode } from "../gen/holdfast/v1/event_pb.ts";
import type { StagePlan } from "./blueprint.ts";
import { taskAt } from "./blueprint.ts";
import { happened } from "./events.ts";
import { workflowScope } from "./expression-scope.ts";
import type { Facts } from "./facts.ts";
import { FaultList } from "./fault-list.ts";
import { itemName } from "./list-plan.ts";
import type { ListPlan } from "./list-plan.ts";
import { closeStage } from "./reopen.ts";
import { planRollout } from "./rollout-plan.ts";
import type { WorkflowState } from "./state.ts";
import { closeTask } from "./target-parts.ts";
import { TaskState } from "./task-state.ts";
import { jsonToValue, valueToJson } from "./value-json.ts";

/** The event by which the list of a stage becomes known. */
export function expandList(state: WorkflowState, { index, list }: StagePlan & { readonly list: ListPlan }, facts: Facts): Event {
  try {
    const items = checkedItems(list.program.evaluate(workflowScope(state, facts)), list.max);
    return happened("listExpanded", { stage: index, items: items.map(jsonToValue) });
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    // In a plan, nobody knows what an earlier action would only have put out.
    if (state.blueprint.mode === Mode.PLAN && state.tasks.totalCounts().changed > 0) return happened("listExpanded", { stage: index });
    return happened("listExpanded", { stage: index, error: `over.list: ${error.message}`.slice(0, ERROR_MESSAGE_LENGTH_MAX) });
  }
}

/** Throws for what is no list of at most `max` items with names. Values are not told: they may be anything. */
function checkedItems(value: JsonValue, max: number): readonly JsonValue[] {
  if (!Array.isArray(value)) throw refusal("its value is not a list; see what its expression puts out");
  if (value.length > max)
    throw refusal(`it has ${value.length} items, \`max\` is ${max}; put out fewer, or submit it again with a larger \`max\``);
  const items: readonly JsonValue[] = value;
  const seen = new Map<string, number>();
  for (const [index, item] of items.entries()) {
    const name = itemName(item);
    if (name === "") throw refusal(`item ${index + 1} has no name; items are strings, or objects with a \`name\``);
    if (name.length > TARGET_NAME_LENGTH_MAX)
      throw refusal(`the name of item ${index + 1} has ${name.length} characters, at most ${TARGET_NAME_LENGTH_MAX} are allowed`);
    const first = seen.get(name);
    if (first !== undefined) throw refusal(`items ${first + 1} and ${index + 1} have the same name; names are unique`);
    seen.set(name, index);
  }
  const bytes = Buffer.byteLength(JSON.stringify(items));
  if (bytes > LIST_BYTES_MAX) throw refusal(`its items have ${bytes} bytes as JSON, at most ${LIST_BYTES_MAX} are kept; put out less`);
  return items;
}

function refusal(message: string): HoldfastError {
  return new HoldfastError("FAILED_PRECONDITION", message);
}

/** ListExpanded. */
export function freezeList(state: WorkflowState, { stage: index, items, error }: ListExpanded): void {
  const stage = present(state.blueprint.stages[index], "the stage whose list became known");
  if (error !== "") {
    state.stageResults[index] = "failed";
    state.stageNotes.set(index, error);
    return closeStage(state, index);
  }
  const plan = withItems(state, stage, items.map(valueToJson));
  state.blueprint = { ...state.blueprint, stages: state.blueprint.stages.with(index, plan) };
  const end = taskAt(stage, stage.width, 0);
  for (let task = taskAt(stage, items.length, 0); task < end; task++) closeTask(state, task, TaskState.ABSENT);
}

/** Waves and budgets are of the items that there are. */
function withItems({ blueprint, submitted, seq }: WorkflowState, stage: StagePlan, items: readonly JsonValue[]): StagePlan {
  const list = present(stage.list, "the list of the stage");
  const declared = present(stagesOf(submitted.definition ?? { stages: [] })[stage.index], "the stage as it was declared");
  const context = { width: items.length, mode: blueprint.mode, place: declared.place, faults: new FaultList() };
  return { ...stage, ...planRollout(declared.stage, context), list: { ...list, items, sinceSeq: seq } };
}
