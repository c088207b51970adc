// A Retry as most tests ask for it: of all that may be tried again.

import { create } from "@bufbuild/protobuf";
import type { Ref } from "../../internal/engine/face.ts";
import type { RetryRequest } from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { RetryRequestSchema } from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";

/** The request; without a digest none is checked. */
export function retryOf(workflow: Ref, reason: string, digest = ""): RetryRequest {
  return create(RetryRequestSchema, { workflow: { ...workflow }, reason, digest });
}
