// The clients of a run: they arrive, die, come back, or stay away for ever; and the network between them and the service.

import type { Target } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import type { Principal } from "../../internal/engine/face.ts";
import { FakeClock } from "../fakes/fake-clock.ts";
import { TESTER } from "../fakes/principals.ts";
import type { World } from "../fakes/world.ts";
import type { Chance } from "./chance.ts";
import type { Invariants } from "./invariant.ts";
import { randomSubmission } from "./random-submission.ts";
import type { Size } from "./scenario.ts";
import type { Service } from "./service.ts";
import { SimClient } from "./sim-client.ts";
import type { Doorstep } from "./wire.ts";
import { wireTo } from "./wire.ts";

const LOSS_RATE = 0.04;
const SUBMITTERS: readonly Principal[] = [TESTER, { name: "bob", roles: [] }, { name: "ann", roles: ["approver:sre"] }];

/** What clients live in. */
export interface HouseScene {
  readonly world: World;
  readonly service: Service;
  readonly invariants: Invariants;
  readonly root: Chance;
  readonly size: Size;
  /** True: the network loses something now and then, and clients stay away. */
  readonly isLossy: boolean;
  readonly models: ReadonlyMap<string, unknown>;
  note(text: string): void;
  onViolation(error: Error): void;
}

/** The clients. */
export class ClientHouse {
  readonly all: SimClient[] = [];
  /** Their machines have a clock of their own. */
  readonly clock = new FakeClock();
  /** How often each kind of step was taken. */
  readonly calls = new Map<string, number>();
  deaths = 0;
  readonly #scene: HouseScene;
  readonly #wireChance: Chance;
  #isCalm = false;
  #inventory: readonly Target[];

  constructor(scene: HouseScene) {
    this.#scene = scene;
    this.#wireChance = scene.root.fork("wire");
    this.#inventory = scene.world.targets;
  }

  /** A client comes with a workflow; `ordinal` names it in every run of the scenario. */
  arrive(ordinal: number): void {
    const { root, world, size, isLossy, note, onViolation } = this.#scene;
    const chance = root.fork("client", ordinal);
    const targets = world.targets;
    const submission = randomSubmission(root.fork("workflow", ordinal), { tag: `w${ordinal}`, size, targets, ordinal: ordinal + 1 });
    const client = new SimClient({
      name: `c${ordinal}`,
      chance,
      wire: wireTo(() => this.#doorstep(), chance.pick(SUBMITTERS) ?? TESTER),
      clock: this.clock,
      submission,
      droppedBefore: (id) => world.journal.droppedBefore(id),
      isInventoryKept: () => world.targets === targets && targets === this.#inventory,
      isCurious: size === "huge" ? chance.hit(0.2) : chance.hit(0.8),
      calls: this.calls,
      note,
      onDeath: () => (this.deaths += 1),
      onViolation,
    });
    this.all.push(client);
    client.begin(isLossy && chance.hit(0.3) ? chance.int(0, 30) : undefined);
    // A scenario in which nobody goes on has nothing to find.
    client.isGoneForEver = isLossy && chance.hit(0.05);
  }

  /** One dies, now or at a step to come; or one comes back. */
  trouble(chance: Chance): void {
    const client = chance.pick(this.all);
    if (client === undefined) return;
    if (!client.isAlive) client.begin(chance.hit(0.5) ? chance.int(0, 30) : undefined);
    else client.die();
  }

  calmDown(): void {
    this.#isCalm = true;
  }

  #doorstep(): Doorstep {
    const { service, invariants, isLossy } = this.#scene;
    return {
      service: service.running,
      lossRate: isLossy && !this.#isCalm ? LOSS_RATE : 0,
      chance: this.#wireChance,
      observer: {
        answered: (answer) => invariants.answered(answer),
        told: (status) => invariants.told(status),
        watched: (id, { events, status }) =>
          invariants.shown({
            id,
            seqs: events.map(({ seq }) => Number(seq)),
            droppedBefore: this.#scene.world.journal.droppedBefore(id),
            status,
          }),
      },
    };
  }
}
