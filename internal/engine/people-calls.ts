// What people and other systems say to a workflow under way, and what they may ask of it: signals, tasks of people, queries.
// 1. An answer is given when what it tells of is on disk (H3).

import { create } from "@bufbuild/protobuf";
import { HoldfastError } from "../base/errors.ts";
import type { WorkflowId } from "../base/ids.ts";
import type { WorkflowStatus } from "../gen/holdfast/v1/status_pb.ts";
import type { CompleteRequest, FailRequest, QueryResponse } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { QueryResponseSchema } from "../gen/holdfast/v1/workflow_service_pb.ts";
import type { Command } from "../workflow/commands.ts";
import { answerQuery } from "../workflow/queries.ts";
import type { WorkflowState } from "../workflow/state.ts";
import { jsonToStruct, jsonToValue } from "../workflow/value-json.ts";
import { readToken } from "./completion-token.ts";
import type { Principal, SentSignal, TokenAnswer } from "./face.ts";
import { resolveRef } from "./lookup.ts";
import { maskingOf } from "./masking.ts";
import type { EnginePorts } from "./ports.ts";
import { taskNamed } from "./reading.ts";
import type { Runtime } from "./runtime.ts";

/** What the calls ask of the engine. */
export interface PeopleHost {
  readonly ports: Pick<EnginePorts, "journal" | "seal" | "secrets">;
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

  async completeByToken(token: string, { failed, reason, data }: TokenAnswer): Promise<void> {
    const { id, task, attempt } = readToken(this.#host.ports.seal, token);
    this.#checkKnown(id);
    const { state } = await this.#host.source(id);
    const masking = maskingOf(state, this.#host.ports.secrets);
    const said = { task, attempt, failed, reason: masking.text(reason), data: jsonToStruct(masking.object(data)) };
    await this.#host.ask(id, { kind: "completion", said });
  }

  #checkKnown(id: WorkflowId): void {
    try {
      resolveRef(this.#host.ports.journal, { id, namespace: "" });
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.code !== "NOT_FOUND") throw error;
      const found = "the workflow of this token is not in the journal: it was brought back from an older backup";
      throw new HoldfastError("FAILED_PRECONDITION", `${found}; nothing awaits this`, { cause: error });
    }
  }

  async query(id: WorkflowId, name: string): Promise<QueryResponse> {
    const { state, runtime } = await this.#host.source(id);
    const value = jsonToValue(answerQuery(state, name, { detail: (task) => this.#host.ports.journal.detail(id, task) }));
    const answer = create(QueryResponseSchema, { value, seq: BigInt(state.seq) });
    await runtime?.durable();
    return answer;
  }
}
