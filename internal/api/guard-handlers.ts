// GuardService over the engine: the emergency stop, and what the guard holds.
// 1. A freeze is answered when it is on disk and every workflow that it is about has taken note of it.

import type { ServiceImpl } from "@connectrpc/connect";
import type { EngineFace } from "../engine/face.ts";
import type { GuardService } from "../gen/holdfast/v1/guard_service_pb.ts";
import type { Answers } from "./answer.ts";
import { principalOf } from "./call-gate.ts";

/** The service's methods. */
export function createGuardHandlers(engine: EngineFace, { unary }: Answers): ServiceImpl<typeof GuardService> {
  return {
    freeze: unary((request, context) => engine.freeze(principalOf(context), request)),
    thaw: unary((request, context) => engine.thaw(principalOf(context), request)),
    getFreezes: unary(() => engine.freezes()),
    listLocks: unary((request) => engine.locks(request)),
    listLimits: unary((request) => engine.limits(request)),
  };
}
