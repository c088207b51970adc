// What happens in a step of a run: a client arrives, somebody acts, something breaks. The step's own chance says which.

import type { Chance } from "./chance.ts";
import type { ClientHouse } from "./client-house.ts";
import type { CrashPoint } from "./life.ts";
import type { Model } from "./model.ts";
import type { People } from "./people.ts";
import type { Scenario } from "./scenario.ts";
import { SIZES, isLarge, mayHappen } from "./scenario.ts";
import type { Service } from "./service.ts";
import type { Surroundings } from "./surroundings.ts";

/** Some ports are called so often that most crashes would fall on them: so most crashes fall on a port by its name. */
const NAMED_PORTS_RATE = 0.7;

/** Everybody who may do something. */
export interface ActsScene {
  readonly scenario: Scenario;
  readonly service: Service;
  readonly people: People;
  readonly surroundings: Surroundings;
  readonly clients: ClientHouse;
  readonly models: ReadonlyMap<string, Model>;
  chance(): Chance;
  note(text: string): void;
  /** The machine boots again. */
  reboot(): void;
}

/** The acts. */
export class Acts {
  readonly #scene: ActsScene;

  constructor(scene: ActsScene) {
    this.#scene = scene;
  }

  /** One random act; `step` names a client that arrives. */
  act(step: number): void {
    const { scenario, service, people, surroundings, clients } = this.#scene;
    const chance = this.#scene.chance();
    const roll = chance.int(0, 99);
    const may = (fault: Parameters<typeof mayHappen>[1]): boolean => mayHappen(scenario, fault);
    const clientsMax = scenario.clientsMax ?? SIZES[scenario.size].clientsMax;
    if (roll < 16 && clients.all.length < clientsMax) return clients.arrive(step);
    if (roll < 34) return may("host") ? surroundings.troubleHosts() : undefined;
    if (roll < 39) return may("crash") ? service.crash() : undefined;
    if (roll < 49) return may("crash") ? this.#armCrash() : undefined;
    if (roll < 51) return may("reboot") ? this.#scene.reboot() : undefined;
    if (roll < 59) return may("client") ? clients.trouble(chance) : undefined;
    if (roll < 63) return may("freeze") ? people.freeze() : undefined;
    if (roll < 68) return may("freeze") ? people.thawOne() : undefined;
    if (roll < 70) return may("freeze") ? surroundings.touchStopFile() : undefined;
    if (roll < 74) return may("policy") ? surroundings.editPolicy(service.isUp) : undefined;
    if (roll < 77) return may("clock") ? surroundings.stepClock() : undefined;
    if (roll < 81) return may("surroundings") ? surroundings.changeSurroundings() : undefined;
    return may("person") ? this.#personActs() : undefined;
  }

  /** A life may end while it reads what the last one left. */
  pointOfStart(): CrashPoint | undefined {
    const { scenario, service } = this.#scene;
    if (scenario.crashAt !== undefined && service.life === 1) return scenario.crashAt;
    const isDoomed = mayHappen(scenario, "crash") && this.#scene.chance().hit(0.15);
    return isDoomed ? this.#crashPoint({ callsMax: 15 }) : undefined;
  }

  /** The service ends at a call of a port that is still to come: of any port, or of one that it has called before. */
  #armCrash(): void {
    const most = isLarge(this.#scene.scenario) ? 2_000 : 60;
    this.#scene.service.arm(this.#crashPoint({ callsMax: this.#scene.chance().pick([0, 0, 1, 3, 10, most]) ?? 0 }));
  }

  #crashPoint({ callsMax }: { readonly callsMax: number }): CrashPoint {
    const { service, note } = this.#scene;
    const chance = this.#scene.chance();
    const port = chance.hit(NAMED_PORTS_RATE) ? (chance.pick([...service.calls.keys()].sort()) ?? "") : "";
    const [when, calls] = [chance.hit(0.5) ? ("before" as const) : ("after" as const), chance.int(0, callsMax)];
    note(`the service will crash ${when} ${port === "" ? "any call" : port}, after ${calls} calls`);
    return { port, when, calls };
  }

  #personActs(): void {
    const id = this.#scene.chance().pick([...this.#scene.models.keys()]);
    if (id !== undefined) this.#scene.people.actOn(id);
  }
}
