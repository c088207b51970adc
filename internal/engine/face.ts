// What the engine offers to the API: the one door to workflows.
// 1. A promise resolves only after everything its answer tells of is on disk (H3).
// 2. Expected errors are HoldfastError; any other error is a bug, after which the process must end.

import type { JsonObject } from "../base/json.ts";
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
import type { ExplainResponse, ListPoliciesResponse, ReplayRequest, ReplayResponse } from "../gen/holdfast/v1/policy_service_pb.ts";
import type {
  CompleteRequest,
  FailRequest,
  GetApprovalResponse,
  GetHistoryResponse,
  ListTasksRequest,
  ListTasksResponse,
  ListWorkflowsRequest,
  QueryResponse,
} from "../gen/holdfast/v1/workflow_service_pb.ts";
import type {
  ListWorkflowsResponse,
  PlanResponse,
  ResolveTaskRequest,
  RetryRequest,
  SubmitRequest,
} from "../gen/holdfast/v1/workflow_service_pb.ts";
import type { SubmitResponse, WatchResponse, WhyResponse } from "../gen/holdfast/v1/workflow_service_pb.ts";
import type { Mode } from "../gen/holdfast/v1/event_pb.ts";
import type { WorkflowStatus } from "../gen/holdfast/v1/status_pb.ts";
import type { Said } from "../workflow/completion-box.ts";

/** Names a workflow: an ID, or a key and its namespace. The message WorkflowRef fits. */
export interface Ref {
  readonly id: string;
  readonly namespace: string;
}

/** Who asks: a name that events record, and the roles that policies and approvals read. */
export interface Principal {
  readonly name: string;
  /** `submitter`, `approver:sre`, `operator`, …: sorted. */
  readonly roles: readonly string[];
}

/** What is sent to a workflow. */
export interface SentSignal {
  readonly name: string;
  /** Empty: none. */
  readonly key: string;
  readonly data: JsonObject;
}

/** How the work of an attempt came out, as somebody outside says it. */
export type TokenAnswer = Pick<Said, "failed" | "reason" | "data">;

/** The engine as the API sees it; `by` is the principal who asks. */
export interface EngineFace {
  /** Records a workflow, or with `validateOnly` only checks it. */
  submit(by: Principal, request: SubmitRequest, mode: Mode): Promise<SubmitResponse>;
  /** Records and executes a workflow of the checks alone. */
  plan(by: Principal, request: SubmitRequest): Promise<PlanResponse>;
  /** Starts a submitted workflow; an empty digest is not checked. With `wait` it answers as `waitStill` does. */
  exec(by: Principal, ref: Ref, digest: string, wait?: AbortSignal): Promise<WorkflowStatus>;
  /** Resolves when the workflow has ended or waits for a person; rejects when the signal aborts. */
  waitStill(ref: Ref, signal: AbortSignal): Promise<WorkflowStatus>;
  /** Where the workflow stands, in constant time. */
  status(ref: Ref): Promise<WorkflowStatus>;
  /** What happens to the workflow after `afterSeq`, until its end or the abort. */
  watch(
    ref: Ref,
    options: { readonly afterSeq: number; readonly isStatusOnly: boolean; readonly signal: AbortSignal },
  ): AsyncIterable<WatchResponse>;
  /** A page of tasks. */
  listTasks(request: ListTasksRequest): Promise<ListTasksResponse>;
  /** A page of workflows. */
  listWorkflows(request: ListWorkflowsRequest): Promise<ListWorkflowsResponse>;
  /** The events after `afterSeq` that are on disk now. */
  history(ref: Ref, options: { readonly afterSeq: number; readonly hasDetails: boolean }): AsyncIterable<GetHistoryResponse>;
  /** Ends the workflow. */
  cancel(by: Principal, ref: Ref, reason: string): Promise<WorkflowStatus>;
  /** Starts nothing more. */
  pause(by: Principal, ref: Ref, reason: string): Promise<WorkflowStatus>;
  /** Lets it go on. */
  unpause(by: Principal, ref: Ref): Promise<WorkflowStatus>;
  /** Runs again what failed, was unknown or never started, and what the request names although it had succeeded. */
  retry(by: Principal, request: RetryRequest): Promise<WorkflowStatus>;
  /** A person settles a held task. */
  resolveTask(by: Principal, request: ResolveTaskRequest): Promise<WorkflowStatus>;
  /** Why the workflow, or one of its targets (empty: none), stands where it stands. */
  why(ref: Ref, target: string): Promise<WhyResponse>;
  /** A person approves what the digest froze. */
  approve(by: Principal, ref: Ref, asked: { readonly digest: string; readonly reason: string }): Promise<WorkflowStatus>;
  /** Sends a signal to a workflow that has not ended. */
  signal(by: Principal, ref: Ref, sent: SentSignal): Promise<WorkflowStatus>;
  /** A person has done a task that awaits one. */
  complete(by: Principal, request: CompleteRequest): Promise<WorkflowStatus>;
  /** A person refuses a task that awaits one. */
  fail(by: Principal, request: FailRequest): Promise<WorkflowStatus>;
  /** Says by the token of an attempt how its work came out. Throws PERMISSION_DENIED for a token that this service did not make. */
  completeByToken(token: string, answer: TokenAnswer): Promise<void>;
  /** What a query of the workflow comes to now. */
  query(ref: Ref, name: string): Promise<QueryResponse>;
  /** What an approver has to see. */
  approval(ref: Ref): Promise<GetApprovalResponse>;
  /** Stops; resolves with the proof once the freeze is on disk and every workflow that it is about has taken note. */
  freeze(by: Principal, request: FreezeRequest): Promise<FreezeResponse>;
  /** Lifts freezes; refused while the file FREEZE is there. */
  thaw(by: Principal, request: ThawRequest): Promise<ThawResponse>;
  /** What is frozen, what took note, what still runs. */
  freezes(): Promise<GetFreezesResponse>;
  /** The locks that are held. */
  locks(request: ListLocksRequest): Promise<ListLocksResponse>;
  /** The limits that are in use. */
  limits(request: ListLimitsRequest): Promise<ListLimitsResponse>;
  /** The policies in force. */
  policies(): Promise<ListPoliciesResponse>;
  /** What each rule says of a submission, now. */
  explain(by: Principal, request: SubmitRequest): Promise<ExplainResponse>;
  /** What policies would have said of the workflows of the past. */
  replay(request: ReplayRequest, signal: AbortSignal): AsyncIterable<ReplayResponse>;
  /** A polite crash: nothing is saved specially, nothing is aborted at targets. */
  close(): Promise<void>;
}
