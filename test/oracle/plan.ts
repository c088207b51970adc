// What a random run is made of, in plain numbers: workflows, shared limits, people who pause, and how each attempt goes.
// 1. Both sides read it: the service as a definition and a fleet, the oracle as it stands here. Neither reads the other.

/** A count, or a percentage of the stage's targets. */
export interface AmountPlan {
  readonly count?: number;
  readonly percent?: number;
}

/** How one attempt goes: what the look finds, how the work ends, and how long both take. */
export interface TurnPlan {
  readonly lookMs: number;
  readonly workMs: number;
  readonly ending: "good" | "fail" | "fail-look" | "unknown";
}

/** An action; its tasks go through `turns` in a circle, each target from its own place. */
export interface ActionPlan {
  /** `set` looks, changes, and looks again; `touch` changes and cannot be looked at; `probe` only reads; `finish` ends the workflow early. */
  readonly uses: "set" | "touch" | "probe" | "finish";
  /** Of a `finish`: how. */
  readonly finishes?: "succeeded" | "failed";
  /** Positions of the actions it waits for; absent: the one before it. */
  readonly needs?: readonly number[];
  /** A condition on the first of what it waits for; `no`: never true. */
  readonly when?: "changed" | "unchanged" | "no";
  readonly attempts: number;
  readonly delayMs?: number;
  readonly backoffMs?: number;
  readonly backoffMaxMs?: number;
  /** After which ends it is tried again; absent: after both. */
  readonly on?: "failed" | "unreachable";
  /** It runs again until so many attempts were made, or one found nothing to change; `never`: until its last iteration has failed it. */
  readonly repeat?: RepeatPlan;
  /** What `set` wants is there already on every target whose number this divides; 0: nowhere. */
  readonly doneEvery: number;
  readonly turns: readonly TurnPlan[];
}

/** How often something runs again, and when. */
export interface RepeatPlan {
  readonly until: "tried-twice" | "unchanged" | "never";
  readonly max: number;
  readonly everyMs: number;
}

/** A stage. */
export interface StagePlan {
  readonly isOver: boolean;
  /** It runs over a list of so many items, instead of targets; and so many there may be. */
  readonly list?: { readonly items: number; readonly max: number };
  readonly waves: readonly AmountPlan[];
  readonly pauseMs: number;
  readonly parallel: number;
  readonly maxFailures?: AmountPlan;
  readonly maxAtRisk?: AmountPlan;
  readonly rate?: { readonly tokens: number; readonly periodMs: number };
  /** A key beside the target's own: one for all, or one for every second target. */
  readonly lock?: "all" | "site";
  /** All of it runs again until an iteration changed nothing. */
  readonly repeat?: RepeatPlan;
  readonly actions: readonly ActionPlan[];
}

/** A workflow, and what a person does to it. */
export interface WorkflowPlan {
  readonly execAtMs: number;
  readonly priority: number;
  readonly stages: readonly StagePlan[];
  /** Somebody pauses it so long after the Exec, and lets it go on so much later. */
  /** Somebody cancels it so long after the Exec. */
  readonly cancelAfterMs?: number;
  /** Somebody retries it so long after the Exec, where it can be retried then. */
  readonly retryAfterMs?: number;
  readonly break?: { readonly afterMs: number; readonly forMs: number };
}

/** A limit of the policy, over all workflows. */
export interface LimitPlan {
  readonly uses: "set" | "touch" | "probe";
  readonly keyBy: "all" | "site";
  readonly concurrency?: number;
  readonly tokens?: number;
  readonly periodMs: number;
  readonly burst: number;
  readonly each?: "site";
  readonly spacingMs?: number;
}

/** A run. */
export interface Plan {
  readonly targets: number;
  readonly workflows: readonly WorkflowPlan[];
  readonly limits: readonly LimitPlan[];
}

/** Items of lists stand where targets do, and have their numbers from here on. */
export const ITEM_FIRST = 1_000;

export function isItem(target: number): boolean {
  return target >= ITEM_FIRST;
}

/** The n-th target's name; -1 is the service itself, which has none. */
export function targetName(target: number): string {
  return target < 0 ? "" : isItem(target) ? `i${target - ITEM_FIRST}` : `h${target}`;
}

/** The site of a target, as its label says. */
export function siteOf(target: number): string {
  return target % 2 === 0 ? "ams" : "fra";
}

/** How the n-th attempt (from 1) of an action goes on a target. */
export function turnOf(action: ActionPlan, at: { readonly target: number; readonly attempt: number }): TurnPlan {
  const turn = action.turns[(at.target + 1 + (at.attempt - 1) * 3) % action.turns.length];
  if (turn === undefined) throw new Error("an action has a turn");
  return turn;
}

/** True when what a `set` wants is there before anybody comes. */
export function isDoneBefore(action: ActionPlan, target: number): boolean {
  return action.uses === "set" && action.doneEvery > 0 && (target + 1) % action.doneEvery === 0;
}

/** The positions an action waits for. */
export function needsOf(action: ActionPlan, position: number): readonly number[] {
  return action.needs ?? (position === 0 ? [] : [position - 1]);
}
