// Who may run at all: nothing of a workflow starts before enough people approved it, or while a policy denies it.
// 1. People count once, with the role, and never for what they submitted themselves; where approvals expire, by their last one, when a policy lets the work go on.

import type { Checker, Happened } from "./checker.ts";
import { askedPolicies } from "./checker.ts";
import { Decision, Gate } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import type { Model } from "./model.ts";
import type { PolicyTerms } from "./random-policies.ts";
import { must } from "./violation.ts";

interface Approval {
  readonly roles: readonly string[];
  readonly wallMs: number;
}

/** The checkers named approvals, denied. */
export class AdmissionChecker implements Checker {
  readonly #versions: ReadonlyMap<string, PolicyTerms>;
  /** By workflow: roles of each who approved, and when that was last. */
  readonly #approvals = new Map<string, Map<string, Approval>>();

  /** Workflows that policies let go on since they were submitted, retried, or began another generation. */
  readonly #admitted = new Set<string>();

  constructor(versions: ReadonlyMap<string, PolicyTerms>) {
    this.#versions = versions;
  }

  take(happened: Happened): void {
    const { model, event, stamp } = happened;
    const { kind, by } = event;
    switch (kind.case) {
      case "workflowSubmitted":
        must(!stamp.isPolicyBroken, "denied", () => `${model.id} was submitted under a policy that cannot be read`);
        return this.#checkDenied(model, askedPolicies(model, stamp, this.#versions));
      case "approvalGiven": {
        const people = this.#approvals.get(model.id) ?? new Map<string, Approval>();
        this.#approvals.set(model.id, people.set(by, { roles: kind.value.roles, wallMs: stamp.wallMs }));
        return;
      }
      case "verdictGiven": {
        if (kind.value.verdict?.gate !== Gate.EXEC || kind.value.verdict.decision !== Decision.ALLOW) return;
        this.#admitted.add(model.id);
        const asked = askedPolicies(model, stamp, this.#versions);
        this.#checkDenied(model, asked);
        return this.#checkApproved(model, asked, stamp.wallMs);
      }
      case "workflowRetried":
      case "continuedAsNew":
        this.#admitted.delete(model.id);
        return;
      case "stageStarted":
      case "attemptStarted":
      case "applyStarted": {
        const pinned = askedPolicies(model, { policy: undefined }, this.#versions);
        must(pinned.length === 0 || this.#admitted.has(model.id), "denied", () => `${model.id} goes on, and no policy let it`);
        this.#checkDenied(model, pinned);
        if (kind.case === "stageStarted") this.#checkList(model, kind.value.stage, askedPolicies(model, stamp, this.#versions));
        return this.#checkApproved(model, pinned);
      }
      default:
    }
  }

  #checkDenied(model: Model, asked: readonly PolicyTerms[]): void {
    const { name } = model.submitted.definition ?? { name: "" };
    must(!asked.some(({ denied }) => denied === name), "denied", () => `${model.id} goes on and is denied`);
  }

  /** A list of many items begins when somebody approved. */
  #checkList(model: Model, stage: number, asked: readonly PolicyTerms[]): void {
    const items = model.itemsOf(stage);
    if (items === undefined || model.isPlan || !asked.some(({ listMax }) => listMax !== undefined && items > listMax)) return;
    const people = [...(this.#approvals.get(model.id) ?? [])];
    const isApproved = people.some(([name, { roles }]) => name !== model.submittedBy && roles.includes("approver:sre"));
    must(isApproved, "approvals", () => `${model.id} goes through a list of ${items} items, and nobody approved it`);
  }

  /** At the verdict approvals must not have expired; what goes on after it needs them no more. */
  #checkApproved(model: Model, asked: readonly PolicyTerms[], wallMs = -Infinity): void {
    // A plan changes nothing, and is only warned.
    if (model.isPlan) return;
    for (const { approve } of asked) {
      if (approve === undefined || model.targets.length <= approve.aloneMax) continue;
      const people = [...(this.#approvals.get(model.id) ?? [])];
      const approving = people.filter(([name, { roles, wallMs: atMs }]) => {
        const endMs = atMs + (approve.expiresS ?? Infinity) * 1_000;
        return name !== model.submittedBy && roles.includes(`approver:${approve.role}`) && endMs > wallMs;
      });
      const text = (): string => `${model.id} goes on with ${approving.length} approvals of ${approve.role}, ${approve.count} are needed`;
      must(approving.length >= approve.count, "approvals", text);
    }
  }
}
