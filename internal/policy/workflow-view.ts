// A workflow as the expressions of policies see it: `workflow`, `scope`, `stage`, `task`. Made once for each workflow.
// 1. The fields are those of vocabulary.ts. 2. What takes a pass over all targets is counted when it is first read.

import { durationMs } from "@bufbuild/protobuf/wkt";
import type { Duration } from "@bufbuild/protobuf/wkt";
import { setKey } from "../base/json.ts";
import { AWAIT_MS_MAX } from "../base/limits.ts";
import { exprDouble } from "../expr/lift.ts";
import { columnsOf, stagesOf, widthOf } from "../expr/workflow-parts.ts";
import type { Column } from "../expr/workflow-parts.ts";
import { Effects, Mode } from "../gen/holdfast/v1/event_pb.ts";
import type { WorkflowSubmitted } from "../gen/holdfast/v1/event_pb.ts";
import { ParamType } from "../gen/holdfast/v1/workflow_pb.ts";
import type { Amount, Rollout, Stage, Target, WorkflowDefinition } from "../gen/holdfast/v1/workflow_pb.ts";

/** Values of names, for the scope of an expression. */
export interface WorkflowView {
  readonly workflow: object;
  readonly scope: object;
  /** By position. */
  readonly stages: readonly object[];
  /** `task`, by position of stage and action. */
  readonly tasks: readonly (readonly object[])[];
}

const PARALLEL_DEFAULT = 10;
const ATTEMPT_TIMEOUT_S_DEFAULT = 600;
/** Actions that only await something; those that workflow/action-plan.ts knows as such. */
const AWAITING_USES: ReadonlySet<string> = new Set(["wait", "signal", "person"]);
const AWAIT_TIMEOUT_S_DEFAULT = AWAIT_MS_MAX / 1_000;
const HOUR_MS = 3_600_000;
const EFFECTS: Readonly<Record<Effects, string>> = {
  [Effects.UNSPECIFIED]: "unsafe",
  [Effects.NONE]: "none",
  [Effects.IDEMPOTENT]: "idempotent",
  [Effects.UNSAFE]: "unsafe",
};

/** Makes the view of a workflow. */
export function workflowView(submitted: WorkflowSubmitted): WorkflowView {
  const { definition } = submitted;
  const effects = new Map(submitted.actionKinds.map((kind) => [kind.uses, EFFECTS[kind.effects] ?? "unsafe"] as const));
  const all = definition === undefined ? [] : stagesOf(definition).map(({ stage }) => stage);
  const stages = all.map((stage) => stageView(stage, effects));
  const tasks = all.map((stage) => columnsOf(stage).map((column) => taskView(stage, column, effects)));
  const annotations: { [name: string]: string } = {};
  for (const from of [definition?.annotations ?? {}, submitted.annotations])
    for (const [name, value] of Object.entries(from)) setKey(annotations, name, value);
  const workflow = {
    id: submitted.id,
    name: definition?.name ?? "",
    namespace: submitted.namespace,
    key: submitted.key,
    mode: submitted.mode === Mode.PLAN ? "plan" : "apply",
    priority: submitted.priority,
    description: definition?.description ?? "",
    annotations,
    digest: submitted.digest,
    params: paramsView(definition, submitted.params ?? {}),
    targets: submitted.targets.length,
    stages,
  };
  return { workflow, scope: scopeView(submitted), stages, tasks };
}

/** A target as expressions see it; a task that runs once has one without a name and labels. */
export function targetView(target: Target | undefined): object {
  return target === undefined ? { name: "", labels: {} } : { name: target.name, labels: target.labels };
}

function stageView(stage: Stage, effects: ReadonlyMap<string, string>): object {
  const { name, annotations, locks, rollout } = stage;
  const columns = columnsOf(stage);
  return {
    name,
    over: stage.over?.kind.case ?? "once",
    annotations,
    locks,
    rollout: rolloutView(rollout, stage.over !== undefined),
    actions: columns.map((column, index) => actionView(column, columns[index - 1], effects)),
  };
}

function rolloutView(rollout: Rollout | undefined, isOver: boolean): object {
  const rate = rollout?.rate;
  const periodMs = rate?.period === undefined ? 0 : durationMs(rate.period);
  return {
    waves: (rollout?.waves ?? []).map(amountText),
    pause_s: seconds(rollout?.pause, 0),
    parallel: isOver ? (rollout?.parallel ?? PARALLEL_DEFAULT) : 1,
    max_failures: rollout?.maxFailures === undefined ? "0" : amountText(rollout.maxFailures),
    max_at_risk: rollout?.maxAtRisk === undefined ? "" : amountText(rollout.maxAtRisk),
    rate_per_hour: exprDouble(rate === undefined || periodMs <= 0 ? 0 : (rate.tokens * HOUR_MS) / periodMs),
  };
}

function amountText({ kind }: Amount): string {
  if (kind.case === "percent") return `${kind.value}%`;
  return kind.case === "count" ? String(kind.value) : "";
}

/** `needs` are the actions that it waits for: unless it says otherwise, the one before it. */
function actionView({ name, action, way, part }: Column, before: Column | undefined, effects: ReadonlyMap<string, string>): object {
  return {
    name,
    uses: way.uses,
    effects: effects.get(way.uses) ?? "unsafe",
    with: way.with ?? {},
    when: action.when,
    needs: action.needs?.actions ?? (before?.part === part ? [before.name] : []),
    annotations: action.annotations,
    attempts: Math.max(1, (way.retry ?? action.retry)?.attempts ?? 1),
    timeout_s: seconds(way.timeout ?? action.timeout, AWAITING_USES.has(way.uses) ? AWAIT_TIMEOUT_S_DEFAULT : ATTEMPT_TIMEOUT_S_DEFAULT),
  };
}

function taskView(stage: Stage, { name, action, way }: Column, effects: ReadonlyMap<string, string>): object {
  const known = effects.get(way.uses) ?? "unsafe";
  return { stage: stage.name, action: name, uses: way.uses, effects: known, with: way.with ?? {}, annotations: action.annotations };
}

function seconds(duration: Duration | undefined, otherwise: number): object {
  return exprDouble(duration === undefined ? otherwise : durationMs(duration) / 1_000);
}

/** A parameter of type NUMBER is a double also where its value is whole. */
function paramsView(definition: WorkflowDefinition | undefined, values: Readonly<Record<string, unknown>>): object {
  const seen: { [name: string]: unknown } = {};
  for (const [name, value] of Object.entries(values)) {
    const isDouble = typeof value === "number" && definition?.params[name]?.type === ParamType.NUMBER;
    setKey(seen, name, isDouble ? exprDouble(value) : value);
  }
  return seen;
}

function scopeView({ definition, targets }: WorkflowSubmitted): object {
  const stages = definition === undefined ? [] : stagesOf(definition);
  const byAction: { [uses: string]: number } = {};
  let tasks = 0;
  for (const { stage } of stages) {
    const width = widthOf(stage, targets.length);
    for (const { way } of columnsOf(stage)) {
      const { uses } = way;
      setKey(byAction, uses, (byAction[uses] ?? 0) + width);
      tasks += width;
    }
  }
  let byLabel: object | undefined;
  return {
    targets: targets.length,
    tasks,
    tasks_by_action: byAction,
    get targets_by_label() {
      byLabel ??= countLabels(targets);
      return byLabel;
    },
  };
}

function countLabels(targets: readonly Target[]): object {
  const counts = new Map<string, Map<string, number>>();
  for (const { labels } of targets) {
    for (const label of Object.keys(labels)) {
      const values = counts.get(label) ?? new Map<string, number>();
      if (values.size === 0) counts.set(label, values);
      const value = labels[label] ?? "";
      values.set(value, (values.get(value) ?? 0) + 1);
    }
  }
  return Object.fromEntries([...counts].map(([label, values]) => [label, Object.fromEntries(values)] as const));
}
