// Who waits for a limit: workflows, not tasks, so that a million tasks stand in the line once, as five do.
// 1. A workflow that was served goes to the back when it waits again: round robin among those of one priority.
// 2. A workflow that goes from one line to another, unserved, keeps the place of its first arrival: it grows old, and then it is first
//    wherever it asks. 3. Not journaled: after a restart the waiting ask again.

import { present } from "../base/assert.ts";
import type { WorkflowId } from "../base/ids.ts";
import type { Place, Waiter, WaitQueues } from "./wait-queue.ts";
import { firstWaiting, isAhead, joinQueue, leaveQueue } from "./wait-queue.ts";

interface LimitWaiter extends Waiter {
  readonly workflow: WorkflowId;
}

/** Somebody in a line who is to ask again, and where. */
export interface MovedLine {
  readonly workflow: WorkflowId;
  readonly key: string;
}

/** The lines in front of limits. */
export interface LimitQueues {
  readonly queues: WaitQueues<LimitWaiter>;
  /** By workflow and key. */
  readonly waiting: Map<string, Map<string, LimitWaiter>>;
  /** When a workflow began to wait, since it was served last. */
  readonly arrivals: Map<string, number>;
  lastArrival: number;
  /** Keys whose line may move: something was returned, or the first has gone; "all": a value became known, for which nobody needs a token. */
  readonly moved: Map<string, "first" | "all">;
}

/** Nobody waits. */
export function emptyLimitQueues(): LimitQueues {
  return { queues: new Map(), waiting: new Map(), arrivals: new Map(), lastArrival: 0, moved: new Map() };
}

/** True when somebody waits for the key whom the workflow may not pass. */
export function isBehind(
  lines: LimitQueues,
  key: string,
  { workflow, priority }: { readonly workflow: string; readonly priority: number },
): boolean {
  const first = firstWaiting(lines.queues, key);
  if (first === undefined || first.workflow === workflow) return false;
  const place: Place = lines.waiting.get(workflow)?.get(key) ?? { priority, arrival: lines.arrivals.get(workflow) ?? Infinity };
  return isAhead(first, place);
}

/** Puts a workflow in the line of a key; it keeps its place when it is there already. */
export function joinLine(
  lines: LimitQueues,
  key: string,
  { workflow, priority }: { readonly workflow: WorkflowId; readonly priority: number },
): void {
  const keys = lines.waiting.get(workflow) ?? new Map<string, LimitWaiter>();
  if (keys.has(key)) return;
  const arrival = lines.arrivals.get(workflow) ?? lines.lastArrival + 1;
  lines.lastArrival = Math.max(lines.lastArrival, arrival);
  lines.arrivals.set(workflow, arrival);
  const waiter: LimitWaiter = { workflow, priority, arrival, isGone: false };
  lines.waiting.set(workflow, keys.set(key, waiter));
  joinQueue(lines.queues, key, waiter);
}

/** Takes a workflow out of the lines of all keys but these; returns the keys. */
export function leaveLines(lines: LimitQueues, workflow: string, except: ReadonlySet<string>): readonly string[] {
  const left = Array.from(lines.waiting.get(workflow)?.keys() ?? []).filter((key) => !except.has(key));
  for (const key of left) leaveLine(lines, workflow, key);
  if (except.size === 0) lines.arrivals.delete(workflow);
  return left;
}

/** The line of the key may move: its first, or anybody in it. */
export function markMoved(lines: LimitQueues, key: string, who: "first" | "all" = "first"): void {
  if (lines.queues.has(key) && lines.moved.get(key) !== "all") lines.moved.set(key, who);
}

/** Who is to ask again, and for which limit, in the lines that may have moved; forgets them. */
export function takeMoved(lines: LimitQueues): readonly MovedLine[] {
  if (lines.moved.size === 0) return [];
  const woken: MovedLine[] = [];
  for (const [key, who] of lines.moved) {
    const first = firstWaiting(lines.queues, key);
    if (first === undefined) continue;
    woken.push({ workflow: first.workflow, key });
    if (who === "first") continue;
    const { heap } = present(lines.queues.get(key), "a line with a first");
    for (const waiter of heap) if (!waiter.isGone && waiter !== first) woken.push({ workflow: waiter.workflow, key });
  }
  lines.moved.clear();
  return woken;
}

/** A workflow took these limits: it waits for them no longer, and comes last when it waits again. */
export function foldServed(lines: LimitQueues, workflow: string, keys: readonly string[]): void {
  for (const key of keys) leaveLine(lines, workflow, key);
  lines.arrivals.delete(workflow);
}

/** A workflow ended. */
export function foldWaitsOfHolder(lines: LimitQueues, workflow: string): void {
  leaveLines(lines, workflow, new Set());
}

function leaveLine(lines: LimitQueues, workflow: string, key: string): void {
  const keys = lines.waiting.get(workflow);
  const waiter = keys?.get(key);
  if (keys === undefined || waiter === undefined) return;
  waiter.isGone = true;
  keys.delete(key);
  if (keys.size === 0) lines.waiting.delete(workflow);
  leaveQueue(lines.queues, key);
  markMoved(lines, key);
}
