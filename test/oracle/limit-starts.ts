// What starts take from the limits of the policy, and what they give back: a list of starts under each key, and nothing beside it.
// 1. A start whose first attempt was put off was none: what it took goes back where nobody has taken after it. Before a later attempt another
//    may have changed something.
// 2. The token of a value of `each` is the value's: it goes back with its last start under way, when none of them was used.

import type { LimitPlan } from "./plan.ts";
import { askedOf, keyOf, limitsOf } from "./admission.ts";
import type { LimitStart } from "./rules.ts";
import { isKnown } from "./rules.ts";
import type { Scene, TaskScene } from "./scene.ts";

/** The task starts: it takes all of its limits. */
export function takeLimits(scene: Scene, task: TaskScene): void {
  Object.assign(task, { hasTaken: true, takenBy: task.attempts });
  for (const limit of limitsOf(scene, task)) {
    const asked = askedOf(scene, limit, task);
    const tookToken = limit.tokens !== undefined && !isKnown(scene.rules, limit, asked);
    const start = { atMs: scene.nowMs, each: asked.each, tookToken, keepsDistance: true, endedAtMs: undefined, isUnused: false, by: task };
    scene.limitStarts.set(keyOf(scene, limit, task), [...asked.starts, start]);
  }
}

/** The task ended: its slots are free, and what it took is used. */
export function returnLimits(scene: Scene, task: TaskScene): void {
  task.holdsSlots = false;
  for (const start of [...scene.limitStarts.values()].flat()) if (start.by === task) start.endedAtMs ??= scene.nowMs;
}

/** The task was put off: its slots are free, and where it was its start's first attempt its tokens are as if it had not started. */
export function giveBackLimits(scene: Scene, task: TaskScene): void {
  task.hasTaken = false;
  if (scene.rules.isLaterAttemptUsed && task.takenBy !== task.attempts) return returnLimits(scene, task);
  task.holdsSlots = false;
  for (const limit of limitsOf(scene, task)) {
    const starts = scene.limitStarts.get(keyOf(scene, limit, task)) ?? [];
    const own = starts.findLast(({ by, endedAtMs }) => by === task && endedAtMs === undefined);
    if (own === undefined) continue;
    Object.assign(own, { endedAtMs: scene.nowMs, isUnused: true });
    own.keepsDistance = after(starts, own).some(({ keepsDistance }) => keepsDistance);
    giveBackToken(starts, own, { limit, isValues: scene.rules.isTokenOfValue });
  }
}

function giveBackToken(
  starts: readonly LimitStart[],
  own: LimitStart,
  { limit, isValues }: { readonly limit: LimitPlan; readonly isValues: boolean },
): void {
  const isShared = limit.each !== undefined && isValues;
  if (!isValues && after(starts, own).some(({ isUnused }) => !isUnused)) return;
  const token = isShared ? starts.findLast(({ each, tookToken }) => each === own.each && tookToken) : own;
  if (token?.tookToken !== true) return;
  if (isShared && [token, ...after(starts, token)].some(({ each, isUnused }) => each === own.each && !isUnused)) return;
  if (!after(starts, token).some(({ tookToken }) => tookToken)) token.tookToken = false;
  // Spent for nothing: the value counts as used when it was taken.
  else if (isShared) Object.assign(token, { endedAtMs: token.atMs, isUnused: false });
}

function after(starts: readonly LimitStart[], start: LimitStart): readonly LimitStart[] {
  return starts.slice(starts.indexOf(start) + 1);
}
