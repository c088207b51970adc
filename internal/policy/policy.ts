// A compiled policy: one version of one file, ready to be asked. Plain data and programs; nothing here does anything.
// 1. A version never changes: its digest is that of its source.

import type { JsonObject, JsonValue } from "../base/json.ts";
import type { Program } from "../expr/program.ts";
import type { Enforcement, Gate } from "../gen/holdfast/v1/policy_pb.ts";

/** What holds a rule. */
export interface CompiledRule {
  readonly name: string;
  readonly gates: ReadonlySet<Gate>;
  readonly enforcement: Enforcement;
  /** Whose approval satisfies it, and of how many; only for `approve`. */
  readonly role: string;
  readonly count: number;
  /** How long an approval counts; Infinity: until the workflow ends. */
  readonly lastsMs: number;
  readonly needsReason: boolean;
  readonly expr: Program;
  readonly message: Program;
  /** `FILE:LINE:COLUMN`, for messages. */
  readonly place: string;
  /** True when it names only what one action of one workflow keeps for life. */
  readonly isLasting: boolean;
  /** True when it reads `now` or the ledger. */
  readonly isTimeBound: boolean;
}

/** A limit's terms; what a task asks of the guard. */
export interface LimitTerms {
  readonly concurrency: number | undefined;
  readonly intervalMs: number;
  readonly burst: number;
  readonly spacingMs: number;
  readonly knownMs: number;
}

/** A limit: for which tasks, under which key. */
export interface CompiledLimit {
  readonly name: string;
  readonly match: Program;
  readonly key: Program;
  readonly each: Program | undefined;
  readonly terms: LimitTerms;
  readonly place: string;
  /** True when match, key and each do not name the target. */
  readonly isLasting: boolean;
}

/** One version of one policy. */
export interface CompiledPolicy {
  readonly name: string;
  readonly digest: string;
  readonly file: string;
  readonly source: string;
  readonly description: string;
  readonly match: Program;
  readonly matchPlace: string;
  readonly params: JsonObject;
  readonly rules: readonly CompiledRule[];
  readonly limits: readonly CompiledLimit[];
  readonly tests: readonly PolicyTest[];
}

/** A target of a test's fleet. */
export interface TestTarget {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What a test expects: rule names by what follows from them; undefined: not looked at. */
export interface TestExpectation {
  readonly isNoMatch: boolean;
  readonly broken: Readonly<Record<"deny" | "wait" | "approve", readonly string[]>>;
  readonly told: Readonly<Partial<Record<"warn" | "audit", readonly string[]>>>;
  readonly limits: readonly string[] | undefined;
}

/** One test of a policy file. */
export interface PolicyTest {
  readonly name: string;
  readonly place: string;
  /** Where the workflow stands in the file: `tests[0].workflow`. */
  readonly workflowPath: string;
  readonly workflow: JsonValue;
  readonly params: JsonObject;
  readonly annotations: Readonly<Record<string, string>>;
  readonly effects: Readonly<Record<string, "none" | "idempotent" | "unsafe">>;
  readonly namespace: string;
  readonly key: string;
  readonly isPlan: boolean;
  readonly fleet: readonly TestTarget[];
  readonly principal: TestPerson;
  readonly approvals: readonly TestApproval[];
  /** Counts by `1h label:site=ams`. */
  readonly ledger: ReadonlyMap<string, number>;
  readonly nowMs: number;
  /** Undefined: all gates that the workflow would pass, one after the other. */
  readonly gate: Gate | undefined;
  readonly stage: string | undefined;
  readonly wave: number;
  readonly action: string | undefined;
  readonly target: string | undefined;
  /** The names of the gate's targets; undefined: those that the gate would have. */
  readonly targets: readonly string[] | undefined;
  readonly expect: TestExpectation;
}

/** Somebody's approval in a test: so long before its `now`, with a reason or without. */
export interface TestApproval extends TestPerson {
  readonly agoMs: number;
  readonly hasReason: boolean;
}

/** Somebody in a test. */
export interface TestPerson {
  readonly name: string;
  readonly roles: readonly string[];
}
