// What really happened in the fleet: every call at a host, when it began and when it ended, and what it changed.
// 1. Checked there and then: locks, freezes, and what the keepers of the invariants say. 2. A service that was killed begins nothing any more.

import type { Action, AttemptContext, PreparedAction } from "../../internal/engine/ports.ts";
import type { FreezeScope } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import type { Fleet } from "../fakes/fleet.ts";
import { isInScope } from "./freeze-checker.ts";
import type { HostCall, Invariants } from "./invariant.ts";
import { READERS } from "./ledger-checker.ts";
import { lockKeys } from "./lock-checker.ts";
import type { Model } from "./model.ts";
import type { ModelTask } from "./model-tasks.ts";
import { must } from "./violation.ts";

/** What the record is compared with. */
export interface FleetScene {
  readonly fleet: Fleet;
  readonly invariants: Invariants;
  /** What the service says of itself, as far as it is durable. */
  model(id: string): Model | undefined;
  /** Freezes that were answered, and whose thaw was not asked for. */
  readonly frozen: ReadonlyMap<string, FreezeScope>;
  isStopFileThere(): boolean;
  /** The number of the service's life. */
  life(): number;
  note(text: string): void;
  /** Called with what was found. */
  onViolation(error: Error): void;
}

interface Apply {
  readonly workflow: string;
  readonly stage: number;
  readonly target: number;
  /** How often the workflow had ended before. */
  readonly endings: number;
  readonly task: ModelTask;
}

/** The record. */
export class FleetRecord {
  /** Hosts whose next apply does its work and then says that it failed. */
  readonly lateFailures = new Set<string>();
  /** How many applies changed something. */
  changes = 0;
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
    fleet.onChange = ({ context }) => {
      this.changes += 1;
      const call = this.#call(context, "apply", this.#usesOf(context));
      scene.note(`host ${context.target?.name ?? "service"} is changed by ${context.taskKey}.${context.attempt}`);
      scene.invariants.changed(call);
    };
    fleet.die = () => {
      die();
      this.#life += 1;
    };
  }

  #wrap({ uses, effects, digest, hasPulse = false, parse, validate }: Action): Action {
    return { uses, effects, digest, hasPulse, validate, parse: (raw) => this.#watched(uses, parse(raw)) };
  }

  #watched(uses: string, prepared: PreparedAction): PreparedAction {
    const life = this.#life;
    const number = this.#scene.life();
    const watch = async <T>(context: AttemptContext, kind: HostCall["kind"], work: () => Promise<T>): Promise<T> => {
      if (life !== this.#life) return work();
      const call = { ...this.#call(context, kind, uses), life: number };
      if (kind === "apply" && !READERS.has(uses)) this.#begin(context);
      this.#scene.invariants.called(call);
      const result = await work();
      if (life === this.#life) this.#scene.invariants.returned(call);
      return result;
    };
    const { look } = prepared;
    return {
      ...prepared,
      check: (context) => watch(context, "check", () => prepared.check(context)),
      apply: async (context, before) => {
        const result = await watch(context, "apply", () => prepared.apply(context, before));
        const isLate = uses === "set" && result.kind === "applied" && this.lateFailures.delete(context.target?.name ?? "service");
        return isLate ? { kind: "failed", message: "it did its work and says that it failed" } : result;
      },
      ...(look === undefined ? {} : { look: (context: AttemptContext) => watch(context, "look", () => look(context)) }),
    };
  }

  #call({ workflowId, taskKey, attempt, target }: AttemptContext, kind: HostCall["kind"], uses: string): HostCall {
    return { id: workflowId, task: taskOf(taskKey), attempt, kind, uses, target, life: this.#scene.life() };
  }

  #usesOf({ workflowId, taskKey }: AttemptContext): string {
    const model = this.#scene.model(workflowId);
    const task = model?.tasks[taskOf(taskKey)];
    return model === undefined || task === undefined ? "" : model.uses(task);
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
    const task = model?.tasks[taskOf(taskKey)];
    if (model === undefined || task === undefined) return;
    must(!this.#scene.isStopFileThere(), "freeze", () => `${taskKey} is applied while the file FREEZE is there`);
    for (const [id, scope] of this.#scene.frozen)
      must(!isInScope(scope, model, target), "freeze", () => `${taskKey} is applied while ${id} is answered and in force`);
    if (target === undefined) return;
    for (const key of lockKeys(model, task)) {
      const other = this.#underChange.get(key);
      const isSame = other === undefined || (other.workflow === model.id && other.target === task.target);
      const isOver = other === undefined || this.#isOver(other);
      must(isSame || isOver, "locks", () => `${taskKey} changes ${target.name} under ${key}, which ${other?.workflow} has not left`);
      this.#underChange.set(key, { workflow: model.id, stage: task.stage, target: task.target, endings: model.endings, task });
    }
  }

  /** True when nothing of the target is open in that stage any more. */
  #isOver({ workflow, stage, target, endings, task }: Apply): boolean {
    const model = this.#scene.model(workflow);
    if (model === undefined || model.life === "ended" || model.endings > endings) return true;
    return model.stage !== stage || model.isDone(target) || model.hasLeftBefore(task);
  }
}

/** The position of a task, which comes after the workflow's ID in its key. */
export function taskOf(taskKey: string): number {
  return Number.parseInt(taskKey.split(".")[1] ?? "", 10);
}
