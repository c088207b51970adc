// What the world does to a simulated service, at random: hosts, clocks, disk, secrets, inventory, policies, the file FREEZE.

import { clone } from "@bufbuild/protobuf";
import { TargetSchema } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import type { Target } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import type { Trouble } from "../fakes/fleet.ts";
import type { World } from "../fakes/world.ts";
import type { Chance } from "./chance.ts";
import type { FleetRecord } from "./fleet-record.ts";
import type { Invariants } from "./invariant.ts";
import type { PolicyShelf } from "./policy-shelf.ts";
import { editedPolicy } from "./random-policies.ts";
import { SECRETS } from "./random-submission.ts";
import type { Weather } from "./weather.ts";

const HOUR_MS = 3_600_000;

/** The world around the service. */
export interface SurroundingsScene {
  readonly world: World;
  readonly shelf: PolicyShelf | undefined;
  readonly record: FleetRecord;
  readonly weather: Weather;
  readonly invariants: Invariants;
  /** Every target that the inventory ever had, by name. */
  readonly everKnown: Map<string, Target[]>;
  chance(): Chance;
  note(text: string): void;
}

/** The surroundings. */
export class Surroundings {
  readonly #scene: SurroundingsScene;

  constructor(scene: SurroundingsScene) {
    this.#scene = scene;
    for (const target of scene.world.targets) scene.everKnown.set(target.name, [target]);
    for (const [name, value] of SECRETS) scene.world.secrets.set(name, value);
  }

  /** Something befalls a host, or several. */
  troubleHosts(): void {
    const { world } = this.#scene;
    const chance = this.#scene.chance();
    const count = Math.max(1, Math.floor(world.targets.length / (chance.pick([3, 50, 400]) ?? 50)));
    for (let each = 0; each < count; each++) this.#troubleHost(chance);
  }

  #troubleHost(chance: Chance): void {
    const { world, record, weather, note } = this.#scene;
    const host = chance.pick(world.targets)?.name ?? "service";
    const roll = chance.int(0, 99);
    if (roll < 15) {
      const forMs = chance.pick([2_000, 40_000, HOUR_MS]) ?? 2_000;
      note(`host ${host} is down for ${forMs} ms`);
      return weather.down(host, forMs);
    }
    if (roll < 35) {
      const slowness = { delayMs: chance.pick([10, 2_000, 40_000, 200_000]) ?? 10, isDoneFirst: chance.hit(0.5) };
      note(`host ${host} takes ${slowness.delayMs} ms${slowness.isDoneFirst ? " to answer" : " to begin"}`);
      return weather.slow(host, slowness);
    }
    if (roll < 45) return this.#spoil(host, chance);
    const step = chance.pick(["check", "apply", "run"] as const) ?? "check";
    const troubles: readonly Trouble[] =
      step === "apply" ? ["fail", "unreachable", "lost-answer", "hang"] : ["fail", "unreachable", "hang"];
    if (step === "apply" && chance.hit(0.2)) {
      record.lateFailures.add(host);
      note(`host ${host} will do its work and say that it failed`);
      return;
    }
    const picked = chance.pick(troubles) ?? "fail";
    const trouble = picked === "hang" && chance.fork("silent", host).hit(0.5) ? "silent" : picked;
    note(`host ${host}: the next ${step} is ${trouble}`);
    world.fleet.trouble(host, step, trouble);
  }

  /** Somebody else changes what tasks have set there. */
  #spoil(name: string, chance: Chance): void {
    const { world, invariants, note } = this.#scene;
    const host = world.fleet.host(name);
    const value = chance.pick([...host.values.keys()]);
    if (value === undefined) return;
    note(`host ${name}: somebody else changes ${value}`);
    host.values.set(value, chance.hit(0.5) ? "of somebody else" : "");
    invariants.spoilt(name);
  }

  stepClock(): void {
    const chance = this.#scene.chance();
    const byMs = (chance.hit(0.5) ? 1 : -1) * (chance.pick([500, 30_000, 2 * HOUR_MS]) ?? 0);
    this.#scene.note(`the wall clock steps by ${byMs} ms`);
    this.#scene.world.clock.step(byMs);
  }

  touchStopFile(): void {
    const { stopFile } = this.#scene.world;
    const isThere = stopFile.look().kind !== "absent";
    const isUnreadable = this.#scene.chance().hit(0.3);
    this.#scene.note(isThere ? "FREEZE is removed" : "FREEZE is there");
    if (isThere) stopFile.set({ kind: "absent" });
    else stopFile.set(isUnreadable ? { kind: "unreadable", path: "FREEZE", reason: "no" } : { kind: "present", path: "FREEZE" });
  }

  editPolicy(isUp: boolean): void {
    const { shelf, note } = this.#scene;
    const [first] = shelf?.versions.values() ?? [];
    if (shelf === undefined || first === undefined) return;
    const chance = this.#scene.chance();
    const terms = chance.hit(0.15) ? "broken" : editedPolicy(chance, first);
    note(`the policy is ${terms === "broken" ? "broken" : `edited: ${JSON.stringify(terms)}`}`);
    shelf.write(terms);
    if (isUp) shelf.look();
  }

  /** Somebody brings the first version back. */
  mendPolicy(isUp: boolean): void {
    const { shelf, note } = this.#scene;
    const [first] = shelf?.versions.values() ?? [];
    if (shelf === undefined || first === undefined) return;
    note("the policy is as it was first");
    shelf.write(first);
    if (isUp) shelf.look();
  }

  /** The disk fills up, a secret is gone, the inventory changes; or they come back. */
  changeSurroundings(): void {
    const { world, note } = this.#scene;
    const chance = this.#scene.chance();
    const roll = chance.int(0, 2);
    if (roll === 0) world.freeBytes = world.freeBytes === 0 ? 1e12 : 0;
    if (roll === 0) return note(`the disk has ${world.freeBytes} bytes free`);
    if (roll === 1) return this.#changeSecrets();
    return this.#changeInventory(chance);
  }

  /** What stops everything does not last: a run in which nothing happens finds nothing. */
  recover(isUp: boolean): void {
    const { world, shelf } = this.#scene;
    const chance = this.#scene.chance();
    if (world.stopFile.look().kind !== "absent" && chance.hit(0.25)) this.touchStopFile();
    if (world.freeBytes === 0 && chance.hit(0.3)) world.freeBytes = 1e12;
    if (world.secrets.size === 0 && chance.hit(0.3)) this.#changeSecrets();
    if (shelf?.isBroken === true && chance.hit(0.3)) this.mendPolicy(isUp);
  }

  /** Everything is as it should be. */
  calmDown(): void {
    const { world, record, weather } = this.#scene;
    record.lateFailures.clear();
    weather.clear();
    for (const host of world.fleet.hosts.values()) host.troubles.clear();
    for (const [name, value] of SECRETS) world.secrets.set(name, value);
    world.freeBytes = 1e12;
    world.stopFile.set({ kind: "absent" });
  }

  #changeSecrets(): void {
    const { secrets } = this.#scene.world;
    const isGone = secrets.size === 0;
    this.#scene.note(`secrets are ${isGone ? "there again" : "gone"}`);
    if (isGone) for (const [name, value] of SECRETS) secrets.set(name, value);
    else secrets.clear();
  }

  /** A target leaves, or bears other labels: what was submitted keeps the targets that it froze. */
  #changeInventory(chance: Chance): void {
    const { world, everKnown, note } = this.#scene;
    const changed = chance.pick(world.targets.slice(1));
    if (changed === undefined) return;
    const moved = clone(TargetSchema, changed);
    moved.labels["site"] = chance.pick(["ams", "fra", "gva"]) ?? "ams";
    const isLeaving = chance.hit(0.3);
    note(`inventory: ${changed.name} ${isLeaving ? "leaves" : `is at ${moved.labels["site"]}`}`);
    world.targets = world.targets.flatMap((target) => (target !== changed ? [target] : isLeaving ? [] : [moved]));
    everKnown.get(moved.name)?.push(moved);
  }
}
