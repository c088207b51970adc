// The ledger, counted by hand from the workflows' events: who reserved, touched and settled which target, and when.
// 1. Each count looks at everything that ever happened. 2. The window rule and the rule of the task gate are checked by these counts.
// 3. Of a large scenario only every so manieth count is checked: each costs as much as all that happened.

import type { LedgerDimension, LedgerReader, LedgerWindow } from "../../internal/engine/ports.ts";
import type { Checker, Happened } from "./checker.ts";
import { askedPolicies } from "./checker.ts";
import type { Model } from "./model.ts";
import type { PolicyTerms } from "./random-policies.ts";
import { must } from "./violation.ts";

interface Reservation {
  readonly model: Model;
  readonly target: number;
  readonly uses: Set<string>;
  readonly touched: Set<string>;
  /** By the guard's clock; undefined: it is reserved. */
  settledMs: number | undefined;
  /** When it was made, or last touched by another action: the latest says what labels its target bears. */
  moved: number;
}

const HOUR_MS = 3_600_000;
const WINDOWS: Readonly<Record<LedgerWindow, number>> = { "1h": HOUR_MS, "24h": 24 * HOUR_MS, "30d": 720 * HOUR_MS };
const WINDOW_NAMES: readonly LedgerWindow[] = ["1h", "24h", "30d"];
/** Actions of the fleet that change nothing. */
/** Kinds of actions that change no host. */
export const READERS: ReadonlySet<string> = new Set(["probe", "wait", "signal", "person", "finish"]);

/** From so many reservations on, only some counts are checked. */
const RESERVATIONS_ALWAYS_MAX = 400;

/** The checkers named window, task rule, ledger. */
export class LedgerChecker implements Checker {
  readonly #versions: ReadonlyMap<string, PolicyTerms>;
  readonly #reservations: Reservation[] = [];
  readonly #open = new Map<Model, Map<number, Reservation>>();
  #credit = 0;
  #moves = 0;

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
        if (task !== undefined && model.isOverTargets(task.stage)) this.#touch(this.#of(model, task.target), model.uses(task));
        return;
      }
      case "attemptEnded":
      case "taskSkipped":
      case "taskRefused":
      case "taskResolved":
        return this.#settleIfDone(model, kind.value.task, guardMs);
      case "finishDecided":
        for (const target of model.waveTargets) this.#settleTarget(model, target, guardMs);
        return;
      case "stageEnded":
        // One that failed gives back what it reserved; nothing of another is open.
        if (kind.value.succeeded || model.isPaused) return;
        return this.#settleAll(model, guardMs);
      case "stageStarted":
      case "workflowEnded":
      case "workflowExpired":
      case "workflowRetried":
      case "continuedAsNew":
        return this.#settleAll(model, guardMs);
      default:
    }
  }

  #settleAll(model: Model, guardMs: number): void {
    for (const reservation of this.#open.get(model)?.values() ?? []) reservation.settledMs = guardMs;
    this.#open.delete(model);
  }

  /** The live ledger says what a count by hand says, in every window and dimension. */
  compare(live: LedgerReader, at: { readonly guardMs: number; readonly except: ReadonlySet<string> }): void {
    if (!this.#isAffordable()) return;
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
    const latest = dimension.kind === "label" ? this.#latest(guardMs) : undefined;
    for (const reservation of this.#reservations) {
      const { model, target, uses, touched, settledMs } = reservation;
      const { name = "" } = model.submitted.targets[target] ?? {};
      const isOpen = settledMs === undefined;
      if (!isCounted(reservation, WINDOWS[window], guardMs)) continue;
      if (dimension.kind === "label" && labelOf(latest?.get(name), dimension.label) !== dimension.value) continue;
      if (dimension.kind === "action" && !touched.has(dimension.uses) && !(isOpen && uses.has(dimension.uses))) continue;
      if (dimension.kind === "principal" && model.submittedBy !== dimension.name) continue;
      if (!except.has(name)) counted.add(name);
    }
    return counted.size;
  }

  /** What says which labels each target bears: the inventory may have changed between two workflows. */
  #latest(guardMs: number): ReadonlyMap<string, Reservation> {
    const latest = new Map<string, Reservation>();
    for (const reservation of this.#reservations) {
      if (!isCounted(reservation, WINDOWS["30d"], guardMs)) continue;
      const name = reservation.model.targets[reservation.target] ?? "";
      if ((latest.get(name)?.moved ?? -1) < reservation.moved) latest.set(name, reservation);
    }
    return latest;
  }

  #touch(reservation: Reservation | undefined, uses: string): void {
    if (reservation === undefined || reservation.touched.has(uses)) return;
    reservation.touched.add(uses);
    reservation.moved = this.#moves += 1;
  }

  #reserve(model: Model): void {
    const stage = model.stages[model.stage];
    if (stage === undefined || !model.isOverTargets(model.stage)) return;
    const uses = stage.actions.map((action) => action.uses).filter((name) => !READERS.has(name));
    // What only reads touches nothing.
    if (uses.length === 0) return;
    for (const target of model.waveTargets.filter((each) => !model.isDone(each))) {
      const known = this.#of(model, target);
      if (known !== undefined && uses.some((name) => !known.uses.has(name))) known.moved = this.#moves += 1;
      for (const name of uses) known?.uses.add(name);
      if (known !== undefined) continue;
      const moved = (this.#moves += 1);
      const reservation = { model, target, uses: new Set(uses), touched: new Set<string>(), settledMs: undefined, moved };
      this.#reservations.push(reservation);
      this.#open.set(model, (this.#open.get(model) ?? new Map<number, Reservation>()).set(target, reservation));
    }
  }

  #settleIfDone(model: Model, index: number, guardMs: number): void {
    this.#settleTarget(model, model.tasks[index]?.target ?? 0, guardMs);
  }

  #settleTarget(model: Model, target: number, guardMs: number): void {
    const reservation = this.#of(model, target);
    if (reservation === undefined || !model.isOverTargets(model.stage) || !model.isDone(target)) return;
    for (const task of model.ofTarget(target))
      if (task.standing === "failed" && !READERS.has(model.uses(task))) {
        reservation.touched.add(model.uses(task));
        reservation.moved = this.#moves += 1;
      }
    reservation.settledMs = guardMs;
    this.#open.get(model)?.delete(target);
  }

  /** True when there is time for a count that looks at everything. */
  #isAffordable(): boolean {
    this.#credit += RESERVATIONS_ALWAYS_MAX;
    if (this.#credit < this.#reservations.length) return false;
    this.#credit = 0;
    return true;
  }

  #checkWindow({ model, stamp, guardMs }: Happened): void {
    if (!model.isOverTargets(model.stage)) return;
    const targets = model.waveTargets.filter((target) => !model.isDone(target)).map((target) => model.submitted.targets[target]);
    const except = new Set(targets.flatMap((target) => target?.name ?? []));
    const limits = askedPolicies(model, stamp, this.#versions).flatMap(({ perSite }) => perSite ?? []);
    if (limits.length === 0 || !this.#isAffordable()) return;
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
      if (taskWait === undefined || !this.#isAffordable()) continue;
      const others = this.touchedAt(site, { guardMs, except: new Set([model.targets[task.target] ?? ""]) });
      must(others < taskWait, "task rule", () => `task ${index} of ${model.id} starts while ${others} others of ${site} were touched`);
    }
  }

  #of(model: Model, target: number): Reservation | undefined {
    return this.#open.get(model)?.get(target);
  }
}

/** True while it is open, or was touched and settled within the window. */
function isCounted({ touched, settledMs }: Reservation, windowMs: number, guardMs: number): boolean {
  return settledMs === undefined || (touched.size > 0 && settledMs + windowMs > guardMs);
}

function labelOf(reservation: Reservation | undefined, label: string): string | undefined {
  return reservation?.model.submitted.targets[reservation.target]?.labels[label];
}
