// The versions that a workflow is asked by: those pinned at its Submit and those in force, each once; and which of them match it.
// 1. Both must allow: an edit can only tighten what runs. A policy that was deleted is in force no more, but what it pinned stays.
// 2. A pinned version that nobody knows any more denies.

import type { Person } from "../engine/ports.ts";
import { askBoolean } from "./asking.ts";
import type { Budget } from "./asking.ts";
import { denial } from "./finding.ts";
import type { Finding } from "./finding.ts";
import type { CompiledPolicy } from "./policy.ts";
import { lastingScope } from "./question-scope.ts";
import type { WorkflowView } from "./workflow-view.ts";

/** A file that cannot be used as it stands now. */
export interface BrokenFile {
  readonly file: string;
  /** What is wrong, with places. */
  readonly fault: string;
  /** The version that serves what runs; undefined: there never was one. */
  readonly lastGood: CompiledPolicy | undefined;
}

/** What is in force, at one revision. */
export interface PoliciesInForce {
  /** False: no directory was given, and the built-in default allows. */
  readonly isConfigured: boolean;
  readonly versions: readonly CompiledPolicy[];
  readonly broken: readonly BrokenFile[];
}

/** A version that a workflow was submitted under. */
export interface PinnedVersion {
  readonly name: string;
  readonly digest: string;
  /** Undefined: nobody knows it any more. */
  readonly policy: CompiledPolicy | undefined;
  readonly reason: string;
}

/** Everything that is asked of one workflow. */
export interface PolicySet extends PoliciesInForce {
  readonly pinned: readonly PinnedVersion[];
  /** Pinned and in force, each once. */
  readonly all: readonly CompiledPolicy[];
  /** The versions in force that were not pinned. */
  readonly newer: readonly CompiledPolicy[];
}

/** Which versions match a workflow. */
export interface Matching {
  readonly matched: readonly CompiledPolicy[];
  /** Matches that failed, and versions that are unknown: they deny at every gate. */
  readonly faults: readonly Finding[];
  /** True when a version in force matches. */
  readonly isCovered: boolean;
}

/** Puts together what a workflow is asked by. */
export function policySet(inForce: PoliciesInForce, pinned: readonly PinnedVersion[]): PolicySet {
  const byDigest = new Map<string, CompiledPolicy>();
  for (const { policy } of pinned) if (policy !== undefined) byDigest.set(policy.digest, policy);
  const pinnedDigests = new Set(byDigest.keys());
  for (const policy of inForce.versions) byDigest.set(policy.digest, policy);
  const newer = inForce.versions.filter(({ digest }) => !pinnedDigests.has(digest));
  return { ...inForce, pinned, all: [...byDigest.values()], newer };
}

/** Asks each version's `match`. */
export function matchAll(set: PolicySet, view: WorkflowView, asking: { readonly submitter: Person; readonly budget: Budget }): Matching {
  const matched: CompiledPolicy[] = [];
  const faults = set.pinned
    .filter(({ policy }) => policy === undefined)
    .map((pin) => denial(pin, `the version of policy "${pin.name}" that the workflow was submitted under ${pin.reason}`));
  for (const policy of set.all) {
    const answer = askMatch(policy, view, asking);
    if (answer.kind === "fault") faults.push(denial(policy, `match failed: ${answer.reason}`));
    else if (answer.value) matched.push(policy);
  }
  const inForce = new Set(set.versions);
  return { matched, faults, isCovered: matched.some((policy) => inForce.has(policy)) };
}

/** What stands in the way of new work, whatever the rules say: no policy, and broken files. */
export function standingDenials(
  set: PolicySet,
  view: WorkflowView,
  {
    matching,
    workflowName,
    ...asking
  }: { readonly matching: Matching; readonly workflowName: string; readonly submitter: Person; readonly budget: Budget },
): readonly Finding[] {
  const found: Finding[] = [];
  for (const { file, fault, lastGood } of set.broken) {
    const isMeant = lastGood === undefined || matching.matched.includes(lastGood) || isMatchOrFault(lastGood, view, asking);
    const name = lastGood?.name ?? file;
    const serves =
      lastGood === undefined ? "it never was whole, so nobody knows what it is for" : "its last good version matches the workflow";
    if (isMeant) found.push(denial({ name, digest: lastGood?.digest ?? "" }, `the policy file is broken, and ${serves}:\n${fault}`));
  }
  if (set.isConfigured && !matching.isCovered && found.length === 0 && matching.faults.length === 0)
    found.push(
      denial({ name: "", digest: "" }, `no policy matches workflow "${workflowName}"; a policy whose match holds for it has to be there`),
    );
  return found;
}

function isMatchOrFault(
  policy: CompiledPolicy,
  view: WorkflowView,
  asking: { readonly submitter: Person; readonly budget: Budget },
): boolean {
  const answer = askMatch(policy, view, asking);
  return answer.kind === "fault" || answer.value;
}

function askMatch(
  { match, params }: CompiledPolicy,
  view: WorkflowView,
  { submitter, budget }: { readonly submitter: Person; readonly budget: Budget },
) {
  return askBoolean(match, lastingScope(view, submitter, params), budget);
}
