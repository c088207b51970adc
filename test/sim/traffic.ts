// What stands between a simulated service and the slow outside of a run: the pace toward its hosts, and the worker at its gates.
// 1. Each life has a pace and a worker of its own, behind its fence. 2. They draw from streams of their own, and stay away where the scenario
//    leaves them out: then the run is what it would be if there were none.

import type { AttemptContext, Policies, TargetChooser } from "../../internal/engine/ports.ts";
import type { World } from "../fakes/world.ts";
import { streamOf } from "./chance.ts";
import type { Chance } from "./chance.ts";
import { fencedClock, fencedPace } from "./fenced-ports.ts";
import { GateWorker } from "./gate-worker.ts";
import type { Turn } from "./invariant.ts";
import type { Life } from "./life.ts";
import { PaceKeeper } from "./pace-keeper.ts";
import { paceFleet } from "./paced-fleet.ts";
import type { Road, WayOut } from "./paced-fleet.ts";
import { isLarge, mayHappen } from "./scenario.ts";
import type { Scenario } from "./scenario.ts";
import { SeededPace } from "./seeded-pace.ts";
import type { PaceTerms } from "./seeded-pace.ts";

/** How traffic goes in a run. */
interface TrafficTerms extends PaceTerms {
  /** Hosts behind one ssh connection: each its own, or all of a rack or site. */
  readonly ssh: "name" | "rack" | "site";
  /** What one http origin serves. */
  readonly http: "rack" | "site" | "all";
  /** Whether reads go over http, too. */
  readonly probe: Road["kind"];
  /** Targets of this site are local: nobody paces them. */
  readonly localSite: string;
}

/** What traffic goes through. */
interface TrafficScene {
  readonly scenario: Scenario;
  readonly root: Chance;
  readonly world: World;
  chance(): Chance;
  isCalm(): boolean;
  note(text: string): void;
  told(turn: Turn): void;
}

/** The traffic of a run. */
export class Traffic {
  /** Undefined: nothing is paced. */
  readonly keeper: PaceKeeper | undefined;
  readonly #scene: TrafficScene;
  readonly #terms: TrafficTerms | undefined;
  readonly #hasWorker: boolean;
  #way: WayOut | undefined;
  #worker: GateWorker | undefined;

  constructor(scene: TrafficScene) {
    const { scenario, root, world } = scene;
    this.#scene = scene;
    this.#hasWorker = mayHappen(scenario, "worker");
    this.#terms = mayHappen(scenario, "pace") ? randomTerms(root.fork("pace"), isLarge(scenario)) : undefined;
    if (this.#terms === undefined) return;
    this.keeper = new PaceKeeper(world.clock, this.#terms, () => world.stopFile.look().kind !== "absent");
    paceFleet({
      fleet: world.fleet,
      way: () => this.#way,
      roadOf: (uses, context) => (this.#terms === undefined ? undefined : roadOf(this.#terms, uses, context)),
      told: (turn) => scene.told(turn),
    });
  }

  /** A life begins. */
  begin(life: Life): void {
    const { world, chance, isCalm, note } = this.#scene;
    const clock = fencedClock(world.clock, life);
    const calm = (stream: () => Chance) => (): Chance | undefined => (isCalm() ? undefined : stream());
    if (this.#terms !== undefined) {
      const pace = new SeededPace({ ...this.#terms, clock, chance: calm(streamOf(chance, "pace")) });
      this.#way = { pace: fencedPace(pace, life), clock, life: life.number };
    }
    if (this.#hasWorker) this.#worker = new GateWorker({ clock, chance: calm(streamOf(chance, "worker")), note });
  }

  /** The same policies, judged by the worker of this life. */
  judging(policies: Policies): Policies {
    return this.#worker?.judging(policies) ?? policies;
  }

  /** The same chooser, asked through the worker of this life. */
  choosing(chooser: TargetChooser): TargetChooser {
    return this.#worker?.choosing(chooser) ?? chooser;
  }
}

/** In a quarter of all runs nothing is paced. Where there is much to do, it is paced so that it can be done. */
function randomTerms(chance: Chance, isMuch: boolean): TrafficTerms | undefined {
  if (chance.hit(0.25)) return undefined;
  return {
    concurrentMax: (isMuch ? chance.pick([2, 8, 8]) : chance.pick([1, 1, 2, 8])) ?? 1,
    startIntervalMs: (isMuch ? chance.pick([0, 0, 0, 10]) : chance.pick([0, 0, 0, 100, 2_000, 20_000])) ?? 0,
    ssh: isMuch ? "name" : chance.one("name", "rack", "site"),
    http: isMuch ? "rack" : chance.one("rack", "site", "all"),
    probe: chance.one("ssh", "http"),
    localSite: chance.one("", "", "gva"),
  };
}

function roadOf(terms: TrafficTerms, uses: string, { target }: AttemptContext): Road | undefined {
  const isHttp = uses === "send" || (uses === "probe" && terms.probe === "http");
  const { rack = "", site = "" } = target?.labels ?? {};
  if (isHttp) return { kind: "http", origin: `http ${{ rack, site, all: "all" }[terms.http]}` };
  // The service's own host is local.
  if (target === undefined || site === terms.localSite) return undefined;
  return { kind: "ssh", origin: `ssh ${{ name: target.name, rack, site }[terms.ssh]}` };
}
