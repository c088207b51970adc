// A whole service without a disk, a network or a clock: the real core and engine on fakes, driven by a test.
// 1. crash() forgets everything that was not durable, as kill -9 and power loss do; start() opens the engine on what is left.

import { create, fromJson } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import type { Engine } from "../../internal/engine/engine.ts";
import { openEngine } from "../../internal/engine/engine.ts";
import type { EnginePorts, Ids, Policies } from "../../internal/engine/ports.ts";
import { finishAction } from "../../internal/action/finish.ts";
import { personAction } from "../../internal/action/person.ts";
import { signalAction } from "../../internal/action/signal.ts";
import { waitAction } from "../../internal/action/wait.ts";
import { createPolicies } from "../../internal/policy/policies.ts";
import { selectTargets } from "../../internal/workflow/targets.ts";
import { HoldfastError } from "../../internal/base/errors.ts";
import { Mode } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { WorkflowStatus } from "../../internal/gen/holdfast/v1/status_pb.ts";
import type { Target } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import { TargetSchema, WorkflowDefinitionSchema } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import type { SubmitRequest } from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { SubmitRequestSchema } from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { FakeClock, settle } from "./fake-clock.ts";
import { fakeIds } from "./fake-ids.ts";
import { FakeStopFile } from "./fake-stop-file.ts";
import { fakeSeal } from "./fake-seal.ts";
import type { KeptKey } from "./fake-seal.ts";
import { Fleet } from "./fleet.ts";
import { MemoryJournal } from "./memory-journal.ts";
import type { MemoryJournalMode } from "./memory-journal.ts";
import { TESTER } from "./principals.ts";

/** A definition with everything filled in but what a test says. JSON shape, as on the wire. */
export function aWorkflow(parts: { readonly [key: string]: JsonValue } = {}): JsonValue {
  return {
    name: "test",
    targets: { where: "true" },
    stages: [{ name: "fix", over: { targets: true }, actions: [{ name: "apply", uses: "set", with: { name: "a", value: "1" } }] }],
    ...parts,
  };
}

/** A request for it. */
export function aSubmission(definition: JsonValue = aWorkflow(), parts: { readonly [key: string]: JsonValue } = {}): SubmitRequest {
  const request = fromJson(SubmitRequestSchema, { requestId: requestId(1), ...parts });
  request.definition = fromJson(WorkflowDefinitionSchema, definition);
  return request;
}

/** The n-th request ID. */
export function requestId(n: number): string {
  return `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
}

/** Targets `h0` to `h{n-1}`, with a label `site` that alternates. */
export function someTargets(count: number): readonly Target[] {
  const width = String(Math.max(0, count - 1)).length;
  return Array.from({ length: count }, (_, index) =>
    create(TargetSchema, {
      name: `h${String(index).padStart(width, "0")}`,
      labels: { site: index % 2 === 0 ? "ams" : "fra" },
      connection: { kind: { case: "local", value: {} } },
    }),
  );
}

/** How much of what was not acknowledged survives a crash: nothing, everything, or so many of the oldest entries. */
export type Survival = "nothing" | "everything" | number;

interface WorldOptions {
  readonly targets?: number;
  readonly mode?: MemoryJournalMode;
  readonly seed?: number;
}

/** The service of a test. */
export class World {
  readonly clock = new FakeClock();
  readonly fleet = new Fleet();
  readonly secrets = new Map<string, string>();
  journal: MemoryJournal;
  targets: readonly Target[];
  freeBytes = 1e12;
  /** The key of the data directory. */
  readonly sealKey: KeptKey = { key: "the key of a test" };
  /** The file FREEZE. */
  readonly stopFile = new FakeStopFile();
  /** What a test sets before start() is asked from then on. */
  policies: Policies;
  fatal: Error | undefined;
  /** What a test puts between the engine and its ports. */
  fence: (ports: EnginePorts) => EnginePorts = (ports) => ports;
  readonly #ids: Ids;
  readonly #mode: MemoryJournalMode;
  #engine: Engine | undefined;

  constructor(options: WorldOptions = {}) {
    this.#mode = options.mode ?? "auto";
    for (const action of [waitAction(this.clock), signalAction(), personAction(), finishAction()]) this.fleet.add(action);
    this.fleet.after = (delayMs, callback) => this.clock.after(delayMs, callback);
    this.journal = new MemoryJournal(this.#mode);
    this.targets = someTargets(options.targets ?? 3);
    this.#ids = fakeIds(options.seed ?? 1);
    this.policies = this.policiesOf([]);
  }

  /** Policies of these files; none: the built-in default. */
  policiesOf(sources: readonly string[]): Policies {
    const options = { directory: undefined, clock: this.clock, inventory: { targets: () => this.targets }, log: () => undefined };
    const policies = createPolicies(options);
    if (sources.length === 0) return policies;
    return policies.withCandidates(sources.map((source, index) => ({ file: `policy-${index + 1}.yaml`, source })));
  }

  get engine(): Engine {
    if (this.#engine === undefined) throw new Error("the service is down; start() it");
    return this.#engine;
  }

  get isUp(): boolean {
    return this.#engine !== undefined;
  }

  async start(): Promise<Engine> {
    const { journal } = this;
    const engine = await openEngine(this.fence(this.#ports()), { submitTtlMs: 3_600_000, diskFreeBytesMin: 1 });
    // It may have been killed while it was opening.
    if (this.journal === journal) this.#engine = engine;
    await this.settle();
    return engine;
  }

  /** Kills the service: what is not durable is gone, and the old engine's ports lead nowhere. */
  crash(survival: Survival = "nothing"): void {
    const kept = survival === "nothing" ? 0 : survival === "everything" ? Infinity : survival;
    this.journal = this.journal.crash({ kept });
    this.fleet.die();
    this.#engine = undefined;
  }

  /** Kills the service at the n-th append from now on, the first being 0: that entry is lost with its batch, or durable and not acknowledged. */
  crashAtAppend(n: number, isDurable: boolean): void {
    let seen = 0;
    this.journal.onAppend = (entry) => {
      if (seen++ !== n) return;
      this.crash(isDurable ? "everything" : "nothing");
      if (isDurable) this.journal = new MemoryJournal(this.#mode, [...this.journal.entries, entry]);
    };
  }

  /** Lets everything happen that can happen without time passing. */
  async settle(turns = 20): Promise<void> {
    for (let turn = 0; turn < turns; turn++) await settle();
    if (this.fatal !== undefined) throw this.fatal;
  }

  /** Submits and executes; the ID. */
  async run(definition: JsonValue = aWorkflow(), parts: { readonly [key: string]: JsonValue } = {}): Promise<string> {
    const { id, digest } = await this.engine.submit(TESTER, aSubmission(definition, parts), Mode.APPLY);
    await this.engine.exec(TESTER, { id, namespace: "" }, digest);
    await this.settle();
    return id;
  }

  status(id: string): Promise<WorkflowStatus> {
    return this.engine.status({ id, namespace: "" });
  }

  #ports(): EnginePorts {
    const { journal } = this;
    return {
      journal,
      clock: this.clock,
      ids: this.#ids,
      disk: { freeBytes: async () => this.freeBytes },
      stopFile: this.stopFile,
      policies: this.policies,
      chooser: { choose: async (selector, selection) => selectTargets(selector, selection) },
      inventory: { targets: () => this.targets },
      secrets: { value: (name) => this.#secret(name) },
      seal: fakeSeal(this.sealKey),
      actions: this.fleet,
      onFatal: (error) => {
        if (this.journal === journal) this.fatal = error instanceof Error ? error : new Error(String(error));
      },
    };
  }

  #secret(name: string): string {
    const value = this.secrets.get(name);
    if (value === undefined) throw new HoldfastError("NOT_FOUND", `no secret ${name}`);
    return value;
  }
}
