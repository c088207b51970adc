// Calls about the guard: freeze and thaw, and what it holds.
// 1. A freeze is answered once it is on disk and every open workflow that it stops has taken note on disk: the answer is the proof (H3).

import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { HoldfastError } from "../base/errors.ts";
import { GUARD_ROWS_LISTED_MAX } from "../base/limits.ts";
import {
  FreezeResponseSchema,
  GetFreezesResponseSchema,
  LimitSchema,
  ListLimitsResponseSchema,
  ListLocksResponseSchema,
  LockSchema,
  ThawResponseSchema,
} from "../gen/holdfast/v1/guard_service_pb.ts";
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
import type { FreezeScope } from "../gen/holdfast/v1/policy_pb.ts";
import { liftFreezes, placeFreeze } from "../guard/freeze.ts";
import { guardWallMs } from "../guard/guard-time.ts";
import { listLimits } from "../guard/limits.ts";
import { listLocks } from "../guard/locks.ts";
import type { Principal } from "./face.ts";
import { freezeList, freezeProof, scopeText, stopText } from "./freeze-desk.ts";
import type { Registry } from "./registry.ts";

/** Answers calls about the guard. */
export class GuardCalls {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  async freeze(by: Principal, request: FreezeRequest): Promise<FreezeResponse> {
    const { mode, reason } = request;
    const scope = required(request.scope);
    this.#registry.checkGuard();
    let id = "";
    await this.#registry.moveGuard((nowMs) => {
      const placed = placeFreeze(this.#registry.guard, { scope, mode, reason, by: by.name }, nowMs);
      id = placed.id;
      return placed.events;
    });
    await this.#registry.lookAgain(this.#registry.runtimes());
    return create(FreezeResponseSchema, { id, proof: this.#proof() });
  }

  async thaw(by: Principal, request: ThawRequest): Promise<ThawResponse> {
    this.#registry.checkGuard();
    const stopped = stopText(this.#registry.stop());
    if (stopped !== undefined) throw new HoldfastError("FAILED_PRECONDITION", `${stopped}, then thaw`);
    const match = request.id === "" ? { scope: required(request.scope) } : { id: request.id };
    const why = { by: by.name, reason: request.reason };
    let ids: readonly string[] = [];
    await this.#registry.moveGuard((nowMs) => {
      const lifted = liftFreezes(this.#registry.guard, match, why, nowMs);
      ids = lifted.ids;
      return lifted.events;
    });
    if (ids.length === 0) throw new HoldfastError("NOT_FOUND", notFrozen(request));
    await this.#registry.lookAgain(this.#registry.runtimes());
    return create(ThawResponseSchema, { ids: [...ids], left: freezeList(this.#registry.guard, this.#registry.stop()) });
  }

  async freezes(): Promise<GetFreezesResponse> {
    const proof = this.#proof();
    await this.#registry.moveGuard(() => []);
    await Promise.all(this.#registry.runtimes().map((runtime) => runtime.durable()));
    return create(GetFreezesResponseSchema, { proof });
  }

  async locks({ prefix }: ListLocksRequest): Promise<ListLocksResponse> {
    const { locks, count } = listLocks(this.#registry.guard, prefix, GUARD_ROWS_LISTED_MAX);
    return create(ListLocksResponseSchema, {
      locks: locks.map((lock) => create(LockSchema, { ...lock, waiting: [...lock.waiting] })),
      count,
    });
  }

  async limits({ prefix }: ListLimitsRequest): Promise<ListLimitsResponse> {
    const { guard } = this.#registry;
    const { limits, count } = listLimits(guard, prefix, { max: GUARD_ROWS_LISTED_MAX, nowMs: this.#registry.guardMs() });
    const rows = limits.map(({ key, slots, nextAtMs, each, waiting }) => {
      const next = nextAtMs === undefined ? {} : { nextAt: timestampFromMs(guardWallMs(guard, nextAtMs)) };
      return create(LimitSchema, { key, slots, each: [...each], waiting: [...waiting], ...next });
    });
    return create(ListLimitsResponseSchema, { limits: rows, count });
  }

  #proof() {
    const states = this.#registry.runtimes().map((runtime) => runtime.state);
    return freezeProof({ guard: this.#registry.guard, stop: this.#registry.stop(), states });
  }
}

function required(scope: FreezeScope | undefined): FreezeScope {
  if (scope !== undefined) return scope;
  throw new HoldfastError("INVALID_ARGUMENT", "scope: it is missing; say what is meant, everything too");
}

function notFrozen({ id, scope }: ThawRequest): string {
  const what = id === "" && scope !== undefined ? `of ${scopeText(scope)}` : `"${id}"`;
  return `there is no freeze ${what}; "holdfast freeze --status" shows those in force`;
}
