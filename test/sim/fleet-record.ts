// What really happened in the fleet: every apply, when it began and when it ended, by the machine's own running time.
// 1. Checked there and then: locks and freezes. 2. A service that was killed begins nothing any more.

import type { Action, ApplyResult, AttemptContext, PreparedAction } from "../../internal/engine/ports.ts";
import type { Fleet } from "../fakes/fleet.ts";
import { must } from "./checker.ts";
import { isInScope } from "./freeze-checker.ts";
import { lockKeys } from "./lock-checker.ts";
import type { Model } from "./model.ts";
import type { FreezeScope } from "../../internal/gen/holdfast/v1/policy_pb.ts";

/** What the record is compared with. */
export interface FleetScene {
  readonly fleet: Fleet;
  /** What the service says of itself, as far as it was appended. */
  model(id: string): Model | undefined;
  /** Freezes that were answered, and whose thaw was not asked for. */
  readonly frozen: ReadonlyMap<string, FreezeScope>;
  isStopFileThere(): boolean;
  trueMs(): number;
  /** Called with what was found. */
  onViolation(error: Error): void;
}

interface Apply {
  readonly model: Model;
  readonly stage: number;
  readonly target: number;
  /** How often the workflow had ended before. */
  readonly endings: number;
}

/** The record. */
export class FleetRecord {
  /** Hosts whose next apply does its work and then says that it failed. */
  readonly lateFailures = new Set<string>();
  /** Starts of applies by target: for windows. */
  readonly starts: { readonly model: Model; readonly task: number; readonly atMs: number }[] = [];
  readonly #scene: FleetScene;
  readonly #underChange = new Map<string, Apply>();
  #life = 0;

  constructor(scene: FleetScene) {
    this.#scene = scene;
    const { fleet } = scene;
    const find = fleet.find.bind(fleet);
    const die = fleet.die.bind(fleet);
    const wrapped = new Map<Action, Action>();
    fleet.find = (uses) => {
      const action = find(uses);
      if (action === undefined) return undefined;
      const known = wrapped.get(action) ?? this.#wrap(action);
      wrapped.set(action, known);
      return known;
    };
    fleet.die = () => {
      this.#life += 1;
      die();
    };
  }

  #wrap({ uses, effects, digest, parse, validate }: Action): Action {
    const wrappedParse: Action["parse"] = (raw) => {
      const life = this.#life;
      const prepared = parse(raw);
      const apply: PreparedAction["apply"] = (context, before) => {
        if (life === this.#life && uses !== "probe") this.#begin(context);
        return prepared.apply(context, before).then((result) => this.#result(uses, context, result));
      };
      return { ...prepared, apply };
    };
    return { uses, effects, digest, validate, parse: wrappedParse };
  }

  #result(uses: string, { target }: AttemptContext, result: ApplyResult): ApplyResult {
    const isLate = uses === "set" && result.kind === "applied" && this.lateFailures.delete(target?.name ?? "service");
    return isLate ? { kind: "failed", message: "it did its work and says that it failed" } : result;
  }

  #begin(context: AttemptContext): void {
    try {
      this.#check(context);
    } catch (error) {
      this.#scene.onViolation(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #check({ workflowId, taskKey, target }: AttemptContext): void {
    const model = this.#scene.model(workflowId);
    const index = Number(taskKey.slice(taskKey.lastIndexOf(".") + 1));
    const task = model?.tasks[index];
    if (model === undefined || task === undefined) return;
    must(!this.#scene.isStopFileThere(), "freeze", () => `${taskKey} is applied while the file FREEZE is there`);
    for (const [id, scope] of this.#scene.frozen)
      must(!isInScope(scope, model, target), "freeze", () => `${taskKey} is applied while ${id} is answered and in force`);
    this.starts.push({ model, task: index, atMs: this.#scene.trueMs() });
    if (target === undefined) return;
    for (const key of lockKeys(model, task)) {
      const other = this.#underChange.get(key);
      const isSame = other === undefined || (other.model.id === model.id && other.target === task.target);
      const isOver = other === undefined || this.#isOver(other);
      must(isSame || isOver, "locks", () => `${taskKey} changes ${target.name} under ${key}, which ${other?.model.id} has not left`);
      this.#underChange.set(key, { model, stage: task.stage, target: task.target, endings: model.endings });
    }
  }

  /** True when nothing of the target is open in that stage any more. The model is made anew after a crash. */
  #isOver({ model: { id }, stage, target, endings }: Apply): boolean {
    const model = this.#scene.model(id);
    if (model === undefined || model.life === "ended" || model.endings > endings) return true;
    if (model.stage !== stage) return true;
    return model.isDone(target);
  }
}
