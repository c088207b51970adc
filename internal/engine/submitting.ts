// Submit, from request to record: checked, targets chosen, judged, and only then written, in one append.
// 1. Whatever takes long comes first; from the last look at freezes, policies and the request's ID to the append nothing is awaited:
//    two Submits of one request cannot both pass, nor one pass a freeze.
// 2. The versions of the policies that it pins are recorded with the guard in the same batch (H7).

import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { HoldfastError } from "../base/errors.ts";
import { seq, timeMs } from "../base/ids.ts";
import { SUBMIT_JUDGEMENTS_MAX } from "../base/limits.ts";
import type { Mode, WorkflowSubmitted } from "../gen/holdfast/v1/event_pb.ts";
import { Decision, Gate, PolicyPinSchema } from "../gen/holdfast/v1/policy_pb.ts";
import type { Verdict } from "../gen/holdfast/v1/policy_pb.ts";
import type { Target } from "../gen/holdfast/v1/workflow_pb.ts";
import type { SubmitRequest, SubmitResponse } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { SubmitResponseSchema } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { recordPolicies } from "../guard/recorded-policies.ts";
import { foldFirst } from "../workflow/apply.ts";
import { caused } from "../workflow/events.ts";
import { ruleName } from "../workflow/outside-holds.ts";
import { scopeOf } from "../workflow/scope-of-work.ts";
import type { WorkflowState } from "../workflow/state.ts";
import { CheckedDefinitions } from "./checked-definitions.ts";
import type { DiskRoom } from "./disk-room.ts";
import type { Principal } from "./face.ts";
import { openedIndex } from "./index-change.ts";
import type { Registry } from "./registry.ts";
import { makeSubmission, normalRequest, requestDigest } from "./submission.ts";

/** What Submit needs to know of the service. */
export interface SubmittingOptions {
  readonly submitTtlMs: number;
  readonly diskRoom: DiskRoom;
}

/** Takes submissions. */
export class Submitting {
  readonly #registry: Registry;
  readonly #options: SubmittingOptions;
  readonly #checked = new CheckedDefinitions();

  constructor(registry: Registry, options: SubmittingOptions) {
    this.#registry = registry;
    this.#options = options;
  }

  async submit(by: Principal, asked: SubmitRequest, mode: Mode): Promise<SubmitResponse> {
    const request = normalRequest(asked);
    this.#registry.checkGuard();
    const repeated = await this.#repeated(request, mode);
    if (repeated !== undefined) return repeated;
    this.#refuseFrozen(request, []);
    await this.#options.diskRoom.check();
    const submitted = await this.draft(by, request, mode);
    const verdict = await this.#judge(by, submitted);
    // From here to the append nothing is awaited.
    const { journal } = this.#registry.ports;
    const isPending = !request.validateOnly && journal.findByRequest(request.namespace, request.requestId) !== undefined;
    return isPending ? this.submit(by, request, mode) : this.#record(by, { request, submitted, verdict });
  }

  /** The first event of the workflow that the request asks for; throws with all its faults. */
  draft(by: Principal, request: SubmitRequest, mode: Mode): Promise<WorkflowSubmitted> {
    const { clock, ids, inventory, actions, chooser, policies } = this.#registry.ports;
    const id = ids.workflowId(clock.nowMs());
    const { submitTtlMs } = this.#options;
    return makeSubmission(request, { id, mode, by, inventory, actions, checked: this.#checked, chooser, policies, clock, submitTtlMs });
  }

  /** The answer to a Submit that was made before; undefined: it is new. */
  async #repeated(request: SubmitRequest, mode: Mode): Promise<SubmitResponse | undefined> {
    if (request.validateOnly) return undefined;
    const { journal } = this.#registry.ports;
    const id = journal.findByRequest(request.namespace, request.requestId);
    if (id === undefined) return undefined;
    if (journal.record(id)?.requestDigest !== requestDigest(request, mode)) {
      const found = `request_id ${request.requestId} was used for workflow ${id} with other content`;
      throw new HoldfastError("ALREADY_EXISTS", `${found}; use a new request_id for other work`);
    }
    const state = await this.#registry.stateOf(id);
    await this.#registry.find(id)?.durable();
    return submitResponse(state);
  }

  /** Judges until the policies that judged are those in force; throws PERMISSION_DENIED. */
  async #judge(by: Principal, submitted: WorkflowSubmitted): Promise<Verdict | undefined> {
    const { policies } = this.#registry.ports;
    for (let tries = 0; tries < SUBMIT_JUDGEMENTS_MAX; tries++) {
      if (!policies.isGated(submitted, Gate.SUBMIT)) return undefined;
      const { targets } = submitted;
      const { verdict, revision } = await policies.judge({
        ...this.#registry.question(by, submitted, targets),
        gate: Gate.SUBMIT,
        targets,
      });
      if (revision !== policies.revision) {
        submitted.policies = policies.inForce().map(({ name, digest }) => create(PolicyPinSchema, { name, digest }));
        continue;
      }
      if (verdict.decision === Decision.DENY) throw denied(verdict, `workflow "${submitted.definition?.name ?? ""}"`);
      return verdict;
    }
    throw new HoldfastError("UNAVAILABLE", "the policies are being changed again and again; ask again when they have settled");
  }

  #refuseFrozen({ namespace, definition }: SubmitRequest, targets: readonly Target[]): void {
    this.#registry.refuseFrozen({ namespace, name: definition?.name ?? "", targets });
  }

  async #record(
    by: Principal,
    at: { readonly request: SubmitRequest; readonly submitted: WorkflowSubmitted; readonly verdict: Verdict | undefined },
  ): Promise<SubmitResponse> {
    const { request, submitted, verdict } = at;
    const { journal, clock, policies } = this.#registry.ports;
    const { guard } = this.#registry;
    this.#refuseFrozen(request, submitted.targets);
    const nowMs = timeMs(clock.nowMs());
    if (verdict !== undefined) submitted.verdict = verdict;
    const event = caused(by.name, "workflowSubmitted", submitted);
    const state = foldFirst(event, nowMs);
    this.#registry.checkRoom(state);
    if (request.validateOnly) return { ...submitResponse(state), id: "" };
    const moved = this.#registry.applyToGuard((atMs) => recordPolicies(guard, policies.inForce(), atMs));
    // crash: test/crash/every-append-memory.test.ts
    const appended = journal.append({
      id: state.blueprint.id,
      firstSeq: seq(1),
      ...moved,
      timeMs: nowMs,
      events: [event],
      details: [],
      index: openedIndex(state),
    });
    this.#registry.register(state, { seq: 0, after: appended });
    await appended;
    return submitResponse(state);
  }
}

/** The error of a verdict that says no: one detail for each rule. */
export function denied(verdict: Verdict, what: string): HoldfastError {
  const details = verdict.rules.map((rule) => ({ place: ruleName(rule), reason: rule.message }));
  const [first] = details;
  const more = details.length > 1 ? ` (and ${verdict.rulesBroken - 1} more)` : "";
  const found = first === undefined ? "a policy denies it" : `policy ${first.place}: ${first.reason}${more}`;
  return new HoldfastError("PERMISSION_DENIED", `${what} is denied by ${found}; "holdfast policy explain FILE" shows all`, { details });
}

function submitResponse(state: WorkflowState): SubmitResponse {
  const { submitted, blueprint } = state;
  return create(SubmitResponseSchema, {
    id: blueprint.id,
    digest: submitted.digest,
    scope: scopeOf(blueprint),
    expiresAt: timestampFromMs(state.expiresAtMs),
    policies: submitted.policies,
    ...(submitted.verdict === undefined ? {} : { verdict: submitted.verdict }),
  });
}
