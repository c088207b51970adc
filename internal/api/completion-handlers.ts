// CompletionService over the engine: what holders of tokens say. No principal is asked for: the token says all.
// 1. An answer is given only after the engine's promise resolved, which is after the disk (H3).

import type { ServiceImpl } from "@connectrpc/connect";
import type { EngineFace } from "../engine/face.ts";
import type { CompletionService } from "../gen/holdfast/v1/completion_service_pb.ts";
import type { Answers } from "./answer.ts";

/** The service's methods. */
export function createCompletionHandlers(engine: EngineFace, { unary }: Answers): ServiceImpl<typeof CompletionService> {
  return {
    completeByToken: unary(async ({ token, data = {} }) => {
      await engine.completeByToken(token, { failed: false, reason: "", data });
      return {};
    }),
    failByToken: unary(async ({ token, reason }) => {
      await engine.completeByToken(token, { failed: true, reason, data: {} });
      return {};
    }),
  };
}
