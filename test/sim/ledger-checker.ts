// The ledger, counted by hand from the workflows' events: who reserved, touched and settled which target, and when.
// 1. Each count looks at everything that ever happened. 2. The window rule and the rule of the task gate are checked by these counts.

import { AttemptOutcome } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { LedgerDimension, LedgerReader, LedgerWindow } from "../../internal/engine/ports.ts";
import type { Checker, Happened } from "./checker.ts";
import { askedPolicies, must } from "./checker.ts";
import type { Model } from "./model.ts";
import type { PolicyTerms } from "./random-policies.ts";

interface Reservation {
  readonly model: Model;
  readonly target: number;
  readonly uses: Set<string>;
  readonly touched: Set<string>;
  /** By the guard's clock; undefined: it is reserved. */
  settledMs: number | undefined;
}

const HOUR_MS = 3_600_000;
const WINDOWS: Readonly<Record<LedgerWindow, number>> = { "1h": HOUR_MS, "24h": 24 * HOUR_MS, "30d": 720 * HOUR_MS };
const WINDOW_NAMES: readonly LedgerWindow[] = ["1h", "24h", "30d"];
/** Actions of the fleet that change nothing. */
const READERS: ReadonlySet<string> = new Set(["probe"]);

/** The checkers named window, task rule, ledger. */
export class LedgerChecker implements Checker {
  readonly #versions: ReadonlyMap<string, PolicyTerms>;
  readonly #reservations: Reservation[] = [];

  constructor(versions: ReadonlyMap<string, PolicyTerms>) {
    this.#versions = versions;
  }

  take(happened: Happened): void {
    const { model, event, guardMs } = happened;
    const { kind } = event;
    if (model.isPlan) return;
    switch (kind.case) {
      case "waveStarted":
        this.#checkWindow(happened);
        return this.#reserve(model);
      case "attemptStarted":
        return this.#checkTask(happened, kind.value.task);
      case "applyStarted": {
        const task = model.tasks[kind.value.task];
        if (task !== undefined && model.isOverTargets(task.stage)) this.#of(model, task.target)?.touched.add(model.uses(task));
        return;
      }
      case "attemptEnded":
        if (kind.value.outcome === AttemptOutcome.UNKNOWN) return;
        return this.#settleDone(model, guardMs);
      case "taskSkipped":
      case "taskRefused":
      case "taskResolved":
        return this.#settleDone(model, guardMs);
      case "workflowEnded":
      case "workflowExpired":
      case "workflowRetried":
        for (const reservation of this.#open(model)) reservation.settledMs = guardMs;
        return;
      default:
    }
  }

  /** The live ledger says what a count by hand says, in every window and dimension. */
  compare(live: LedgerReader, at: { readonly guardMs: number; readonly except: ReadonlySet<string> }): void {
    const dimensions = new Map<string, LedgerDimension>([["all", { kind: "all" }]]);
    for (const { model, target, uses } of this.#reservations) {
      for (const [label, value] of Object.entries(model.submitted.targets[target]?.labels ?? {}))
        dimensions.set(`${label}=${value}`, { kind: "label", label, value });
      for (const name of uses) dimensions.set(`action ${name}`, { kind: "action", uses: name });
      dimensions.set(`principal ${model.submittedBy}`, { kind: "principal", name: model.submittedBy });
    }
    for (const window of WINDOW_NAMES) {
      for (const [name, dimension] of dimensions) {
        const [found, counted] = [live.touched(window, dimension).count, this.#count(window, dimension, at)];
        must(found === counted, "ledger", () => `it says ${found} of ${name} in ${window} at ${at.guardMs}, by hand there are ${counted}`);
      }
    }
  }

  /** Targets of a site that were touched within the hour, but for those. */
  touchedAt(site: string, at: { readonly guardMs: number; readonly except: ReadonlySet<string> }): number {
    return this.#count("1h", { kind: "label", label: "site", value: site }, at);
  }

  #count(
    window: LedgerWindow,
    dimension: LedgerDimension,
    { guardMs, except }: { readonly guardMs: number; readonly except: ReadonlySet<string> },
  ): number {
    const counted = new Set<string>();
    for (const reservation of this.#reservations) {
      const { model, target, uses, touched, settledMs } = reservation;
      const { name = "", labels = {} } = model.submitted.targets[target] ?? {};
      const isOpen = settledMs === undefined;
      if (!isOpen && (touched.size === 0 || settledMs + WINDOWS[window] <= guardMs)) continue;
      if (dimension.kind === "label" && labels[dimension.label] !== dimension.value) continue;
      if (dimension.kind === "action" && !touched.has(dimension.uses) && !(isOpen && uses.has(dimension.uses))) continue;
      if (dimension.kind === "principal" && model.submittedBy !== dimension.name) continue;
      if (!except.has(name)) counted.add(name);
    }
    return counted.size;
  }

  #reserve(model: Model): void {
    const stage = model.stages[model.stage];
    if (stage === undefined || !model.isOverTargets(model.stage)) return;
    const uses = stage.actions.map((action) => action.uses).filter((name) => !READERS.has(name));
    // What only reads touches nothing.
    if (uses.length === 0) return;
    for (const target of model.waveTargets.filter((each) => !model.isDone(each))) {
      const known = this.#of(model, target);
      for (const name of uses) known?.uses.add(name);
      if (known === undefined) this.#reservations.push({ model, target, uses: new Set(uses), touched: new Set(), settledMs: undefined });
    }
  }

  #settleDone(model: Model, guardMs: number): void {
    if (!model.isOverTargets(model.stage)) return;
    for (const reservation of this.#open(model)) {
      const { target, touched } = reservation;
      if (!model.isDone(target)) continue;
      for (const task of model.tasks) {
        const isFailed = task.stage === model.stage && task.target === target && task.standing === "failed";
        if (isFailed && !READERS.has(model.uses(task))) touched.add(model.uses(task));
      }
      reservation.settledMs = guardMs;
    }
  }

  #checkWindow({ model, stamp, guardMs }: Happened): void {
    if (!model.isOverTargets(model.stage)) return;
    const targets = model.waveTargets.filter((target) => !model.isDone(target)).map((target) => model.submitted.targets[target]);
    const except = new Set(targets.flatMap((target) => target?.name ?? []));
    const limits = askedPolicies(model, stamp, this.#versions).flatMap(({ perSite }) => perSite ?? []);
    if (limits.length === 0) return;
    for (const site of new Set(targets.map((target) => target?.labels["site"] ?? ""))) {
      const asking = targets.filter((target) => target?.labels["site"] === site).length;
      const others = this.touchedAt(site, { guardMs, except });
      const text = (): string => `${model.id} begins with ${asking} of ${site}, ${others} were touched, ${Math.min(...limits)} may be`;
      must(asking + others <= Math.min(...limits), "window", text);
    }
  }

  #checkTask({ model, stamp, guardMs }: Happened, index: number): void {
    const task = model.tasks[index];
    if (task === undefined || !model.isOverTargets(task.stage)) return;
    const site = model.label(task, "site");
    for (const { taskWait, untouchable } of askedPolicies(model, stamp, this.#versions)) {
      const isTouching = untouchable === site && model.uses(task) === "touch";
      must(!isTouching, "task rule", () => `${model.id} starts task ${index} at ${site}, which a policy denies`);
      if (taskWait === undefined) continue;
      const others = this.touchedAt(site, { guardMs, except: new Set([model.targets[task.target] ?? ""]) });
      must(others < taskWait, "task rule", () => `task ${index} of ${model.id} starts while ${others} others of ${site} were touched`);
    }
  }

  #of(model: Model, target: number): Reservation | undefined {
    return this.#reservations.find((each) => each.model === model && each.target === target && each.settledMs === undefined);
  }

  #open(model: Model): readonly Reservation[] {
    return this.#reservations.filter((each) => each.model === model && each.settledMs === undefined);
  }
}
