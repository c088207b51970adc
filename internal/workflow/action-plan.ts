// The actions of a stage made ready to run: expressions and arguments compiled, `needs` as positions, defaults filled in.
// 1. `needs` has no cycle, and names actions of the same stage or of earlier ones; without any, an action needs the one before it.
// 2. An expression may use the actions that are certain to have ended before it.

import { durationMs } from "@bufbuild/protobuf/wkt";
import type { Action, Stage, WorkflowDefinition } from "../gen/holdfast/v1/workflow_pb.ts";
import { CompletionMissing, OnUnknown } from "../gen/holdfast/v1/workflow_pb.ts";
import { present } from "../base/assert.ts";
import { AWAIT_MS_MAX } from "../base/limits.ts";
import { didYouMean } from "../base/nearest.ts";
import type { Program } from "../expr/program.ts";
import type { Template } from "../expr/template.ts";
import { FINISH_ACTION, finishFaults } from "../expr/finish-rule.ts";
import { allBefore, columnsOf, knownBefore, needsWithin, undoneBy } from "../expr/workflow-parts.ts";
import type { Column, Part } from "../expr/workflow-parts.ts";
import { identifierOf } from "../expr/workflow-types.ts";
import type { FaultList } from "./fault-list.ts";
import { compileArguments, compileIn, reservedNames } from "./names.ts";
import type { NameScopes } from "./names.ts";
import { earlierNeedsOf, needFault } from "./need-names.ts";
import type { EarlierNeed } from "./needs.ts";
import { planRepeat } from "./repeat-rule.ts";
import type { RepeatRule } from "./repeat-rule.ts";
import { retryRule } from "./retry.ts";
import type { RetryRule } from "./retry.ts";
import { planSet } from "./set-plan.ts";
import type { SetPlan } from "./set-plan.ts";
import { SIGNAL_ACTION } from "./signal-plan.ts";

/** One action, ready to run. */
export interface ActionPlan {
  readonly index: number;
  /** What it is for. */
  readonly part: Part;
  /** Its task's name: `send`, or `send.2` for its second alternative. */
  readonly name: string;
  /** The positions of all alternatives of its action: `first` to `end - 1`. */
  readonly alternatives: { readonly first: number; readonly end: number };
  /** True: when nobody knows whether it was done, it counts as failed, and the next alternative is tried. */
  readonly movesOnUnknown: boolean;
  /** The action's name as expressions write it. */
  readonly identifier: string;
  readonly uses: string;
  readonly when: Program | undefined;
  readonly arguments: Template;
  /** Positions of the actions that must have ended well, or been skipped, before. */
  readonly needs: readonly number[];
  /** What it needs of earlier stages. */
  readonly earlierNeeds: readonly EarlierNeed[];
  /** True when a need may come to nothing while its target has not failed: then the task is skipped. */
  readonly mayMissNeeds: boolean;
  /** True: what needs it goes on when it has failed. */
  readonly continuesOnError: boolean;
  /** True: when it fails, so has its target; not with `continue_on_error`, nor while there is another alternative. */
  readonly failsTarget: boolean;
  /** For one that takes back what another changed: the position of that, or of its first alternative. */
  readonly undoes: number | undefined;
  /** Positions of the actions that wait for this one. */
  readonly neededBy: readonly number[];
  /** Identifiers of all actions that are certain to have ended before, nearest last. */
  readonly before: readonly string[];
  readonly retry: RetryRule;
  /** Present: after its own work it awaits a completion from outside, so long; `isFailedWithout`: without one it was not done. */
  readonly completion: { readonly withinMs: number; readonly isFailedWithout: boolean } | undefined;
  /** What it sets when it has ended well. */
  readonly set: SetPlan;
  /** Undefined: it runs once. */
  readonly repeat: RepeatRule | undefined;
  readonly timeoutMs: number;
  /** The longest that it may go on without a sign of life; Infinity: no bound. */
  readonly heartbeatMs: number;
  /** From the first attempt's start to the last one's end; Infinity: no bound. */
  readonly totalTimeoutMs: number;
  /** From the moment at which it may start to its end; Infinity: no bound. */
  readonly scheduleTimeoutMs: number;
  /** The workflow's, the stage's and the action's own, the nearest winning. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** What the actions of a stage stand in. */
export interface ActionsContext {
  readonly place: string;
  readonly faults: FaultList;
  readonly annotations: Readonly<Record<string, string>>;
  /** What the stage runs over. */
  readonly over: { readonly hasTarget: boolean; readonly hasItem: boolean };
  /** False for stages that handle how the others ended. */
  readonly isMain: boolean;
  /** The names of all stages of the workflow. */
  readonly stages: readonly string[];
  readonly scopes: NameScopes;
  /** The stages before this one. */
  readonly earlier: readonly Stage[];
  readonly definition: WorkflowDefinition;
}

const TIMEOUT_DEFAULT_MS = 600_000;

/** True for actions that only await something: nothing of them runs at any host. */
export function isAwaiting(uses: string): boolean {
  return uses === "wait" || uses === "person" || uses === SIGNAL_ACTION;
}

/** Makes all actions of a stage ready to run; faults go to the context's list. */
export function planActions(stage: Stage, context: ActionsContext): readonly ActionPlan[] {
  const columns = columnsOf(stage);
  checkNames(columns, context);
  const needs = resolveNeeds(columns, context);
  const order = allBefore(needs);
  if (order === undefined) {
    context.faults.add(`${context.place}.actions`, "`needs` goes round in a circle; break it where one action need not wait");
    return [];
  }
  const known = knownBefore(columns);
  const missing = order.map((before, index) =>
    [...before, index].some((at) => earlierNeedsOf(columns[at]?.action, context.earlier).length > 0),
  );
  const plans = columns.map((column, index) =>
    planAction(column, { index, needs, known: known[index] ?? [], columns, context, mayMissNeeds: missing[index] ?? false }),
  );
  return plans.filter((plan) => plan !== undefined);
}

function checkNames(columns: readonly Column[], context: ActionsContext): void {
  const reserved = [...reservedNames(context.definition), ...(context.over.hasItem ? ["item"] : [])];
  const seen = new Map<string, string>();
  for (const { action, place, part, alternative } of columns) {
    if (alternative > 0 || part === "undo") continue;
    checkWays(action, `${context.place}.${place}`, context.faults);
    for (const { field, message } of finishFaults(action, { isMain: part === "main" && context.isMain }))
      context.faults.add(`${context.place}.${place}.${field}`, message);
    if (action.undo !== undefined && part !== "main")
      context.faults.add(`${context.place}.${place}.undo`, "only main actions are undone; this one handles how they ended");
    const identifier = identifierOf(action.name);
    const earlier = seen.get(identifier);
    const refuse = (reason: string): void => context.faults.add(`${context.place}.${place}.name`, `the name "${action.name}" ${reason}`);
    if (earlier === action.name) refuse("is used by an earlier action of the stage");
    else if (earlier !== undefined) refuse(`and "${earlier}" are the same name in expressions (\`-\` is written \`_\`)`);
    if (reserved.includes(identifier)) refuse("means something else in expressions; choose another");
    seen.set(identifier, action.name);
  }
}

function checkWays(action: Action, place: string, faults: FaultList): void {
  if (action.uses === "" && action.try.length === 0)
    faults.add(`${place}.uses`, "it is missing: name the kind of action, or alternatives in `try`");
  if (action.try.length > 0 && action.repeat !== undefined)
    faults.add(`${place}.repeat`, "an action with alternatives in `try` is not repeated; repeat its stage");
  if (action.try.length > 0 && (action.uses !== "" || action.with !== undefined))
    faults.add(`${place}.try`, "an action has either `uses` and `with` or alternatives in `try`, which have their own");
}

function resolveNeeds(columns: readonly Column[], context: ActionsContext): readonly (readonly number[])[] {
  return needsWithin(columns).map((positions, index) => {
    const { action, part, place, alternative } = present(columns[index], "the action whose needs these are");
    if (alternative > 0 || part === "undo") return positions;
    const actions = columns.filter((other) => other.part === part).map((other) => other.action);
    for (const [position, needed] of positions.entries()) {
      const fault = needed === -1 ? needFault(action.needs?.actions[position] ?? "", { actions, earlier: context.earlier }) : undefined;
      if (fault !== undefined) context.faults.add(`${context.place}.${place}.needs[${position}]`, fault);
    }
    return positions.filter((found) => found !== -1);
  });
}

/** The names by which expressions of each action know the actions that are certain to have ended before it; none in a circle. */
export function namesBefore(columns: readonly Column[]): readonly (readonly string[])[] {
  return knownBefore(columns).map((positions) => positions.map((position) => identifierOf(columns[position]?.action.name ?? "")));
}

interface ActionPosition {
  readonly index: number;
  readonly needs: readonly (readonly number[])[];
  readonly known: readonly number[];
  readonly columns: readonly Column[];
  readonly context: ActionsContext;
  readonly mayMissNeeds: boolean;
}

function planAction(column: Column, { index, needs, known, columns, context, mayMissNeeds }: ActionPosition): ActionPlan | undefined {
  const { faults, over, stages, scopes, definition } = context;
  const { action, part, way, alternative, alternatives } = column;
  const isUndo = part === "undo";
  const first = index - alternative;
  const place = `${context.place}.${column.place}`;
  const identifiers = known.map((position) => identifierOf(columns[position]?.action.name ?? ""));
  const scope = scopes.task({ ...over, before: identifiers });
  const own = scopes.task({ ...over, before: [...identifiers, identifierOf(action.name)] });
  // Whether it is done at all is asked once, before the first alternative.
  const when =
    isUndo || alternative > 0 || action.when === ""
      ? undefined
      : compileIn(action.when, { place: `${place}.when`, scope, stages, faults, isCondition: true });
  const hasToken = !isUndo && action.completion !== undefined;
  const template = compileArguments(way.with ?? {}, {
    place: `${context.place}.${column.wayPlace}.with`,
    scope: hasToken ? scopes.task({ ...over, before: identifiers, hasToken }) : scope,
    stages,
    faults,
  });
  // What is taken back sets nothing.
  const set = planSet(part === "undo" ? {} : action.set, { place: `${place}.set`, scope: own, stages, faults, vars: definition.vars });
  checkSignal(column, context);
  checkCompletion(column, context);
  if (template === undefined) return undefined;
  const timeout = way.timeout ?? (isUndo ? undefined : action.timeout);
  const heartbeat = way.heartbeat ?? (isUndo ? undefined : action.heartbeat);
  const totalTimeout = way.totalTimeout ?? (isUndo ? undefined : action.totalTimeout);
  return {
    index,
    part,
    name: column.name,
    alternatives: { first, end: first + alternatives },
    movesOnUnknown: way.onUnknown === OnUnknown.NEXT,
    identifier: identifierOf(action.name),
    uses: way.uses,
    when,
    arguments: template,
    needs: needs[index] ?? [],
    earlierNeeds: isUndo || alternative > 0 ? [] : earlierNeedsOf(action, context.earlier),
    mayMissNeeds: mayMissNeeds && !isUndo,
    continuesOnError: action.continueOnError && !isUndo,
    failsTarget: (isUndo || !action.continueOnError) && alternative === alternatives - 1,
    undoes: isUndo ? undoneBy(columns, column) : undefined,
    neededBy: needs.flatMap((direct, other) => (direct.includes(index) ? [other] : [])),
    before: identifiers,
    retry: retryRule(way.retry ?? (isUndo ? undefined : action.retry)),
    repeat: isUndo ? undefined : planRepeat(action.repeat, { place, scope: own, stages, faults }),
    completion: isUndo ? undefined : planCompletion(action),
    timeoutMs: timeout === undefined ? defaultTimeoutMs(way.uses) : durationMs(timeout),
    heartbeatMs: heartbeat === undefined ? Infinity : durationMs(heartbeat),
    totalTimeoutMs: totalTimeout === undefined ? Infinity : durationMs(totalTimeout),
    set,
    scheduleTimeoutMs: isUndo || action.scheduleTimeout === undefined ? Infinity : durationMs(action.scheduleTimeout),
    annotations: { ...context.annotations, ...action.annotations },
  };
}

/** A token is for what hands it out. */
function checkCompletion({ action, way, place: at }: Column, { place, faults }: ActionsContext): void {
  if (action.completion === undefined || !(isAwaiting(way.uses) || way.uses === FINISH_ACTION)) return;
  faults.add(`${place}.${at}.completion`, `"${way.uses}" hands out nothing; a completion is for an action that does`);
}

function planCompletion({ completion }: Action): ActionPlan["completion"] {
  if (completion?.within === undefined) return undefined;
  return { withinMs: durationMs(completion.within), isFailedWithout: completion.missing === CompletionMissing.FAILED };
}

/** An action that awaits a signal names one that the workflow declares. */
function checkSignal({ way, wayPlace }: Column, { place, definition, faults }: ActionsContext): void {
  const name = way.with?.["name"];
  if (way.uses !== SIGNAL_ACTION || typeof name !== "string" || Object.hasOwn(definition.signals, name)) return;
  const known = Object.keys(definition.signals);
  faults.add(`${place}.${wayPlace}.with.name`, `no signal of that name is declared in \`signals\`${didYouMean(name, known)}`);
}

/** What awaits something is meant to last; every other action that says nothing is ended after the default. */
function defaultTimeoutMs(uses: string): number {
  return isAwaiting(uses) ? AWAIT_MS_MAX : TIMEOUT_DEFAULT_MS;
}
