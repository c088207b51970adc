// The seam to policies: who judges the scope of work, and what it may read. engine/ports.ts hands these on to adapters.
// 1. A judgement says what it read, so that the turn that takes it can tell whether it still holds.
// 2. judge() may take long and works off the event loop where the scope is large; judgeTask() is synchronous and cheap.

import type { TimeMs } from "../base/ids.ts";
import type { Gate, Verdict } from "../gen/holdfast/v1/policy_pb.ts";
import type { WorkflowSubmitted } from "../gen/holdfast/v1/event_pb.ts";
import type { PolicyInfo, RuleExplanation } from "../gen/holdfast/v1/policy_service_pb.ts";
import type { Target, TargetSelector } from "../gen/holdfast/v1/workflow_pb.ts";
import type { LimitAsk } from "../guard/limits.ts";
import type { Selection } from "../workflow/targets.ts";
import type { LedgerDimension, LedgerWindow } from "../guard/ledger.ts";

export type { LedgerDimension, LedgerWindow, LimitAsk };

/** One version of one policy file. */
export interface PolicyVersion {
  readonly name: string;
  /** `sha256:` and 64 hex digits, of the source. */
  readonly digest: string;
  /** The file's name within the directory. */
  readonly file: string;
  readonly source: string;
}

/** Somebody by name, with roles, sorted. */
export interface Person {
  readonly name: string;
  readonly roles: readonly string[];
}

/** One count of the ledger that a rule read. `version` moves whenever the count does. */
export interface LedgerCount {
  readonly count: number;
  readonly version: number;
}

/** Counts distinct targets that all workflows touched lately, without those that ask. */
export interface LedgerReader {
  touched(window: LedgerWindow, dimension: LedgerDimension): LedgerCount;
}

/** A read of the ledger, with the version that was found. */
export interface LedgerReading {
  readonly window: LedgerWindow;
  readonly dimension: LedgerDimension;
  readonly count: number;
  readonly version: number;
}

/** Somebody approved. */
export interface GivenApproval extends Person {
  readonly atMs: TimeMs;
  readonly hasReason: boolean;
}

/** What all gates ask about. */
export interface Question {
  readonly submitted: WorkflowSubmitted;
  /** Who submitted it. */
  readonly submitter: Person;
  readonly nowMs: TimeMs;
  readonly ledger: LedgerReader;
  /** Approvals of the workflow's digest, as they were given; the submitter's are not among them. */
  readonly approvals: readonly GivenApproval[];
}

/** May the workflow be submitted, be executed, grow, begin a wave? */
export interface GateQuestion extends Question {
  readonly gate: Gate;
  /** The stage's position, at the gates of a wave and of an expansion. */
  readonly stage?: number;
  /** The wave's position in the stage. */
  readonly wave?: number;
  readonly targets: readonly Target[];
}

/** May the task start? */
export interface TaskQuestion extends Question {
  /** Positions of the stage, and of the action in it. */
  readonly stage: number;
  readonly action: number;
  readonly target: Target | undefined;
}

/** What policies say at a gate. */
export interface Judgement {
  readonly verdict: Verdict;
  readonly reads: readonly LedgerReading[];
  /** True when a rule read `now`, or the ledger, whose windows slide: the mere passing of time may change the answer. */
  readonly isTimeBound: boolean;
  /** The revision of the policies that judged. */
  readonly revision: number;
}

/** What policies say of a task. */
export interface TaskJudgement {
  /** Its decision is ALLOW, or why not; rules that only warn or audit are in it. */
  readonly verdict: Verdict;
  /** How many rules allowed it. */
  readonly rulesAllowed: number;
  /** The limits that it takes when it starts, by distinct keys. Empty unless it is allowed. */
  readonly limits: readonly LimitAsk[];
  /** Steps of expressions that it took: a turn asks only for so many. */
  readonly cost: number;
}

/** Policies: the versions in force, and those that workflows were submitted under. */
export interface Policies {
  /** Moves with every reload that changed something. */
  readonly revision: number;
  /** The versions in force, which a Submit pins; empty: the built-in default. */
  inForce(): readonly PolicyVersion[];
  /** Makes versions known that are not in force any more; those of broken files also serve as their last good ones. */
  restore(versions: readonly PolicyVersion[]): void;
  /** True when some rule of the gate may be asked of the workflow, pinned or in force; false: the gate stands open. At the task gate limits count too. */
  isGated(submitted: WorkflowSubmitted, gate: Gate): boolean;
  /** Judges; fails closed: an expression that fails or costs too much denies, with the reason and the place. */
  judge(question: GateQuestion): Promise<Judgement>;
  /** Judges at the task gate, on the event loop. */
  judgeTask(question: TaskQuestion): TaskJudgement;
  /** What each rule says, also of policies that do not match. */
  explain(question: GateQuestion | TaskQuestion): readonly RuleExplanation[];
  /** The files and what is wrong with them. */
  list(): readonly PolicyInfo[];
  /** The same judge with other policies in force and none pinned: for trying policies against the past. Throws INVALID_ARGUMENT with all faults. */
  withCandidates(sources: readonly { readonly file: string; readonly source: string }[]): Policies;
  /** Calls back after a reload that changed something; returns the end of it. */
  onChange(callback: () => void): () => void;
}

/** Chooses targets of the inventory, off the event loop where there are many. */
export interface TargetChooser {
  /** As selectTargets of workflow/targets.ts, which says how targets are chosen and what is thrown. */
  choose(selector: TargetSelector, selection: Selection): Promise<readonly Target[]>;
}
