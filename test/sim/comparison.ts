// What the service says of itself against what is durable: statuses and the fold of the events, counts, the ledger, and what is held at the end.

import { create, equals, toJsonString } from "@bufbuild/protobuf";
import { WorkflowId } from "../../internal/base/ids.ts";
import { replay } from "../../internal/engine/lookup.ts";
import type { GateQuestion } from "../../internal/engine/ports.ts";
import { ListLimitsRequestSchema, ListLocksRequestSchema } from "../../internal/gen/holdfast/v1/guard_service_pb.ts";
import { Phase, WorkflowStatusSchema } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { Gate } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import type { WorkflowStatus } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { applyGuardEvent, emptyGuard } from "../../internal/guard/guard.ts";
import { ledgerReader } from "../../internal/guard/ledger.ts";
import { statusOf } from "../../internal/workflow/status.ts";
import type { World } from "../fakes/world.ts";
import type { Stamp } from "./checker.ts";
import type { Chronicle } from "./chronicle.ts";
import type { Invariants } from "./invariant.ts";
import type { Service } from "./service.ts";
import { Violation, must } from "./violation.ts";

/** Beyond so many entries the guard is not folded anew. */
const FOLDED_MAX = 5_000;

/** What is compared. */
export interface ComparisonScene {
  readonly world: World;
  readonly service: Service;
  readonly chronicle: Chronicle;
  readonly invariants: Invariants;
  stamp(): Stamp;
}

/** Compares. */
export class Comparison {
  readonly #scene: ComparisonScene;
  #questions = 0;
  /** The guard, folded anew from what is durable, and how many entries it has seen. */
  #guard = emptyGuard();
  #folded = 0;

  constructor(scene: ComparisonScene) {
    this.#scene = scene;
  }

  /** What the service says is what the journal says. */
  async lives(): Promise<void> {
    const { service, chronicle, world, invariants } = this.#scene;
    for (const [id, model] of chronicle.models) {
      const live = await service.answer(() => world.status(id));
      if (live === undefined || !service.isUp) return;
      invariants.told(live);
      const folded = statusOf(await replay(world.journal, WorkflowId.parse(id)));
      invariants.told(folded);
      // What is parked is no part of the fold.
      const known = { waitingFor: [], phase: Phase.UNSPECIFIED };
      if (live.seq === folded.seq && !equals(WorkflowStatusSchema, { ...live, ...known }, { ...folded, ...known })) {
        const [left, right] = [live, folded].map((status) => toJsonString(WorkflowStatusSchema, status));
        throw new Violation(`fold: the status is not the fold of the events:\n${left}\n${right}`);
      }
      this.#checkCounts(live);
      const isSame = Number(live.seq) !== model.seq || live.targetsAtRisk === model.targetsAtRisk;
      must(isSame, "at risk", () => `${id} says that ${live.targetsAtRisk} targets are at risk, its events say ${model.targetsAtRisk}`);
    }
  }

  /** After a start everybody is told the same as before, and who was told lately is told again. */
  async afterStart(): Promise<void> {
    const { service, chronicle, world, invariants } = this.#scene;
    for (const [id, model] of chronicle.models) {
      if (model.life === "ended") continue;
      const live = await service.answer(() => world.status(id));
      if (live === undefined || !service.isUp) return;
      invariants.told(live);
    }
  }

  /** A life has ended: what only it had read of the clock is forgotten, and a ledger that was read at that time has let go of too much. */
  crashed(): void {
    this.#guard = emptyGuard();
    this.#folded = 0;
  }

  /** The live ledger, one folded anew from what is durable, and a count by hand: all the same, whenever a gate is judged. */
  ledger({ ledger, gate, targets }: GateQuestion): void {
    const { world, chronicle, stamp } = this.#scene;
    if (world.journal.pendingCount > 0 || this.#questions++ % 3 > 0) return;
    // Items of a list are no targets, whatever they are called.
    const except = new Set(gate === Gate.EXPAND ? [] : targets.map(({ name }) => name));
    const guardMs = chronicle.guardMs(stamp());
    chronicle.ledger.compare(ledger, { guardMs, except });
    if (world.journal.entries.length > FOLDED_MAX) return;
    for (const { guardEvents } of world.journal.entries.slice(this.#folded))
      for (const event of guardEvents) applyGuardEvent(this.#guard, event);
    this.#folded = world.journal.entries.length;
    chronicle.ledger.compare(ledgerReader(this.#guard, { nowMs: guardMs, except: [...except] }), { guardMs, except });
  }

  /** What the hosts remember is what the journal says. */
  fleet(): void {
    const { world, chronicle } = this.#scene;
    const times = new Map<string, number>();
    for (const host of world.fleet.hosts.values())
      for (const [key, count] of host.applies) {
        // Of all runs: the one before may have failed and changed nothing, where its number stands for another item now.
        const place = `${host.name} ${key.replace(/(?:-\d+)?\.\d+$/, "")}`;
        times.set(place, (times.get(place) ?? 0) + count);
      }
    for (const model of chronicle.models.values()) {
      for (const [index, task] of model.tasks.entries()) {
        const host = model.isOverTargets(task.stage) ? (model.targets[task.target] ?? "") : "service";
        const count = times.get(`${host} ${model.id}.${index}${model.keyEnd}`) ?? 0;
        must(!model.isPlan || count === 0, "fleet", () => `the plan ${model.id} changed ${host}`);
        const isTouch = !model.isPlan && model.uses(task) === "touch";
        must(
          !isTouch || task.standing !== "good" || count > 0,
          "fleet",
          () => `task ${index} of ${model.id} is done, and ${host} knows nothing of it`,
        );
      }
    }
  }

  /** When all has ended, nobody holds or waits for anything. */
  async guard(): Promise<void> {
    const { service } = this.#scene;
    const locks = await service.answer((engine) => engine.locks(create(ListLocksRequestSchema)));
    must(locks?.count === 0, "leaks", () => `${locks?.count} locks are held or waited for when all has ended`);
    const limits = await service.answer((engine) => engine.limits(create(ListLimitsRequestSchema)));
    const left = limits?.limits.filter(({ slots, waiting }) => slots > 0 || waiting.length > 0).map(({ key }) => key);
    must(left?.length === 0, "leaks", () => `these limits are held or waited for when all has ended: ${left?.join(", ")}`);
  }

  #checkCounts({ id, counts }: WorkflowStatus): void {
    if (counts === undefined) throw new Violation(`counts: ${id} has none`);
    const { tasks, succeeded, changed, unchanged, failed, unknown, unreachable, skipped, running, waiting, cancelled } = counts;
    const sum = succeeded + failed + unknown + unreachable + skipped + running + waiting + cancelled;
    must(tasks === sum && succeeded === changed + unchanged, "counts", () => `those of ${id} do not add up`);
    const model = this.#scene.chronicle.models.get(id);
    must(
      model === undefined || (tasks <= model.tasks.length && tasks >= model.tasks.length - model.listTasks),
      "counts",
      () => `${id} lost tasks`,
    );
  }
}
