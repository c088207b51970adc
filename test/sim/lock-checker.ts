// Locks: by the guard's own entries no key has two holders; by the fleet's record no two targets are changed under one key at a time.
// 1. A target is under change from its first apply in a stage until nothing of it is open in that stage.

import type { GuardEvent } from "../../internal/gen/holdfast/journal/v1/journal_pb.ts";
import type { Checker } from "./checker.ts";
import { must } from "./checker.ts";
import type { Model } from "./model.ts";

/** A target of a workflow, in a stage. */
interface Holder {
  readonly workflow: string;
  readonly target: string;
}

/** The keys that a target of the stage takes: its own and those that the stage names. */
export function lockKeys(model: Model, at: { readonly stage: number; readonly target: number }): readonly string[] {
  const { name = "", labels = {} } = model.submitted.targets[at.target] ?? {};
  const named = (model.stages[at.stage]?.locks ?? []).map((key) =>
    key.replace("${{ target.name }}", name).replace(/\$\{\{ target\.labels\.(\w+) \}\}/, (_, label: string) => labels[label] ?? ""),
  );
  return [`target:${name}`, ...new Set(named.map((key) => `lock:${key}`))];
}

/** The checker named locks, by the journal. */
export class LockChecker implements Checker {
  readonly #holders = new Map<string, Holder>();

  take(): void {
    // The guard's events say it all; checkAll() compares.
  }

  takeGuard({ kind }: GuardEvent): void {
    if (kind.case === "lockTaken") {
      const { key, holder: workflow, target } = kind.value;
      must(!this.#holders.has(key), "locks", () => `${key} was taken twice`);
      this.#holders.set(key, { workflow, target });
    }
    if (kind.case === "lockReleased") this.#holders.delete(kind.value.key);
    if (kind.case === "holderReleased")
      for (const [key, { workflow }] of this.#holders) if (workflow === kind.value.holder) this.#holders.delete(key);
  }

  /** At the end of an entry: who changes a target holds all its keys, and nobody holds one for a target that is done. */
  checkAll(models: Iterable<Model>): void {
    for (const model of models) {
      const { may, must: needed } = model.locks();
      for (const name of needed) {
        for (const key of lockKeys(model, { stage: model.stage, target: model.targets.indexOf(name) })) {
          const holder = this.#holders.get(key);
          const isOwn = holder?.workflow === model.id && holder.target === name;
          must(isOwn, "locks", () => `${model.id} changes ${name} without ${key}`);
        }
      }
      for (const [key, { workflow, target }] of this.#holders)
        must(workflow !== model.id || may.has(target), "locks", () => `${model.id} kept ${key} for ${target}`);
    }
  }
}
