// A GuardService in memory: freezes that come and go, and attempts that end one with each look.
// 1. The same scope and mode frozen again is the same freeze.

import { create, equals } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { ServiceImpl } from "@connectrpc/connect";
import type { FreezeSchema, FrozenTaskSchema, LimitSchema, LockSchema } from "../../internal/gen/holdfast/v1/guard_service_pb.ts";
import type { FreezeRequest, GuardService, ThawRequest } from "../../internal/gen/holdfast/v1/guard_service_pb.ts";
import { FreezeScopeSchema } from "../../internal/gen/holdfast/v1/policy_pb.ts";

/** The guard's memory. */
export class FakeGuard implements ServiceImpl<typeof GuardService> {
  freezes: MessageInitShape<typeof FreezeSchema>[] = [];
  /** Workflows that take note of a freeze. */
  acknowledged: string[] = [];
  /** Frozen attempts that have changed nothing yet. */
  inFlightTasks: MessageInitShape<typeof FrozenTaskSchema>[] = [];
  /** Frozen attempts that are changing something; each look at the freezes ends the first of them. */
  pastReturnTasks: MessageInitShape<typeof FrozenTaskSchema>[] = [];
  held: MessageInitShape<typeof LockSchema>[] = [];
  used: MessageInitShape<typeof LimitSchema>[] = [];
  /** True: `thaw` is refused, as while the file FREEZE is there. */
  hasFile = false;
  /** What the next freezes are refused with. */
  refusal: ConnectError | undefined;
  #count = 0;

  freeze(request: FreezeRequest) {
    if (this.refusal !== undefined) throw this.refusal;
    const { scope, mode, reason } = request;
    const same = this.freezes.find((freeze) => isSame(freeze.scope, scope) && freeze.mode === mode);
    if (same !== undefined) return { id: same.id ?? "", proof: this.#proof() };
    const freeze = { id: `f${++this.#count}`, mode, reason, by: "ann", ...(scope === undefined ? {} : { scope }) };
    this.freezes.push(freeze);
    return { id: freeze.id, proof: this.#proof() };
  }

  thaw({ id, scope }: ThawRequest) {
    if (this.hasFile) throw new ConnectError("the file /data/FREEZE is there; remove it first", Code.FailedPrecondition);
    const lifted = this.freezes.filter((freeze) => (id === "" ? isSame(freeze.scope, scope) : freeze.id === id));
    if (lifted.length === 0) throw new ConnectError("there is no such freeze", Code.NotFound);
    this.freezes = this.freezes.filter((freeze) => !lifted.includes(freeze));
    return { ids: lifted.map((freeze) => freeze.id ?? ""), left: this.freezes };
  }

  getFreezes() {
    const proof = this.#proof();
    this.pastReturnTasks.shift();
    return { proof };
  }

  listLocks({ prefix }: { prefix: string }) {
    const locks = this.held.filter(({ key = "" }) => key.startsWith(prefix));
    return { locks, count: locks.length };
  }

  listLimits({ prefix }: { prefix: string }) {
    const limits = this.used.filter(({ key = "" }) => key.startsWith(prefix));
    return { limits, count: limits.length };
  }

  #proof() {
    const { freezes, acknowledged, inFlightTasks: inFlight, pastReturnTasks } = this;
    if (freezes.length === 0) return {};
    return {
      freezes: [...freezes],
      acknowledged: [...acknowledged],
      acknowledgedCount: acknowledged.length,
      inFlight: [...inFlight],
      inFlightCount: inFlight.length,
      pastReturn: [...pastReturnTasks],
      pastReturnCount: pastReturnTasks.length,
    };
  }
}

type Scope = MessageInitShape<typeof FreezeScopeSchema> | undefined;

function isSame(left: Scope, right: Scope): boolean {
  return equals(FreezeScopeSchema, create(FreezeScopeSchema, left), create(FreezeScopeSchema, right));
}
