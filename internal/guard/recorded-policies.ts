// The versions of policies that workflows were pinned to, kept with the journal: an edit of a file loses none of them.
// 1. A version is recorded once, by name and digest.

import type { GuardEvent, PolicyRecorded } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { HoldfastError } from "../base/errors.ts";
import { RECORDED_POLICIES_MAX } from "../base/limits.ts";
import { guardEvent } from "./guard-event.ts";
import type { GuardState } from "./guard.ts";

/** One version of one policy. */
export interface RecordedPolicy {
  readonly name: string;
  /** `sha256:` and 64 hex digits, of the source. */
  readonly digest: string;
  /** The file's name within the directory of policies. */
  readonly file: string;
  readonly source: string;
}

/** The events that record those versions which are not recorded yet. Throws RESOURCE_EXHAUSTED beyond RECORDED_POLICIES_MAX. */
export function recordPolicies({ policies }: GuardState, versions: readonly RecordedPolicy[], nowMs: number): readonly GuardEvent[] {
  const fresh = new Map(versions.map((version) => [versionKey(version), version]));
  for (const key of fresh.keys()) if (policies.has(key)) fresh.delete(key);
  if (fresh.size > 0 && policies.size + fresh.size > RECORDED_POLICIES_MAX) {
    const message = `the journal keeps ${policies.size} versions of policies, and at most ${RECORDED_POLICIES_MAX}; change policies less often`;
    throw new HoldfastError("RESOURCE_EXHAUSTED", message);
  }
  return [...fresh.values()].map(({ name, digest, file, source }) => {
    return guardEvent(nowMs, { case: "policyRecorded", value: { name, digest, file, source } });
  });
}

/** All recorded versions, the oldest first. */
export function recordedPolicies({ policies }: GuardState): readonly RecordedPolicy[] {
  return [...policies.values()];
}

/** Folds a version. */
export function foldPolicy(policies: Map<string, RecordedPolicy>, { name, digest, file, source }: PolicyRecorded): void {
  const version = { name, digest, file, source };
  policies.set(versionKey(version), version);
}

function versionKey({ name, digest }: RecordedPolicy): string {
  return `${digest} ${name}`;
}
