// How a stage moves through its targets, made ready to run: waves cut, budgets as counts, every default filled in.
// 1. A plan has one wave and no budgets: it changes nothing.

import { durationMs } from "@bufbuild/protobuf/wkt";
import { Mode } from "../gen/holdfast/v1/event_pb.ts";
import type { Rollout, Stage } from "../gen/holdfast/v1/workflow_pb.ts";
import type { FaultList } from "./fault-list.ts";
import { cutWaves, isPositive, resolveAmount } from "./rollout.ts";
import type { Wave } from "./rollout.ts";

/** The rollout of a stage. */
export interface RolloutPlan {
  readonly waves: readonly Wave[];
  readonly pauseMs: number;
  readonly parallel: number;
  /** How many targets may fail. */
  readonly failuresMax: number;
  /** How many targets may be at risk. */
  readonly atRiskMax: number;
  /** The least time between the beginnings of two targets; 0: none. */
  readonly beginIntervalMs: number;
}

const PARALLEL_DEFAULT = 10;

/** Makes the rollout of a stage ready to run; `width`: over how many targets or items it runs. */
export function planRollout(
  stage: Stage,
  context: { readonly width: number; readonly mode: Mode; readonly place: string; readonly faults: FaultList },
): RolloutPlan {
  const { width, mode, place, faults } = context;
  const rollout = stage.rollout;
  if (rollout !== undefined && stage.over === undefined)
    faults.add(`${place}.rollout`, "a stage without `over` runs once and takes no rollout");
  if (rollout?.maxAtRisk !== undefined && stage.over?.kind.case === "list")
    faults.add(`${place}.rollout.max_at_risk`, "items of a list are not at risk; only targets are");
  if (mode === Mode.PLAN) {
    return {
      waves: cutWaves(width, []),
      pauseMs: 0,
      parallel: rollout?.parallel ?? PARALLEL_DEFAULT,
      failuresMax: Infinity,
      atRiskMax: Infinity,
      beginIntervalMs: 0,
    };
  }
  checkWaves(rollout, `${place}.rollout`, faults);
  return {
    waves: faults.isEmpty ? cutWaves(width, rollout?.waves ?? []) : [],
    pauseMs: rollout?.pause === undefined ? 0 : durationMs(rollout.pause),
    parallel: rollout?.parallel ?? PARALLEL_DEFAULT,
    failuresMax: rollout?.maxFailures === undefined ? 0 : resolveAmount(rollout.maxFailures, width, "down"),
    atRiskMax: rollout?.maxAtRisk === undefined ? Infinity : resolveAmount(rollout.maxAtRisk, width, "down"),
    beginIntervalMs: rollout?.rate?.period === undefined ? 0 : durationMs(rollout.rate.period) / Math.max(1, rollout.rate.tokens),
  };
}

function checkWaves(rollout: Rollout | undefined, place: string, faults: FaultList): void {
  for (const [index, size] of (rollout?.waves ?? []).entries()) {
    if (!isPositive(size))
      faults.add(`${place}.waves[${index}]`, "a wave of zero targets would never end; use at least 1 or a percentage above 0%");
  }
}
