// WorkflowService over the engine: one line for each call.
// 1. An answer is given only after the engine's promise resolved, which is after the disk (H3).
// 2. Messages were checked by their rules before they come here.

import type { ServiceImpl } from "@connectrpc/connect";
import { HoldfastError } from "../base/errors.ts";
import type { EngineFace, Ref } from "../engine/face.ts";
import { Mode } from "../gen/holdfast/v1/event_pb.ts";
import type { SubmitRequest, WorkflowRef, WorkflowService } from "../gen/holdfast/v1/workflow_service_pb.ts";
import type { Answers } from "./answer.ts";
import { becomeWaiting, principalOf } from "./call-gate.ts";

/** The service's methods. */
export function createWorkflowHandlers(engine: EngineFace, { unary, stream }: Answers): ServiceImpl<typeof WorkflowService> {
  return {
    submit: unary((request, context) => engine.submit(principalOf(context), request, Mode.APPLY)),
    plan: unary((request, context) => engine.plan(principalOf(context), submissionOf(request.submission))),
    exec: unary(async (request, context) => {
      if (request.wait) becomeWaiting(context);
      const wait = request.wait ? context.signal : undefined;
      return { status: await engine.exec(principalOf(context), refOf(request.workflow), request.digest, wait) };
    }),
    status: unary(async (request) => ({ status: await engine.status(refOf(request.workflow)) })),
    watch: stream((request, { signal }) =>
      engine.watch(refOf(request.workflow), { afterSeq: Number(request.afterSeq), isStatusOnly: request.statusOnly, signal }),
    ),
    listTasks: unary((request) => engine.listTasks(request)),
    listWorkflows: unary((request) => engine.listWorkflows(request)),
    getHistory: stream((request) =>
      engine.history(refOf(request.workflow), { afterSeq: Number(request.afterSeq), hasDetails: request.details }),
    ),
    cancel: unary(async (request, context) => ({
      status: await engine.cancel(principalOf(context), refOf(request.workflow), request.reason),
    })),
    pause: unary(async (request, context) => ({
      status: await engine.pause(principalOf(context), refOf(request.workflow), request.reason),
    })),
    unpause: unary(async (request, context) => ({ status: await engine.unpause(principalOf(context), refOf(request.workflow)) })),
    retry: unary(async (request, context) => ({
      status: await engine.retry(principalOf(context), request),
    })),
    resolveTask: unary(async (request, context) => ({ status: await engine.resolveTask(principalOf(context), request) })),
    why: unary((request) => engine.why(refOf(request.workflow), request.target)),
    approve: unary(async (request, context) => {
      const { digest, reason } = request;
      return { status: await engine.approve(principalOf(context), refOf(request.workflow), { digest, reason }) };
    }),
    signal: unary(async (request, context) => {
      const { name, key, data = {} } = request;
      return { status: await engine.signal(principalOf(context), refOf(request.workflow), { name, key, data }) };
    }),
    complete: unary(async (request, context) => ({ status: await engine.complete(principalOf(context), request) })),
    fail: unary(async (request, context) => ({ status: await engine.fail(principalOf(context), request) })),
    query: unary((request) => engine.query(refOf(request.workflow), request.name)),
    getApproval: unary((request) => engine.approval(refOf(request.workflow))),
  };
}

function refOf(ref: WorkflowRef | undefined): Ref {
  if (ref === undefined) throw new HoldfastError("INVALID_ARGUMENT", "workflow: names no workflow; give its ID, or its key and namespace");
  return ref;
}

/** What Submit would get; throws INVALID_ARGUMENT where there is nothing. */
export function submissionOf(submission: SubmitRequest | undefined): SubmitRequest {
  if (submission === undefined) throw new HoldfastError("INVALID_ARGUMENT", "submission: is missing; give what Submit would get");
  return submission;
}
