// PolicyService over the engine: what is in force, what it would say, and what it would have said.
// 1. Nothing here changes anything. A replay ends when its client goes away.

import type { ServiceImpl } from "@connectrpc/connect";
import type { EngineFace } from "../engine/face.ts";
import type { PolicyService } from "../gen/holdfast/v1/policy_service_pb.ts";
import type { Answers } from "./answer.ts";
import { principalOf } from "./call-gate.ts";
import { submissionOf } from "./workflow-handlers.ts";

/** The service's methods. */
export function createPolicyHandlers(engine: EngineFace, { unary, stream }: Answers): ServiceImpl<typeof PolicyService> {
  return {
    listPolicies: unary(() => engine.policies()),
    explain: unary((request, context) => engine.explain(principalOf(context), submissionOf(request.submission))),
    replay: stream((request, { signal }) => engine.replay(request, signal)),
  };
}
