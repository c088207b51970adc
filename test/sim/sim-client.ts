// A client of the simulation: the SDK's own handshake and logbook on a disk of its own, in a process that dies between any two steps and comes back.
// 1. Whoever comes back goes by the logbook: the same request ID, the ID where there is one, Exec again, the watch from the last seen number on.
// 2. What a watcher sees over all its lives continues what it saw.

import type { Transport } from "@connectrpc/connect";
import { HoldfastError } from "../../internal/base/errors.ts";
import { Mode } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { WatchResponse } from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { HoldfastClient } from "../../internal/sdk/client.ts";
import { completeEntry, execEntry, newEntry, noteEnd, submitEntry } from "../../internal/sdk/handshake.ts";
import type { HandshakePorts } from "../../internal/sdk/handshake.ts";
import type { LogbookEntry } from "../../internal/sdk/logbook-entry.ts";
import { Logbook } from "../../internal/sdk/logbook.ts";
import { followWorkflow } from "../../internal/sdk/persistence.ts";
import type { SdkClock } from "../../internal/sdk/ports.ts";
import type { Chance } from "./chance.ts";
import { ClientDisk } from "./client-disk.ts";
import { WatcherEyes } from "./h3-disk-first.ts";
import { Life, LifeOver } from "./life.ts";
import type { RandomSubmission } from "./random-submission.ts";
import { must } from "./violation.ts";

/** What a client has of the world. */
export interface ClientScene {
  readonly name: string;
  readonly chance: Chance;
  readonly wire: Transport;
  readonly clock: SdkClock;
  readonly submission: RandomSubmission;
  /** Events of a workflow before this one need not be kept any more. */
  droppedBefore(id: string): number;
  /** True while the inventory is as it was when the submission was made. */
  isInventoryKept(): boolean;
  /** True: it looks at every event; else at the status alone. */
  readonly isCurious: boolean;
  readonly calls: Map<string, number>;
  note(text: string): void;
  onDeath(): void;
  onViolation(error: Error): void;
}

const SERVICE = { address: "sim", credential: "sim" };
const DAY_MS = 86_400_000;

/** A client. */
export class SimClient {
  readonly name: string;
  /** It never comes back: what it did not execute must expire. */
  isGoneForEver = false;
  /** True when its process has nothing more to do. */
  isDone = false;
  readonly #scene: ClientScene;
  readonly #disk = new ClientDisk();
  readonly #eyes = new Map<string, WatcherEyes>();
  #life: Life | undefined;
  #connection = new AbortController();
  #lives = 0;

  constructor(scene: ClientScene) {
    this.#scene = scene;
    this.name = scene.name;
  }

  get isAlive(): boolean {
    return this.#life !== undefined && !this.#life.isOver;
  }

  /** Its next process begins: the first submits, a later one resumes. It may die at the n-th step. */
  begin(diesAfterSteps: number | undefined): void {
    if (this.isAlive || this.isDone || this.isGoneForEver) return;
    const isFirst = this.#lives === 0;
    const life = new Life({ number: (this.#lives += 1), calls: this.#scene.calls, onCrash: (at) => this.die(at) });
    if (diesAfterSteps !== undefined) life.arm({ port: "", when: this.#scene.chance.hit(0.5) ? "before" : "after", calls: diesAfterSteps });
    this.#life = life;
    this.#connection = new AbortController();
    this.#scene.note(`client ${this.name} ${isFirst ? "begins" : "comes back"}`);
    void this.#run(life, isFirst).catch((error: unknown) => this.#failed(life, error));
  }

  /** Its process is killed. */
  die(at = "now"): void {
    const life = this.#life;
    if (life === undefined || life.isOver) return;
    this.#scene.note(`client ${this.name} dies ${at}`);
    this.#scene.onDeath();
    life.end();
    this.#connection.abort(new Error("the client died"));
  }

  #failed(life: Life, error: unknown): void {
    if (life.isOver || error instanceof LifeOver) return;
    this.#scene.note(`client ${this.name} ends: ${error instanceof Error ? error.message : String(error)}`);
    life.end();
    this.#connection.abort(new Error("the client has ended"));
    if (error instanceof HoldfastError && error.code === "UNAVAILABLE") return; // somebody calls it again
    this.isDone = true;
    if (!(error instanceof HoldfastError)) this.#scene.onViolation(error instanceof Error ? error : new Error(String(error)));
  }

  async #run(life: Life, isFirst: boolean): Promise<void> {
    const ports = this.#ports(life);
    const { request, mode } = this.#scene.submission;
    if (request.validateOnly || mode === Mode.PLAN) {
      const answer = await this.#askOnce(ports, life);
      this.#checkTaken(answer);
      if (!request.validateOnly) await this.#watch(ports, life, answer);
      return this.#end(life);
    }
    const entries = isFirst ? [] : (await ports.logbook.read()).entries;
    const entry = entries.length === 0 ? await this.#start(ports) : await this.#resume(ports, entries[0]);
    if (entry?.id === null || entry?.id === undefined) return this.#end(life);
    this.#checkTaken(entry.id);
    await this.#watch(ports, life, entry.id);
    await noteEnd(ports, entry, await ports.client.status({ workflow: { id: entry.id } }, this.#connection.signal));
    this.#end(life);
  }

  #checkTaken(id: string): void {
    const isWrong = this.#scene.submission.isWrong && this.#scene.isInventoryKept();
    must(!isWrong, "submission", () => `${this.name}: what is wrong was accepted as ${id}`);
  }

  /** Submit, the ID onto the disk, Exec, and that onto the disk. */
  async #start(ports: HandshakePorts): Promise<LogbookEntry> {
    const { request } = this.#scene.submission;
    const fresh = newEntry(request, { intent: "exec", file: "", service: SERVICE, nowMs: this.#scene.clock.nowMs() });
    const submitted = await submitEntry(ports, fresh, request, { isFirstTry: false });
    return (await execEntry(ports, submitted.entry)).entry;
  }

  async #resume(ports: HandshakePorts, entry: LogbookEntry | undefined): Promise<LogbookEntry | undefined> {
    if (entry === undefined || entry.end !== null) return undefined;
    const completion = await completeEntry(ports, entry, { ...SERVICE, isForced: false });
    this.#scene.note(`client ${this.name} finds its workflow ${completion.kind}`);
    must(
      completion.kind !== "lost" || entry.id === null,
      "H1 lost",
      () => `${this.name} wrote down ${entry.id}, and the service does not know it`,
    );
    return completion.kind === "known" ? completion.entry : undefined;
  }

  /** A call outside of the handshake: whoever plans has no logbook. */
  async #askOnce({ client }: HandshakePorts, life: Life): Promise<string> {
    const { request } = this.#scene.submission;
    const { signal } = this.#connection;
    if (request.validateOnly) return (await life.ask("client.submit", () => client.submit(request, signal))).id;
    return (await life.ask("client.plan", () => client.plan({ submission: request }, signal))).id;
  }

  async #watch({ client, patience }: HandshakePorts, life: Life, id: string): Promise<void> {
    const eyes = this.#eyes.get(id) ?? new WatcherEyes(id, { afterSeq: 0, droppedBefore: () => this.#scene.droppedBefore(id) });
    this.#eyes.set(id, eyes);
    const workflow = { id, namespace: "" };
    const following = { workflow, afterSeq: BigInt(eyes.seq), isStatusOnly: !this.#scene.isCurious };
    for await (const item of followWorkflow(client, following, patience)) {
      if (!life.enter("client.see")) return new Promise(() => undefined);
      this.#see(eyes, item);
      if (!life.leave("client.see")) return new Promise(() => undefined);
    }
    return undefined;
  }

  #see(eyes: WatcherEyes, { events }: WatchResponse): void {
    if (this.#scene.isCurious) eyes.see(events.map(({ seq }) => Number(seq)));
  }

  #end(life: Life): void {
    this.isDone = true;
    this.#scene.note(`client ${this.name} is done`);
    life.end();
    this.#connection.abort(new Error("the client has ended"));
  }

  #ports(life: Life): HandshakePorts {
    const { chance, clock, wire } = this.#scene;
    const own: SdkClock = {
      nowMs: () => clock.nowMs(),
      // The SDK's jitter comes from the machine; a simulated client draws it from its own chance.
      after: (_, callback) => clock.after(chance.int(100, 5_000), () => (life.isOver ? undefined : callback())),
    };
    const patience = {
      clock: own,
      giveUpAfterMs: 30 * DAY_MS,
      onTrouble: () => undefined,
      onRecovered: () => undefined,
      signal: this.#connection.signal,
    };
    const logbook = new Logbook({ stateDirectory: `/${this.name}`, files: this.#disk.as(life), clock: own });
    return { client: new HoldfastClient(fencedWire(wire, life), { callTimeoutMs: DAY_MS }), logbook, patience };
  }
}

/** A process that has died hears nothing any more; it may die before a call is sent, or after it was answered. */
function fencedWire(wire: Transport, life: Life): Transport {
  return {
    unary: (...call) => life.ask("client.call", () => wire.unary(...call)),
    stream: (...call) => life.ask("client.stream", () => wire.stream(...call)),
  };
}
