// Bugs in stages over lists and in early finishes: what begins, what is frozen, what is done again.

import type { Mutant } from "./mutant.ts";

/** Bugs of lists and finishes. */
export const LIST_MUTANTS: readonly Mutant[] = [
  {
    name: "finish-begins-more",
    bug: "after an early finish targets are begun that had not begun",
    breaks: "rule: what has begun is brought to its end, and nothing else",
    patches: [
      {
        file: "internal/workflow/finishing.ts",
        find: "if (!isBegunOrDone(state, run, other)) closeTarget(state, run, other);",
        replace: "if (run.held.has(other)) closeTarget(state, run, other);",
      },
    ],
    caughtBy: {
      file: "internal/workflow/finishing.test.ts",
      name: "a finish as succeeded lets targets that have begun go to their end, and begins nothing else",
    },
  },
  {
    name: "failed-finish-succeeds",
    bug: "a workflow that an action finished as failed succeeds where the stage's budget bears the failure",
    breaks: "rule: what was finished as failed fails",
    patches: [
      {
        file: "internal/workflow/ending.ts",
        find: "if (finish?.outcome === WorkflowOutcome.FAILED)",
        replace: "if (finish?.outcome === WorkflowOutcome.CANCELLED)",
      },
    ],
    caughtBy: {
      file: "internal/workflow/finishing.test.ts",
      name: "a finish as failed fails the workflow, within the stage's budget of failures too",
    },
  },
  {
    name: "finish-not-asked-again",
    bug: "after a Retry the workflow is still finished as it was",
    breaks: "rule: a Retry asks a finish again",
    patches: [{ file: "internal/workflow/reopen.ts", find: "  state.finish = undefined;\n", replace: "" }],
    caughtBy: {
      file: "internal/workflow/finishing.test.ts",
      name: "a retry asks a finish again with what it skipped, where something is to be retried",
    },
  },
  {
    name: "list-larger-than-announced",
    bug: "a list with more items than `max` is gone through as far as `max`",
    breaks: "rule: `max` counts in the submitted scope",
    patches: [
      {
        file: "internal/workflow/list-expanding.ts",
        find: "  const items: readonly JsonValue[] = value;",
        replace: "  const items: readonly JsonValue[] = value.slice(0, max);",
      },
      { file: "internal/workflow/list-expanding.ts", find: "value.length > max", replace: "max < 0" },
    ],
    caughtBy: {
      file: "internal/workflow/list-expanding.test.ts",
      name: "a list ['a', 'b', 'c'] of at most 2 fails its stage: it has 3 items, `max` is 2",
    },
  },
  {
    name: "list-past-its-gate",
    bug: "a stage over a list begins before policies have judged the list",
    breaks: "H8",
    patches: [
      {
        file: "internal/workflow/stage-order.ts",
        find: "list !== undefined && facts.isGated(Gate.EXPAND) ?",
        replace: "list !== undefined && facts.isGated(Gate.UNSPECIFIED) ?",
      },
    ],
    caughtBy: {
      file: "internal/workflow/list-expanding.test.ts",
      name: "where policies have a say the stage begins with their verdict at the gate `expand`, and waits for people else",
    },
  },
  {
    name: "list-evaluated-again",
    bug: "a Retry forgets the items that were frozen",
    breaks: "H4",
    patches: [
      {
        file: "internal/workflow/reopen.ts",
        find: '  if (state.stageResults[stage.index] !== "succeeded") state.stageResults[stage.index] = "pending";',
        replace: '  if (state.stageResults[stage.index] !== "succeeded") reopenWhole(state, stage);',
      },
    ],
    caughtBy: {
      file: "internal/workflow/list-expanding.test.ts",
      name: "a Retry goes on with the frozen items, and evaluates a list anew that was refused",
    },
  },
  {
    name: "other-item-same-key",
    bug: "where a list is evaluated anew, a number that was tried for another item goes on under the same key",
    breaks: "H2",
    patches: [{ file: "internal/workflow/reopen.ts", find: "(mayBeOther && wasTried)", replace: "(mayBeOther && !wasTried)" }],
    caughtBy: {
      file: "internal/workflow/list-rounds.test.ts",
      name: "a round of the whole, or of the stage itself, evaluates the list anew, and what was tried under a number begins another run",
    },
  },
  {
    name: "absent-repeated",
    bug: "the next iteration of a stage over a list runs the numbers that no item needs, too",
    breaks: "rule: what no item needs is absent",
    patches: [
      { file: "internal/workflow/reopen.ts", find: "if (state.tasks.get(task) !== TaskState.ABSENT) openAgain", replace: "openAgain" },
    ],
    caughtBy: {
      file: "internal/workflow/list-rounds.test.ts",
      name: "each iteration of a stage goes through the same items; absent numbers stay absent",
    },
  },
  {
    name: "finish-repeats",
    bug: "a stage in which an action finished the workflow is repeated until it is done",
    breaks: "rule: what has begun is brought to its end, and nothing else",
    patches: [{ file: "internal/workflow/repeat.ts", find: " || state.finish !== undefined", replace: "" }],
    caughtBy: {
      file: "internal/workflow/finishing.test.ts",
      name: "a stage that finishes the workflow is not repeated, and whether it is done is not asked",
    },
  },
  {
    name: "items-named-as-now",
    bug: "the history calls the items of an earlier round what those of the last one are called",
    breaks: "rule: history says what was",
    patches: [{ file: "internal/workflow/list-expanding.ts", find: "sinceSeq: seq } };", replace: "sinceSeq: 0 } };" }],
    caughtBy: {
      file: "internal/engine/item-names.test.ts",
      name: "history says of every round what its items were called, from wherever it is read",
    },
  },
  {
    name: "feed-reads-later-list",
    bug: "who reads the feed behind another is told the names of a later list",
    breaks: "H4",
    patches: [{ file: "internal/engine/item-names.ts", find: "sinceSeq > number)", replace: "sinceSeq < 0)" }],
    caughtBy: { file: "internal/engine/item-names.test.ts", name: "the feed says so too, to two who read it at different places" },
  },
  {
    name: "nameless-item-at-gate",
    bug: "at the task gate an item has no name, so that a rule about names holds for all of them",
    breaks: "H8",
    patches: [{ file: "internal/engine/outside.ts", find: "target ?? itemTarget(stage.list?.items?.[ordinal])", replace: "target" }],
    caughtBy: {
      file: "internal/engine/item-names.test.ts",
      name: "policies see items as targets by name, at the gate of their list and at that of their tasks",
    },
  },
];
