// Bugs of what is in doubt after a restart, and of an apply that is believed too soon.

import type { Mutant } from "./mutant.ts";

/** The list. */
export const DOUBT_MUTANTS: readonly Mutant[] = [
  {
    name: "in-doubt-not-settled",
    bug: "after a restart an attempt in doubt is simply run again",
    breaks: "H2",
    patches: [
      {
        file: "internal/engine/attempt-run.ts",
        find: "if (prepared.inDoubtSince !== undefined) return settle",
        replace: 'if (prepared.inDoubtSince === "never") return settle',
      },
    ],
    caughtBy: {
      file: "internal/engine/recovery.test.ts",
      name: "an idempotent apply that leaves nothing to look at is done again, an unsafe one is held",
    },
  },
  {
    name: "in-doubt-unsafe-repeated",
    bug: "an unsafe command of which nobody can say whether it was done is applied again",
    breaks: "H2",
    patches: [
      {
        file: "internal/workflow/recover.ts",
        find: '    case "unknowable":\n      return doubt.effects === "idempotent" ? "apply-again" : "hold";',
        replace: '    case "unknowable":\n      return "apply-again";',
      },
    ],
    caughtBy: {
      file: "internal/workflow/recover.test.ts",
      name: "an unsafe apply is done again only when it is known not to have been done",
    },
  },
  {
    name: "in-doubt-idempotent-held",
    bug: "what may be repeated is held for a person",
    breaks: "rule: in doubt",
    patches: [
      {
        file: "internal/workflow/recover.ts",
        find: '    case "unknowable":\n      return doubt.effects === "idempotent" ? "apply-again" : "hold";',
        replace: '    case "unknowable":\n      return "hold";',
      },
    ],
    caughtBy: {
      file: "internal/workflow/recover.test.ts",
      name: "a doubt is settled by looking: none, unknowable, idempotent, atomic true, remote ID false, restored false",
    },
  },
  {
    name: "in-doubt-handshake-forgotten",
    bug: "a handshake's ID is not used to finish it",
    breaks: "H2",
    patches: [{ file: "internal/workflow/recover.ts", find: '  if (doubt.hasRemoteId) return "apply-again";\n', replace: "" }],
    caughtBy: {
      file: "internal/workflow/recover.test.ts",
      name: "a doubt is settled by looking: absent, converged, unsafe, atomic true, remote ID true, restored false",
    },
  },
  {
    name: "in-doubt-atomic-overwritten",
    bug: "a change by somebody else is overwritten after a restart",
    breaks: "H2",
    patches: [{ file: "internal/workflow/recover.ts", find: '      if (doubt.isAtomic) return "foreign-change";\n', replace: "" }],
    caughtBy: {
      file: "internal/workflow/recover.test.ts",
      name: "a doubt is settled by looking: none, other, idempotent, atomic true, remote ID false, restored false",
    },
  },
  {
    name: "in-doubt-unreachable-repeated",
    bug: "a run that cannot be looked at is judged by the check alone",
    breaks: "H2",
    patches: [{ file: "internal/workflow/recover.ts", find: '  if (doubt.look === "unreachable") return "hold";\n', replace: "" }],
    caughtBy: {
      file: "internal/workflow/recover.test.ts",
      name: "a doubt is settled by looking: unreachable, converged, unsafe, atomic true, remote ID false, restored false",
    },
  },
  {
    name: "in-doubt-lost",
    bug: "an apply that was not done is taken for done",
    breaks: "H1",
    patches: [
      {
        file: "internal/workflow/recover.ts",
        find: '    case "as-before":\n      return "apply-again";',
        replace: '    case "as-before":\n      return "done";',
      },
    ],
    caughtBy: {
      file: "internal/workflow/recover.test.ts",
      name: "a doubt is settled by looking: absent, as-before, unsafe, atomic true, remote ID false, restored false",
    },
  },
  {
    name: "in-doubt-restored-repeated",
    bug: "after a backup was brought back, what is unsafe is applied by what the check finds",
    breaks: "H2",
    patches: [
      {
        file: "internal/workflow/recover.ts",
        find: '  if (doubt.isRestored && doubt.effects === "unsafe") return doubt.check === "converged" ? "done" : "hold";\n',
        replace: "",
      },
    ],
    caughtBy: {
      file: "internal/workflow/recover.test.ts",
      name: "a doubt is settled by looking: none, as-before, unsafe, atomic true, remote ID false, restored true",
    },
  },
  {
    name: "doubt-ends-with-its-generation",
    bug: "after a backup was brought back, a generation that the former service may have begun is begun without doubt",
    breaks: "H2",
    patches: [
      {
        file: "internal/workflow/restored-doubt.ts",
        find: 'restored.came === "not-far"',
        replace: 'restored.came !== "far"',
      },
    ],
    caughtBy: {
      file: "internal/engine/restored-again.test.ts",
      name: "brought back as of any moment, further generations that the former service may have begun do nothing unsafe twice",
    },
  },
  {
    name: "doubt-ends-with-its-iteration",
    bug: "after a backup was brought back, an iteration that the former service may have begun is begun without doubt",
    breaks: "H2",
    patches: [
      {
        file: "internal/workflow/restored-doubt.ts",
        find: "if (mayComeAgain(state, stage)) mayBeDone.fill(1",
        replace: "if (!mayComeAgain(state, stage)) mayBeDone.fill(0",
      },
    ],
    caughtBy: {
      file: "internal/engine/restored-again.test.ts",
      name: "brought back as of any moment, further iterations of a stage that the former service may have begun do nothing unsafe twice",
    },
  },
  {
    name: "doubt-ends-past-what-may-fail",
    bug: "after a backup was brought back, a person's word about a task that may fail ends the doubt about its next iteration",
    breaks: "H2",
    patches: [
      {
        file: "internal/workflow/restored-doubt.ts",
        find: "mayBePassed ? FREE_FOR_NOW : 0",
        replace: "0",
      },
    ],
    caughtBy: {
      file: "internal/engine/restored-again.test.ts",
      name: "the former service may have gone on past what it may fail: what is failed, iterations after it are in doubt",
    },
  },
  {
    name: "foreign-change-unseen",
    bug: "a state that is not the one before the apply counts as the one before",
    breaks: "H2",
    patches: [
      {
        file: "internal/engine/settle.ts",
        find: 'check.checksum === before ? "as-before" : "other"',
        replace: 'check.checksum === "" ? "other" : "as-before"',
      },
    ],
    caughtBy: {
      file: "internal/engine/recovery.test.ts",
      name: "what somebody else changed meanwhile is not overwritten: the task fails with both checksums",
    },
  },
  {
    name: "check-after-apply-skipped",
    bug: "an apply is believed, though the check afterwards still finds a difference",
    breaks: "rule: check",
    patches: [
      {
        file: "internal/engine/attempt-apply.ts",
        find: '      return reporter.failed({ kind: "failed", message, isRetryable }, { before, after: after.checksum });',
        replace:
          '      return isRetryable || message !== "" ? reporter.end(AttemptOutcome.CHANGED, { before, after: after.checksum }) : reporter.failed({ kind: "failed", message, isRetryable }, { before });',
      },
    ],
    caughtBy: {
      file: "internal/engine/attempt-apply.test.ts",
      name: "an apply that says it is done is not believed while the check still finds something to change",
    },
  },
  {
    name: "late-report-counts",
    bug: "a report about an attempt that is over is taken",
    breaks: "H2",
    patches: [
      {
        file: "internal/workflow/attempt-end.ts",
        find: "  if (running?.attempt !== own.attempt) return [];\n",
        replace: "  if (running === undefined) return [];\n",
      },
    ],
    caughtBy: { file: "internal/workflow/decide.test.ts", name: "a late or repeated report of an attempt is dropped" },
  },
];
