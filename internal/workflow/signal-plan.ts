// The signals and queries of a definition, made ready to run.
// 1. Something comes of every signal: an action awaits it, or it sets a variable.

import { columnsOf, stagesOf } from "../expr/workflow-parts.ts";
import type { Program } from "../expr/program.ts";
import type { Param, WorkflowDefinition } from "../gen/holdfast/v1/workflow_pb.ts";
import type { FaultList } from "./fault-list.ts";
import { compileIn } from "./names.ts";
import type { NameScopes } from "./names.ts";
import { resolveParams } from "./params.ts";
import { planSet } from "./set-plan.ts";
import type { SetPlan } from "./set-plan.ts";

/** The action that awaits a signal, as in `uses`. */
export const SIGNAL_ACTION = "signal";

/** A signal that may come. */
export interface SignalPlan {
  readonly fields: Readonly<Record<string, Param>>;
  readonly set: SetPlan;
  /** True when some action awaits it. */
  readonly isAwaited: boolean;
}

/** Makes the signals of a definition ready; one that nothing would come of is a fault. */
export function planSignals(
  definition: WorkflowDefinition,
  at: { readonly faults: FaultList; readonly scopes: NameScopes },
): ReadonlyMap<string, SignalPlan> {
  const { faults, scopes } = at;
  const { signals, vars } = definition;
  const stages = stagesOf(definition).map(({ stage }) => stage);
  const ways = stages.flatMap((stage) => columnsOf(stage).map(({ way }) => way));
  const awaited = new Set(ways.filter(({ uses }) => uses === SIGNAL_ACTION).map((way) => way.with?.["name"]));
  const names = stages.map(({ name }) => name);
  return new Map(
    Object.entries(signals).map(([name, { fields, set }]) => {
      const place = `signals.${name}`;
      for (const [field, declared] of Object.entries(fields))
        if (declared.defaultValue !== undefined)
          resolveParams({ [field]: declared }, {}, faults, { place: `${place}.fields`, noun: "field" });
      const plan = planSet(set, { place: `${place}.set`, scope: scopes.signal(fields), stages: names, faults, vars });
      if (!awaited.has(name) && plan.length === 0)
        faults.add(place, "no action awaits it (`uses: signal`), and it sets nothing: say what is to come of it");
      return [name, { fields, set: plan, isAwaited: awaited.has(name) }];
    }),
  );
}

/** Compiles the queries of a definition. */
export function planQueries(
  definition: WorkflowDefinition,
  { faults, scopes }: { readonly faults: FaultList; readonly scopes: NameScopes },
): ReadonlyMap<string, Program> {
  const names = stagesOf(definition).map(({ stage }) => stage.name);
  const compiled = Object.entries(definition.queries).flatMap(([name, source]): readonly (readonly [string, Program])[] => {
    const program = compileIn(source, { place: `queries.${name}`, scope: scopes.output, stages: names, faults, isCondition: false });
    return program === undefined ? [] : [[name, program]];
  });
  return new Map(compiled);
}
