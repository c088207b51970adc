// Locks: by the guard's own entries no key has two holders; by the fleet's record no two targets are changed under one key at a time.
// 1. A target is under change from its first apply in a stage until nothing of it is open in that stage.

import type { GuardEvent } from "../../internal/gen/holdfast/journal/v1/journal_pb.ts";
import type { Checker, Happened } from "./checker.ts";
import type { Model } from "./model.ts";
import { must } from "./violation.ts";

/** A target of a workflow, in a stage. */
interface Holder {
  readonly workflow: string;
  readonly target: string;
}

/** The keys that a target of the stage takes: its own and those that the stage names. */
export function lockKeys(model: Model, at: { readonly stage: number; readonly target: number }): readonly string[] {
  const { name = "", labels = {} } = model.submitted.targets[at.target] ?? {};
  const named = (model.stages[at.stage]?.locks ?? []).map((key) =>
    key
      .replaceAll("${{ target.name }}", name)
      .replaceAll("${{ workflow.name }}", model.submitted.definition?.name ?? "")
      .replaceAll(/\$\{\{ params\.(\w+) \}\}/g, (_, param: string) => textOf(model.submitted.params?.[param]))
      .replaceAll(/\$\{\{ target\.labels\.(\w+) \}\}/g, (_, label: string) => labels[label] ?? ""),
  );
  return [`target:${name}`, ...new Set(named.map((key) => `lock:${key}`))];
}

function textOf(param: unknown): string {
  return typeof param === "string" ? param : JSON.stringify(param ?? "");
}

/** The checker named locks, by the journal. */
export class LockChecker implements Checker {
  readonly #holders = new Map<string, Holder>();
  /** The same by workflow and target. */
  readonly #keys = new Map<string, Map<string, Set<string>>>();
  /** Targets that this entry says something about, by their model. */
  readonly #touched = new Map<Model, Set<number>>();

  take({ model, event }: Happened): void {
    const { kind } = event;
    const touched = this.#touched.get(model) ?? new Set();
    this.#touched.set(model, touched);
    if (kind.case === undefined || !("task" in kind.value)) return;
    const task = model.tasks[kind.value.task];
    if (task !== undefined && model.isOverTargets(task.stage)) touched.add(task.target);
  }

  takeGuard({ kind }: GuardEvent): void {
    if (kind.case === "lockTaken") {
      const { key, holder: workflow, target } = kind.value;
      must(!this.#holders.has(key), "locks", () => `${key} was taken twice`);
      this.#holders.set(key, { workflow, target });
      this.#keysOf(workflow, target).add(key);
    }
    if (kind.case === "lockReleased") this.#release(kind.value.key);
    if (kind.case === "holderReleased")
      for (const keys of this.#keys.get(kind.value.holder)?.values() ?? []) for (const key of keys) this.#release(key);
  }

  /** At the end of an entry, for what it told of: who changes a target holds all its keys, and nobody holds one for a target that is done. */
  endEntry(): void {
    for (const [model, targets] of this.#touched) {
      for (const target of targets) this.#check(model, target);
      if (model.life === "ended") must(this.#count(model.id) === 0, "locks", () => `${model.id} has ended and kept locks`);
    }
    this.#touched.clear();
  }

  /** The same for everything. */
  checkAll(models: Iterable<Model>): void {
    for (const model of models) {
      for (const target of model.underChange) this.#check(model, target);
      for (const name of this.#keys.get(model.id)?.keys() ?? []) this.#check(model, model.ordinal(name));
    }
  }

  #check(model: Model, target: number): void {
    const name = model.targets[target] ?? "";
    if (model.underChange.has(target)) {
      for (const key of lockKeys(model, { stage: model.stage, target })) {
        const holder = this.#holders.get(key);
        const isOwn = holder?.workflow === model.id && holder.target === name;
        must(isOwn, "locks", () => `${model.id} changes ${name} without ${key}`);
      }
    }
    const held = this.#keys.get(model.id)?.get(name);
    if (held === undefined || held.size === 0) return;
    must(model.mayLock(target), "locks", () => `${model.id} kept ${[...held].join(", ")} for ${name}`);
  }

  #count(workflow: string): number {
    let count = 0;
    for (const keys of this.#keys.get(workflow)?.values() ?? []) count += keys.size;
    return count;
  }

  #keysOf(workflow: string, target: string): Set<string> {
    const targets = this.#keys.get(workflow) ?? new Map<string, Set<string>>();
    const keys = targets.get(target) ?? new Set<string>();
    this.#keys.set(workflow, targets.set(target, keys));
    return keys;
  }

  #release(key: string): void {
    const holder = this.#holders.get(key);
    if (holder === undefined) return;
    this.#holders.delete(key);
    const targets = this.#keys.get(holder.workflow);
    const keys = targets?.get(holder.target);
    keys?.delete(key);
    if (keys?.size === 0) targets?.delete(holder.target);
  }
}
