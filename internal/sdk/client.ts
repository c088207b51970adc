// The typed client: one method for each call of the service, errors as HoldfastError with the service's own code.
// 1. What went wrong on the way (no connection, a cut stream) is UNAVAILABLE and may be repeated; what the service said keeps its code.
// 2. It holds no state but its connections: a client may be thrown away at any moment.

import { createClient } from "@connectrpc/connect";
import type { CallOptions, Client, Interceptor, Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { RESPONSE_BYTES_MAX } from "../base/limits.ts";
import type { VerifyJournalResponse } from "../gen/holdfast/v1/journal_service_pb.ts";
import { JournalService } from "../gen/holdfast/v1/journal_service_pb.ts";
import type { HistoryEvent, WorkflowStatus } from "../gen/holdfast/v1/status_pb.ts";
import type {
  ListTasksResponse,
  ListWorkflowsResponse,
  PlanResponse,
  SubmitResponse,
  WatchResponse,
  WhyResponse,
} from "../gen/holdfast/v1/workflow_service_pb.ts";
import { WorkflowService } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { fromWireError, missing } from "./wire-error.ts";

/** Where the service is and who is asking. */
export interface ClientOptions {
  /** `http://127.0.0.1:7543` */
  readonly address: string;
  /** The bearer token; empty: none is sent. */
  readonly token: string;
  /** The longest that one call may take that is neither a stream nor an Exec that waits. */
  readonly callTimeoutMs: number;
}

type Workflows = Client<typeof WorkflowService>;
type Journal = Client<typeof JournalService>;
type Ask<Name extends keyof Workflows> = Parameters<Workflows[Name]>[0];
type AskJournal<Name extends keyof Journal> = Parameters<Journal[Name]>[0];

/** A client that speaks Connect over HTTP/1.1 to the service at an address. */
export function connectClient(options: ClientOptions): HoldfastClient {
  return new HoldfastClient(transportTo(options), options);
}

/** The calls of the service. Every one may be repeated; each throws HoldfastError. */
export class HoldfastClient {
  #workflows: Workflows;
  #journal: Journal;
  readonly #callTimeoutMs: number;

  constructor(transport: Transport, options: { callTimeoutMs: number }) {
    this.#workflows = createClient(WorkflowService, transport);
    this.#journal = createClient(JournalService, transport);
    this.#callTimeoutMs = options.callTimeoutMs;
  }

  /** Sends all further calls to where the service is now: a restart may have given it another port. */
  moveTo(place: { readonly address: string; readonly token: string }): void {
    const transport = transportTo(place);
    this.#workflows = createClient(WorkflowService, transport);
    this.#journal = createClient(JournalService, transport);
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

  /** Reads and checks the service's whole journal. */
  verifyJournal(request: AskJournal<"verifyJournal">, signal?: AbortSignal): Promise<VerifyJournalResponse> {
    return guarded(() => this.#journal.verifyJournal(request, unbounded(signal)));
  }

  /** The journal's records as JSON lines. */
  async *dumpJournal(request: AskJournal<"dumpJournal">, signal?: AbortSignal): AsyncGenerator<string, void> {
    for await (const page of guardedStream((options) => this.#journal.dumpJournal(request, options), signal)) yield* page.lines;
  }

  #call<Answer>(call: (options: CallOptions) => Promise<Answer>, signal: AbortSignal | undefined): Promise<Answer> {
    return guarded(() => call({ ...unbounded(signal), timeoutMs: this.#callTimeoutMs }));
  }
}

function transportTo({ address, token }: { readonly address: string; readonly token: string }): Transport {
  return createConnectTransport({
    baseUrl: address,
    httpVersion: "1.1",
    readMaxBytes: RESPONSE_BYTES_MAX,
    interceptors: token === "" ? [] : [bearing(token)],
  });
}

function bearing(token: string): Interceptor {
  return (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
}

function unbounded(signal: AbortSignal | undefined): CallOptions {
  return signal === undefined ? {} : { signal };
}

async function statusOf(answer: Promise<{ status?: WorkflowStatus | undefined }>): Promise<WorkflowStatus> {
  const { status } = await answer;
  if (status === undefined) throw missing("a status");
  return status;
}

async function guarded<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  try {
    return await call();
  } catch (error) {
    throw fromWireError(error);
  }
}

/**
 * A stream whose reader may leave at any time: then the call is aborted, for Connect leaves it open, and the process with it. Its iterator is
 * not returned from: that would take the listener off the signal before the abort.
 */
async function* guardedStream<Item>(
  open: (options: CallOptions) => AsyncIterable<Item>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Item, void> {
  const left = new AbortController();
  try {
    const items = open({ signal: signal === undefined ? left.signal : AbortSignal.any([signal, left.signal]) })[Symbol.asyncIterator]();
    for (let item = await items.next(); item.done !== true; item = await items.next()) yield item.value;
  } catch (error) {
    throw fromWireError(error);
  } finally {
    left.abort();
  }
}
