// Calls about policies: which are in force, what they say of a submission now, and what an approver has to see.
// 1. They change nothing. What is explained goes through the very judge that gates ask.

import { create } from "@bufbuild/protobuf";
import { EXPLAINED_ACTIONS_MAX } from "../base/limits.ts";
import { Mode } from "../gen/holdfast/v1/event_pb.ts";
import type { WorkflowSubmitted } from "../gen/holdfast/v1/event_pb.ts";
import { Decision, Gate } from "../gen/holdfast/v1/policy_pb.ts";
import {
  ExplainResponseSchema,
  GateExplanationSchema,
  LimitExplanationSchema,
  ListPoliciesResponseSchema,
} from "../gen/holdfast/v1/policy_service_pb.ts";
import type { ExplainResponse, GateExplanation, ListPoliciesResponse } from "../gen/holdfast/v1/policy_service_pb.ts";
import type { SubmitRequest } from "../gen/holdfast/v1/workflow_service_pb.ts";
import type { LimitAsk } from "../guard/limits.ts";
import { foldFirst } from "../workflow/apply.ts";
import { caused } from "../workflow/events.ts";
import type { Blueprint, StagePlan } from "../workflow/blueprint.ts";
import type { Principal } from "./face.ts";
import type { GateQuestion, TaskQuestion } from "./ports.ts";
import type { Registry } from "./registry.ts";
import { normalRequest } from "./submission.ts";
import type { Submitting } from "./submitting.ts";

/** Answers calls about policies. */
export class PolicyCalls {
  readonly #registry: Registry;
  readonly #submitting: Submitting;

  constructor(registry: Registry, submitting: Submitting) {
    this.#registry = registry;
    this.#submitting = submitting;
  }

  async policies(): Promise<ListPoliciesResponse> {
    const policies = this.#registry.ports.policies.list();
    return create(ListPoliciesResponseSchema, { policies: [...policies], isDefault: policies.length === 0 });
  }

  async explain(by: Principal, asked: SubmitRequest): Promise<ExplainResponse> {
    const submitted = await this.#submitting.draft(by, normalRequest(asked), Mode.APPLY);
    const { blueprint } = foldFirst(caused(by.name, "workflowSubmitted", submitted), this.#registry.ports.clock.nowMs());
    const gates: GateExplanation[] = [];
    for (const gate of [Gate.SUBMIT, Gate.EXEC])
      gates.push(
        await this.#explainGate({ ...this.#registry.question(by, submitted, submitted.targets), gate, targets: submitted.targets }, ""),
      );
    for (const stage of blueprint.stages) gates.push(...(await this.#explainStage(by, { submitted, blueprint, stage })));
    return create(ExplainResponseSchema, { gates });
  }

  async #explainStage(
    by: Principal,
    at: { readonly submitted: WorkflowSubmitted; readonly blueprint: Blueprint; readonly stage: StagePlan },
  ): Promise<readonly GateExplanation[]> {
    const { submitted, blueprint, stage } = at;
    const gates: GateExplanation[] = [];
    const [wave] = stage.waves;
    const targets = wave === undefined ? [] : blueprint.targets.slice(wave.first, wave.first + wave.count);
    if (stage.isOverTargets)
      gates.push(
        await this.#explainGate(
          {
            ...this.#registry.question(by, submitted, targets),
            gate: Gate.WAVE,
            targets,
            stage: stage.index,
            wave: 0,
          },
          stage.name,
        ),
      );
    if (stage.list !== undefined)
      gates.push(
        await this.#explainGate(
          { ...this.#registry.question(by, submitted, []), gate: Gate.EXPAND, targets: [], stage: stage.index },
          stage.name,
        ),
      );
    const target = stage.isOverTargets ? targets[0] : undefined;
    for (const action of stage.actions.slice(0, EXPLAINED_ACTIONS_MAX)) {
      const question = this.#registry.question(by, submitted, target === undefined ? [] : [target]);
      gates.push(
        this.#explainTask({ ...question, stage: stage.index, action: action.index, target }, { stage: stage.name, action: action.name }),
      );
    }
    return gates;
  }

  async #explainGate(question: GateQuestion, stage: string): Promise<GateExplanation> {
    const { policies } = this.#registry.ports;
    const decision = policies.isGated(question.submitted, question.gate)
      ? (await policies.judge(question)).verdict.decision
      : Decision.ALLOW;
    return create(GateExplanationSchema, { gate: question.gate, stage, decision, rules: [...policies.explain(question)] });
  }

  #explainTask(question: TaskQuestion, names: { readonly stage: string; readonly action: string }): GateExplanation {
    const { policies } = this.#registry.ports;
    const { verdict, limits } = policies.judgeTask(question);
    return create(GateExplanationSchema, {
      gate: Gate.TASK,
      ...names,
      target: question.target?.name ?? "",
      decision: verdict.decision,
      rules: [...policies.explain(question)],
      limits: limits.map((limit) => create(LimitExplanationSchema, { key: limit.key, terms: limitTerms(limit) })),
    });
  }
}

/** A limit's terms for people: `5 at a time; 1 token each 3600 s, burst 1, for each "ams"`. */
function limitTerms({ concurrency, intervalMs, burst, spacingMs, each }: LimitAsk): string {
  const terms = [
    concurrency === undefined ? "" : `${concurrency} at a time`,
    intervalMs === 0
      ? ""
      : `1 token each ${intervalMs / 1_000} s, burst ${burst}${each === undefined ? "" : `, for each new value: "${each}"`}`,
    spacingMs === 0 ? "" : `${spacingMs / 1_000} s between two starts`,
  ];
  return terms.filter((term) => term !== "").join("; ");
}
