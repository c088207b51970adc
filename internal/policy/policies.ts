// The Policies port: versions in force and pinned, asked at every gate. A thin shell around the pure judges.
// 1. Without a directory the built-in default allows everything; what was pinned under earlier policies is asked all the same.
// 2. What a workflow is asked by is put together once for each revision, and remembered with the workflow.

import { create } from "@bufbuild/protobuf";
import { HoldfastError } from "../base/errors.ts";
import type { ErrorDetail } from "../base/errors.ts";
import { EXPR_COST_LOOP_MAX, GATE_COST_LOOP_MAX, POLICY_POLL_MS } from "../base/limits.ts";
import type {
  Clock,
  GateQuestion,
  Inventory,
  Judgement,
  Person,
  Policies,
  PolicyVersion,
  TaskJudgement,
  TaskQuestion,
} from "../engine/ports.ts";
import type { WorkflowSubmitted } from "../gen/holdfast/v1/event_pb.ts";
import { Gate } from "../gen/holdfast/v1/policy_pb.ts";
import type { PolicyPin } from "../gen/holdfast/v1/policy_pb.ts";
import { PolicyInfoSchema } from "../gen/holdfast/v1/policy_service_pb.ts";
import type { PolicyInfo, RuleExplanation } from "../gen/holdfast/v1/policy_service_pb.ts";
import { budgetOf } from "./asking.ts";
import { explainRules } from "./explanation.ts";
import { verdictOf } from "./finding.ts";
import { liveFleet } from "./fleet-counts.ts";
import type { FleetCounts } from "./fleet-counts.ts";
import { judgeGate, rulesAt } from "./gate-judge.ts";
import type { GateAnswer } from "./gate-judge.ts";
import { PolicyBook } from "./policy-book.ts";
import { PolicyDirectory, readSource, withoutDoubles } from "./policy-directory.ts";
import type { PolicyReading } from "./policy-directory.ts";
import { matchAll, policySet } from "./policy-set.ts";
import type { PolicySet } from "./policy-set.ts";
import { TaskJudge } from "./task-judge.ts";
import { workflowView } from "./workflow-view.ts";
import type { WorkflowView } from "./workflow-view.ts";

/** What policies need to know. */
export interface PoliciesOptions {
  /** Where the files are; undefined: the built-in default. */
  readonly directory: string | undefined;
  readonly clock: Clock;
  readonly inventory: Inventory;
  /** Hears of every change, good or bad. */
  readonly log: (line: string) => void;
  /** Judges a gate elsewhere, such as off the event loop; unless given, here. */
  readonly judge?: GateJudge;
}

/** Judges a gate over plain data. */
export type GateJudge = (set: PolicySet, question: GateQuestion, fleet: () => FleetCounts) => Promise<GateAnswer>;

/** Policies that look after their directory until they are closed. */
export interface OpenPolicies extends Policies {
  /** Ends the looking. */
  close(): void;
}

/** What is remembered of a workflow. */
interface Remembered {
  readonly revision: number;
  readonly epoch: number;
  /** What was pinned when it was put together. */
  readonly pins: readonly PolicyPin[];
  /** Made when a rule is asked for the first time: most workflows of a service without rules never need it. */
  readonly view: () => WorkflowView;
  readonly set: PolicySet;
  tasks: TaskJudge | undefined;
}

/** Opens the policies of a directory. Broken files are no error here: what runs needs their last good versions. */
export function createPolicies(options: PoliciesOptions): OpenPolicies {
  const { directory, clock, inventory, log, judge } = options;
  const book = new PolicyBook(directory !== undefined);
  const policies = new BookPolicies(book, { fleet: liveFleet(inventory), judge: judge ?? judgeHere, arePinsAsked: true });
  if (directory === undefined) return policies;
  const files = new PolicyDirectory(directory);
  const listing = files.read();
  if (listing.fault !== "") throw new HoldfastError("INVALID_ARGUMENT", listing.fault);
  book.take(listing);
  policies.say(log);
  policies.poll(clock, () => {
    if (!book.take(files.read())) return;
    policies.say(log);
    policies.tell();
  });
  return policies;
}

/** Policies of these sources, for ever; throws INVALID_ARGUMENT with all faults of all of them. */
export function fixedPolicies(
  sources: readonly PolicyFile[],
  context: { readonly fleet: () => FleetCounts; readonly judge?: GateJudge },
): Policies {
  const book = new PolicyBook(true);
  book.take({ readings: readWhole(sources), fault: "" });
  return new BookPolicies(book, { fleet: context.fleet, judge: context.judge ?? judgeHere, arePinsAsked: false });
}

/** A policy file by its name and text. */
export interface PolicyFile {
  readonly file: string;
  readonly source: string;
}

/** On the event loop, within its budgets. */
const judgeHere: GateJudge = async (set, question, fleet) =>
  judgeGate(set, question, { fleet, budget: budgetOf({ exprCostMax: EXPR_COST_LOOP_MAX, gateCostMax: GATE_COST_LOOP_MAX }) });

class BookPolicies implements OpenPolicies {
  readonly #book: PolicyBook;
  readonly #fleet: () => FleetCounts;
  readonly #judge: GateJudge;
  readonly #arePinsAsked: boolean;
  readonly #callbacks = new Set<() => void>();
  readonly #remembered = new WeakMap<WorkflowSubmitted, Remembered>();
  /** Moves when versions became known, which changes what a pin means. */
  #epoch = 0;
  #cancelPoll = (): void => undefined;

  constructor(
    book: PolicyBook,
    { fleet, judge, arePinsAsked }: { readonly fleet: () => FleetCounts; readonly judge: GateJudge; readonly arePinsAsked: boolean },
  ) {
    this.#book = book;
    this.#fleet = fleet;
    this.#judge = judge;
    this.#arePinsAsked = arePinsAsked;
  }

  get revision(): number {
    return this.#book.revision;
  }

  inForce(): readonly PolicyVersion[] {
    return this.#book.inForce.versions.map(({ name, digest, file, source }) => ({ name, digest, file, source }));
  }

  restore(versions: readonly PolicyVersion[]): void {
    this.#epoch++;
    if (this.#book.restore(versions)) this.tell();
  }

  isGated(submitted: WorkflowSubmitted, gate: Gate): boolean {
    const { set } = this.#about(submitted);
    const isNewWork = gate === Gate.SUBMIT || gate === Gate.EXEC;
    if (set.pinned.some(({ policy }) => policy === undefined) || (isNewWork && set.isConfigured)) return true;
    return set.all.some((policy) => rulesAt(policy, gate).length > 0 || (gate === Gate.TASK && policy.limits.length > 0));
  }

  async judge(question: GateQuestion): Promise<Judgement> {
    const { revision } = this.#book;
    const answer = await this.#judge(this.#about(question.submitted).set, question, this.#fleet);
    return { verdict: verdictOf(answer), reads: answer.readings, isTimeBound: answer.isTimeBound, revision };
  }

  judgeTask(question: TaskQuestion): TaskJudgement {
    const about = this.#about(question.submitted);
    about.tasks ??= this.#taskJudge(about, question.submitter);
    return about.tasks.judge(question);
  }

  explain(question: GateQuestion | TaskQuestion): readonly RuleExplanation[] {
    const { set, view } = this.#about(question.submitted);
    return explainRules(set, question, { view: view(), fleet: this.#fleet });
  }

  list(): readonly PolicyInfo[] {
    return this.#book.readings.map((reading) => infoOf(reading, this.#book));
  }

  withCandidates(sources: readonly PolicyFile[]): Policies {
    return fixedPolicies(sources, { fleet: this.#fleet, judge: this.#judge });
  }

  onChange(callback: () => void): () => void {
    this.#callbacks.add(callback);
    return () => void this.#callbacks.delete(callback);
  }

  close(): void {
    this.#cancelPoll();
  }

  poll(clock: Clock, look: () => void): void {
    this.#cancelPoll = clock.after(POLICY_POLL_MS, () => {
      look();
      this.poll(clock, look);
    });
  }

  tell(): void {
    for (const callback of this.#callbacks) callback();
  }

  say(log: (line: string) => void): void {
    const { versions, broken } = this.#book.inForce;
    log(`policies: ${versions.length} in force${versions.length === 0 ? "; every Submit is refused, for none matches" : ""}`);
    for (const { file, fault, lastGood } of broken) {
      const serves =
        lastGood === undefined
          ? "every Submit is refused until it is mended"
          : "its last good version serves what runs, new work is refused";
      log(`policy file ${file} is broken; ${serves}:\n${fault}`);
    }
  }

  #about(submitted: WorkflowSubmitted): Remembered {
    const known = this.#remembered.get(submitted);
    const { revision } = this.#book;
    if (known !== undefined && known.revision === revision && known.epoch === this.#epoch && isSamePins(known.pins, submitted.policies))
      return known;
    const pinned = this.#arePinsAsked ? submitted.policies.map((pin) => this.#book.pinned(pin)) : [];
    const set = policySet(this.#book.inForce, pinned);
    const pins = [...submitted.policies];
    const about = { revision, epoch: this.#epoch, pins, view: known?.view ?? viewOnce(submitted), set, tasks: undefined };
    this.#remembered.set(submitted, about);
    return about;
  }

  #taskJudge({ view: viewOf, set }: Remembered, submitter: Person): TaskJudge {
    const view = viewOf();
    const budget = budgetOf({ exprCostMax: EXPR_COST_LOOP_MAX, gateCostMax: GATE_COST_LOOP_MAX });
    return new TaskJudge(set, { view, matching: matchAll(set, view, { submitter, budget }), fleet: this.#fleet });
  }
}

function viewOnce(submitted: WorkflowSubmitted): () => WorkflowView {
  let view: WorkflowView | undefined;
  return () => (view ??= workflowView(submitted));
}

function readWhole(sources: readonly PolicyFile[]): readonly PolicyReading[] {
  const readings = withoutDoubles(sources.map(({ file, source }) => readSource(file, source)));
  const faults = readings.filter(({ fault }) => fault !== "");
  if (faults.length === 0) return readings;
  const details = faults.map(({ file, fault }): ErrorDetail => ({ place: file, reason: fault }));
  throw new HoldfastError("INVALID_ARGUMENT", faults.map(({ fault }) => fault).join("\n"), { details });
}

/** A workflow is asked about before its pins are written down. */
function isSamePins(left: readonly PolicyPin[], right: readonly PolicyPin[]): boolean {
  return left.length === right.length && left.every((pin, index) => pin.digest === right[index]?.digest);
}

function infoOf({ file, policy, fault }: PolicyReading, book: PolicyBook): PolicyInfo {
  const serving = policy ?? book.servingOf(file);
  return create(PolicyInfoSchema, {
    ...(serving === undefined ? {} : { pin: { name: serving.name, digest: serving.digest } }),
    file,
    fault,
    rules: (serving?.rules ?? []).map(({ name }) => name),
    limits: (serving?.limits ?? []).map(({ name }) => name),
  });
}
