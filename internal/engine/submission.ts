// Makes a workflow of a submission: parameters filled in, targets chosen and frozen, everything checked, the digest taken.
// 1. All faults of a definition are found at once, and nothing is recorded when there is one. The choice of targets comes after them.
// 2. The list of targets is resolved here, once; empty is an error, never "all" (H6).

import { create, toJson } from "@bufbuild/protobuf";
import { assert, present } from "../base/assert.ts";
import { canonicalJson, canonicalObject, isJsonObject } from "../base/json.ts";
import type { JsonObject, JsonValue } from "../base/json.ts";
import { digestText } from "../base/digest.ts";
import { HoldfastError } from "../base/errors.ts";
import { WorkflowId } from "../base/ids.ts";
import { didYouMean } from "../base/nearest.ts";
import { TARGETS_MAX, TASKS_PER_WORKFLOW_MAX, WORKFLOW_EXPRESSIONS_LENGTH_MAX } from "../base/limits.ts";
import type { ActionKind, Mode, WorkflowSubmitted } from "../gen/holdfast/v1/event_pb.ts";
import { ActionKindSchema, WorkflowSubmittedSchema } from "../gen/holdfast/v1/event_pb.ts";
import type { Target, WorkflowDefinition } from "../gen/holdfast/v1/workflow_pb.ts";
import { WorkflowDefinitionSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import type { SubmitRequest } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { SubmitRequestSchema } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { withCompileBudget } from "../expr/compile-budget.ts";
import { columnsOf, isOverTargets, overOf, stagesOf, widthOf } from "../expr/workflow-parts.ts";
import { workflowScopes } from "../expr/workflow-types.ts";
import { namesBefore } from "../workflow/action-plan.ts";
import { checkDefinition } from "../workflow/blueprint.ts";
import { withComputed } from "../workflow/computed.ts";
import { FaultList } from "../workflow/fault-list.ts";
import { resolveParams } from "../workflow/params.ts";
import { compileSelector } from "../workflow/targets.ts";
import type { CheckedDefinition, CheckedDefinitions } from "./checked-definitions.ts";
import { frozenDigest } from "./frozen-digest.ts";
import { NAMESPACE_DEFAULT } from "./lookup.ts";
import type { Principal } from "./face.ts";
import type { Actions, Clock, Inventory, Policies, TargetChooser } from "./ports.ts";

/** What a submission is checked against. */
export interface SubmissionContext {
  readonly id: WorkflowId;
  readonly mode: Mode;
  readonly inventory: Inventory;
  readonly actions: Actions;
  readonly checked: CheckedDefinitions;
  readonly chooser: TargetChooser;
  readonly policies: Policies;
  readonly by: Principal;
  readonly submitTtlMs: number;
  readonly clock: Clock;
}

/** A request as it is meant: what can be written in two ways is written in one, before it is looked up or digested. */
export function normalRequest(request: SubmitRequest): SubmitRequest {
  const namespace = request.namespace === "" ? NAMESPACE_DEFAULT : request.namespace;
  return { ...request, requestId: request.requestId.toLowerCase(), namespace };
}

/** SHA-256 of a request as it came: what makes a repeated Submit the same one. Throws INVALID_ARGUMENT for what JSON cannot say. */
export function requestDigest(request: SubmitRequest, mode: Mode): string {
  const json = requestJson(request);
  return digestOf(json, mode, definitionText(json));
}

/** That of `{ mode, request }`. The text of the definition, which is nearly all of it, is made once. */
function digestOf(request: JsonObject, mode: Mode, definition: string): string {
  const texts = Object.entries(request).map(([key, value]) => [key, key === "definition" ? definition : canonicalJson(value)]);
  return digestText(canonicalObject({ mode: canonicalJson(mode), request: canonicalObject(Object.fromEntries(texts)) }));
}

/** The canonical text of the definition that was asked for. */
function definitionText(request: JsonObject): string {
  return canonicalJson(request["definition"] ?? null);
}

/** The wire can carry what JSON cannot: values without a kind, numbers that are not finite, times out of range. */
function requestJson(request: SubmitRequest): JsonObject {
  const json = anyJson(request);
  assert(isJsonObject(json), "a message has the JSON of an object");
  return json;
}

function anyJson(request: SubmitRequest): JsonValue {
  try {
    return toJson(SubmitRequestSchema, { ...request, validateOnly: false });
  } catch (cause) {
    throw new HoldfastError(
      "INVALID_ARGUMENT",
      "the submission holds a value that has no JSON form: one that is empty, not finite or out of range",
      {
        cause,
      },
    );
  }
}

/** Makes the first event of a workflow; throws INVALID_ARGUMENT with all faults. */
export async function makeSubmission(request: SubmitRequest, context: SubmissionContext): Promise<WorkflowSubmitted> {
  const { definition: asked } = request;
  if (asked === undefined)
    throw new HoldfastError("INVALID_ARGUMENT", "definition: it is missing; a submission needs a workflow definition");
  const json = requestJson(request);
  const askedText = definitionText(json);
  const digest = digestOf(json, context.mode, askedText);
  const faults = new FaultList();
  if (WorkflowId.is(request.key)) faults.add("key", "it has the form of a workflow ID and would be taken for one; use another key");
  const params = resolveParams(asked.params, request.params ?? {}, faults);
  // Without its parameters no number can be told. What is checked, and shared by those that are the same, is the definition with its numbers.
  const definition = faults.isEmpty ? withNumbers(asked, params, faults) : asked;
  const text = definition === asked ? askedText : canonicalJson(toJson(WorkflowDefinitionSchema, definition));
  const checked = context.checked.take(text, context.mode, () => checkWhole(definition, context, faults));
  faults.throwIfAny(`workflow "${definition.name}" is not valid`);
  const { definition: shared, kinds } = present(checked, "a definition without fault");
  const targets = await chooseTargets(definition, { ...context, request, params });
  checkSize(definition, targets.length);
  const submitted = create(WorkflowSubmittedSchema, {
    id: context.id,
    definition: shared,
    params,
    targets: [...targets],
    namespace: request.namespace,
    key: request.key,
    requestId: request.requestId,
    requestDigest: digest,
    priority: request.priority,
    annotations: request.annotations,
    mode: context.mode,
    expiresAfterMs: context.submitTtlMs,
    actionKinds: [...kinds],
    policies: context.policies.inForce().map(({ name, digest }) => ({ name, digest })),
    submitterRoles: [...context.by.roles],
  });
  submitted.digest = await frozenDigest(submitted, context.clock, text);
  return submitted;
}

function withNumbers(definition: WorkflowDefinition, params: ReturnType<typeof resolveParams>, faults: FaultList): WorkflowDefinition {
  return withCompileBudget(WORKFLOW_EXPRESSIONS_LENGTH_MAX, () => withComputed(definition, params, faults));
}

/** Undefined where there are faults, of the definition or of what came with it. */
function checkWhole(
  definition: WorkflowDefinition,
  { actions, mode }: SubmissionContext,
  faults: FaultList,
): CheckedDefinition | undefined {
  return withCompileBudget(WORKFLOW_EXPRESSIONS_LENGTH_MAX, () => {
    const kinds = actionKinds(definition, actions, faults);
    checkDefinition(definition, mode, faults);
    checkSelector(definition, faults);
    return faults.isEmpty ? { definition, kinds } : undefined;
  });
}

function actionKinds(definition: WorkflowDefinition, actions: Actions, faults: FaultList): ActionKind[] {
  const kinds = new Map<string, ActionKind>();
  const scopes = workflowScopes(definition);
  for (const { stage, place: stagePlace } of stagesOf(definition)) {
    const columns = columnsOf(stage);
    const before = namesBefore(columns);
    for (const [index, { way, wayPlace, action, part }] of columns.entries()) {
      const place = `${stagePlace}.${wayPlace}`;
      const found = actions.find(way.uses);
      if (found === undefined) {
        faults.add(`${place}.uses`, `the service knows no action "${way.uses}"${didYouMean(way.uses, actions.names())}`);
        continue;
      }
      const hasToken = part !== "undo" && action.completion !== undefined;
      const types = scopes.task({ ...overOf(stage), before: before[index] ?? [], hasToken });
      faults.addAll(found.validate(way.with ?? {}, { place: `${place}.with`, names: Object.keys(types.declarations), types }));
      if ((way.heartbeat ?? (part === "undo" ? undefined : action.heartbeat)) !== undefined && found.hasPulse !== true)
        faults.add(`${place}.heartbeat`, `"${way.uses}" gives no signs of life while it runs; bound it by \`timeout\` alone`);
      kinds.set(way.uses, create(ActionKindSchema, { uses: found.uses, effects: found.effects, digest: found.digest }));
    }
  }
  return [...kinds.values()].sort((left, right) => (left.uses < right.uses ? -1 : 1));
}

function checkSelector({ targets, params }: WorkflowDefinition, faults: FaultList): void {
  if (targets === undefined || targets.where === "") return;
  faults.collect("targets.where", () => compileSelector(targets.where, params));
}

interface Choice {
  readonly request: SubmitRequest;
  readonly params: ReturnType<typeof resolveParams>;
  readonly inventory: Inventory;
  readonly chooser: TargetChooser;
}

async function chooseTargets(definition: WorkflowDefinition, { request, params, inventory, chooser }: Choice): Promise<readonly Target[]> {
  const isNeeded = stagesOf(definition).some(({ stage }) => isOverTargets(stage));
  if (definition.targets === undefined) {
    if (!isNeeded) return [];
    throw new HoldfastError(
      "INVALID_ARGUMENT",
      "targets: a stage runs over targets and none are chosen; say `targets: { where: … }` or `{ names: […] }`",
    );
  }
  const expected = [request.expectTargets, definition.targets.expect].filter((count) => count !== undefined);
  return chooser.choose(definition.targets, { known: inventory.targets(), params, declared: definition.params, expected });
}

function checkSize(definition: WorkflowDefinition, targets: number): void {
  if (targets > TARGETS_MAX)
    throw new HoldfastError("RESOURCE_EXHAUSTED", `targets: ${targets} were chosen, a workflow has at most ${TARGETS_MAX}; split it`);
  const tasks = stagesOf(definition).reduce((sum, { stage }) => sum + columnsOf(stage).length * widthOf(stage, targets), 0);
  if (tasks > TASKS_PER_WORKFLOW_MAX)
    throw new HoldfastError(
      "RESOURCE_EXHAUSTED",
      `the workflow has ${tasks} tasks, at most ${TASKS_PER_WORKFLOW_MAX} are allowed; split it`,
    );
}
