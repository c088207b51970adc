// A world under policies, limits and freezes, and what tests do with it in one word each.
// 1. Steps of actions can be held back and let go one by one, so that a test says who runs while something happens.

import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import type { Principal } from "../../internal/engine/face.ts";
import { Mode } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { Event } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { EventKind } from "../../internal/workflow/events.ts";
import { FreezeRequestSchema, ThawRequestSchema } from "../../internal/gen/holdfast/v1/guard_service_pb.ts";
import type { FreezeResponse } from "../../internal/gen/holdfast/v1/guard_service_pb.ts";
import { FreezeMode, FreezeScopeSchema } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import type { FreezeScope } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import { PhaseSchema } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { createPolicies } from "../../internal/policy/policies.ts";
import { temporaryDirectory } from "./temp-directory.ts";
import { World, aSubmission, requestId } from "./world.ts";

type Json = { readonly [key: string]: JsonValue };

/** What is frozen, as a test says it. */
export type ScopeKind =
  | Exclude<FreezeScope["kind"], { case: "label" } | { case: undefined }>
  | { readonly case: "label"; readonly value: { readonly label: string; readonly value: string } };

type EventName = Exclude<EventKind["case"], undefined>;
type EventValues = { readonly [K in EventKind as Exclude<K["case"], undefined>]: K["value"] };
type EventOf<K extends EventName> = EventValues[K];

function valueOf<K extends EventName>(kind: Event["kind"], name: K): EventOf<K> | undefined {
  const values: Partial<EventValues> = kind.case === undefined ? {} : { [kind.case]: kind.value };
  return values[name];
}

/** An operator who submits. */
export const OPERATOR: Principal = { name: "olga", roles: ["operator"] };

/** One stage over all targets. */
export function oneStage(
  rest: Json = {},
  actions: readonly Json[] = [{ name: "apply", uses: "set", with: { name: "a", value: "1" } }],
): Json {
  return { stages: [{ name: "fix", over: { targets: true }, rollout: { parallel: 100 }, actions: [...actions], ...rest }] };
}

/** A world, and short words for what is done with it. */
export class GuardedWorld extends World {
  /** Names of hosts whose steps stand still: `check h0`, `apply h1`. */
  readonly standing = new Map<string, () => void>();
  /** Which steps are held back. */
  holds: (step: string) => boolean = () => false;
  #requests = 0;
  #directory: string | undefined;

  constructor(options: ConstructorParameters<typeof World>[0] & { readonly policies?: readonly string[] } = {}) {
    super(options);
    if (options.policies !== undefined) this.policies = this.policiesOf(options.policies);
    this.fleet.onStep = async ({ host, kind }) => {
      const name = `${kind} ${host.name}`;
      if (this.holds(name)) await new Promise<void>((resolve) => this.standing.set(name, resolve));
      this.standing.delete(name);
    };
  }

  /** Policies from a directory, which edit() changes. Before start(). */
  async openDirectory(files: Readonly<Record<string, string>>): Promise<void> {
    this.#directory = temporaryDirectory();
    for (const [file, text] of Object.entries(files)) this.#write(file, text);
    this.reopenDirectory();
  }

  /** What a restart does with the directory. */
  reopenDirectory(): void {
    this.policies = createPolicies({
      directory: this.#directory,
      clock: this.clock,
      inventory: { targets: () => this.targets },
      log: () => undefined,
    });
  }

  /** Writes a policy file, and lets the service find it. */
  async edit(file: string, text: string): Promise<void> {
    this.#write(file, text);
    await this.clock.advanceAsync(2_000);
    await this.settle();
  }

  /** Lets steps that stand still go on: those of this name, or all; and holds nothing more. */
  async release(...names: readonly string[]): Promise<void> {
    if (names.length === 0) this.holds = () => false;
    for (const name of names.length === 0 ? [...this.standing.keys()] : names) this.standing.get(name)?.();
    await this.settle();
  }

  async submit(definition: Json = {}, options: { readonly by?: Principal; readonly mode?: Mode; readonly parts?: Json } = {}) {
    const { by = OPERATOR, mode = Mode.APPLY, parts = {} } = options;
    const request = aSubmission(
      { name: "test", targets: { where: "true" }, ...oneStage(), ...definition },
      {
        requestId: requestId(++this.#requests),
        ...parts,
      },
    );
    return this.engine.submit(by, request, mode);
  }

  async exec(id: string, by: Principal = OPERATOR): Promise<void> {
    await this.engine.exec(by, { id, namespace: "" }, "");
    await this.settle();
  }

  /** Submits and executes; the ID. */
  async launch(definition: Json = {}, options: Parameters<GuardedWorld["submit"]>[1] = {}): Promise<string> {
    const { id } = await this.submit(definition, options);
    await this.exec(id, options.by);
    return id;
  }

  async restart(): Promise<void> {
    this.crash();
    this.standing.clear();
    if (this.#directory !== undefined) this.reopenDirectory();
    await this.start();
  }

  async pass(seconds: number): Promise<void> {
    await this.clock.advanceAsync(seconds * 1_000);
    await this.settle();
  }

  async phase(id: string): Promise<string> {
    return PhaseSchema.value[(await this.status(id)).phase]?.localName ?? "";
  }

  /** Why it, or one of its targets, stands still. */
  async whyText(id: string, target = ""): Promise<string> {
    const { holds } = await this.engine.why({ id, namespace: "" }, target);
    return holds.map(({ message }) => message).join("\n");
  }

  async freezeAll(mode: FreezeMode = FreezeMode.FINISH): Promise<FreezeResponse> {
    return this.freezeScope({ case: "everything", value: true }, mode);
  }

  async freezeScope(kind: ScopeKind, mode: FreezeMode = FreezeMode.FINISH): Promise<FreezeResponse> {
    const scope = create(FreezeScopeSchema, { kind: kind.case === "label" ? { case: "label", value: { ...kind.value } } : kind });
    const response = await this.engine.freeze(OPERATOR, create(FreezeRequestSchema, { scope, mode, reason: "stop it" }));
    await this.settle();
    return response;
  }

  async thaw(id: string): Promise<void> {
    await this.engine.thaw(OPERATOR, create(ThawRequestSchema, { id, reason: "over" }));
    await this.settle();
  }

  /** What the events of one kind of a workflow say. */
  async events<K extends EventName>(id: string, name: K): Promise<readonly EventOf<K>[]> {
    const found: EventOf<K>[] = [];
    for await (const page of this.engine.history({ id, namespace: "" }, { afterSeq: 0, hasDetails: false }))
      for (const { event } of page.events) {
        const value = event === undefined ? undefined : valueOf(event.kind, name);
        if (value !== undefined) found.push(value);
      }
    return found;
  }

  /** How many changes all hosts have seen. */
  get changes(): number {
    return [...this.fleet.hosts.values()].reduce((count, host) => count + host.changes.length, 0);
  }

  /** Hosts whose steps stand still at this kind of step. */
  standingAt(kind: string): readonly string[] {
    return [...this.standing.keys()]
      .filter((name) => name.startsWith(`${kind} `))
      .map((name) => name.slice(kind.length + 1))
      .toSorted();
  }

  #write(file: string, text: string): void {
    const directory = this.#directory ?? "";
    writeFileSync(join(directory, `.${file}`), text);
    renameSync(join(directory, `.${file}`), join(directory, file));
  }
}

/** A started world. */
export async function aGuardedWorld(options: ConstructorParameters<typeof GuardedWorld>[0] = {}): Promise<GuardedWorld> {
  const world = new GuardedWorld(options);
  await world.start();
  return world;
}
