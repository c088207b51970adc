// Limits, said again naively: concurrency, tokens, new values of `each`, spacing, and a stage's rate. Every start is kept, and every window looked at.
// 1. A start is void when nothing was changed under it and its attempt found nothing to do, or was put off: only then may its token come back.
// 2. Terms are those in force when a task starts, the strictest of the version that the workflow was submitted under and the current one.

import { AttemptOutcome, DeferReason } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { AttemptEnded } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { Checker, Happened } from "./checker.ts";
import { askedPolicies, must } from "./checker.ts";
import type { Model, ModelTask } from "./model.ts";
import type { LimitTerms, PolicyTerms } from "./random-policies.ts";

/** What a task asks of one key. */
interface Ask {
  readonly key: string;
  readonly each: string | undefined;
  readonly concurrency: number;
  /** Undefined: no tokens. */
  readonly rate: { readonly tokens: number; readonly periodMs: number; readonly burst: number } | undefined;
  readonly spacingMs: number;
}

interface Start {
  readonly ask: Ask;
  readonly holder: string;
  readonly guardMs: number;
  readonly trueMs: number;
  readonly boot: string;
  /** It took a token, as far as anybody can tell from outside. */
  hasToken: boolean;
  isOpen: boolean;
  /** It found nothing to do, or was put off. */
  isUnused: boolean;
  /** Its token came back, or may have. */
  isVoid: boolean;
}

/** A value of `each` under a key. */
interface Value {
  open: number;
  knownUntilMs: number;
}

interface Held {
  readonly starts: readonly Start[];
  hasApplied: boolean;
}

/** The checkers named concurrency, tokens, spacing. */
export class LimitChecker implements Checker {
  readonly #versions: ReadonlyMap<string, PolicyTerms>;
  readonly #starts = new Map<string, Start[]>();
  readonly #values = new Map<string, Value>();
  readonly #held = new Map<string, Held>();
  /** Targets that a stage has begun with, by workflow. */
  readonly #begun = new Map<string, Set<number>>();

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
        return;
      case "attemptStarted":
        return this.#start(happened, kind.value.task);
      case "applyStarted": {
        const held = this.#held.get(holderOf(model, kind.value.task));
        if (held !== undefined) held.hasApplied = true;
        return;
      }
      case "attemptEnded":
        this.#endAttempt(happened, kind.value);
        break;
      case "taskResolved":
        this.#end(holderOf(model, kind.value.task), happened, { isVoid: false });
        break;
      case "workflowRetried":
        for (const index of model.tasks.keys()) this.#end(holderOf(model, index), happened, { isVoid: false });
        return;
      default:
    }
    for (const [index, task] of model.tasks.entries()) {
      const isSettled = !["open", "running", "unknown"].includes(task.standing);
      if (isSettled || model.life === "ended") this.#end(holderOf(model, index), happened, { isVoid: false });
    }
  }

  #endAttempt(happened: Happened, { task, outcome, before, deferredFor, retryAfterMs }: AttemptEnded): void {
    const { model } = happened;
    const holder = holderOf(model, task);
    const isDeferred = outcome === AttemptOutcome.DEFERRED;
    const target = model.tasks[task]?.target ?? 0;
    if (isDeferred && this.#held.get(holder)?.hasApplied !== true && this.#isOnlyTried(model, target))
      this.#begun.get(model.id)?.delete(target);
    if (outcome === AttemptOutcome.UNKNOWN || (isDeferred && deferredFor === DeferReason.FROZEN) || retryAfterMs !== undefined) return;
    this.#end(holder, happened, { isVoid: isDeferred || (outcome === AttemptOutcome.UNCHANGED && before !== "") });
  }

  /** True when no attempt of the target got further than being put off. */
  #isOnlyTried(model: Model, target: number): boolean {
    return model.tasks.every(
      (task) => task.stage !== model.stage || task.target !== target || (task.standing === "open" && task.tries === 0),
    );
  }

  #start(happened: Happened, index: number): void {
    const { model, stamp, guardMs } = happened;
    const holder = holderOf(model, index);
    const task = model.tasks[index];
    if (task === undefined || (this.#held.get(holder)?.starts.length ?? 0) > 0) return;
    const asks = [...limitAsks(model, task, askedPolicies(model, stamp, this.#versions)), ...this.#rateAsk(model, task)];
    const starts = asks.map((ask): Start => {
      const { trueMs, boot } = stamp;
      return { ask, holder, guardMs, trueMs, boot, hasToken: false, isOpen: true, isUnused: false, isVoid: false };
    });
    this.#held.set(holder, { starts, hasApplied: false });
    for (const start of starts) this.#add(start);
  }

  #rateAsk(model: Model, { stage, target }: ModelTask): readonly Ask[] {
    const begun = this.#begun.get(model.id);
    const rate = model.stages[stage]?.rollout?.rate;
    if (begun?.has(target) === true || rate?.period === undefined) return [];
    begun?.add(target);
    const periodMs = Number(rate.period.seconds) * 1_000 + rate.period.nanos / 1e6;
    const key = `rate of ${model.id} stage ${stage}`;
    return [{ key, each: undefined, concurrency: Infinity, spacingMs: 0, rate: { tokens: rate.tokens, periodMs, burst: 1 } }];
  }

  #add(start: Start): void {
    const { key, concurrency, spacingMs, each, rate } = start.ask;
    const starts = this.#starts.get(key) ?? [];
    this.#starts.set(key, starts);
    // A start under terms without concurrency holds no slot, and is not counted when an edit brings one.
    const open = [...starts.filter(({ isOpen, ask }) => isOpen && ask.concurrency < Infinity), start].map(({ holder }) => holder);
    must(open.length <= concurrency, "concurrency", () => `${open.join(" and ")} hold ${key}, ${concurrency} may`);
    const before = starts.findLast(({ isUnused, ask }) => !isUnused && ask.spacingMs > 0);
    const isSpaced = before === undefined || spacingMs === 0 || start.guardMs - before.guardMs >= spacingMs;
    must(isSpaced, "spacing", () => `two starts of ${key} within ${start.guardMs - (before?.guardMs ?? 0)} ms, ${spacingMs} are wanted`);
    if (rate !== undefined) start.hasToken = !this.#open(`${key} ${each}`, start);
    starts.push(start);
    if (start.hasToken) {
      this.#checkWindows(starts, "guard");
      this.#checkWindows(
        starts.filter(({ boot }) => boot === start.boot),
        "true",
      );
    }
  }

  /** True when the value is known. */
  #open(name: string, { ask, guardMs }: Start): boolean {
    if (ask.each === undefined) return false;
    const value = this.#values.get(name) ?? { open: 0, knownUntilMs: 0 };
    const isKnown = value.open > 0 || guardMs < value.knownUntilMs;
    if (!isKnown) value.knownUntilMs = 0;
    value.open += 1;
    this.#values.set(name, value);
    return isKnown;
  }

  /** In no window that ends with the last start there are more tokens than the terms allow. */
  #checkWindows(starts: readonly Start[], clock: "guard" | "true"): void {
    const taken = starts.filter(({ hasToken, isVoid }) => hasToken && !isVoid);
    const last = taken.at(-1);
    if (last === undefined) return;
    for (let first = taken.length - 1; first >= 0; first--) {
      const window = taken.slice(first);
      const [from] = window;
      if (from === undefined) continue;
      const widthMs = clock === "guard" ? last.guardMs - from.guardMs : last.trueMs - from.trueMs;
      const most = tokensMost(
        window.flatMap(({ ask }) => ask.rate ?? []),
        widthMs,
      );
      const text = (): string =>
        `${window.length} tokens of ${last.ask.key} within ${widthMs} ms of ${clock} time, ${most} may be taken: ${window.map(({ holder, guardMs }) => `${holder} at ${guardMs}`).join(", ")}`;
      must(window.length <= most, last.ask.each === undefined ? "tokens" : "each", text);
    }
  }

  #end(holder: string, { guardMs }: Happened, how: { readonly isVoid: boolean }): void {
    const held = this.#held.get(holder);
    if (held === undefined) return;
    this.#held.delete(holder);
    const isVoid = how.isVoid && !held.hasApplied;
    for (const start of held.starts) this.#endStart(start, { guardMs, isVoid });
  }

  #endStart(start: Start, { guardMs, isVoid }: { readonly guardMs: number; readonly isVoid: boolean }): void {
    const { ask } = start;
    const value = ask.each === undefined ? undefined : this.#values.get(`${ask.key} ${ask.each}`);
    start.isOpen = false;
    start.isUnused = isVoid;
    if (value !== undefined) value.open -= 1;
    const starts = this.#starts.get(ask.key) ?? [];
    const isLater = starts.slice(starts.indexOf(start) + 1).some(({ hasToken, isVoid: isGone }) => hasToken && !isGone);
    const isInUse = value !== undefined && (value.open > 0 || value.knownUntilMs > 0);
    // A token that cannot come back is spent; its value counts as used when it started.
    const isSpent = isVoid && start.hasToken && (isLater || isInUse);
    start.isVoid = isVoid && !isSpent;
    if (value === undefined || start.isVoid) return;
    value.knownUntilMs = Math.max(value.knownUntilMs, (isSpent ? start.guardMs : guardMs) + (ask.rate?.periodMs ?? 0));
  }
}

/** Of one rate: the burst, and what comes back within the window. Of several: what the loosest of each would allow. */
function tokensMost(rates: readonly NonNullable<Ask["rate"]>[], widthMs: number): number {
  const intervals = rates.map(({ periodMs, tokens }) => periodMs / tokens);
  const isOne = rates.every(({ periodMs, tokens, burst }) => {
    const [first] = rates;
    return periodMs === first?.periodMs && tokens === first.tokens && burst === first.burst;
  });
  const [{ burst, tokens, periodMs } = { burst: 1, tokens: 1, periodMs: 1 }] = rates;
  if (isOne) return burst + Math.floor((widthMs * tokens) / periodMs);
  const ahead = Math.max(...rates.map((rate) => (rate.burst - 1) * Math.ceil(rate.periodMs / rate.tokens)));
  return 1 + Math.floor((widthMs + ahead) / Math.min(...intervals));
}

function limitAsks(model: Model, task: ModelTask, policies: readonly PolicyTerms[]): readonly Ask[] {
  const asks = new Map<string, Ask>();
  for (const limit of policies.flatMap(({ limits }) => limits)) {
    if (limit.uses !== undefined && limit.uses !== model.uses(task)) continue;
    if ((limit.keyBy === "site" || limit.each !== undefined) && !model.isOverTargets(task.stage)) continue;
    const ask = askOf(model, task, limit);
    const known = asks.get(ask.key);
    asks.set(ask.key, known === undefined ? ask : strictest(known, ask));
  }
  return [...asks.values()];
}

function askOf(model: Model, task: ModelTask, limit: LimitTerms): Ask {
  const { name, keyBy, each, concurrency = Infinity, tokens, periodS, burst = 1, spacingS = 0 } = limit;
  const shared = keyBy === "all" ? "all" : keyBy === "site" ? model.label(task, "site") : model.uses(task);
  return {
    key: `${name}/${shared}`,
    each: each === undefined ? undefined : model.label(task, each),
    concurrency,
    rate: tokens === undefined ? undefined : { tokens, periodMs: periodS * 1_000, burst },
    spacingMs: spacingS * 1_000,
  };
}

function strictest(one: Ask, other: Ask): Ask {
  const rates = [one, other].flatMap(({ rate }) => rate ?? []);
  const [first] = rates;
  const burst = Math.min(...rates.map((rate) => rate.burst));
  const tokens = Math.min(...rates.map((rate) => rate.tokens));
  return {
    ...one,
    concurrency: Math.min(one.concurrency, other.concurrency),
    spacingMs: Math.max(one.spacingMs, other.spacingMs),
    rate: first === undefined ? undefined : { periodMs: first.periodMs, tokens, burst },
  };
}

function holderOf({ id }: Model, task: number): string {
  return `${id}/${task}`;
}
