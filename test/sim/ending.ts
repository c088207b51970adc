// The end of a run: nothing goes wrong any more, people thaw, approve, resolve and give up, and every workflow must come to its end.
// 1. Whatever waits says for what. 2. What a client submitted and left for ever expires, and never runs.

import { create, toJsonString } from "@bufbuild/protobuf";
import { LimitSchema, ListLimitsRequestSchema } from "../../internal/gen/holdfast/v1/guard_service_pb.ts";
import { HoldKind, Phase, WorkflowStatusSchema } from "../../internal/gen/holdfast/v1/status_pb.ts";
import type { WorkflowStatus } from "../../internal/gen/holdfast/v1/status_pb.ts";
import type { World } from "../fakes/world.ts";
import type { Chance } from "./chance.ts";
import { askedPolicies } from "./checker.ts";
import type { Stamp } from "./checker.ts";
import type { Model } from "./model.ts";
import { APPROVERS } from "./people.ts";
import type { People } from "./people.ts";
import type { PolicyTerms } from "./random-policies.ts";
import type { Service } from "./service.ts";
import type { SimClient } from "./sim-client.ts";
import { Violation } from "./violation.ts";

const ROUNDS_MAX = 400;
/** Rounds that take ten seconds; the others take five minutes. */
const SHORT_ROUNDS = 100;
/** From this round on, work that no policy lets through is cancelled; and where there is much of it, all that is left. */
const PATIENT_ROUNDS = 160;
const RESOLVED_PER_ROUND_MAX = 200;

/** What there is to end. */
export interface EndingScene {
  readonly world: World;
  readonly service: Service;
  readonly people: People;
  readonly models: ReadonlyMap<string, Model>;
  readonly versions: ReadonlyMap<string, PolicyTerms>;
  readonly clients: readonly SimClient[];
  /** True: limits and rates may let so much work through in days only. */
  readonly isLarge: boolean;
  chance(round: number): Chance;
  stamp(): Stamp;
  pump(): Promise<void>;
  advance(byMs: number): Promise<void>;
}

/** Brings everything to its end; throws when something never ends. */
export async function bringToEnd(scene: EndingScene): Promise<void> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    if (!scene.service.isUp) await scene.service.start();
    for (const client of scene.clients) client.begin(undefined);
    await scene.pump();
    const open = openModels(scene);
    const isWatched = scene.clients.some(goesOn);
    if (open.length === 0 && !scene.service.isAsked && !isWatched) return;
    await thawAll(scene);
    for (const model of open) await helpOn(scene, model, round);
    await scene.advance(round < SHORT_ROUNDS ? 10_000 : 300_000);
  }
  throw new Violation(`progress: these never end: ${(await whatIsOpen(scene)).join("\n")}`);
}

/** One that has something left to do, and does it now or comes back for it. Who will die for ever still goes on until then. */
function goesOn({ isDone, isAlive, isGoneForEver }: SimClient): boolean {
  return !isDone && (isAlive || !isGoneForEver);
}

function openModels({ models }: EndingScene): readonly Model[] {
  return [...models.values()].filter((model) => model.life !== "ended");
}

async function whatIsOpen(scene: EndingScene): Promise<readonly string[]> {
  const found = await Promise.all(
    openModels(scene).map(async ({ id }) => toJsonString(WorkflowStatusSchema, await scene.world.status(id)).slice(0, 3_000)),
  );
  for (const client of scene.clients.filter(goesOn)) found.push(`client ${client.name}`);
  if (scene.service.isAsked) found.push("an answer of the service");
  const { limits } = await scene.world.engine.limits(create(ListLimitsRequestSchema));
  return [...found, ...limits.map((limit) => toJsonString(LimitSchema, limit))];
}

async function thawAll({ service, people }: EndingScene): Promise<void> {
  const answer = await service.answer((engine) => engine.freezes());
  for (const { id } of answer?.proof?.freezes ?? []) people.thaw(id);
}

async function helpOn(scene: EndingScene, model: Model, round: number): Promise<void> {
  const { service, people, world } = scene;
  const { id } = model;
  const status = await service.answer(() => world.status(id));
  if (status === undefined) return;
  const holds = new Set(status.waitingFor.map(({ kind }) => kind));
  if (status.phase === Phase.PAUSED) people.unpause(id);
  if (holds.has(HoldKind.APPROVAL)) for (const approver of APPROVERS) people.approve(id, approver);
  // What a policy denies on one target may hold the locks that all the others wait for.
  const isHopelessNow = holds.has(HoldKind.POLICY) || isHopeless(scene, model) || scene.isLarge;
  if (round > PATIENT_ROUNDS && isHopelessNow) people.cancel(id);
  if (model.unknown.length > 0) return people.resolve(id, RESOLVED_PER_ROUND_MAX);
  if (status.phase === Phase.WAITING) helpWaiting(scene, { status, holds, round });
}

function helpWaiting(
  { people, chance }: EndingScene,
  at: { readonly status: WorkflowStatus; readonly holds: ReadonlySet<HoldKind>; readonly round: number },
): void {
  const { status, holds, round } = at;
  const { id } = status;
  if (status.waitingFor.length === 0) throw new Violation(`progress: ${id} waits and does not say for what`);
  if (holds.has(HoldKind.APPROVAL) && round < SHORT_ROUNDS) return;
  if (holds.has(HoldKind.POLICY)) return people.cancel(id);
  // Room at risk is used up by what failed: a person tries it again, or gives up.
  if (chance(round).hit(0.5)) people.retry(id);
  else people.cancel(id);
}

/** True when a rule may never let the workflow go on, however much time passes. */
function isHopeless({ versions, stamp }: EndingScene, model: Model): boolean {
  const sites = new Map<string, number>();
  for (const { labels } of model.submitted.targets) sites.set(labels["site"] ?? "", (sites.get(labels["site"] ?? "") ?? 0) + 1);
  return askedPolicies(model, stamp(), versions).some(({ perSite, taskWait }) => {
    const isTooMuch = perSite !== undefined && [...sites.values()].some((count) => count > perSite);
    return isTooMuch || taskWait !== undefined;
  });
}
