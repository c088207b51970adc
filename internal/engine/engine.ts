// The engine: the one door by which anything is asked of workflows. What it holds in memory is registry.ts's.
// 1. It answers only with what is on disk (H3).
// 2. New work is taken only while the guard is whole and the disk has room; what was taken goes on without either.

import { create } from "@bufbuild/protobuf";
import { HoldfastError } from "../base/errors.ts";
import { WorkflowId } from "../base/ids.ts";
import { Mode } from "../gen/holdfast/v1/event_pb.ts";
import type {
  FreezeRequest,
  FreezeResponse,
  GetFreezesResponse,
  ListLimitsRequest,
  ListLimitsResponse,
  ListLocksRequest,
  ListLocksResponse,
  ThawRequest,
  ThawResponse,
} from "../gen/holdfast/v1/guard_service_pb.ts";
import { Decision } from "../gen/holdfast/v1/policy_pb.ts";
import type { ExplainResponse, ListPoliciesResponse, ReplayRequest, ReplayResponse } from "../gen/holdfast/v1/policy_service_pb.ts";
import type { WorkflowStatus } from "../gen/holdfast/v1/status_pb.ts";
import type {
  CompleteRequest,
  FailRequest,
  GetApprovalResponse,
  GetHistoryResponse,
  ListTasksRequest,
  ListTasksResponse,
  ListWorkflowsRequest,
  ListWorkflowsResponse,
  PlanResponse,
  QueryResponse,
  ResolveTaskRequest,
  RetryRequest,
  SubmitRequest,
  SubmitResponse,
  WatchResponse,
  WhyResponse,
} from "../gen/holdfast/v1/workflow_service_pb.ts";
import { PlanResponseSchema, WhyResponseSchema } from "../gen/holdfast/v1/workflow_service_pb.ts";
import type { Command } from "../workflow/commands.ts";
import { targetHolds, workflowHolds } from "../workflow/holds.ts";
import { phaseOf, statusOf } from "../workflow/status.ts";
import { DiskRoom } from "./disk-room.ts";
import type { EngineFace, Principal, Ref, SentSignal, TokenAnswer } from "./face.ts";
import { approvalView } from "./approval-view.ts";
import { GuardCalls } from "./guard-calls.ts";
import { readHistory } from "./history.ts";
import { resolveRef } from "./lookup.ts";
import type { EnginePorts } from "./ports.ts";
import { PeopleCalls } from "./people-calls.ts";
import { corruptStatus, findTarget, listWorkflows, taskNamed, tasksAgain } from "./reading.ts";
import { PolicyCalls } from "./policy-calls.ts";
import { replayPolicies } from "./policy-replay.ts";
import { Registry } from "./registry.ts";
import { Submitting, denied } from "./submitting.ts";
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
  readonly #diskRoom: DiskRoom;
  readonly #submitting: Submitting;
  readonly #guard: GuardCalls;
  readonly #policies: PolicyCalls;
  readonly #people: PeopleCalls;

  constructor(registry: Registry, config: EngineConfig) {
    this.#registry = registry;
    this.#ports = registry.ports;
    this.#diskRoom = new DiskRoom(registry.ports.disk, config.diskFreeBytesMin);
    this.#submitting = new Submitting(registry, { submitTtlMs: config.submitTtlMs, diskRoom: this.#diskRoom });
    this.#guard = new GuardCalls(registry);
    this.#policies = new PolicyCalls(registry, this.#submitting);
    this.#people = new PeopleCalls({ ports: this.#ports, source: (id) => this.#source(id), ask: (id, command) => this.#ask(id, command) });
  }

  submit(by: Principal, request: SubmitRequest, mode: Mode): Promise<SubmitResponse> {
    return this.#submitting.submit(by, request, mode);
  }

  async plan(by: Principal, request: SubmitRequest): Promise<PlanResponse> {
    const { id, digest, scope } = await this.submit(by, request, Mode.PLAN);
    if (!request.validateOnly) await this.exec(by, { id, namespace: "" }, digest);
    return create(PlanResponseSchema, { id, digest, ...(scope === undefined ? {} : { scope }) });
  }

  async exec(by: Principal, ref: Ref, digest: string, wait?: AbortSignal): Promise<WorkflowStatus> {
    this.#registry.checkGuard();
    const id = this.#resolve(ref);
    await this.#checkStart(id, digest);
    await this.#registry.ask(id, { kind: "exec", by: by.name, digest });
    // By ID from here on: a key may be taken over by another workflow while this one is waited for.
    return wait === undefined ? this.#status(id) : this.#waitStill(id, wait);
  }

  async waitStill(ref: Ref, signal: AbortSignal): Promise<WorkflowStatus> {
    return this.#waitStill(this.#resolve(ref), signal);
  }

  async status(ref: Ref): Promise<WorkflowStatus> {
    return this.#status(this.#resolve(ref));
  }

  async *watch(
    ref: Ref,
    options: { readonly afterSeq: number; readonly isStatusOnly: boolean; readonly signal: AbortSignal },
  ): AsyncIterable<WatchResponse> {
    const id = this.#resolve(ref);
    const { state } = await this.#source(id);
    yield* watch({ journal: this.#ports.journal, state, open: () => this.#registry.find(id), ...options });
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

  async retry(by: Principal, request: RetryRequest): Promise<WorkflowStatus> {
    this.#registry.checkGuard();
    await this.#diskRoom.check();
    const id = this.#resolve(refOf(request));
    const state = await this.#registry.stateOf(id);
    this.#registry.refuseFrozen(state.blueprint);
    const { reason, digest, again, round } = request;
    const named = again === undefined ? {} : { again: tasksAgain(state, again) };
    return this.#ask(id, { kind: "retry", by: by.name, reason, digest, ...named, ...(round === 0 ? {} : { round }) });
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
    const facts = {
      detail: (task: number) => this.#ports.journal.detail(id, task),
      lockHolders: (task: number) => runtime?.outside().lockHolders(task) ?? "",
    };
    const holds = target === "" ? workflowHolds(state) : targetHolds(state, findTarget(state, target), facts);
    const answer = create(WhyResponseSchema, { phase: phaseOf(state), holds: [...holds] });
    await runtime?.durable();
    return answer;
  }

  async approve(by: Principal, ref: Ref, asked: { readonly digest: string; readonly reason: string }): Promise<WorkflowStatus> {
    return this.#ask(this.#resolve(ref), { kind: "approve", by: by.name, roles: by.roles, ...asked });
  }

  signal = async (by: Principal, ref: Ref, sent: SentSignal): Promise<WorkflowStatus> => this.#people.signal(by, this.#resolve(ref), sent);
  complete = async (by: Principal, request: CompleteRequest): Promise<WorkflowStatus> =>
    this.#people.complete(by, this.#resolve(refOf(request)), request);
  fail = async (by: Principal, request: FailRequest): Promise<WorkflowStatus> =>
    this.#people.fail(by, this.#resolve(refOf(request)), request);
  completeByToken = (token: string, answer: TokenAnswer): Promise<void> => this.#people.completeByToken(token, answer);
  query = async (ref: Ref, name: string): Promise<QueryResponse> => this.#people.query(this.#resolve(ref), name);

  async approval(ref: Ref): Promise<GetApprovalResponse> {
    const { state, runtime } = await this.#source(this.#resolve(ref));
    const answer = await approvalView(this.#registry, state);
    await runtime?.durable();
    return answer;
  }

  freeze = (by: Principal, request: FreezeRequest): Promise<FreezeResponse> => this.#guard.freeze(by, request);
  thaw = (by: Principal, request: ThawRequest): Promise<ThawResponse> => this.#guard.thaw(by, request);
  freezes = (): Promise<GetFreezesResponse> => this.#guard.freezes();
  locks = (request: ListLocksRequest): Promise<ListLocksResponse> => this.#guard.locks(request);
  limits = (request: ListLimitsRequest): Promise<ListLimitsResponse> => this.#guard.limits(request);
  policies = (): Promise<ListPoliciesResponse> => this.#policies.policies();
  explain = (by: Principal, request: SubmitRequest): Promise<ExplainResponse> => this.#policies.explain(by, request);
  replay = (request: ReplayRequest, signal: AbortSignal): AsyncIterable<ReplayResponse> => replayPolicies(this.#registry, request, signal);

  close = (): Promise<void> => this.#registry.close();

  #resolve(ref: Ref): WorkflowId {
    // What is open is in memory: only what has ended, or a key, is looked for in the journal.
    if (WorkflowId.is(ref.id) && this.#registry.find(ref.id) !== undefined) return ref.id;
    return resolveRef(this.#ports.journal, ref);
  }

  /** A workflow as it is now: open ones with what keeps them in memory. */
  async #source(id: WorkflowId) {
    const state = await this.#registry.stateOf(id);
    const runtime = this.#registry.find(id);
    return { state: runtime?.state ?? state, runtime };
  }

  /** Before a submitted workflow is executed: nothing freezes it, the disk has room, and policies do not deny it. */
  async #checkStart(id: WorkflowId, digest: string): Promise<void> {
    const runtime = this.#registry.find(id);
    if (runtime?.state.life.kind !== "submitted" || (digest !== "" && digest !== runtime.state.submitted.digest)) return;
    this.#registry.refuseFrozen(runtime.state.blueprint);
    await this.#diskRoom.check();
    const verdict = await runtime.judgeExec();
    if (verdict?.decision === Decision.DENY) throw denied(verdict, `execution of workflow ${id}`);
    this.#registry.refuseFrozen(runtime.state.blueprint);
  }

  /** Hands a command to a workflow, and answers with its status once that is on disk. */
  async #ask(id: WorkflowId, command: Command): Promise<WorkflowStatus> {
    await this.#registry.ask(id, command);
    return this.#status(id);
  }

  #waitStill(id: WorkflowId, signal: AbortSignal): Promise<WorkflowStatus> {
    return waitStill({ open: () => this.#registry.find(id), ended: () => this.#status(id) }, signal);
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
}

function refOf(request: { readonly workflow?: Ref | undefined }): Ref {
  if (request.workflow === undefined) throw new HoldfastError("INVALID_ARGUMENT", "workflow: it is missing; say which workflow is meant");
  return request.workflow;
}
