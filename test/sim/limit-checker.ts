// Limits, said again naively: concurrency, tokens, new values of `each`, spacing, and a stage's rate. Every start is kept, and every window looked at.
// 1. A start is void when nothing was changed under it and its first attempt found nothing to do, or it was put off: only then may its token come back.
// 2. Terms are those in force when a task starts, the strictest of the version that the workflow was submitted under and the current one.

import { AttemptOutcome, DeferReason } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { AttemptEnded, AttemptStarted } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { Checker, Happened } from "./checker.ts";
import { askedPolicies } from "./checker.ts";
import { KeyStarts } from "./key-starts.ts";
import type { Start } from "./key-starts.ts";
import { limitAsks, rateAsk } from "./limit-asks.ts";
import type { Model } from "./model.ts";
import { isOpenTask } from "./model.ts";
import type { PolicyTerms } from "./random-policies.ts";

/** A value of `each` under a key. */
interface Value {
  open: number;
  knownUntilMs: number;
  /** The start that took a token for it, while starts under it are open and none was used. */
  token: Start | undefined;
}

interface Held {
  readonly starts: readonly Start[];
  /** The attempt that took them; of each iteration and round another one. */
  readonly attempt: number;
  hasApplied: boolean;
  /** A freeze put it off. */
  isPutOff: boolean;
}

/** The checkers named concurrency, tokens, each, spacing. */
export class LimitChecker implements Checker {
  readonly #versions: ReadonlyMap<string, PolicyTerms>;
  readonly #starts = new Map<string, KeyStarts>();
  readonly #values = new Map<string, Value>();
  /** What tasks hold, by workflow and position. */
  readonly #held = new Map<string, Map<number, Held>>();
  /** Targets that a stage has begun with, by workflow. */
  readonly #begun = new Map<string, Set<number>>();
  /** Those of them of which an attempt came to another end than being put off, also where an iteration ended and the next one is due. */
  readonly #spent = new Map<string, Set<number>>();

  constructor(versions: ReadonlyMap<string, PolicyTerms>) {
    this.#versions = versions;
  }

  take(happened: Happened): void {
    const { model, event } = happened;
    const { kind } = event;
    if (model.isPlan) return;
    switch (kind.case) {
      case "stageStarted":
        this.#begun.set(model.id, new Set());
        this.#spent.set(model.id, new Set());
        return;
      case "attemptStarted":
        return this.#start(happened, kind.value);
      case "applyStarted": {
        const held = this.#held.get(model.id)?.get(kind.value.task);
        if (held !== undefined) held.hasApplied = true;
        return;
      }
      case "attemptEnded":
        this.#endAttempt(happened, kind.value);
        return this.#endSettled(happened, kind.value.task);
      case "taskResolved":
        this.#end(kind.value.task, happened, { isVoid: false });
        return this.#endSettled(happened, kind.value.task);
      case "taskSkipped":
      case "taskRefused":
        return this.#endSettled(happened, kind.value.task);
      case "deadlinePassed":
        return this.#endClosed(happened);
      case "freezeEnded":
        return this.#thaw(model.id);
      case "stageEnded":
        if (kind.value.succeeded) return;
        return this.#endAll(happened);
      case "workflowRetried":
      case "workflowEnded":
      case "workflowExpired":
      case "continuedAsNew":
        return this.#endAll(happened);
      default:
    }
  }

  #endAll(happened: Happened): void {
    for (const index of Array.from(this.#held.get(happened.model.id)?.keys() ?? [])) this.#end(index, happened, { isVoid: false });
  }

  /** What a freeze had put off before it changed anything may give back at a thaw what it took, where there is no room to renew the rest. */
  #thaw(id: string): void {
    for (const { starts, hasApplied, isPutOff } of this.#held.get(id)?.values() ?? [])
      if (isPutOff && !hasApplied) for (const start of starts) this.#starts.get(start.ask.key)?.lend(start);
  }

  /** What tasks held that are open no more, however that came, is given back. */
  #endClosed(happened: Happened): void {
    const { model } = happened;
    for (const held of Array.from(this.#held.get(model.id)?.keys() ?? [])) {
      const task = model.tasks[held];
      if (task !== undefined && !isOpenTask(task)) this.#end(held, happened, { isVoid: false });
    }
  }

  /** What settled tasks of the target held is given back, and of those that were stopped with it. */
  #endSettled(happened: Happened, index: number): void {
    const { model } = happened;
    this.#endClosed(happened);
    for (const task of model.ofTarget(model.tasks[index]?.target ?? 0))
      if (!isOpenTask(task)) this.#end(model.indexOf(task), happened, { isVoid: false });
  }

  #endAttempt(happened: Happened, { task, attempt, outcome, before, deferredFor, retryAfterMs }: AttemptEnded): void {
    const { model } = happened;
    const isDeferred = outcome === AttemptOutcome.DEFERRED;
    const target = model.tasks[task]?.target ?? 0;
    const spent = this.#spent.get(model.id);
    if (!isDeferred) spent?.add(target);
    const isSpent = spent?.has(target) === true || this.#held.get(model.id)?.get(task)?.hasApplied === true;
    if (isDeferred && !isSpent && isOnlyTried(model, target)) this.#begun.get(model.id)?.delete(target);
    const held = this.#held.get(model.id)?.get(task);
    if (held !== undefined && isDeferred && deferredFor === DeferReason.FROZEN) held.isPutOff = true;
    if (outcome === AttemptOutcome.UNKNOWN || (isDeferred && deferredFor === DeferReason.FROZEN) || retryAfterMs !== undefined) return;
    // Before a later attempt another may have changed something: what it took is used.
    const hasDoneNothing = isDeferred || (outcome === AttemptOutcome.UNCHANGED && before !== "");
    this.#end(task, happened, { isVoid: held?.attempt === attempt && hasDoneNothing });
  }

  #start(happened: Happened, { task: index, attempt }: AttemptStarted): void {
    const { model, stamp, guardMs } = happened;
    const held = this.#held.get(model.id) ?? new Map<number, Held>();
    this.#held.set(model.id, held);
    const task = model.tasks[index];
    const begun = this.#begun.get(model.id);
    if (task === undefined) return;
    const limits = limitAsks(model, task, askedPolicies(model, stamp, this.#versions));
    // What was frozen goes on with what it holds, the token of its target included.
    const kept = held.get(index);
    if (kept !== undefined && kept.starts.length > 0) {
      kept.isPutOff = false;
      const slots = new Map(limits.map(({ key, concurrency }) => [key, concurrency]));
      for (const start of kept.starts) this.#starts.get(start.ask.key)?.takeBack(start, slots.get(start.ask.key) ?? Infinity);
      return void begun?.add(task.target);
    }
    const rate = begun?.has(task.target) === true ? [] : rateAsk(model, task);
    begun?.add(task.target);
    const starts = [...limits, ...rate].map((ask): Start => {
      const { trueMs, boot } = stamp;
      const holder = `${model.id}/${index}`;
      return { ask, holder, guardMs, trueMs, boot, hasToken: false, isOpen: true, isUnused: false, isVoid: false, isLent: false };
    });
    held.set(index, { starts, attempt, hasApplied: false, isPutOff: false });
    for (const start of starts) this.#add(start);
  }

  #add(start: Start): void {
    const { key, each, rate } = start.ask;
    const starts = this.#starts.get(key) ?? new KeyStarts();
    this.#starts.set(key, starts);
    if (rate !== undefined) start.hasToken = !this.#open(`${key} ${each}`, start);
    starts.add(start);
  }

  /** True when the value is known. */
  #open(name: string, start: Start): boolean {
    const { ask, guardMs } = start;
    if (ask.each === undefined) return false;
    const value = this.#values.get(name) ?? { open: 0, knownUntilMs: 0, token: undefined };
    const isKnown = value.open > 0 || guardMs < value.knownUntilMs;
    if (!isKnown) value.token = start;
    if (!isKnown) value.knownUntilMs = 0;
    value.open += 1;
    this.#values.set(name, value);
    return isKnown;
  }

  #end(index: number, { model, guardMs }: Happened, how: { readonly isVoid: boolean }): void {
    const tasks = this.#held.get(model.id);
    const held = tasks?.get(index);
    if (held === undefined) return;
    tasks?.delete(index);
    const isVoid = how.isVoid && !held.hasApplied;
    for (const start of held.starts) this.#endStart(start, { guardMs, isVoid });
  }

  #endStart(start: Start, { guardMs, isVoid }: { readonly guardMs: number; readonly isVoid: boolean }): void {
    const { key, each } = start.ask;
    const value = each === undefined ? undefined : this.#values.get(`${key} ${each}`);
    const starts = this.#starts.get(key);
    const isBack = isVoid && value === undefined && !(start.hasToken && starts?.hasLaterToken(start) === true);
    starts?.end(start, { isUnused: isVoid, isVoid: isBack });
    if (value !== undefined) this.#closeValue(value, start, { guardMs, isVoid });
  }

  /** The token of a value is the value's: it comes back with its last open start, when none was used and nobody took a token since. */
  #closeValue(value: Value, { ask }: Start, { guardMs, isVoid }: { readonly guardMs: number; readonly isVoid: boolean }): void {
    const { token } = value;
    value.open -= 1;
    if (!isVoid) value.knownUntilMs = Math.max(value.knownUntilMs, guardMs + (ask.rate?.periodMs ?? 0));
    if (isVoid && value.open > 0) return;
    value.token = undefined;
    if (!isVoid || token === undefined) return;
    const starts = this.#starts.get(ask.key);
    // One that cannot come back is spent; its value counts as used when it started.
    if (starts?.hasLaterToken(token) === true) value.knownUntilMs = token.guardMs + (token.ask.rate?.periodMs ?? 0);
    else starts?.end(token, { isUnused: token.isUnused, isVoid: true });
  }
}

/** True when no attempt of the target got further than being put off. */
function isOnlyTried(model: Model, target: number): boolean {
  return model.ofTarget(target).every((task) => task.standing === "open" && task.tries === 0);
}
