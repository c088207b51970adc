// The model of the handshake, of what is in doubt, and of the freeze, with its rules by name.
// 1. What the service decides is decided by the product's core; what is modelled here is order: who knows what, when, and what a crash leaves.

import type { Model } from "./explorer.ts";
import { clientSteps } from "./client-steps.ts";
import { Histories } from "./history.ts";
import { serviceSteps } from "./service-steps.ts";
import type { Bug, Play } from "./service-steps.ts";
import { firstSystem } from "./system.ts";
import type { Cast, System } from "./system.ts";

/** The model of a cast, with a bug or without. */
export function protocols(cast: Cast, bug?: Bug): Model<System> {
  const histories = new Histories();
  const play: Play = { histories, bug };
  return {
    first: firstSystem(cast, histories.empty),
    text: (system) => JSON.stringify(system),
    steps: (system) => [...serviceSteps(play, system), ...clientSteps(play, system)],
    broken: (system) => system.wrong ?? broken(play, system),
    isEnd: (system) => isEnd(play, system),
  };
}

/** The rules that a state shows by itself. */
function broken({ histories }: Play, system: System): string | undefined {
  const now = histories.view(system.history);
  if (!system.isUp && histories.view(system.synced).life !== now.life) return "a service that is down has nothing but its disk";
  for (const { disk, at } of system.runners) {
    const knowsId = at === "got-id" || at === "executing" || disk === "id" || disk === "executed";
    if (knowsId && now.life === "none") return "H1: a Submit that was answered is lost";
    const knowsExec = at === "got-exec" || disk === "executed";
    if (knowsExec && (now.life === "none" || now.life === "submitted")) return "H1: an Exec that was answered is lost";
  }
  if (system.stopper?.at === "frozen" && now.freezes.length === 0) return "H1: a freeze that was answered is lost";
  if (system.stopper?.at === "done" && now.freezes.length > 0) return "H1: a thaw that was answered is lost";
  const [first, second] = system.host;
  if ((second?.changes ?? 0) > 1) return "H2: the unsafe task was done twice";
  for (const task of now.good) if (((task === 0 ? first : second)?.changes ?? 0) === 0) return "H2: a task succeeded, and nothing was done";
  if (now.life === "expired" && (first?.changes ?? 0) + (second?.changes ?? 0) > 0) return "H6: what had expired was run";
  return undefined;
}

/** Everybody has what they came for. */
function isEnd({ histories }: Play, system: System): boolean {
  const { life } = histories.view(system.synced);
  const isQuiet = system.isUp && system.synced === system.history && system.attempts.length === 0;
  const isOver = system.runners.every(({ disk }) => disk === "over") && (system.stopper?.at ?? "done") === "done";
  return isQuiet && isOver && (life === "ended" || life === "expired");
}
