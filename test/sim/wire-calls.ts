// The calls that simulated clients make, handed to the engine as the API's handlers hand them; parses what comes without a type.

import type { Engine } from "../../internal/engine/engine.ts";
import type { Principal, Ref } from "../../internal/engine/face.ts";
import { Mode } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { WorkflowStatus } from "../../internal/gen/holdfast/v1/status_pb.ts";
import type {
  ExecRequest,
  ListWorkflowsRequest,
  PlanRequest,
  StatusRequest,
  SubmitRequest,
  WatchRequest,
  WatchResponse,
} from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { SubmitRequestSchema } from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { create } from "@bufbuild/protobuf";
import type { Answer } from "./invariant.ts";

/** Told of what leaves the service. */
export interface Observer {
  answered(answer: Answer): void;
  told(status: WorkflowStatus): void;
  watched(id: string, item: WatchResponse): void;
}

interface WireCall {
  readonly name: string;
  readonly request: unknown;
  readonly by: Principal;
  readonly signal: AbortSignal;
}

/** Asks the engine; resolves with the method's answer. */
export async function dispatchCall(engine: Engine, { name, request, by }: WireCall, observer: Observer): Promise<unknown> {
  switch (name) {
    case "Submit": {
      const submit = request as SubmitRequest;
      const answer = await engine.submit(by, submit, Mode.APPLY);
      if (!submit.validateOnly) observer.answered({ id: answer.id, seq: 1, promised: { kind: "workflowSubmitted" } });
      return answer;
    }
    case "Plan": {
      const submit = (request as PlanRequest).submission ?? create(SubmitRequestSchema);
      const answer = await engine.plan(by, submit);
      if (!submit.validateOnly) observer.answered({ id: answer.id, seq: 2, promised: { kind: "workflowExecuted" } });
      return answer;
    }
    case "Exec": {
      const { workflow, digest } = request as ExecRequest;
      const status = await engine.exec(by, refOf(workflow), digest);
      observer.answered({ id: status.id, seq: Number(status.seq), promised: { kind: "workflowExecuted" } });
      observer.told(status);
      return { status };
    }
    case "Status": {
      const status = await engine.status(refOf((request as StatusRequest).workflow));
      observer.told(status);
      return { status };
    }
    case "ListWorkflows": {
      const page = await engine.listWorkflows(request as ListWorkflowsRequest);
      // A list leaves stages out: its statuses are not compared with whole ones.
      for (const { id, seq } of page.workflows) observer.answered({ id, seq: Number(seq), promised: undefined });
      return page;
    }
    default:
      throw new Error(`no simulated client calls ${name}`);
  }
}

/** A stream of the engine. */
export async function* dispatchStream(engine: Engine, { name, request, signal }: WireCall, observer: Observer): AsyncGenerator<unknown> {
  if (name !== "Watch") throw new Error(`no simulated client calls ${name}`);
  const { workflow, afterSeq, statusOnly } = request as WatchRequest;
  const ref = refOf(workflow);
  for await (const item of engine.watch(ref, { afterSeq: Number(afterSeq), isStatusOnly: statusOnly, signal })) {
    observer.watched(ref.id, item);
    yield item;
  }
}

function refOf(workflow: Ref | undefined): Ref {
  return workflow ?? { id: "", namespace: "" };
}
