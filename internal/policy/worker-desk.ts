// The worker's side: holds what it was sent, judges and chooses. Pure but for what it holds; cmd/holdfastd/judge-worker.ts ties it to the thread.
// 1. It knows no ledger: counts come with the question, and those that were missing go back with the answer.
// 2. What cannot be is a bug and ends the thread; what is an expected error is an answer.

import { fromBinary } from "@bufbuild/protobuf";
import { assert, assertNever, present } from "../base/assert.ts";
import { HoldfastError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { MESSAGE_DEPTH_MAX } from "../base/message-depth.ts";
import type { GateQuestion, LedgerReader, LedgerReading } from "../engine/ports.ts";
import { WorkflowSubmittedSchema } from "../gen/holdfast/v1/event_pb.ts";
import type { WorkflowSubmitted } from "../gen/holdfast/v1/event_pb.ts";
import { WorkflowDefinitionSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import type { Param, Target, TargetSelector } from "../gen/holdfast/v1/workflow_pb.ts";
import { budgetOf } from "./asking.ts";
import { countFleet } from "./fleet-counts.ts";
import type { FleetCounts } from "./fleet-counts.ts";
import { judgeGate } from "./gate-judge.ts";
import { readSource } from "./policy-directory.ts";
import { policySet } from "./policy-set.ts";
import type { PolicySet } from "./policy-set.ts";
import type { CompiledPolicy } from "./policy.ts";
import { dimensionText, dimensionValue } from "./question-scope.ts";
import type {
  Bytes,
  ChooseMessage,
  FleetMessage,
  FromWorker,
  HeldKey,
  HeldTargets,
  JudgeMessage,
  LedgerQuestion,
} from "./worker-message.ts";
import type { SetMessage, ToWorker } from "./worker-message.ts";
import { itemsAt, positionsIn, unpackTargets } from "./worker-packing.ts";
import { workflowView } from "./workflow-view.ts";
import type { WorkflowView } from "./workflow-view.ts";

/** As selectTargets of workflow/targets.ts. */
export type SelectTargets = (
  selector: TargetSelector,
  selection: {
    readonly known: readonly Target[];
    readonly params: JsonObject;
    readonly declared: Readonly<Record<string, Param>>;
    readonly expected: readonly number[];
  },
) => readonly Target[];

interface HeldWorkflow {
  readonly submitted: WorkflowSubmitted;
  readonly view: WorkflowView;
}

interface HeldList {
  readonly targets: Target[];
  counts: FleetCounts | undefined;
}

/** Answers what the event loop asks. */
export class WorkerDesk {
  readonly #select: SelectTargets;
  readonly #lists = new Map<HeldKey, HeldList>();
  readonly #workflows = new Map<HeldKey, HeldWorkflow>();
  readonly #policies = new Map<HeldKey, CompiledPolicy>();

  constructor(select: SelectTargets) {
    this.#select = select;
  }

  /** Takes a message; questions have an answer. */
  take(message: ToWorker): FromWorker | undefined {
    switch (message.kind) {
      case "list":
        this.#hold(message.key, message.bytes);
        return undefined;
      case "workflow":
        this.#workflows.set(message.key, this.#workflow(message));
        return undefined;
      case "policy":
        this.#policies.set(message.key, compiled(message));
        return undefined;
      case "forget":
        for (const held of [this.#lists, this.#workflows, this.#policies]) held.delete(message.key);
        return undefined;
      case "judge":
        return this.#judge(message);
      case "choose":
        return this.#choose(message);
      default:
        return assertNever(message);
    }
  }

  #hold(key: HeldKey, bytes: Bytes): void {
    const held = this.#lists.get(key) ?? { targets: [], counts: undefined };
    this.#lists.set(key, held);
    for (const target of unpackTargets(bytes)) held.targets.push(target);
  }

  #workflow({ submitted: bytes, targets }: { readonly submitted: Bytes; readonly targets: HeldTargets }): HeldWorkflow {
    const submitted = fromBinary(WorkflowSubmittedSchema, bytes, { recursionLimit: MESSAGE_DEPTH_MAX });
    submitted.targets = [...this.#targets(targets)];
    return { submitted, view: workflowView(submitted) };
  }

  #targets({ list, positions }: HeldTargets): readonly Target[] {
    const { targets } = this.#list(list);
    return positions === undefined ? targets : itemsAt(targets, positions);
  }

  #list(key: HeldKey): HeldList {
    return present(this.#lists.get(key), "a list that is asked about is held");
  }

  #judge(message: JudgeMessage): FromWorker {
    const { submitted, view } = present(this.#workflows.get(message.workflow), "a workflow that is judged is held");
    const { gate, stage, wave, nowMs, submitter, approvals, exprCostMax, gateCostMax } = message;
    const ledger = new GivenLedger(message.counts);
    const place = { ...(stage === undefined ? {} : { stage }), ...(wave === undefined ? {} : { wave }) };
    const targets = this.#gateTargets(message, submitted);
    const question: GateQuestion = { gate, submitted, submitter, nowMs, ledger, approvals, targets, ...place };
    const set = this.#set(message.set);
    const fleet = (): FleetCounts => this.#fleet(message.fleet);
    const answer = judgeGate(set, question, { fleet, budget: budgetOf({ exprCostMax, gateCostMax }), view });
    const current = answer.current.map(({ name, digest }) => ({ name, digest }));
    return { kind: "judged", answer: { ...answer, current }, asked: ledger.asked };
  }

  #gateTargets({ targets }: JudgeMessage, submitted: WorkflowSubmitted): readonly Target[] {
    if (targets === undefined) return submitted.targets;
    return targets instanceof Uint32Array ? itemsAt(submitted.targets, targets) : this.#targets(targets);
  }

  #set({ isConfigured, versions, broken, pinned }: SetMessage): PolicySet {
    const policyOf = (key: HeldKey): CompiledPolicy => present(this.#policies.get(key), "a version that is asked is held");
    const versionOf = (key: HeldKey | undefined): CompiledPolicy | undefined => (key === undefined ? undefined : policyOf(key));
    const inForce = {
      isConfigured,
      versions: versions.map(policyOf),
      broken: broken.map(({ file, fault, lastGood }) => ({ file, fault, lastGood: versionOf(lastGood) })),
    };
    return policySet(
      inForce,
      pinned.map(({ name, digest, reason, policy }) => ({ name, digest, reason, policy: versionOf(policy) })),
    );
  }

  #fleet(message: FleetMessage): FleetCounts {
    if (message.kind === "broken") throw new HoldfastError(message.code, message.message);
    assert(message.kind === "held", "a fleet that is counted was sent");
    const held = this.#list(message.list);
    held.counts ??= countFleet(held.targets);
    return held.counts;
  }

  #choose({ list, definition: bytes, params, expected }: ChooseMessage): FromWorker {
    const { targets: known } = this.#list(list);
    const { targets: selector, params: declared } = fromBinary(WorkflowDefinitionSchema, bytes, { recursionLimit: MESSAGE_DEPTH_MAX });
    try {
      const chosen = this.#select(present(selector, "a choice has a selector"), { known, params, declared, expected });
      return { kind: "chosen", positions: present(positionsIn(known, chosen), "what is chosen stands in the inventory") };
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      const { code, message, details } = error;
      return { kind: "refused", code, message, details };
    }
  }
}

/** The counts that came with a question; any other one is noted, and is 0 until it is known. */
class GivenLedger implements LedgerReader {
  readonly #counts: ReadonlyMap<string, LedgerReading>;
  readonly #asked = new Map<string, LedgerQuestion>();

  constructor(counts: readonly LedgerReading[]) {
    this.#counts = new Map(counts.map((reading) => [ledgerKey(reading), reading] as const));
  }

  get asked(): readonly LedgerQuestion[] {
    return [...this.#asked.values()];
  }

  touched(window: LedgerReading["window"], dimension: LedgerReading["dimension"]): { readonly count: number; readonly version: number } {
    const question = { window, dimension };
    const key = ledgerKey(question);
    const known = this.#counts.get(key);
    if (known !== undefined) return known;
    this.#asked.set(key, question);
    return { count: 0, version: 0 };
  }
}

function ledgerKey({ window, dimension }: LedgerQuestion): string {
  return `${window} ${dimensionText(dimension)} ${dimensionValue(dimension)}`;
}

function compiled({ file, source }: { readonly file: string; readonly source: string }): CompiledPolicy {
  const { policy, fault } = readSource(file, source);
  return present(policy, `a version that was compiled on the loop compiles again: ${fault}`);
}
