// What may happen next to a workflow: attempts come on and end in every way, people act, the outside holds back, time passes.

import { create } from "@bufbuild/protobuf";
import { HoldfastError } from "../../internal/base/errors.ts";
import {
  AttemptOutcome,
  AttemptOutcomeSchema,
  AwaitedSchema,
  DeferReason,
  Resolution,
  ResolutionSchema,
} from "../../internal/gen/holdfast/v1/event_pb.ts";
import { isAwaiting } from "../../internal/workflow/action-plan.ts";
import { placeOf } from "../../internal/workflow/blueprint.ts";
import { nextDueMs } from "../../internal/workflow/dispatch.ts";
import { TaskState } from "../../internal/workflow/task-state.ts";
import type { Drill } from "../fakes/drill.ts";
import type { Chance } from "../sim/chance.ts";
import { taskName } from "./walker.ts";
import type { Act } from "./walker.ts";

const { CHANGED, UNCHANGED, FAILED, UNREACHABLE, UNKNOWN, DEFERRED, CANCELLED } = AttemptOutcome;
/** So long everything waits that awaits a moment. */
const WAIT_MS = 5_000;
/** A misfortune of a whole workflow is so much rarer than one of an attempt. */
const PEOPLE_SHARE = 0.3;

/** All that may happen now, what is likely more than once. */
export function possibleActs(drill: Drill, chance: Chance, misfortune: number): readonly Act[] {
  return [
    ...attemptActs(drill, chance, misfortune),
    ...resolutionActs(drill),
    ...(chance.hit(misfortune * PEOPLE_SHARE) ? [...disturbances(drill, chance), retryAct(drill)] : []),
    ...timeActs(drill),
  ];
}

/** A Retry; a refusal is an answer. */
export function retryAct(drill: Drill): Act {
  return {
    name: "retry",
    take: () => {
      try {
        return drill.take({ kind: "retry", by: "ann", reason: "", digest: "" });
      } catch (error) {
        if (error instanceof HoldfastError) return ["refused"];
        throw error;
      }
    },
  };
}

/** A person's word about a task that is held. */
export function resolutionAct(drill: Drill, task: number, resolution: Resolution): Act {
  return {
    name: `resolve ${taskName(drill, task)} as ${ResolutionSchema.value[resolution]?.localName}`,
    take: () => drill.take({ kind: "resolveTask", by: "ann", task, resolution, reason: "" }),
  };
}

/** Time goes on to a moment, and limits and freezes are looked at again. */
export function timeAct(drill: Drill, atMs: number): Act {
  return {
    name: `time ${atMs}`,
    take: () => {
      drill.nowMs = Math.max(drill.nowMs, atMs);
      return drill.lookAgain();
    },
  };
}

/** The attempt of a task ends so. */
export function endAct(drill: Drill, task: number, outcome: AttemptOutcome, parts: Parameters<Drill["end"]>[2] = {}): Act {
  const name = `${AttemptOutcomeSchema.value[outcome]?.localName} ${taskName(drill, task)}`;
  return { name, take: () => drill.end(task, outcome, parts) };
}

/** The attempt found something to change. */
export function applyAct(drill: Drill, task: number): Act {
  return { name: `apply ${taskName(drill, task)}`, take: () => drill.startApply(task) };
}

/** The attempt has no work of its own, and awaits a moment. */
export function awaitAct(drill: Drill, task: number): Act {
  const awaited = create(AwaitedSchema, { kind: { case: "moment", value: { atMs: BigInt(drill.nowMs + WAIT_MS) } } });
  return { name: `await ${taskName(drill, task)}`, take: () => drill.end(task, UNCHANGED, { awaited }) };
}

/** True for an attempt that has nothing to do but to wait. */
export function onlyWaits({ state }: Drill, task: number): boolean {
  return isAwaiting(placeOf(state.blueprint, task).action.uses);
}

/** Attempts of which something runs. */
export function attemptsUnderWay({ state }: Drill): readonly number[] {
  return [...state.running.keys()].filter((task) => !state.awaiting.has(task));
}

/** When the pause before the next wave is over; Infinity: there is none. */
export function pauseEndMs({ state: { stageRun }, nowMs }: Drill): number {
  return stageRun !== undefined && !stageRun.isInWave && stageRun.resumeAtMs > nowMs ? stageRun.resumeAtMs : Infinity;
}

/** Tasks that are held for a person. */
export function heldTasks({ state: { tasks } }: Drill): readonly number[] {
  return [...tasks.states.keys()].filter((task) => tasks.get(task) === TaskState.UNKNOWN);
}

function attemptActs(drill: Drill, chance: Chance, misfortune: number): readonly Act[] {
  const { state } = drill;
  return attemptsUnderWay(drill).flatMap((task) => {
    if (onlyWaits(drill, task)) return [awaitAct(drill, task)];
    const isTroubled = chance.hit(misfortune);
    const acts = state.running.get(task)?.before === undefined ? looking(drill, task, isTroubled) : changing(drill, task, isTroubled);
    const isFrozen = drill.isFrozen || drill.frozenTargets.size > 0;
    if (isFrozen) acts.push(endAct(drill, task, DEFERRED, { deferredFor: DeferReason.FROZEN }));
    if (state.isCancelRequested) acts.push(endAct(drill, task, CANCELLED));
    return acts;
  });
}

function looking(drill: Drill, task: number, isTroubled: boolean): Act[] {
  const good = [applyAct(drill, task), applyAct(drill, task), endAct(drill, task, UNCHANGED)];
  if (!isTroubled) return good;
  const locked = endAct(drill, task, DEFERRED, { deferredFor: DeferReason.LOCK });
  return [...good, endAct(drill, task, FAILED), endAct(drill, task, UNREACHABLE), locked];
}

function changing(drill: Drill, task: number, isTroubled: boolean): Act[] {
  const good = [endAct(drill, task, CHANGED), endAct(drill, task, CHANGED)];
  if (!isTroubled) return good;
  const final = endAct(drill, task, FAILED, { isRetryable: false });
  return [...good, endAct(drill, task, FAILED), final, endAct(drill, task, UNKNOWN)];
}

function resolutionActs(drill: Drill): readonly Act[] {
  const { life, isCancelRequested, stageRun } = drill.state;
  if (life.kind !== "executing" || isCancelRequested || stageRun === undefined) return [];
  const words = [Resolution.SUCCEEDED, Resolution.FAILED, Resolution.RUN_AGAIN];
  return heldTasks(drill).flatMap((task) => words.map((word) => resolutionAct(drill, task, word)));
}

/** Whoever holds back what runs, or lets it go on. */
function disturbances(drill: Drill, chance: Chance): readonly Act[] {
  const { state } = drill;
  if (state.life.kind !== "executing") return [];
  const outside = (name: string, change: () => void): Act => ({
    name,
    take: () => {
      change();
      return drill.lookAgain();
    },
  });
  const pause: Act = state.isPaused
    ? { name: "unpause", take: () => drill.take({ kind: "unpause", by: "ann" }) }
    : { name: "pause", take: () => drill.take({ kind: "pause", by: "ann", reason: "" }) };
  const cancel: Act = { name: "cancel", take: () => drill.take({ kind: "cancel", by: "ann", reason: "" }) };
  return [
    pause,
    outside("freeze or thaw all", () => void (drill.isFrozen = !drill.isFrozen)),
    outside("freeze or thaw h0", () => toggle(drill.frozenTargets, "h0")),
    ...["h1", "h2"].map((name) => outside(`lock or unlock ${name}`, () => toggle(drill.lockedTargets, name))),
    outside("fill or empty a limit", () => void (drill.isLimitFull = !drill.isLimitFull)),
    ...(chance.hit(0.2) ? [cancel] : []),
  ];
}

function toggle(names: Set<string>, name: string): void {
  if (!names.delete(name)) names.add(name);
}

function timeActs(drill: Drill): readonly Act[] {
  const moments = [nextDueMs(drill.state) ?? Infinity, pauseEndMs(drill)].filter((atMs) => atMs !== Infinity);
  return moments.map((atMs) => timeAct(drill, atMs));
}
