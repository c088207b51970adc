// What people and other systems say to a workflow under way, and what they may ask of it: signals, tasks of people, queries.
// 1. An answer is given when what it tells of is on disk (H3).

import { create } from "@bufbuild/protobuf";
import type { WorkflowId } from "../base/ids.ts";
import type { WorkflowStatus } from "../gen/holdfast/v1/status_pb.ts";
import type { CompleteRequest, FailRequest, QueryResponse } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { QueryResponseSchema } from "../gen/holdfast/v1/workflow_service_pb.ts";
import type { Command } from "../workflow/commands.ts";
import { answerQuery } from "../workflow/queries.ts";
import type { WorkflowState } from "../workflow/state.ts";
import { jsonToValue } from "../workflow/value-json.ts";
import type { Principal, SentSignal } from "./face.ts";
import type { Journal } from "./ports.ts";
import { taskNamed } from "./reading.ts";
import type { Runtime } from "./runtime.ts";

/** What the calls ask of the engine. */
export interface PeopleHost {
  readonly journal: Journal;
  /** A workflow as it is now: an open one with what keeps it in memory. */
  source(id: WorkflowId): Promise<{ readonly state: WorkflowState; readonly runtime: Runtime | undefined }>;
  /** Hands a command to a workflow, and answers with its status once that is on disk. */
  ask(id: WorkflowId, command: Command): Promise<WorkflowStatus>;
}

/** The calls. */
export class PeopleCalls {
  readonly #host: PeopleHost;

  constructor(host: PeopleHost) {
    this.#host = host;
  }

  signal(by: Principal, id: WorkflowId, sent: SentSignal): Promise<WorkflowStatus> {
    return this.#host.ask(id, { kind: "signal", by: by.name, ...sent });
  }

  async complete(by: Principal, id: WorkflowId, request: CompleteRequest): Promise<WorkflowStatus> {
    const task = taskNamed((await this.#host.source(id)).state, request);
    const { data = {}, reason } = request;
    return this.#host.ask(id, { kind: "complete", by: by.name, roles: by.roles, task, data, reason });
  }

  async fail(by: Principal, id: WorkflowId, request: FailRequest): Promise<WorkflowStatus> {
    const task = taskNamed((await this.#host.source(id)).state, request);
    return this.#host.ask(id, { kind: "fail", by: by.name, roles: by.roles, task, reason: request.reason });
  }

  async query(id: WorkflowId, name: string): Promise<QueryResponse> {
    const { state, runtime } = await this.#host.source(id);
    const value = jsonToValue(answerQuery(state, name, { detail: (task) => this.#host.journal.detail(id, task) }));
    const answer = create(QueryResponseSchema, { value, seq: BigInt(state.seq) });
    await runtime?.durable();
    return answer;
  }
}
