// The gates of a workflow under way: which one it stands before, and what a verdict there does.
// 1. Judging may take long and is done outside (engine/gatekeeper.ts); here is only what follows from a verdict.
// 2. A wave starts in the very turn that takes its verdict, or not by it: so no two workflows pass on one count of the ledger (H7).

import type { Event, VerdictGiven } from "../gen/holdfast/v1/event_pb.ts";
import { Decision, Gate } from "../gen/holdfast/v1/policy_pb.ts";
import type { Verdict } from "../gen/holdfast/v1/policy_pb.ts";
import type { Command } from "./commands.ts";
import { isPastBudget } from "./budget.ts";
import { happened } from "./events.ts";
import type { Facts } from "./facts.ts";
import { stageToExpand } from "./stage-order.ts";
import type { StageRun, WorkflowState } from "./state.ts";
import { isTargetDone } from "./target-run.ts";

/** A gate that a workflow stands before. */
export interface WantedGate {
  readonly gate: Gate;
  readonly stage: number;
  readonly wave: number;
}

/** A gate that holds a workflow, and what was said there. */
export interface GateHeld extends WantedGate {
  readonly verdict: Verdict;
}

/** The gate that the workflow stands before now; undefined: none that policies have a say at. */
export function wantedGate(state: WorkflowState, facts: Pick<Facts, "isGated" | "isPauseOver">): WantedGate | undefined {
  if (state.life.kind !== "executing" || state.isCancelRequested || state.isPaused || state.freeze?.isWhole === true) return undefined;
  if (!state.isAdmitted && facts.isGated(Gate.EXEC)) return { gate: Gate.EXEC, stage: 0, wave: 0 };
  const run = state.stageRun;
  const expanding = facts.isGated(Gate.EXPAND) ? stageToExpand(state) : undefined;
  if (expanding !== undefined) return { gate: Gate.EXPAND, stage: expanding.index, wave: 0 };
  if (run === undefined || !isWaveGated(run, facts) || isPastBudget(run)) return undefined;
  if (run.isInWave || !facts.isPauseOver()) return undefined;
  const wave = nextOpenWave(state, run);
  return wave === undefined ? undefined : { gate: Gate.WAVE, stage: run.stage.index, wave };
}

/** True when policies have a say about the stage's waves; a stage that runs once touches no target. */
export function isWaveGated(run: StageRun, facts: Pick<Facts, "isGated">): boolean {
  return run.stage.isOverTargets && facts.isGated(Gate.WAVE);
}

/** The next wave that holds a target with something left to do. */
export function nextOpenWave(state: WorkflowState, run: StageRun): number | undefined {
  for (let index = run.wave + 1; index < run.stage.waves.length; index++) {
    const { first, count } = run.stage.waves[index] ?? { first: 0, count: 0 };
    for (let ordinal = first; ordinal < first + count; ordinal++) {
      if (!isTargetDone(state, run.stage, ordinal)) return index;
    }
  }
  return undefined;
}

/** The event that starts a wave. */
export function waveStarted(run: StageRun, wave: number): Event {
  const { first, count } = run.stage.waves[wave] ?? { first: 0, count: 0 };
  return happened("waveStarted", { stage: run.stage.index, wave, first, count });
}

/** What follows from a verdict: nothing when the workflow does not stand before that gate, or the same was said before. */
export function decideJudge(
  state: WorkflowState,
  command: Extract<Command, { kind: "judge" }>,
  facts: Pick<Facts, "isGated" | "isPauseOver" | "freeze">,
): readonly Event[] {
  const { gate, stage, wave, verdict } = command;
  if (verdict.decision === Decision.ALLOW && !command.isFresh()) return [];
  const given = happened("verdictGiven", { verdict, stage, wave });
  if (state.life.kind === "submitted" && gate === Gate.EXEC) return [given];
  // It may be frozen and not have taken note yet.
  if (facts.freeze()?.isWhole === true) return [];
  const wanted = wantedGate(state, facts);
  if (wanted === undefined || wanted.gate !== gate || wanted.stage !== stage || wanted.wave !== wave) return [];
  if (verdict.decision !== Decision.ALLOW) return isSame(state.gateHeld?.verdict, verdict) ? [] : [given];
  const run = state.stageRun;
  if (gate === Gate.EXPAND) return [given, happened("stageStarted", { stage })];
  return gate === Gate.WAVE && run !== undefined ? [given, waveStarted(run, wave)] : [given];
}

/** VerdictGiven. */
export function takeVerdict(state: WorkflowState, { verdict, stage, wave }: VerdictGiven): void {
  if (verdict === undefined) return;
  if (verdict.rules.length > 0) state.lastVerdict = verdict;
  switch (verdict.gate) {
    case Gate.EXEC:
      state.isAdmitted = verdict.decision === Decision.ALLOW;
      state.gateHeld = state.isAdmitted ? undefined : { gate: verdict.gate, stage, wave, verdict };
      return;
    case Gate.EXPAND:
    case Gate.WAVE:
      state.gateHeld = verdict.decision === Decision.ALLOW ? undefined : { gate: verdict.gate, stage, wave, verdict };
      return;
    default:
      for (const rule of ruleNames(verdict)) state.heldRules.add(rule);
  }
}

/** True when a verdict of the task gate says something that this wave's history does not hold yet. */
export function isNews(state: WorkflowState, verdict: Verdict | undefined): verdict is Verdict {
  return verdict !== undefined && ruleNames(verdict).some((rule) => !state.heldRules.has(rule));
}

/** Its rules without their messages, which may count something that moves all the time. */
function ruleNames(verdict: Verdict): readonly string[] {
  return verdict.rules.map(
    (rule) => `${rule.policy}/${rule.rule}@${rule.digest}:${rule.enforcement}:${rule.approvalsGiven}:${rule.approvalsEndMs}`,
  );
}

function isSame(before: Verdict | undefined, now: Verdict): boolean {
  return before !== undefined && before.decision === now.decision && ruleNames(before).join() === ruleNames(now).join();
}
