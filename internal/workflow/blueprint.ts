// A workflow's definition made ready to run: expressions compiled, waves cut, budgets as counts, every default filled in.
// 1. It follows from WorkflowSubmitted alone, so a replay makes the same one.
// 2. A task's position is stage by stage, target by target, action by action; it never changes (H2: task keys stay).

import { durationMs } from "@bufbuild/protobuf/wkt";
import type { Duration } from "@bufbuild/protobuf/wkt";
import type { WorkflowSubmitted } from "../gen/holdfast/v1/event_pb.ts";
import type { Mode } from "../gen/holdfast/v1/event_pb.ts";
import type { Stage, Target, WorkflowDefinition } from "../gen/holdfast/v1/workflow_pb.ts";
import { StageUndo } from "../gen/holdfast/v1/workflow_pb.ts";
import { HoldfastError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { STAGES_MAX } from "../base/limits.ts";
import { WorkflowId } from "../base/ids.ts";
import type { Program } from "../expr/program.ts";
import type { Template } from "../expr/template.ts";
import { columnsOf, isOverTargets, overOf, stagesOf, widthOf } from "../expr/workflow-parts.ts";
import type { Column, Part } from "../expr/workflow-parts.ts";
import { workflowScopes } from "../expr/workflow-types.ts";
import type { ActionPlan } from "./action-plan.ts";
import { planActions } from "./action-plan.ts";
import { planContinue } from "./continue-rule.ts";
import type { ContinueRule } from "./continue-rule.ts";
import { FaultList } from "./fault-list.ts";
import { LastPlans } from "./last-plans.ts";
import { itemName, planList } from "./list-plan.ts";
import type { ListPlan } from "./list-plan.ts";
import { acceptedScopes, compileIn } from "./names.ts";
import type { NameScopes } from "./names.ts";
import { expressionParams } from "./params.ts";
import { planRepeat } from "./repeat-rule.ts";
import type { RepeatRule } from "./repeat-rule.ts";
import { firstVars } from "./set-plan.ts";
import { planQueries, planSignals } from "./signal-plan.ts";
import type { SignalPlan } from "./signal-plan.ts";
import { planRollout } from "./rollout-plan.ts";
import type { RolloutPlan } from "./rollout-plan.ts";
import { planLocks } from "./stage-locks.ts";
import { planStageNeeds } from "./need-names.ts";

export type { ActionPlan, Program };

/** Actions of a stage that stand together: positions `first` to `end - 1`. */
export interface PartPlan {
  readonly part: Part;
  readonly first: number;
  readonly end: number;
}

/** One stage, ready to run. */
export interface StagePlan extends RolloutPlan {
  readonly index: number;
  /** What it is for. */
  readonly part: Part;
  /** Its actions by what they are for, in order, main first. */
  readonly parts: readonly PartPlan[];
  readonly name: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** Positions of the stages that must have ended well; undefined: all earlier ones. */
  readonly needs: readonly number[] | undefined;
  /** True: all of a wave is undone in which too many targets failed. */
  readonly undoesWave: boolean;
  /** True: when it fails, the workflow goes on. */
  readonly continuesOnError: boolean;
  readonly isOverTargets: boolean;
  /** Present: it runs over a list. */
  readonly list: ListPlan | undefined;
  /** How many times the actions run: the number of targets, or 1; over a list at most so many times. */
  readonly width: number;
  /** Position of its first task in the workflow. */
  readonly firstTask: number;
  readonly actions: readonly ActionPlan[];
  /** How long after its start it may go on; Infinity: no bound. */
  readonly deadlineMs: number;
  /** Undefined: it runs once. */
  readonly repeat: RepeatRule | undefined;
  /** Locks beside the target's own. */
  readonly locks: readonly Template[];
}

/** A workflow, ready to run. */
export interface Blueprint {
  readonly id: WorkflowId;
  readonly name: string;
  readonly mode: Mode;
  readonly namespace: string;
  readonly key: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** As expressions see them. */
  readonly params: Readonly<Record<string, unknown>>;
  readonly targets: readonly Target[];
  readonly stages: readonly StagePlan[];
  readonly output: Program | undefined;
  /** The values that its variables begin with. */
  readonly vars: JsonObject;
  readonly signals: ReadonlyMap<string, SignalPlan>;
  readonly queries: ReadonlyMap<string, Program>;
  /** Undefined: it ends when all is done. */
  readonly continueAsNew: ContinueRule | undefined;
  /** How long after Exec, Retry or the start of a generation it may go on; Infinity: no bound. */
  readonly deadlineMs: number;
  /** The names of all secrets that its arguments use: their values are hidden in all that its tasks put out. */
  readonly secrets: readonly string[];
  /** True: some of its actions hand out tokens, which are hidden in all that its tasks put out. */
  readonly handsOutTokens: boolean;
  /** Tasks in all. */
  readonly tasks: number;
}

/**
 * Makes a submitted workflow ready to run. Throws INVALID_ARGUMENT with all faults of the definition at once, but for the types of
 * its expressions: those `checkDefinition` has checked when it was submitted.
 */
export function makeBlueprint(submitted: WorkflowSubmitted): Blueprint {
  const faults = new FaultList();
  const { definition, targets, mode } = submitted;
  if (definition === undefined) throw new HoldfastError("INVALID_ARGUMENT", "the submission has no definition");
  const annotations = { ...definition.annotations, ...submitted.annotations };
  const context = { targets: targets.length, mode, annotations, faults, scopes: acceptedScopes(definition) };
  const { stages, ...rest } = lastPlans.take(definition, context, () => planDefinition(definition, context));
  faults.throwIfAny(`workflow "${definition.name}" is not valid`);
  return {
    id: WorkflowId.parse(submitted.id),
    name: definition.name,
    mode,
    namespace: submitted.namespace,
    key: submitted.key,
    annotations,
    params: expressionParams(definition.params, submitted.params ?? {}),
    targets,
    stages,
    ...rest,
    deadlineMs: boundMs(definition.deadline),
    handsOutTokens: stages.some((stage) => stage.actions.some(({ completion }) => completion !== undefined)),
    secrets: [...new Set(stages.flatMap((stage) => stage.actions.flatMap((action) => action.arguments.secrets)))],
    tasks: stages.reduce((sum, stage) => sum + stage.width * stage.actions.length, 0),
  };
}

/** Finds the faults of a definition before its targets are chosen, so that an author sees them with all others. */
export function checkDefinition(definition: WorkflowDefinition, mode: Mode, faults: FaultList): void {
  planDefinition(definition, { targets: 0, mode, annotations: {}, faults, scopes: workflowScopes(definition) });
}

const lastPlans = new LastPlans<DefinitionPlan>();

/** What follows from the definition, and how many targets there are. */
type DefinitionPlan = Pick<Blueprint, "stages" | "output" | "vars" | "signals" | "queries" | "continueAsNew">;

interface DefinitionContext {
  /** How many targets there are. */
  readonly targets: number;
  readonly mode: Mode;
  readonly annotations: Readonly<Record<string, string>>;
  readonly faults: FaultList;
  readonly scopes: NameScopes;
}

function planDefinition(definition: WorkflowDefinition, context: DefinitionContext): DefinitionPlan {
  const { faults, scopes } = context;
  const all = stagesOf(definition);
  if (definition.stages.length === 0) faults.add("stages", "there are none; a workflow has at least one stage");
  if (all.length > STAGES_MAX) faults.add("stages", `there are ${all.length} with those that handle its end, at most ${STAGES_MAX}`);
  const stages: StagePlan[] = [];
  const stageNames = all.map(({ stage }) => stage.name);
  let firstTask = 0;
  for (const [index, { stage, part, place }] of all.entries()) {
    if (stages.some((earlier) => earlier.name === stage.name)) {
      faults.add(`${place}.name`, `the name "${stage.name}" is used by an earlier stage`);
    }
    const plan = planStage(stage, {
      ...context,
      place,
      part,
      index,
      firstTask,
      stageNames,
      definition,
      earlier: all.slice(0, index).map((each) => each.stage),
    });
    stages.push(plan);
    firstTask += plan.width * plan.actions.length;
  }
  const output =
    definition.output === ""
      ? undefined
      : compileIn(definition.output, { place: "output", scope: scopes.output, stages: stageNames, faults, isCondition: false });
  return {
    stages,
    output,
    vars: firstVars(definition.vars, faults),
    signals: planSignals(definition, context),
    queries: planQueries(definition, context),
    continueAsNew: planContinue(definition.continueAsNew, { scope: scopes.output, stages: stageNames, faults }),
  };
}

function boundMs(duration: Duration | undefined): number {
  return duration === undefined ? Infinity : durationMs(duration);
}

interface StageContext extends DefinitionContext {
  readonly place: string;
  readonly part: Part;
  readonly index: number;
  readonly firstTask: number;
  /** The names of all stages, for `stage('x')`. */
  readonly stageNames: readonly string[];
  /** The stages before it. */
  readonly earlier: readonly Stage[];
  readonly definition: WorkflowDefinition;
}

function planStage(stage: Stage, context: StageContext): StagePlan {
  const { place, index, firstTask, faults, earlier } = context;
  const columns = columnsOf(stage);
  const hasMore = stage.over !== undefined || stage.rollout !== undefined || stage.locks.length > 0 || columns.length > 0;
  if (stage.actions.length === 0 && hasMore)
    faults.add(`${place}.actions`, "there are none; a stage without actions is a milestone, and takes nothing that is for actions");
  const isTargets = isOverTargets(stage);
  const width = widthOf(stage, context.targets);
  const annotations = { ...context.annotations, ...stage.annotations };
  return {
    index,
    part: context.part,
    parts: planParts(columns),
    name: stage.name,
    annotations: stage.annotations,
    needs: planStageNeeds(stage, { place, faults, earlier }),
    undoesWave: stage.undo === StageUndo.WAVE,
    continuesOnError: stage.continueOnError,
    isOverTargets: isTargets,
    list: planList(stage, { place, faults, stages: context.stageNames, scope: context.scopes.output }),
    width,
    firstTask,
    actions: planActions(stage, {
      place,
      faults,
      annotations,
      over: overOf(stage),
      isMain: context.part === "main",
      stages: context.stageNames,
      scopes: context.scopes,
      earlier,
      definition: context.definition,
    }),
    deadlineMs: boundMs(stage.deadline),
    repeat: planRepeat(stage.repeat, { place, scope: context.scopes.output, stages: context.stageNames, faults }),
    locks: planLocks(stage, { place, scopes: context.scopes, faults }),
    ...planRollout(stage, { ...context, width }),
  };
}

function planParts(columns: readonly Column[]): readonly PartPlan[] {
  const parts: { part: Part; first: number; end: number }[] = [];
  for (const [index, { part }] of columns.entries()) {
    const last = parts.at(-1);
    if (last?.part === part) last.end = index + 1;
    else parts.push({ part, first: index, end: index + 1 });
  }
  return parts;
}

/** Where a task stands in the definition. */
export interface TaskPlace {
  readonly stage: StagePlan;
  /** Position in the workflow's list of targets; 0 in a stage that runs once. */
  readonly ordinal: number;
  readonly action: ActionPlan;
}

/** Finds a task's stage, target and action by its position. */
export function placeOf(blueprint: Blueprint, task: number): TaskPlace {
  let stage: StagePlan | undefined;
  for (const candidate of blueprint.stages) {
    if (candidate.firstTask > task) break;
    stage = candidate;
  }
  const offset = stage === undefined ? -1 : task - stage.firstTask;
  const action = stage?.actions[offset % stage.actions.length];
  if (stage === undefined || action === undefined || offset >= stage.width * stage.actions.length) {
    throw new HoldfastError("NOT_FOUND", `workflow ${blueprint.id} has no task ${task}; it has ${blueprint.tasks}`);
  }
  return { stage, ordinal: Math.floor(offset / stage.actions.length), action };
}

/** The position of a task. */
export function taskAt(stage: StagePlan, ordinal: number, action: number): number {
  return stage.firstTask + ordinal * stage.actions.length + action;
}

/** The name of the target or item of a task; empty in a stage that runs once. */
export function unitName(blueprint: Blueprint, stage: StagePlan, ordinal: number): string {
  return targetAt(blueprint, stage, ordinal)?.name ?? itemName(stage.list?.items?.[ordinal]);
}

/** The target of a task; undefined in a stage that runs once, or over a list. */
export function targetAt(blueprint: Blueprint, stage: StagePlan, ordinal: number): Target | undefined {
  return stage.isOverTargets ? blueprint.targets[ordinal] : undefined;
}
