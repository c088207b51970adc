// Bugs of policies, gates and approvals: whatever lets pass what was not allowed.

import type { Mutant } from "./mutant.ts";

/** The list. */
export const POLICY_MUTANTS: readonly Mutant[] = [
  {
    name: "policy-error-allows",
    bug: "a rule that fails lets pass at a gate",
    breaks: "H8",
    patches: [
      {
        file: "internal/policy/gate-judge.ts",
        find: "    return [denial({ ...policy, rule: rule.name }, `the rule could not be asked, so it denies: ${answer.reason}`)];",
        replace: "    return [];",
      },
    ],
    caughtBy: {
      file: "internal/policy/policies.test.ts",
      name: "an expression that fails denies, whatever the rule asks for, with its place",
    },
  },
  {
    name: "policy-error-allows-a-task",
    bug: "a rule that fails lets a task pass",
    breaks: "H8",
    patches: [
      {
        file: "internal/policy/task-judge.ts",
        find: '  if (answer.kind === "fault")\n    return denial(',
        replace: '  if (answer.kind === "fault" && rule.name !== "") return undefined;\n  if (answer.kind === "fault")\n    return denial(',
      },
    ],
    caughtBy: { file: "internal/policy/task-judge.test.ts", name: "a task's expressions share a budget, and what is beyond it denies" },
  },
  {
    name: "policy-cost-allows",
    bug: "a rule that costs too much lets pass",
    breaks: "H8",
    patches: [
      {
        file: "internal/policy/asking.ts",
        find: '    if (error.code === "RESOURCE_EXHAUSTED") budget.isExceeded = true;\n',
        replace:
          '    if (error.code === "RESOURCE_EXHAUSTED") budget.isExceeded = true;\n    const passing = error.code === "RESOURCE_EXHAUSTED" ? take(true) : undefined;\n    if (passing !== undefined) return { kind: "value", value: passing };\n',
      },
    ],
    caughtBy: {
      file: "internal/policy/policies.test.ts",
      name: "an expression that costs too much denies, even where its value would be true",
    },
  },
  {
    name: "policy-match-error-passes",
    bug: "a policy whose match fails is passed over",
    breaks: "H8",
    patches: [
      {
        file: "internal/policy/policy-set.ts",
        find: '    if (answer.kind === "fault") faults.push(denial(policy, `match failed: ${answer.reason}`));\n    else if',
        replace: "    if",
      },
    ],
    caughtBy: { file: "internal/policy/policies.test.ts", name: "a match that fails denies at every gate" },
  },
  {
    name: "policy-pins-not-asked",
    bug: "the versions pinned at Submit are not asked",
    breaks: "rule: pins",
    patches: [
      {
        file: "internal/policy/policies.ts",
        find: "this.#arePinsAsked ? submitted.policies.map",
        replace: "false ? submitted.policies.map",
      },
    ],
    caughtBy: {
      file: "internal/policy/policies.test.ts",
      name: "a deleted file is in force no more, but what was submitted under it stays bound",
    },
  },
  {
    name: "policy-in-force-not-asked",
    bug: "the versions in force now are not asked",
    breaks: "rule: pins",
    patches: [
      {
        file: "internal/policy/policy-set.ts",
        find: "  for (const policy of inForce.versions) byDigest.set(policy.digest, policy);\n",
        replace: "",
      },
    ],
    caughtBy: {
      file: "internal/engine/gates.test.ts",
      name: "an Exec that a policy denies is refused, and the verdict is in the workflow's history",
    },
  },
  {
    name: "policy-unknown-pin-allows",
    bug: "a pinned version that nobody knows is passed over",
    breaks: "H8",
    patches: [
      {
        file: "internal/policy/policy-set.ts",
        find: "  const faults = set.pinned\n    .filter(({ policy }) => policy === undefined)",
        replace: '  const faults = set.pinned\n    .filter(({ policy, name }) => policy === undefined && name === "")',
      },
    ],
    caughtBy: { file: "internal/policy/policies.test.ts", name: "a pinned version that nobody knows denies; restored, it is asked" },
  },
  {
    name: "policy-unmatched-allows",
    bug: "a workflow that no policy matches is taken",
    breaks: "H8",
    patches: [
      {
        file: "internal/policy/policy-set.ts",
        find: "if (set.isConfigured && !matching.isCovered &&",
        replace: "if (set.isConfigured && matching.isCovered &&",
      },
    ],
    caughtBy: { file: "internal/policy/policies.test.ts", name: "with a directory a workflow that no policy matches is denied" },
  },
  {
    name: "policy-broken-file-allows",
    bug: "a broken policy file does not stop new work",
    breaks: "H8",
    patches: [
      { file: "internal/policy/policy-set.ts", find: "if (isMeant) found.push", replace: 'if (isMeant && name === "") found.push' },
    ],
    caughtBy: {
      file: "internal/policy/policies.test.ts",
      name: "a file that never was whole refuses all new work, until a recorded version says what it is for",
    },
  },
  {
    name: "approval-of-another-digest",
    bug: "an approval of another digest counts",
    breaks: "rule: approval",
    patches: [
      { file: "internal/workflow/approval.ts", find: "if (digest !== state.submitted.digest) {", replace: 'if (digest === "never") {' },
    ],
    caughtBy: {
      file: "internal/engine/gates.test.ts",
      name: "two people of the role approve the digest: the submitter, the same person twice and another digest do not count",
    },
  },
  {
    name: "approval-of-ones-own",
    bug: "who submitted a workflow approves it",
    breaks: "rule: approval",
    patches: [
      { file: "internal/workflow/approval.ts", find: "if (by === state.submittedBy)", replace: 'if (by === "")' },
      { file: "internal/policy/finding.ts", find: "name !== submitter.name && ", replace: "" },
    ],
    caughtBy: {
      file: "internal/policy/policies.test.ts",
      name: "approval needs distinct people of the role, and never the one who submitted",
    },
  },
  {
    name: "approval-counted-twice",
    bug: "a person who approved twice counts twice",
    breaks: "rule: approval",
    patches: [
      { file: "internal/policy/finding.ts", find: "ends.set(name, Math.max(", replace: "ends.set(`${name} ${ends.size}`, Math.max(" },
    ],
    caughtBy: {
      file: "internal/policy/policies.test.ts",
      name: "approval needs distinct people of the role, and never the one who submitted",
    },
  },
  {
    name: "wave-verdict-stale",
    bug: "a wave begins by a verdict whose counts have moved since",
    breaks: "H7",
    patches: [
      {
        file: "internal/workflow/gates.ts",
        find: "if (verdict.decision === Decision.ALLOW && !command.isFresh()) return [];",
        replace: "if (verdict.decision === Decision.ALLOW && !command.isFresh() && gate !== Gate.WAVE) return [];",
      },
    ],
    caughtBy: {
      file: "internal/engine/stale-verdict.test.ts",
      name: "a verdict whose count has moved while it was on its way starts no wave: it is judged again, and then waits",
    },
  },
  {
    name: "exec-verdict-stale",
    bug: "an Exec is admitted by a verdict whose counts have moved since",
    breaks: "H7",
    patches: [
      {
        file: "internal/workflow/gates.ts",
        find: "if (verdict.decision === Decision.ALLOW && !command.isFresh()) return [];",
        replace: "if (verdict.decision === Decision.ALLOW && !command.isFresh() && gate !== Gate.EXEC) return [];",
      },
    ],
    caughtBy: {
      file: "internal/engine/stale-verdict.test.ts",
      name: "a verdict at exec whose count has moved while it was on its way admits nothing: it is judged again, and then waits",
    },
  },
  {
    name: "approval-for-ever",
    bug: "an approval counts although it has expired",
    breaks: "rule: approval",
    patches: [{ file: "internal/policy/finding.ts", find: "isOne && endMs > nowMs &&", replace: "isOne &&" }],
    caughtBy: {
      file: "internal/policy/policies.test.ts",
      name: "an approval that expires counts for its time alone, each person's last one, and only with a reason where one is required",
    },
  },
  {
    name: "expiry-not-looked-at",
    bug: "what waits for more approvals is not judged again when one of them expires",
    breaks: "rule: approval",
    patches: [
      {
        file: "internal/engine/gatekeeper.ts",
        find: "return endMs === undefined ? undefined : Math.max(0, endMs - ports.clock.nowMs());",
        replace: "return undefined;",
      },
    ],
    caughtBy: {
      file: "internal/engine/gates.test.ts",
      name: "an approval that has expired is asked for again, and `why` says so at once; who approved before may approve again",
    },
  },
  {
    name: "late-verdict-with-ended-approval",
    bug: "a verdict that was long on its way counts an approval that has ended meanwhile",
    breaks: "rule: approval",
    patches: [
      { file: "internal/engine/gatekeeper.ts", find: "  if (nowMs >= (approvalsEndMs(verdict) ?? Infinity)) return false;\n", replace: "" },
    ],
    caughtBy: {
      file: "internal/engine/stale-verdict.test.ts",
      name: "a verdict at exec that comes late admits nothing where an approval in it has ended: it is judged again",
    },
  },
  {
    name: "approved-once-and-never-again",
    bug: "whoever approved before cannot approve again",
    breaks: "rule: approval",
    patches: [
      {
        file: "internal/workflow/approval.ts",
        find: "if (before !== undefined && !saysMore(state, { before, reason, nowMs })) return [];",
        replace: "if (before !== undefined) return [];",
      },
    ],
    caughtBy: {
      file: "internal/engine/gates.test.ts",
      name: "an approval that has expired is asked for again, and `why` says so at once; who approved before may approve again",
    },
  },
  {
    name: "retry-keeps-its-admission",
    bug: "a Retry passes the gate of exec by the old verdict",
    breaks: "rule: gates",
    patches: [{ file: "internal/workflow/reopen.ts", find: "  state.isAdmitted = false;\n", replace: "" }],
    caughtBy: {
      file: "internal/engine/retry-gate.test.ts",
      name: "a Retry stands before the gate of exec again, whatever was said there before",
    },
  },
  {
    name: "ended-approval-still-counted",
    bug: "an approval that ends while a task waits for another counts on in what `why` says, until something else happens",
    breaks: "rule: approvals",
    patches: [
      { file: "internal/workflow/outside-holds.ts", find: "lookAtMs: now.guardMs + (untilMs - now.wallMs), untilMs", replace: "untilMs" },
    ],
    caughtBy: {
      file: "internal/engine/task-gate.test.ts",
      name: "an approval that ends while a task waits for one more counts no longer in what `why` says, without anything else happening",
    },
  },
];
