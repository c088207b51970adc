// What people and the world do to a simulated service, at random: submit, approve, freeze, edit policies, step clocks, reboot, kill.
// 1. Nothing here knows what should follow; it only says what was asked for, and what was answered.

import { create, fromJson } from "@bufbuild/protobuf";
import type { Engine } from "../../internal/engine/engine.ts";
import type { Principal } from "../../internal/engine/face.ts";
import { Mode, Resolution } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { FreezeRequestSchema, ThawRequestSchema } from "../../internal/gen/holdfast/v1/guard_service_pb.ts";
import { FreezeMode, FreezeScopeSchema } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import type { FreezeScope } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import { ResolveTaskRequestSchema } from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import type { Trouble } from "../fakes/fleet.ts";
import { TESTER } from "../fakes/principals.ts";
import { aSubmission, requestId } from "../fakes/world.ts";
import type { World } from "../fakes/world.ts";
import type { Chance } from "./chance.ts";
import type { FleetRecord } from "./fleet-record.ts";
import type { Model } from "./model.ts";
import type { PolicyShelf } from "./policy-shelf.ts";
import { editedPolicy } from "./random-policies.ts";
import { randomWorkflow } from "./random-workflow.ts";

/** A workflow that was submitted, and what was acknowledged of it. */
export interface Known {
  readonly id: string;
  isExecuted: boolean;
}

/** The service, and what is known of it outside. */
export interface Scene {
  readonly chance: Chance;
  readonly world: World;
  /** Undefined: the built-in default. */
  readonly shelf: PolicyShelf | undefined;
  readonly record: FleetRecord;
  /** Freezes that were answered, and whose thaw nobody asked for. */
  readonly frozen: Map<string, FreezeScope>;
  models(): ReadonlyMap<string, Model>;
  /** Asks the service without waiting. */
  ask(work: (engine: Engine) => Promise<unknown>): void;
}

/** Those who approve. */
export const APPROVERS: readonly Principal[] = [
  { name: "ann", roles: ["approver:sre"] },
  { name: "cid", roles: ["approver:sre"] },
  { name: "eve", roles: ["approver:dba"] },
  { name: "fay", roles: ["approver:dba", "approver:sre"] },
];
const SUBMITTERS: readonly Principal[] = [TESTER, { name: "bob", roles: [] }, { name: "ann", roles: ["approver:sre"] }];
const SUBMITS_MAX = 4;
const HOUR_MS = 3_600_000;

/** Everybody. */
export class People {
  readonly known: Known[] = [];
  readonly #scene: Scene;
  #submits = 0;
  #thaws = 0;

  get frozen(): Map<string, FreezeScope> {
    return this.#scene.frozen;
  }

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  /** One random act. */
  act(): void {
    const { chance, world } = this.#scene;
    const roll = chance.int(0, 99);
    if (roll < 18 && this.#submits < SUBMITS_MAX) return this.#submit();
    if (roll < 42) return this.#trouble();
    if (roll < 48) return world.crash(chance.pick(["nothing", "everything", 1, 2]) ?? "nothing");
    if (roll < 51) return world.crashAtAppend(chance.int(0, 6), chance.hit(0.5));
    if (roll < 55) return this.#freeze();
    if (roll < 61) return this.thaw();
    if (roll < 63) return this.#touchStopFile();
    if (roll < 67) return this.#editPolicy();
    if (roll < 70) return world.clock.step((chance.hit(0.5) ? 1 : -1) * (chance.pick([500, 30_000, 2 * HOUR_MS]) ?? 0));
    const id = chance.pick(this.known)?.id;
    if (id !== undefined) this.#actOn(id);
  }

  #actOn(id: string): void {
    const { chance } = this.#scene;
    const roll = chance.int(0, 99);
    const ref = { id, namespace: "" };
    if (roll < 10) return this.#scene.ask((engine) => engine.cancel(TESTER, ref, ""));
    if (roll < 25) return this.#scene.ask((engine) => engine.pause(TESTER, ref, ""));
    if (roll < 45) return this.#scene.ask((engine) => engine.unpause(TESTER, ref));
    if (roll < 60) return this.#scene.ask((engine) => engine.retry(TESTER, ref, "", ""));
    if (roll < 80) return this.approve(id, chance.pick(APPROVERS) ?? TESTER);
    return this.resolveOne(id);
  }

  #submit(): void {
    const { chance, ask } = this.#scene;
    const tag = `w${this.#submits++}`;
    const definition = randomWorkflow(chance, tag);
    const namespace = chance.hit(0.2) ? "ops" : "default";
    const parts = { requestId: requestId(this.#submits), priority: chance.int(-1, 1), namespace };
    const mode = chance.hit(0.1) ? Mode.PLAN : Mode.APPLY;
    const by = chance.pick(SUBMITTERS) ?? TESTER;
    ask(async (engine) => {
      const { id } = await engine.submit(by, aSubmission(definition, parts), mode);
      const known: Known = { id, isExecuted: false };
      this.known.push(known);
      await engine.exec(by, { id, namespace: "" }, "");
      known.isExecuted = true;
    });
  }

  #trouble(): void {
    const { chance, world, record } = this.#scene;
    const host = chance.pick(world.targets)?.name ?? "service";
    const step = chance.pick(["check", "apply", "run"] as const) ?? "check";
    const troubles: readonly Trouble[] =
      step === "apply" ? ["fail", "unreachable", "lost-answer", "hang"] : ["fail", "unreachable", "hang"];
    if (step === "apply" && chance.hit(0.2)) record.lateFailures.add(host);
    else world.fleet.trouble(host, step, chance.pick(troubles) ?? "fail");
  }

  #freeze(): void {
    const { chance, ask } = this.#scene;
    const scope = fromJson(
      FreezeScopeSchema,
      chance.pick([
        { everything: true },
        { namespace: "ops" },
        { workflowName: "delicate" },
        { label: { label: "site", value: "ams" } },
        { label: { label: "rack", value: "r2" } },
      ]) ?? {},
    );
    const mode = chance.hit(0.4) ? FreezeMode.ABORT : FreezeMode.FINISH;
    const thaws = this.#thaws;
    ask(async (engine) => {
      const { id } = await engine.freeze(TESTER, create(FreezeRequestSchema, { scope, mode, reason: "random" }));
      // Somebody who thaws meanwhile may have meant it.
      if (this.#thaws === thaws) this.frozen.set(id, scope);
    });
  }

  /** Lifts one of the freezes that were answered. */
  thaw(): void {
    const { chance, ask } = this.#scene;
    const id = chance.pick([...this.frozen.keys()]);
    if (id === undefined) return;
    this.lift(id);
    ask((engine) => engine.thaw(TESTER, create(ThawRequestSchema, { id, reason: "random" })));
  }

  /** From now on nobody expects this freeze to hold. */
  lift(id: string): void {
    this.#thaws += 1;
    this.frozen.delete(id);
  }

  #touchStopFile(): void {
    const { stopFile } = this.#scene.world;
    const isThere = stopFile.look().kind !== "absent";
    const there = this.#scene.chance.hit(0.3)
      ? { kind: "unreadable" as const, path: "FREEZE", reason: "no" }
      : { kind: "present" as const, path: "FREEZE" };
    stopFile.set(isThere ? { kind: "absent" } : there);
  }

  #editPolicy(): void {
    const { chance, shelf, world } = this.#scene;
    if (shelf === undefined) return;
    const [first] = shelf.versions.values();
    if (first === undefined) return;
    shelf.write(chance.hit(0.15) ? "broken" : editedPolicy(chance, first));
    if (world.isUp) shelf.look();
  }

  /** Somebody approves. */
  approve(id: string, by: Principal): void {
    const digest = this.#scene.models().get(id)?.submitted.digest ?? "";
    this.#scene.ask((engine) => engine.approve(by, { id, namespace: "" }, { digest, reason: "looked" }));
  }

  /** A person looks at the host, and says what is true. */
  resolveOne(id: string): void {
    const { chance, ask } = this.#scene;
    const model = this.#scene.models().get(id);
    const index = chance.pick(model?.unknown ?? []);
    const task = index === undefined ? undefined : model?.tasks[index];
    if (model === undefined || task === undefined || index === undefined) return;
    const stage = model.stages[task.stage];
    const target = stage?.over === undefined ? "" : (model.targets[task.target] ?? "");
    const isDone = this.applies(target, `${id}.${index}`) > 0;
    const resolution = isDone ? Resolution.SUCCEEDED : (chance.pick([Resolution.FAILED, Resolution.RUN_AGAIN]) ?? Resolution.FAILED);
    const named = { stage: stage?.name ?? "", action: stage?.actions[task.action]?.name ?? "", target };
    const request = create(ResolveTaskRequestSchema, { workflow: { id }, ...named, resolution, reason: "looked" });
    ask((engine) => engine.resolveTask(TESTER, request));
  }

  /** How often a task changed its host. */
  applies(target: string, taskKey: string): number {
    const host = this.#scene.world.fleet.host(target === "" ? "service" : target);
    let times = 0;
    for (const [key, count] of host.applies) if (key.startsWith(`${taskKey}.`)) times += count;
    return times;
  }
}
