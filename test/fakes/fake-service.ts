// A WorkflowService in memory behind a real HTTP server: the semantics of the handshake, and faults on command.
// 1. Submit is idempotent by request_id, Exec by ID; `starts` counts how often a workflow really began.
// 2. The state outlives the server: stop it and serve again on the same port, and it is a restart that lost nothing.

import { create, toBinary } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import type { ConnectRouter, ServiceImpl } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { GuardService } from "../../internal/gen/holdfast/v1/guard_service_pb.ts";
import { PolicyService } from "../../internal/gen/holdfast/v1/policy_service_pb.ts";
import type { PolicyPinSchema, VerdictSchema } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import type { WorkflowStatus } from "../../internal/gen/holdfast/v1/status_pb.ts";
import type {
  HistoryEventSchema,
  HoldSchema,
  StageStatusSchema,
  TaskCountsSchema,
  TaskSchema,
} from "../../internal/gen/holdfast/v1/status_pb.ts";
import { Phase, StagePhase, WorkflowStatusSchema } from "../../internal/gen/holdfast/v1/status_pb.ts";
import type { GetApprovalResponseSchema, SubmitRequest } from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { SubmitRequestSchema, WorkflowService } from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { FakeGuard } from "./fake-guard.ts";

/** One workflow of the fake. */
export interface FakeWorkflow {
  readonly id: string;
  readonly request: SubmitRequest;
  readonly digest: string;
  phase: Phase;
  /** How often it really began. */
  starts: number;
  seq: number;
  tasks: MessageInitShape<typeof TaskSchema>[];
  status: StatusChange;
}

/** What a test may say of a workflow's status. */
export interface StatusChange {
  readonly counts?: MessageInitShape<typeof TaskCountsSchema>;
  readonly stages?: MessageInitShape<typeof StageStatusSchema>[];
  readonly waitingFor?: MessageInitShape<typeof HoldSchema>[];
  readonly stage?: string;
  readonly error?: string;
  readonly annotations?: { [name: string]: string };
  readonly policies?: MessageInitShape<typeof PolicyPinSchema>[];
  readonly tasksAllowed?: number;
  readonly generation?: number;
  readonly verdict?: MessageInitShape<typeof VerdictSchema>;
  readonly targets?: number;
  readonly targetsInFlight?: number;
  readonly targetsAtRisk?: number;
  readonly executedAt?: Timestamp;
  readonly endedAt?: Timestamp;
}

const DAY_MS = 86_400_000;
const ENDED: readonly Phase[] = [Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED, Phase.EXPIRED];

/** The service's memory. */
export class FakeService {
  readonly workflows: FakeWorkflow[] = [];
  /** The phase that a workflow takes on by itself after Exec; undefined: it runs until the test says otherwise. */
  endsAs: Phase | undefined = Phase.SUCCEEDED;
  /** The phase that Exec leads to. */
  execTo: Phase = Phase.RUNNING;
  /** What GetHistory says of any workflow. */
  readonly events: MessageInitShape<typeof HistoryEventSchema>[] = [];
  /** What policies say of whatever is submitted. */
  verdict: MessageInitShape<typeof VerdictSchema> | undefined;
  /** What GetApproval says beside the status. */
  approvalPage: MessageInitShape<typeof GetApprovalResponseSchema> = {};
  /** The digests that were approved, with the reasons. */
  readonly approved: [digest: string, reason: string][] = [];
  readonly guard = new FakeGuard();
  /** What the policies answer; a call that is not here is UNIMPLEMENTED. */
  policies: Partial<ServiceImpl<typeof PolicyService>> = {};
  /** Calls by method, in order. */
  readonly calls: string[] = [];
  /** The token that is asked for; empty: any. */
  token = "";
  /** Methods whose next call breaks the connection, after the work was done. */
  readonly broken = new Set<string>();
  /** Methods that answer with this error. */
  readonly refusals = new Map<string, ConnectError>();
  #waiting: (() => void)[] = [];
  #server: Server | undefined;
  #port = 0;

  get address(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** True when a watcher has been told everything and waits for more. */
  get hasWatchers(): boolean {
    return this.#waiting.length > 0;
  }

  /** Serves on the port of the last time, if there was one. */
  async serve(): Promise<void> {
    const handle = connectNodeAdapter({ routes: (router) => this.#routes(router) });
    const server = createServer((request, response) => {
      const method = request.url?.split("/").at(-1) ?? "";
      this.calls.push(method);
      if (this.broken.delete(method)) {
        response.writeHead = () => {
          request.socket.destroy();
          return response;
        };
      }
      handle(request, response);
    });
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    const address = server.address();
    if (address !== null && typeof address === "object") this.#port = address.port;
    this.#server = server;
  }

  /** As kill -9 would: all connections break. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  /** Changes a workflow and tells its watchers. */
  change(workflow: FakeWorkflow, phase: Phase, status: StatusChange = {}): void {
    workflow.phase = phase;
    workflow.status = { ...workflow.status, ...status };
    workflow.seq++;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Where a workflow stands. */
  statusOf(workflow: FakeWorkflow): WorkflowStatus {
    const { id, request, phase, digest, seq } = workflow;
    const tasks = request.definition?.stages.reduce((sum, stage) => sum + stage.actions.length, 0) ?? 0;
    const isDone = phase === Phase.SUCCEEDED;
    return create(WorkflowStatusSchema, {
      id,
      name: request.definition?.name ?? "",
      namespace: request.namespace === "" ? "default" : request.namespace,
      key: request.key,
      phase,
      digest,
      seq: BigInt(seq),
      submittedAt: timestampFromMs(1_800_000_000_000),
      submittedBy: "admin",
      counts: { tasks, succeeded: isDone ? tasks : 0, changed: isDone ? tasks : 0, waiting: isDone ? 0 : tasks },
      stages: (request.definition?.stages ?? []).map(({ name }) => ({ name, phase: isDone ? StagePhase.SUCCEEDED : StagePhase.PENDING })),
      ...workflow.status,
    });
  }

  #routes(router: ConnectRouter): void {
    router.service(GuardService, this.guard);
    router.service(PolicyService, this.policies);
    router.service(WorkflowService, {
      submit: (request, { requestHeader }) => {
        this.#admit("submit", requestHeader);
        const { id, digest } = request.validateOnly ? { id: "", digest: "" } : this.#submit(request);
        return {
          id,
          digest,
          scope: { targets: 3, tasks: 6, tasksByAction: { wait: 6 } },
          expiresAt: timestampFromMs(1_800_000_000_000 + DAY_MS),
          ...(this.verdict === undefined ? {} : { verdict: this.verdict }),
        };
      },
      exec: (request, { requestHeader }) => {
        this.#admit("exec", requestHeader);
        const workflow = this.#find(request.workflow?.id);
        if (request.digest !== "" && request.digest !== workflow.digest)
          throw new ConnectError("the digest is another", Code.FailedPrecondition);
        if (workflow.phase === Phase.SUBMITTED) {
          workflow.starts++;
          this.change(workflow, this.execTo, { executedAt: timestampFromMs(1_800_000_001_000) });
          const { endsAs } = this;
          if (endsAs !== undefined) setImmediate(() => this.change(workflow, endsAs));
        }
        return { status: this.statusOf(workflow) };
      },
      status: (request, { requestHeader }) => {
        this.#admit("status", requestHeader);
        return { status: this.statusOf(this.#find(request.workflow?.id)) };
      },
      watch: (request, context) => this.#watch(this.#find(request.workflow?.id), Number(request.afterSeq), context.signal),
      listTasks: (request) => {
        const { outcomes, target } = request;
        const { tasks } = this.#find(request.workflow?.id);
        const wanted = tasks.filter(
          (task) => (outcomes.length === 0 || outcomes.includes(task.outcome ?? 0)) && (target === "" || task.target === target),
        );
        const from = request.pageToken === "" ? 0 : Number(request.pageToken);
        const size = request.pageSize === 0 ? 100 : request.pageSize;
        return { tasks: wanted.slice(from, from + size), nextPageToken: from + size < wanted.length ? String(from + size) : "" };
      },
      listWorkflows: (request) => {
        const wanted = /^workflow\.request_id == "(.*)"$/.exec(request.filter)?.[1];
        const found = this.workflows.filter((workflow) => wanted === undefined || workflow.request.requestId === wanted);
        return { workflows: found.map((workflow) => this.statusOf(workflow)).toReversed() };
      },
      getHistory: () => pageOf(this.events),
      cancel: (request) => this.#say(request.workflow?.id, Phase.CANCELLED),
      pause: (request) => this.#say(request.workflow?.id, Phase.PAUSED),
      unpause: (request) => this.#say(request.workflow?.id, Phase.RUNNING),
      retry: (request) => this.#say(request.workflow?.id, Phase.RUNNING),
      resolveTask: (request) => this.#say(request.workflow?.id, Phase.RUNNING),
      plan: (request) => {
        if (request.submission === undefined) throw new ConnectError("no submission", Code.InvalidArgument);
        const { id, digest } = this.#submit(request.submission);
        this.change(this.#find(id), this.endsAs ?? Phase.RUNNING);
        return { id, digest };
      },
      why: (request) => {
        const { phase, status } = this.#find(request.workflow?.id);
        return { phase, holds: status.waitingFor ?? [] };
      },
      getApproval: (request) => ({ ...this.approvalPage, status: this.statusOf(this.#find(request.workflow?.id)) }),
      approve: (request) => {
        const workflow = this.#find(request.workflow?.id);
        if (request.digest !== workflow.digest) throw new ConnectError("the digest is another", Code.FailedPrecondition);
        this.approved.push([request.digest, request.reason]);
        return { status: this.statusOf(workflow) };
      },
    });
  }

  #admit(method: string, header: Headers): void {
    if (this.token !== "" && header.get("authorization") !== `Bearer ${this.token}`)
      throw new ConnectError("no token is known", Code.Unauthenticated);
    const refusal = this.refusals.get(method);
    if (refusal !== undefined) throw refusal;
  }

  #submit(request: SubmitRequest): FakeWorkflow {
    const digest = `sha256:${createHash("sha256").update(toBinary(SubmitRequestSchema, request)).digest("hex")}`;
    const known = this.workflows.find((workflow) => workflow.request.requestId === request.requestId);
    if (known !== undefined && known.digest !== digest) throw new ConnectError("the request ID is taken", Code.AlreadyExists);
    if (known !== undefined) return known;
    const id = `019a0000-0000-7000-8000-${String(this.workflows.length + 1).padStart(12, "0")}`;
    const workflow: FakeWorkflow = { id, request, digest, phase: Phase.SUBMITTED, starts: 0, seq: 1, tasks: [], status: {} };
    this.workflows.push(workflow);
    return workflow;
  }

  #find(id: string | undefined): FakeWorkflow {
    const found = this.workflows.find((workflow) => workflow.id === id || (workflow.request.key !== "" && workflow.request.key === id));
    if (found === undefined) throw new ConnectError("there is no such workflow", Code.NotFound);
    return found;
  }

  #say(id: string | undefined, phase: Phase): { status: WorkflowStatus } {
    const workflow = this.#find(id);
    this.change(workflow, phase);
    return { status: this.statusOf(workflow) };
  }

  async *#watch(
    workflow: FakeWorkflow,
    afterSeq: number,
    signal: AbortSignal,
  ): AsyncGenerator<{ status: WorkflowStatus; seq: bigint }, void> {
    let seen = afterSeq;
    while (!signal.aborted) {
      if (workflow.seq > seen) {
        seen = workflow.seq;
        yield { status: this.statusOf(workflow), seq: BigInt(seen) };
        if (ENDED.includes(workflow.phase)) return;
      } else {
        await new Promise<void>((resolve) => {
          this.#waiting.push(resolve);
          signal.addEventListener("abort", () => resolve(), { once: true });
        });
      }
    }
  }
}

async function* pageOf<Event>(events: Event[]): AsyncGenerator<{ events: Event[] }, void> {
  yield { events };
}
