// One walk, from one seed: a random workflow goes at random, then the world turns friendly and it must end, and so once more after a Retry.

import { Resolution } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { Drill } from "../fakes/drill.ts";
import { Chance } from "../sim/chance.ts";
import { possibleActs, retryAct } from "./acts.ts";
import { endFriendly, hasSucceeded } from "./friendly-world.ts";
import type { FriendlyEnd } from "./friendly-world.ts";
import { randomWorkflow } from "./random-definition.ts";
import type { RandomWorkflow } from "./random-definition.ts";
import { replayFault } from "./replay.ts";
import type { Rules } from "./rules.ts";
import { WalkFault, step } from "./walker.ts";
import type { Walker } from "./walker.ts";
import { faultOfWork, undoneWork } from "./work-done.ts";

/** At most so many random acts before the world turns friendly. */
const ACTS_MAX = 40;
/** So many of the last steps a report shows. */
const STEPS_SHOWN = 45;

/** What came of a walk. */
export interface Walk {
  /** What broke, with the way there; undefined: nothing. */
  readonly fault: string | undefined;
  readonly events: number;
  /** True: it succeeded in the end. */
  readonly isSuccess: boolean;
  /** How often it stood still as it is known to, and was cancelled. */
  readonly cancels: number;
}

/** Walks the seed. */
export function walk(seed: number, rules: Rules): Walk {
  const chance = new Chance(seed);
  const workflow = randomWorkflow(chance.fork("definition"));
  const walker: Walker = { drill: submit(seed, workflow), rules, log: [] };
  const { drill, log } = walker;
  let [fault, cancels]: [string | undefined, number] = [undefined, 0];
  try {
    cancels = goAllTheWay(walker, chance.fork("way"));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const what = error instanceof WalkFault ? error.message : (error.stack ?? error.message);
    fault = `${what}\n${workflow.targets} targets, ${JSON.stringify(workflow.definition)}\n${log.slice(-STEPS_SHOWN).join("\n")}`;
  }
  return { fault, events: drill.events.length, isSuccess: hasSucceeded(drill.state), cancels };
}

/** A definition that is refused is a fault of the walk's own. */
function submit(seed: number, { definition, targets }: RandomWorkflow): Drill {
  try {
    return new Drill({ definition, targets });
  } catch (error) {
    throw new Error(`seed ${seed} makes a definition that is refused: ${JSON.stringify(definition)}`, { cause: error });
  }
}

function goAllTheWay(walker: Walker, chance: Chance): number {
  const { drill } = walker;
  step(walker, { name: "exec", take: () => drill.exec() });
  goAtRandom(walker, chance);
  lookBack(walker);
  const first = endFriendly(walker, chance.one(Resolution.RUN_AGAIN, Resolution.SUCCEEDED));
  lookBack(walker);
  const second = retryToSuccess(walker);
  lookBack(walker);
  return [first, second].filter((end) => end === "cancelled").length;
}

/** A Retry leads to success, unless it cannot: an iteration of a stage never comes to what it waits for, or its time was over. */
function retryToSuccess(walker: Walker): FriendlyEnd {
  const { drill } = walker;
  const begun = drill.events.length;
  step(walker, retryAct(drill));
  if (drill.events.length === begun) {
    const undone = undoneWork(drill);
    if (undone !== undefined) throw new WalkFault(`${undone} is undone, and a Retry is refused`);
    if (drill.state.targetsAtRisk > 0) throw new WalkFault("targets are at risk, and a Retry is refused");
    return "ended";
  }
  const end = endFriendly(walker, Resolution.RUN_AGAIN);
  const isLate = drill.events.slice(begun).some(({ event }) => event.kind.case === "deadlinePassed");
  const isEndless = drill.state.blueprint.stages.some(({ repeat }) => repeat !== undefined);
  if (end === "ended" && !isLate && !isEndless && !hasSucceeded(drill.state))
    throw new WalkFault("it does not succeed, though after the Retry all went well");
  return end;
}

function goAtRandom(walker: Walker, chance: Chance): void {
  const acts = chance.int(0, ACTS_MAX);
  const misfortune = chance.one(0.3, 0.6, 1);
  for (let taken = 0; taken < acts; taken++) {
    const act = chance.pick(possibleActs(walker.drill, chance, misfortune));
    if (act === undefined) return;
    step(walker, act);
  }
}

/** What all the events so far come to. */
function lookBack({ drill, rules }: Walker): void {
  const fault = faultOfWork(drill, rules) ?? replayFault(drill, rules);
  if (fault !== undefined) throw new WalkFault(fault);
}
