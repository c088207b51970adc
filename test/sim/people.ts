// What people do to a simulated service, at random: approve, cancel, pause, retry, resolve, freeze, thaw, and make clients.
// 1. Nothing here knows what should follow; it only says what was asked for, and hands on what was answered.

import { create, fromJson } from "@bufbuild/protobuf";
import type { Engine } from "../../internal/engine/engine.ts";
import type { Principal } from "../../internal/engine/face.ts";
import { Resolution } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { FreezeRequestSchema, ThawRequestSchema } from "../../internal/gen/holdfast/v1/guard_service_pb.ts";
import { FreezeMode, FreezeScopeSchema } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import type { FreezeScope } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import type { WorkflowStatus } from "../../internal/gen/holdfast/v1/status_pb.ts";
import type { RunAgain } from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import {
  CompleteRequestSchema,
  FailRequestSchema,
  ResolveTaskRequestSchema,
  RetryRequestSchema,
  RunAgainSchema,
} from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { TESTER } from "../fakes/principals.ts";
import type { World } from "../fakes/world.ts";
import { streamOf } from "./chance.ts";
import type { Chance } from "./chance.ts";
import type { NothingLost } from "./h1-nothing-lost.ts";
import type { Answer, Invariants } from "./invariant.ts";
import type { Model } from "./model.ts";
import type { ModelTask } from "./model-tasks.ts";
import type { Service } from "./service.ts";

/** The service, and what is known of it outside. */
export interface PeopleScene {
  readonly world: World;
  readonly service: Service;
  readonly invariants: Invariants;
  readonly kept: NothingLost;
  /** Freezes that were answered, and whose thaw nobody asked for. */
  readonly frozen: Map<string, FreezeScope>;
  readonly models: ReadonlyMap<string, Model>;
  chance(): Chance;
  note(text: string): void;
}

/** Those who approve. */
export const APPROVERS: readonly Principal[] = [
  { name: "ann", roles: ["approver:sre"] },
  { name: "cid", roles: ["approver:sre"] },
  { name: "eve", roles: ["approver:dba"] },
  { name: "fay", roles: ["approver:dba", "approver:sre"] },
];

const SCOPES = [
  { everything: true },
  { namespace: "ops" },
  { workflowName: "delicate" },
  { label: { label: "site", value: "ams" } },
  { label: { label: "rack", value: "r2" } },
];

type Command = (engine: Engine) => Promise<WorkflowStatus>;

/** Everybody. */
export class People {
  readonly #scene: PeopleScene;
  readonly #rounds: () => Chance;
  #thaws = 0;

  constructor(scene: PeopleScene) {
    this.#scene = scene;
    this.#rounds = streamOf(() => scene.chance(), "rounds");
  }

  /** Somebody does something to a workflow. */
  actOn(id: string): void {
    const chance = this.#scene.chance();
    if (chance.hit(0.5)) this.signal(id);
    if (chance.hit(0.5)) this.doTask(id);
    const roll = chance.int(0, 99);
    if (roll < 10) return this.cancel(id);
    if (roll < 25) return this.#command(id, "pause", (engine) => engine.pause(TESTER, refTo(id), ""), { kind: "workflowPaused" });
    if (roll < 45) return this.unpause(id);
    if (roll < 60) return this.retry(id);
    if (roll < 80) return this.approve(id, chance.pick(APPROVERS) ?? TESTER);
    return this.resolve(id, 1);
  }

  /** Somebody sends one of the signals that it declares; keys come again, seldom with other data. */
  signal(id: string): void {
    const chance = this.#scene.chance();
    const name = chance.pick(Object.keys(this.#scene.models.get(id)?.submitted.definition?.signals ?? {}));
    if (name === undefined) return;
    const number = chance.int(1, 12);
    const sent = { name, key: `k${number}`, data: { n: chance.hit(0.9) ? number : number + 1 } };
    const promised = { kind: "signalReceived" as const, by: `${name}/${sent.key}` };
    this.#command(id, `signal ${name} ${sent.key}`, (engine) => engine.signal(TESTER, refTo(id), sent), promised);
  }

  /** Somebody does one of the tasks that await a person, or refuses it. */
  doTask(id: string): void {
    const chance = this.#scene.chance();
    const model = this.#scene.models.get(id);
    const open = [...(model?.tasks.entries() ?? [])].filter(([, task]) => task.standing === "running" && model?.uses(task) === "person");
    const [index, task] = chance.pick(open) ?? [];
    if (model === undefined || index === undefined || task === undefined) return;
    const stage = model.stages[task.stage];
    const target = model.unitName(task);
    const named = { workflow: { id }, stage: stage?.name ?? "", action: stage?.actions[task.action]?.name ?? "", target };
    const by = chance.pick(APPROVERS) ?? TESTER;
    if (chance.hit(0.2)) {
      const request = create(FailRequestSchema, { ...named, reason: "no" });
      return this.#command(id, `fail ${index}`, (engine) => engine.fail(by, request), undefined);
    }
    const request = create(CompleteRequestSchema, { ...named, reason: "done" });
    this.#command(id, `complete ${index}`, (engine) => engine.complete(by, request), { kind: "attemptEnded", task: index });
  }

  cancel(id: string): void {
    this.#command(id, "cancel", (engine) => engine.cancel(TESTER, refTo(id), ""), { kind: "cancelRequested" });
  }

  unpause(id: string): void {
    this.#command(id, "unpause", (engine) => engine.unpause(TESTER, refTo(id)), undefined);
  }

  retry(id: string): void {
    const chance = this.#rounds();
    const again = chance.hit(0.3) ? this.#again(id, chance) : undefined;
    const request = create(RetryRequestSchema, { workflow: { id }, reason: "again", ...(again === undefined ? {} : { again }) });
    const what = again === undefined ? "retry" : `retry with ${again.kind.case} that succeeded`;
    this.#command(id, what, (engine) => engine.retry(TESTER, request), { kind: "workflowRetried" });
  }

  /** Something that may have succeeded. */
  #again(id: string, chance: Chance): RunAgain | undefined {
    const model = this.#scene.models.get(id);
    const task = model?.tasks[chance.int(0, Math.max(0, model.tasks.length - 1))];
    if (model === undefined || task === undefined) return undefined;
    const { stage, action, target } = namesOf(model, task);
    if (chance.hit(0.5)) return create(RunAgainSchema, { kind: { case: "task", value: { stage, action, target } } });
    if (chance.hit(0.5)) return create(RunAgainSchema, { kind: { case: "stage", value: stage } });
    return create(RunAgainSchema, { kind: { case: "all", value: true } });
  }

  exec(id: string): void {
    this.#command(id, "exec", (engine) => engine.exec(TESTER, refTo(id), ""), { kind: "workflowExecuted" });
  }

  /** Somebody approves. */
  approve(id: string, by: Principal): void {
    const digest = this.#scene.models.get(id)?.submitted.digest ?? "";
    const ask = (engine: Engine): Promise<WorkflowStatus> => engine.approve(by, refTo(id), { digest, reason: "looked" });
    this.#command(id, `approve by ${by.name}`, ask, { kind: "approvalGiven", by: by.name });
  }

  /** A person looks at hosts, and says what is true. */
  resolve(id: string, most: number): void {
    const model = this.#scene.models.get(id);
    if (model === undefined) return;
    const { unknown } = model;
    const first = most === 1 ? this.#scene.chance().int(0, Math.max(0, unknown.length - 1)) : 0;
    for (const index of unknown.slice(first, first + most)) this.#resolveOne(model, index);
  }

  #resolveOne(model: Model, index: number): void {
    const task = model.tasks[index];
    if (task === undefined) return;
    const { id } = model;
    const named = namesOf(model, task);
    const isDone =
      this.#applies(
        model.isOverTargets(task.stage) ? named.target : "",
        `${id}.${index}${task.run === 1 ? "" : `-${task.run}`}${model.keyEnd}`,
      ) > 0;
    const chance = this.#scene.chance();
    const resolution = isDone ? Resolution.SUCCEEDED : (chance.pick([Resolution.FAILED, Resolution.RUN_AGAIN]) ?? Resolution.FAILED);
    const request = create(ResolveTaskRequestSchema, { workflow: { id }, ...named, resolution, reason: "looked" });
    this.#command(id, `resolve ${index} as ${resolution}`, (engine) => engine.resolveTask(TESTER, request), {
      kind: "taskResolved",
      task: index,
    });
  }

  freeze(): void {
    const chance = this.#scene.chance();
    const { service, frozen, kept, note } = this.#scene;
    const scope = fromJson(FreezeScopeSchema, chance.pick(SCOPES) ?? {});
    const mode = chance.hit(0.4) ? FreezeMode.ABORT : FreezeMode.FINISH;
    const thaws = this.#thaws;
    note(`freeze ${scope.kind.case} ${mode === FreezeMode.ABORT ? "abort" : "finish"}`);
    service.ask(async (engine, life) => {
      const { id } = await engine.freeze(TESTER, create(FreezeRequestSchema, { scope, mode, reason: "random" }));
      if (life.isOver) return;
      kept.answeredFreeze(id, "placed");
      // Somebody who thaws meanwhile may have meant it.
      if (this.#thaws === thaws) frozen.set(id, scope);
    });
  }

  /** Lifts one of the freezes that were answered. */
  thawOne(): void {
    const id = this.#scene.chance().pick([...this.#scene.frozen.keys()]);
    if (id !== undefined) this.thaw(id);
  }

  /** From now on nobody expects this freeze to hold. */
  thaw(id: string): void {
    this.#thaws += 1;
    this.#scene.frozen.delete(id);
    this.#scene.note(`thaw ${id}`);
    this.#scene.service.ask(async (engine, life) => {
      await engine.thaw(TESTER, create(ThawRequestSchema, { id, reason: "random" }));
      if (!life.isOver) this.#scene.kept.answeredFreeze(id, "lifted");
    });
  }

  #command(id: string, what: string, ask: Command, promised: Answer["promised"]): void {
    this.#scene.note(`${what} ${id.slice(-4)}`);
    this.#scene.service.ask(async (engine, life) => {
      const status = await ask(engine);
      // What a process that has died would have said nobody hears.
      if (life.isOver) return;
      this.#scene.invariants.answered({ id, seq: Number(status.seq), promised });
      this.#scene.invariants.told(status);
    });
  }

  /** How often a task changed its host. */
  #applies(target: string, taskKey: string): number {
    const host = this.#scene.world.fleet.host(target === "" ? "service" : target);
    let times = 0;
    for (const [key, count] of host.applies) if (key.startsWith(`${taskKey}.`)) times += count;
    return times;
  }
}

function namesOf(model: Model, task: ModelTask): { readonly stage: string; readonly action: string; readonly target: string } {
  const stage = model.stages[task.stage];
  return { stage: stage?.name ?? "", action: stage?.actions[task.action]?.name ?? "", target: model.unitName(task) };
}

function refTo(id: string): { readonly id: string; readonly namespace: string } {
  return { id, namespace: "" };
}
