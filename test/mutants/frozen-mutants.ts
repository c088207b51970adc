// Bugs of what must not change any more: times in events, and the targets that were chosen once.

import type { Mutant } from "./mutant.ts";

/** The list. */
export const FROZEN_MUTANTS: readonly Mutant[] = [
  {
    name: "replay-folds-at-the-wrong-time",
    bug: "a replay takes the time of the frame for all of its events",
    breaks: "H4",
    patches: [
      {
        file: "internal/engine/lookup.ts",
        find: "const atMs = timeMs(frame.timeMs + event.afterMs);",
        replace: "const atMs = timeMs(frame.timeMs + event.afterMs * 0);",
      },
    ],
    caughtBy: { file: "internal/engine/lookup.test.ts", name: "a replay gives each event the time that it had, whatever frames hold them" },
  },
  {
    name: "replay-draws-again",
    bug: "a back-off is drawn again, not taken from the event",
    breaks: "H4",
    patches: [
      {
        file: "internal/workflow/apply-task.ts",
        find: "state.backoff.set(ended.task, atMs + ended.retryAfterMs);",
        replace: "state.backoff.set(ended.task, atMs + Math.round(ended.retryAfterMs / 2));",
      },
    ],
    caughtBy: { file: "test/golden/golden.test.ts", name: "retry-backoff goes as its transcript says" },
  },
  {
    name: "targets-empty-is-all",
    bug: "an empty choice of targets is taken",
    breaks: "H6",
    patches: [{ file: "internal/workflow/targets.ts", find: "  if (chosen.length === 0)\n", replace: "  if (chosen.length < 0)\n" }],
    caughtBy: { file: "internal/workflow/targets.test.ts", name: "nothing chosen is an error, and so is another number than expected" },
  },
  {
    name: "targets-in-the-order-of-names",
    bug: "targets are not sorted",
    breaks: "H6",
    patches: [
      {
        file: "internal/workflow/targets.ts",
        find: "return known.filter((target) => wanted.has(target.name));",
        replace: "return names.flatMap((name) => byName.get(name) ?? []);",
      },
    ],
    caughtBy: {
      file: "internal/workflow/targets.test.ts",
      name: "named targets come in the inventory's order, however the list has them; a name that is there twice, or unknown, is an error",
    },
  },
  {
    name: "targets-not-digested",
    bug: "the digest does not hold the targets",
    breaks: "H6",
    patches: [
      {
        file: "internal/engine/frozen-digest.ts",
        find: '    hash.update(`${at === 0 ? "" : ","}${texts.join(",")}`);',
        replace: '    hash.update(texts.length < 0 ? "," : "");',
      },
    ],
    caughtBy: {
      file: "internal/engine/frozen-digest.test.ts",
      name: "the digest that is taken piece by piece is that of the whole: 129 targets",
    },
  },
  {
    name: "targets-absent-label-chooses",
    bug: "a target without the label is chosen",
    breaks: "H6",
    patches: [
      { file: "internal/workflow/targets.ts", find: "      return false; // a condition", replace: "      return true; // a condition" },
    ],
    caughtBy: {
      file: "internal/workflow/targets.test.ts",
      name: "a target that lacks the label which a condition asks for is not chosen, negated or not",
    },
  },
  {
    name: "digest-not-compared",
    bug: "Exec runs whatever digest was quoted",
    breaks: "rule: exec",
    patches: [
      {
        file: "internal/workflow/decide.ts",
        find: 'if (quoted === "" || quoted === state.submitted.digest) return;',
        replace: "if (quoted !== undefined) return;",
      },
    ],
    caughtBy: {
      file: "internal/engine/submit-exec.test.ts",
      name: "Exec answers the same whether it is the first, comes again, at once, or after the end; another digest is refused",
    },
  },
];
