// The engine: the one door by which anything is asked of workflows. What it holds in memory is registry.ts's.
// 1. It answers only with what is on disk (H3).
// 2. New work is taken only while the guard is whole and the disk has room; what was taken goes on without either.

import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { HoldfastError } from "../base/errors.ts";
import type { WorkflowId } from "../base/ids.ts";
import { seq } from "../base/ids.ts";
import { Mode } from "../gen/holdfast/v1/event_pb.ts";
import type { WorkflowStatus } from "../gen/holdfast/v1/status_pb.ts";
import type {
  GetHistoryResponse,
  ListTasksRequest,
  ListTasksResponse,
  ListWorkflowsRequest,
  ListWorkflowsResponse,
  PlanResponse,
  ResolveTaskRequest,
  SubmitRequest,
  SubmitResponse,
  WatchResponse,
  WhyResponse,
} from "../gen/holdfast/v1/workflow_service_pb.ts";
import { PlanResponseSchema, SubmitResponseSchema, WhyResponseSchema } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { foldFirst } from "../workflow/apply.ts";
import type { Command } from "../workflow/commands.ts";
import { caused } from "../workflow/events.ts";
import { targetHolds, workflowHolds } from "../workflow/holds.ts";
import { scopeOf } from "../workflow/scope-of-work.ts";
import type { WorkflowState } from "../workflow/state.ts";
import { phaseOf, statusOf } from "../workflow/status.ts";
import type { EngineFace, Principal, Ref } from "./face.ts";
import { readHistory } from "./history.ts";
import { resolveRef } from "./lookup.ts";
import type { EnginePorts } from "./ports.ts";
import { corruptStatus, findTarget, listWorkflows, taskNamed } from "./reading.ts";
import { Registry } from "./registry.ts";
import { makeSubmission, normalRequest, requestDigest } from "./submission.ts";
import { listTasks } from "./task-list.ts";
import { waitStill, watch } from "./watching.ts";

/** What an operator sets. */
export interface EngineConfig {
  /** How long after Submit Exec is accepted. */
  readonly submitTtlMs: number;
  /** Below so many free bytes no new work is taken. */
  readonly diskFreeBytesMin: number;
}

/** Opens the engine on a journal: everything that is open goes on from where its journal ends. */
export async function openEngine(ports: EnginePorts, config: EngineConfig): Promise<Engine> {
  const registry = new Registry(ports);
  await registry.recover();
  return new Engine(registry, config);
}

/** The engine. Made by openEngine. */
export class Engine implements EngineFace {
  readonly #registry: Registry;
  readonly #ports: EnginePorts;
  readonly #config: EngineConfig;

  constructor(registry: Registry, config: EngineConfig) {
    this.#registry = registry;
    this.#ports = registry.ports;
    this.#config = config;
  }

  async submit(by: Principal, asked: SubmitRequest, mode: Mode): Promise<SubmitResponse> {
    const request = normalRequest(asked);
    this.#registry.checkGuard();
    const repeated = await this.#repeatedSubmit(request, mode);
    if (repeated !== undefined) return repeated;
    await this.#checkDisk();
    // From here to the append nothing is awaited: two Submits of one request cannot both pass.
    const isPending = !request.validateOnly && this.#ports.journal.findByRequest(request.namespace, request.requestId) !== undefined;
    return isPending ? this.submit(by, request, mode) : this.#record(by, request, mode);
  }

  async plan(by: Principal, request: SubmitRequest): Promise<PlanResponse> {
    const { id, digest, scope } = await this.submit(by, request, Mode.PLAN);
    if (!request.validateOnly) await this.exec(by, { id, namespace: "" }, digest);
    return create(PlanResponseSchema, { id, digest, ...(scope === undefined ? {} : { scope }) });
  }

  async exec(by: Principal, ref: Ref, digest: string): Promise<WorkflowStatus> {
    this.#registry.checkGuard();
    const id = this.#resolve(ref);
    if (this.#registry.find(id)?.state.life.kind === "submitted") await this.#checkDisk();
    return this.#ask(id, { kind: "exec", by: by.name, digest });
  }

  async waitStill(ref: Ref, signal: AbortSignal): Promise<WorkflowStatus> {
    const id = this.#resolve(ref);
    if (this.#registry.find(id) === undefined) return this.#status(id);
    return waitStill(() => this.#source(id), signal);
  }

  async status(ref: Ref): Promise<WorkflowStatus> {
    return this.#status(this.#resolve(ref));
  }

  async *watch(
    ref: Ref,
    options: { readonly afterSeq: number; readonly isStatusOnly: boolean; readonly signal: AbortSignal },
  ): AsyncIterable<WatchResponse> {
    const id = this.#resolve(ref);
    yield* watch({ journal: this.#ports.journal, source: () => this.#source(id), ...options });
  }

  async listTasks(request: ListTasksRequest): Promise<ListTasksResponse> {
    const { state, runtime } = await this.#source(this.#resolve(refOf(request)));
    const page = listTasks(this.#ports.journal, state, request);
    await runtime?.durable();
    return page;
  }

  async listWorkflows(request: ListWorkflowsRequest): Promise<ListWorkflowsResponse> {
    const shown: Promise<void>[] = [];
    const page = await listWorkflows(this.#ports.journal, request, (id) => {
      const runtime = this.#registry.find(id);
      if (runtime === undefined) return this.#corruptStatus(id);
      shown.push(runtime.durable());
      return statusOf(runtime.state);
    });
    await Promise.all(shown);
    return page;
  }

  async *history(ref: Ref, options: { readonly afterSeq: number; readonly hasDetails: boolean }): AsyncIterable<GetHistoryResponse> {
    const { state } = await this.#source(this.#resolve(ref));
    yield* readHistory(this.#ports.journal, state, options);
  }

  async cancel(by: Principal, ref: Ref, reason: string): Promise<WorkflowStatus> {
    return this.#ask(this.#resolve(ref), { kind: "cancel", by: by.name, reason });
  }

  async pause(by: Principal, ref: Ref, reason: string): Promise<WorkflowStatus> {
    return this.#ask(this.#resolve(ref), { kind: "pause", by: by.name, reason });
  }

  async unpause(by: Principal, ref: Ref): Promise<WorkflowStatus> {
    return this.#ask(this.#resolve(ref), { kind: "unpause", by: by.name });
  }

  async retry(by: Principal, ref: Ref, reason: string, digest: string): Promise<WorkflowStatus> {
    this.#registry.checkGuard();
    await this.#checkDisk();
    return this.#ask(this.#resolve(ref), { kind: "retry", by: by.name, reason, digest });
  }

  async resolveTask(by: Principal, request: ResolveTaskRequest): Promise<WorkflowStatus> {
    const id = this.#resolve(refOf(request));
    const { resolution, reason } = request;
    const task = taskNamed(await this.#registry.stateOf(id), request);
    return this.#ask(id, { kind: "resolveTask", by: by.name, task, resolution, reason });
  }

  async why(ref: Ref, target: string): Promise<WhyResponse> {
    const id = this.#resolve(ref);
    const corrupt = this.#corruptStatus(id);
    if (corrupt !== undefined) return create(WhyResponseSchema, { phase: corrupt.phase, holds: corrupt.waitingFor });
    const { state, runtime } = await this.#source(id);
    const facts = { detail: (task: number) => this.#ports.journal.detail(id, task) };
    const holds = target === "" ? workflowHolds(state) : targetHolds(state, findTarget(state, target), facts);
    const answer = create(WhyResponseSchema, { phase: phaseOf(state), holds: [...holds] });
    await runtime?.durable();
    return answer;
  }

  async close(): Promise<void> {
    await this.#registry.close();
  }

  #resolve(ref: Ref): WorkflowId {
    return resolveRef(this.#ports.journal, ref);
  }

  /** A workflow as it is now: open ones with what keeps them in memory. */
  async #source(id: WorkflowId) {
    const state = await this.#registry.stateOf(id);
    const runtime = this.#registry.find(id);
    return { state: runtime?.state ?? state, runtime };
  }

  /** The answer to a Submit that was made before; undefined: it is new. */
  async #repeatedSubmit(request: SubmitRequest, mode: Mode): Promise<SubmitResponse | undefined> {
    if (request.validateOnly) return undefined;
    const id = this.#ports.journal.findByRequest(request.namespace, request.requestId);
    if (id === undefined) return undefined;
    if (this.#ports.journal.record(id)?.requestDigest !== requestDigest(request, mode)) {
      const found = `request_id ${request.requestId} was used for workflow ${id} with other content`;
      throw new HoldfastError("ALREADY_EXISTS", `${found}; use a new request_id for other work`);
    }
    const { state, runtime } = await this.#source(id);
    await runtime?.durable();
    return submitResponse(state);
  }

  /** Makes and appends the first event; nothing is awaited before the append. */
  async #record(by: Principal, request: SubmitRequest, mode: Mode): Promise<SubmitResponse> {
    const { clock, ids, journal, inventory, actions } = this.#ports;
    const nowMs = clock.nowMs();
    const { submitTtlMs } = this.#config;
    const submitted = makeSubmission(request, { id: ids.workflowId(nowMs), mode, inventory, actions, submitTtlMs });
    const event = caused(by.name, "workflowSubmitted", submitted);
    const state = foldFirst(event, nowMs);
    this.#registry.checkRoom(state);
    if (request.validateOnly) return create(SubmitResponseSchema, { digest: submitted.digest, scope: scopeOf(state.blueprint) });
    const record = { status: statusOf(state), requestId: submitted.requestId, requestDigest: submitted.requestDigest, isOpen: true };
    const first = { firstSeq: seq(1), guardFirstSeq: seq(this.#registry.guard.seq + 1) };
    // crash: test/crash/every-append-memory.test.ts
    const appended = journal.append({
      id: state.blueprint.id,
      ...first,
      timeMs: nowMs,
      events: [event],
      guardEvents: [],
      details: [],
      index: { kind: "opened", record },
    });
    this.#registry.register(state, { seq: 0, after: appended });
    const answer = submitResponse(state);
    await appended;
    return answer;
  }

  /** Hands a command to a workflow, and answers with its status once that is on disk. */
  async #ask(id: WorkflowId, command: Command): Promise<WorkflowStatus> {
    await this.#registry.ask(id, command);
    return this.#status(id);
  }

  async #status(id: WorkflowId): Promise<WorkflowStatus> {
    const runtime = this.#registry.find(id);
    if (runtime !== undefined) {
      const status = statusOf(runtime.state);
      await runtime.durable();
      return status;
    }
    const status = this.#corruptStatus(id) ?? this.#ports.journal.record(id)?.status;
    if (status === undefined) throw new HoldfastError("NOT_FOUND", `there is no workflow ${id}`);
    return status;
  }

  #corruptStatus(id: WorkflowId): WorkflowStatus | undefined {
    const damage = this.#registry.damageOf(id);
    return damage === undefined ? undefined : corruptStatus(this.#ports.journal, id, damage);
  }

  async #checkDisk(): Promise<void> {
    const free = await this.#ports.disk.freeBytes();
    if (free >= this.#config.diskFreeBytesMin) return;
    const mebibytes = (bytes: number): number => Math.floor(bytes / 1_048_576);
    const found = `the disk of the service's data has ${mebibytes(free)} MiB free`;
    const next = `at least ${mebibytes(this.#config.diskFreeBytesMin)} MiB are needed for new work; make room, then ask again`;
    throw new HoldfastError("RESOURCE_EXHAUSTED", `${found}, ${next}`);
  }
}

function submitResponse(state: WorkflowState): SubmitResponse {
  return create(SubmitResponseSchema, {
    id: state.blueprint.id,
    digest: state.submitted.digest,
    scope: scopeOf(state.blueprint),
    expiresAt: timestampFromMs(state.expiresAtMs),
  });
}

function refOf(request: { readonly workflow?: Ref | undefined }): Ref {
  if (request.workflow === undefined) throw new HoldfastError("INVALID_ARGUMENT", "workflow: it is missing; say which workflow is meant");
  return request.workflow;
}
