// Bugs of what stops work: cancel, freezes, the file FREEZE.

import type { Mutant } from "./mutant.ts";

/** The list. */
export const STOP_MUTANTS: readonly Mutant[] = [
  {
    name: "cancel-aborts-nothing",
    bug: "a cancel lets what runs go on",
    breaks: "rule: cancel",
    patches: [
      {
        file: "internal/engine/attempts.ts",
        find: "if (state.isCancelRequested) return true;",
        replace: "",
      },
    ],
    caughtBy: { file: "test/golden/golden.test.ts", name: "cancel goes as its transcript says" },
  },
  {
    name: "cancelled-begins-a-change",
    bug: "leave to change is given after a cancel",
    breaks: "rule: cancel",
    patches: [
      {
        file: "internal/workflow/decide.ts",
        find: "  if (state.isCancelRequested) return ended(AttemptOutcome.CANCELLED, DeferReason.UNSPECIFIED);\n",
        replace: "",
      },
    ],
    caughtBy: { file: "internal/workflow/decide.test.ts", name: "no apply begins in a workflow that is being cancelled" },
  },
  {
    name: "freeze-ignored-before-the-change",
    bug: "the last look before a change does not see a freeze",
    breaks: "rule: freeze",
    patches: [
      {
        file: "internal/engine/attempt-apply.ts",
        find: "  if (prepared.isFrozen()) return prepared.reporter.frozen(before);\n",
        replace: "",
      },
    ],
    caughtBy: {
      file: "internal/engine/freezing.test.ts",
      name: "the file FREEZE between ApplyStarted and the apply keeps the apply from being made",
    },
  },
  {
    name: "freeze-ignored-at-leave",
    bug: "leave to change is given in a freeze",
    breaks: "rule: freeze",
    patches: [
      {
        file: "internal/workflow/decide.ts",
        find: "  if (facts.isFrozen(task)) return ended(AttemptOutcome.DEFERRED, DeferReason.FROZEN);\n",
        replace: "",
      },
      {
        file: "internal/engine/attempt-apply.ts",
        find: "  if (prepared.isFrozen()) return prepared.reporter.frozen(before);\n",
        replace: "",
      },
    ],
    caughtBy: {
      file: "internal/engine/freezing.test.ts",
      name: "the file FREEZE between ApplyStarted and the apply keeps the apply from being made",
    },
  },
  {
    name: "freeze-answered-too-early",
    bug: "a freeze is answered before open workflows took note of it",
    breaks: "H3",
    patches: [
      {
        file: "internal/engine/guard-calls.ts",
        find: "    await this.#registry.lookAgain(this.#registry.runtimes());\n    return create(FreezeResponseSchema",
        replace: "    return create(FreezeResponseSchema",
      },
    ],
    caughtBy: {
      file: "internal/engine/freezing.test.ts",
      name: "what runs comes to its end in a freeze that lets it; the proof names it, past the point of no return or not",
    },
  },
  {
    name: "freeze-lets-new-work-in",
    bug: "new work is taken in a freeze",
    breaks: "rule: freeze",
    patches: [
      {
        file: "internal/engine/freeze-desk.ts",
        find: "  if (entry === undefined) return;\n",
        replace: '  if (entry === undefined || entry.id !== "") return;\n',
      },
    ],
    caughtBy: {
      file: "internal/engine/freezing.test.ts",
      name: "a freeze of workflow name refuses Submit, Exec and Retry, and the thaw lets them pass",
    },
  },
  {
    name: "stop-file-not-looked-at",
    bug: "the file FREEZE does not stop a change",
    breaks: "H8",
    patches: [
      {
        file: "internal/engine/freeze-desk.ts",
        find: 'return at.stop.kind !== "absent" || freezesOnTask',
        replace: "return freezesOnTask",
      },
    ],
    caughtBy: {
      file: "internal/engine/freezing.test.ts",
      name: "the file FREEZE between ApplyStarted and the apply keeps the apply from being made",
    },
  },
  {
    name: "stop-file-looked-at-once",
    bug: "what a look at the stop file found holds for ever",
    breaks: "rule: freeze",
    patches: [
      {
        file: "internal/engine/stop-looks.ts",
        find: "    if (this.#shared === undefined) queueMicrotask(() => (this.#shared = undefined));\n",
        replace: "",
      },
    ],
    caughtBy: {
      file: "internal/engine/stop-looks.test.ts",
      name: "turns of one go of the event loop share a look, and the next go looks again",
    },
  },
  {
    name: "stop-file-look-shared-before-a-change",
    bug: "what is about to change something goes by a look that was taken for turns",
    breaks: "rule: freeze",
    patches: [
      {
        file: "internal/engine/stop-looks.ts",
        find: "  now(): StopLook {\n    return this.#file.look();",
        replace: "  now(): StopLook {\n    return this.shared();",
      },
    ],
    caughtBy: {
      file: "internal/engine/stop-looks.test.ts",
      name: "what is about to change something looks for itself, whatever was seen a moment ago",
    },
  },
  {
    name: "stop-file-gone-unheard",
    bug: "a stop file that came and went between two polls freezes for ever what looked meanwhile",
    breaks: "rule: thaw",
    patches: [
      {
        file: "internal/system/stop-file.ts",
        find: "    wasOther ||= !isSame(found, last);\n    return found;",
        replace: "    return found;",
      },
      {
        file: "internal/system/stop-file.ts",
        find: "    last = look();\n",
        replace: "    const now = look();\n    wasOther = !isSame(now, last);\n    last = now;\n",
      },
    ],
    caughtBy: {
      file: "internal/system/stop-file.test.ts",
      name: "who asked hears of what came and went between two polls, when a look in between found it",
    },
  },
  {
    name: "stop-file-unreadable-is-absent",
    bug: "a stop file that cannot be examined counts as absent",
    breaks: "H8",
    patches: [
      {
        file: "internal/system/stop-file.ts",
        find: 'return { kind: "unreadable", path, reason: error instanceof Error ? error.message : "it failed" };',
        replace: 'return error instanceof Error ? { kind: "absent" } : { kind: "unreadable", path, reason: "it failed" };',
      },
    ],
    caughtBy: { file: "internal/system/stop-file.test.ts", name: "what cannot be examined is not absent: it says why" },
  },
];
