// The typed client: one method for each call of the service, errors as HoldfastError with the service's own code.
// 1. What went wrong on the way (no connection, a cut stream) is UNAVAILABLE and may be repeated; what the service said keeps its code.
// 2. It holds no state but its connections: a client may be thrown away at any moment.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import type { CallOptions, Client, Transport } from "@connectrpc/connect";
import type { CompleteByTokenRequestSchema, FailByTokenRequestSchema } from "../gen/holdfast/v1/completion_service_pb.ts";
import { CompletionService } from "../gen/holdfast/v1/completion_service_pb.ts";
import type { VerifyJournalResponse } from "../gen/holdfast/v1/journal_service_pb.ts";
import { JournalService } from "../gen/holdfast/v1/journal_service_pb.ts";
import type { HistoryEvent, WorkflowStatus } from "../gen/holdfast/v1/status_pb.ts";
import type {
  GetApprovalResponse,
  ListTasksResponse,
  ListWorkflowsResponse,
  PlanResponse,
  QueryResponse,
  SubmitResponse,
  WatchResponse,
  WhyResponse,
} from "../gen/holdfast/v1/workflow_service_pb.ts";
import type {
  FreezeResponse,
  GetFreezesResponse,
  ListLimitsResponse,
  ListLocksResponse,
  ThawResponse,
} from "../gen/holdfast/v1/guard_service_pb.ts";
import { GuardService } from "../gen/holdfast/v1/guard_service_pb.ts";
import type { ExplainResponse, ListPoliciesResponse, ReplayResponse } from "../gen/holdfast/v1/policy_service_pb.ts";
import { PolicyService } from "../gen/holdfast/v1/policy_service_pb.ts";
import type { ListSinksResponse, TestSinkResponse } from "../gen/holdfast/v1/sink_service_pb.ts";
import { SinkService } from "../gen/holdfast/v1/sink_service_pb.ts";
import type { CreateTokenResponse, ListTokensResponse, RevokeTokenResponse } from "../gen/holdfast/v1/token_service_pb.ts";
import { TokenService } from "../gen/holdfast/v1/token_service_pb.ts";
import { WorkflowService } from "../gen/holdfast/v1/workflow_service_pb.ts";
import type { ClientOptions } from "./client-transport.ts";
import { transportTo } from "./client-transport.ts";
import { guarded, guardedStream, unbounded } from "./client-call.ts";
import { missing } from "./wire-error.ts";

/** How it speaks to the service, wherever that is. */
type Wire = Pick<ClientOptions, "tls" | "httpVersion">;
type Workflows = Client<typeof WorkflowService>;
type Journal = Client<typeof JournalService>;
type Ask<Name extends keyof Workflows> = Parameters<Workflows[Name]>[0];
type AskJournal<Name extends keyof Journal> = Parameters<Journal[Name]>[0];
type Guard = Client<typeof GuardService>;
type AskGuard<Name extends keyof Guard> = Parameters<Guard[Name]>[0];
type Policies = Client<typeof PolicyService>;
type AskPolicies<Name extends keyof Policies> = Parameters<Policies[Name]>[0];
type Tokens = Client<typeof TokenService>;
type SinkCalls = Client<typeof SinkService>;
type AskSinks<Name extends keyof SinkCalls> = Parameters<SinkCalls[Name]>[0];
type AskTokens<Name extends keyof Tokens> = Parameters<Tokens[Name]>[0];

/** A client that speaks Connect to the service at an address. */
export function connectClient(options: ClientOptions): HoldfastClient {
  return new HoldfastClient(transportTo(options), options);
}

/** The calls of the service. Every one may be repeated; each throws HoldfastError. */
export class HoldfastClient {
  #workflows: Workflows;
  #journal: Journal;
  #guard: Guard;
  #policies: Policies;
  #tokens: Tokens;
  #sinks: SinkCalls;
  #completions: Client<typeof CompletionService>;
  readonly #callTimeoutMs: number;
  readonly #wire: Wire;

  constructor(transport: Transport, options: { callTimeoutMs: number } & Wire) {
    this.#workflows = createClient(WorkflowService, transport);
    this.#journal = createClient(JournalService, transport);
    this.#guard = createClient(GuardService, transport);
    this.#policies = createClient(PolicyService, transport);
    this.#tokens = createClient(TokenService, transport);
    this.#sinks = createClient(SinkService, transport);
    this.#completions = createClient(CompletionService, transport);
    this.#callTimeoutMs = options.callTimeoutMs;
    this.#wire = { tls: options.tls, httpVersion: options.httpVersion };
  }

  /** Sends all further calls to where the service is now: a restart may have given it another port. */
  moveTo(place: { readonly address: string; readonly token: string }): void {
    const transport = transportTo({ ...place, ...this.#wire });
    this.#workflows = createClient(WorkflowService, transport);
    this.#journal = createClient(JournalService, transport);
    this.#guard = createClient(GuardService, transport);
    this.#policies = createClient(PolicyService, transport);
    this.#tokens = createClient(TokenService, transport);
    this.#sinks = createClient(SinkService, transport);
    this.#completions = createClient(CompletionService, transport);
  }

  /** Records a workflow and runs nothing. */
  submit(request: Ask<"submit">, signal?: AbortSignal): Promise<SubmitResponse> {
    return this.#call((options) => this.#workflows.submit(request, options), signal);
  }

  /** Starts a submitted workflow; with `wait` the answer comes at its end. */
  exec(request: Ask<"exec">, signal?: AbortSignal): Promise<WorkflowStatus> {
    const call = (options: CallOptions) => this.#workflows.exec(request, options);
    return request.wait === true ? statusOf(guarded(() => call(unbounded(signal)))) : statusOf(this.#call(call, signal));
  }

  /** Says where a workflow stands. */
  status(request: Ask<"status">, signal?: AbortSignal): Promise<WorkflowStatus> {
    return statusOf(this.#call((options) => this.#workflows.status(request, options), signal));
  }

  /** One stream of what happens to a workflow; `followWorkflow` is the one that reconnects. */
  watch(request: Ask<"watch">, signal?: AbortSignal): AsyncIterable<WatchResponse> {
    return guardedStream((options) => this.#workflows.watch(request, options), signal);
  }

  /** One page of a workflow's tasks. */
  listTasks(request: Ask<"listTasks">, signal?: AbortSignal): Promise<ListTasksResponse> {
    return this.#call((options) => this.#workflows.listTasks(request, options), signal);
  }

  /** One page of workflows. */
  listWorkflows(request: Ask<"listWorkflows">, signal?: AbortSignal): Promise<ListWorkflowsResponse> {
    return this.#call((options) => this.#workflows.listWorkflows(request, options), signal);
  }

  /** A workflow's events, as the journal holds them. */
  async *history(request: Ask<"getHistory">, signal?: AbortSignal): AsyncGenerator<HistoryEvent, void> {
    for await (const page of guardedStream((options) => this.#workflows.getHistory(request, options), signal)) yield* page.events;
  }

  /** Ends a workflow. */
  cancel(request: Ask<"cancel">, signal?: AbortSignal): Promise<WorkflowStatus> {
    return statusOf(this.#call((options) => this.#workflows.cancel(request, options), signal));
  }

  /** Starts nothing more until `unpause`. */
  pause(request: Ask<"pause">, signal?: AbortSignal): Promise<WorkflowStatus> {
    return statusOf(this.#call((options) => this.#workflows.pause(request, options), signal));
  }

  /** Lets a paused workflow go on. */
  unpause(request: Ask<"unpause">, signal?: AbortSignal): Promise<WorkflowStatus> {
    return statusOf(this.#call((options) => this.#workflows.unpause(request, options), signal));
  }

  /** Runs again only what failed, was unknown, or never started. */
  retry(request: Ask<"retry">, signal?: AbortSignal): Promise<WorkflowStatus> {
    return statusOf(this.#call((options) => this.#workflows.retry(request, options), signal));
  }

  /** Says what became of a held task. */
  resolveTask(request: Ask<"resolveTask">, signal?: AbortSignal): Promise<WorkflowStatus> {
    return statusOf(this.#call((options) => this.#workflows.resolveTask(request, options), signal));
  }

  /** Records and starts a run of the checks alone. */
  plan(request: Ask<"plan">, signal?: AbortSignal): Promise<PlanResponse> {
    return this.#call((options) => this.#workflows.plan(request, options), signal);
  }

  /** Says why a workflow, or one of its targets, stands where it stands. */
  why(request: Ask<"why">, signal?: AbortSignal): Promise<WhyResponse> {
    return this.#call((options) => this.#workflows.why(request, options), signal);
  }

  /** What an approver has to see. */
  getApproval(request: Ask<"getApproval">, signal?: AbortSignal): Promise<GetApprovalResponse> {
    return this.#call((options) => this.#workflows.getApproval(request, options), signal);
  }

  /** Sends a signal; it is on the service's disk when this resolves. With a `key` it may be repeated. */
  signal(request: Ask<"signal">, signal?: AbortSignal): Promise<WorkflowStatus> {
    return statusOf(this.#call((options) => this.#workflows.signal(request, options), signal));
  }

  /** Says that a task that awaits a person was done. */
  complete(request: Ask<"complete">, signal?: AbortSignal): Promise<WorkflowStatus> {
    return statusOf(this.#call((options) => this.#workflows.complete(request, options), signal));
  }

  /** Says by the token of an attempt that what it handed out is done; needs no token of a principal. */
  async completeByToken(request: MessageInitShape<typeof CompleteByTokenRequestSchema>, signal?: AbortSignal): Promise<void> {
    await this.#call((options) => this.#completions.completeByToken(request, options), signal);
  }

  /** Says by the token of an attempt that what it handed out has failed. */
  async failByToken(request: MessageInitShape<typeof FailByTokenRequestSchema>, signal?: AbortSignal): Promise<void> {
    await this.#call((options) => this.#completions.failByToken(request, options), signal);
  }

  /** Refuses a task that awaits a person. */
  fail(request: Ask<"fail">, signal?: AbortSignal): Promise<WorkflowStatus> {
    return statusOf(this.#call((options) => this.#workflows.fail(request, options), signal));
  }

  /** Asks a query of a workflow. */
  query(request: Ask<"query">, signal?: AbortSignal): Promise<QueryResponse> {
    return this.#call((options) => this.#workflows.query(request, options), signal);
  }

  /** Approves what the digest froze. */
  approve(request: Ask<"approve">, signal?: AbortSignal): Promise<WorkflowStatus> {
    return statusOf(this.#call((options) => this.#workflows.approve(request, options), signal));
  }

  /** Stops; the answer is the proof. */
  freeze(request: AskGuard<"freeze">, signal?: AbortSignal): Promise<FreezeResponse> {
    return this.#call((options) => this.#guard.freeze(request, options), signal);
  }

  /** Lifts freezes. */
  thaw(request: AskGuard<"thaw">, signal?: AbortSignal): Promise<ThawResponse> {
    return this.#call((options) => this.#guard.thaw(request, options), signal);
  }

  /** What is frozen, and what of it still runs. */
  getFreezes(request: AskGuard<"getFreezes">, signal?: AbortSignal): Promise<GetFreezesResponse> {
    return this.#call((options) => this.#guard.getFreezes(request, options), signal);
  }

  /** The locks that are held. */
  listLocks(request: AskGuard<"listLocks">, signal?: AbortSignal): Promise<ListLocksResponse> {
    return this.#call((options) => this.#guard.listLocks(request, options), signal);
  }

  /** The limits that are in use. */
  listLimits(request: AskGuard<"listLimits">, signal?: AbortSignal): Promise<ListLimitsResponse> {
    return this.#call((options) => this.#guard.listLimits(request, options), signal);
  }

  /** The policies in force, and the files that are broken. */
  listPolicies(request: AskPolicies<"listPolicies">, signal?: AbortSignal): Promise<ListPoliciesResponse> {
    return this.#call((options) => this.#policies.listPolicies(request, options), signal);
  }

  /** What each rule says of a submission, now. */
  explain(request: AskPolicies<"explain">, signal?: AbortSignal): Promise<ExplainResponse> {
    return this.#call((options) => this.#policies.explain(request, options), signal);
  }

  /** What policies would have said of the workflows of the past. */
  replay(request: AskPolicies<"replay">, signal?: AbortSignal): AsyncIterable<ReplayResponse> {
    return guardedStream((options) => this.#policies.replay(request, options), signal);
  }

  /** Reads and checks the service's whole journal. */
  verifyJournal(request: AskJournal<"verifyJournal">, signal?: AbortSignal): Promise<VerifyJournalResponse> {
    return guarded(() => this.#journal.verifyJournal(request, unbounded(signal)));
  }

  /** The journal's records as JSON lines. */
  async *dumpJournal(request: AskJournal<"dumpJournal">, signal?: AbortSignal): AsyncGenerator<string, void> {
    for await (const page of guardedStream((options) => this.#journal.dumpJournal(request, options), signal)) yield* page.lines;
  }

  /** The bytes of a backup of the journal; whole only with its closing record. */
  async *backupJournal(signal?: AbortSignal): AsyncGenerator<Uint8Array, void> {
    for await (const { data } of guardedStream((options) => this.#journal.backupJournal({}, options), signal)) yield data;
  }

  /** The service's sinks, how far each is, and what keeps it. */
  listSinks(request: AskSinks<"listSinks">, signal?: AbortSignal): Promise<ListSinksResponse> {
    return this.#call((options) => this.#sinks.listSinks(request, options), signal);
  }

  /** Delivers a test event to a sink; the answer says whether it was taken. */
  testSink(request: AskSinks<"testSink">, signal?: AbortSignal): Promise<TestSinkResponse> {
    return this.#call((options) => this.#sinks.testSink(request, options), signal);
  }

  /** Makes a token; not to be repeated blindly, for its secret is in the first answer only. */
  createToken(request: AskTokens<"createToken">, signal?: AbortSignal): Promise<CreateTokenResponse> {
    return this.#call((options) => this.#tokens.createToken(request, options), signal);
  }

  /** All tokens, without secrets. */
  listTokens(request: AskTokens<"listTokens">, signal?: AbortSignal): Promise<ListTokensResponse> {
    return this.#call((options) => this.#tokens.listTokens(request, options), signal);
  }

  /** Ends a token and its streams at once. */
  revokeToken(request: AskTokens<"revokeToken">, signal?: AbortSignal): Promise<RevokeTokenResponse> {
    return this.#call((options) => this.#tokens.revokeToken(request, options), signal);
  }

  #call<Answer>(call: (options: CallOptions) => Promise<Answer>, signal: AbortSignal | undefined): Promise<Answer> {
    return guarded(() => call({ ...unbounded(signal), timeoutMs: this.#callTimeoutMs }));
  }
}

async function statusOf(answer: Promise<{ status?: WorkflowStatus | undefined }>): Promise<WorkflowStatus> {
  const { status } = await answer;
  if (status === undefined) throw missing("a status");
  return status;
}
