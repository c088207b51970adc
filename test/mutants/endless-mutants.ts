// Bugs of endless workflows: what a generation begins with, and what is dropped of those before it.

import type { Mutant } from "./mutant.ts";

/** Bugs of generations and of the cut. */
export const ENDLESS_MUTANTS: readonly Mutant[] = [
  {
    name: "cut-takes-the-first-frame",
    bug: "the frame of the Submit is dropped with the oldest generation",
    breaks: "H1",
    patches: [
      {
        file: "internal/journal/cut.ts",
        find: "cut.from === 0 ? endOf(readFrame(store, stream, 1)) : cut.to + 1",
        replace: "cut.from === 0 ? 1 : cut.to + 1",
      },
    ],
    caughtBy: {
      file: "internal/journal/cut.test.ts",
      name: "what is missing beside the cut is damage, as ever",
    },
  },
  {
    name: "cut-takes-a-later-detail",
    bug: "what is dropped takes the detail of a later event that bears the same number",
    breaks: "H1",
    patches: [
      {
        file: "internal/journal/cut.ts",
        find: "kind.value.outcome !== AttemptOutcome.DEFERRED) return true;",
        replace: "kind.value.outcome !== AttemptOutcome.UNSPECIFIED) return true;",
      },
    ],
    caughtBy: {
      file: "internal/journal/cut.test.ts",
      name: "a detail goes with the event that wrote it, and not one that a later event wrote under the same number",
    },
  },
  {
    name: "generation-is-admitted",
    bug: "policies are not asked again where a generation begins",
    breaks: "H8",
    patches: [
      {
        file: "internal/workflow/continuing.ts",
        find: '    life: { kind: "executing" },',
        replace: '    life: { kind: "executing" },\n    isAdmitted: true,',
      },
    ],
    caughtBy: {
      file: "internal/engine/continuing.test.ts",
      name: "policies are asked again in each generation, and one that they do not let go on begins nothing",
    },
  },
  {
    name: "generations-share-keys",
    bug: "a task has the key that it had in the generation before",
    breaks: "H2",
    patches: [
      {
        file: "internal/workflow/task-key.ts",
        find: "return generation === 1 ?",
        replace: "return generation > 0 ?",
      },
    ],
    caughtBy: {
      file: "internal/workflow/continuing.test.ts",
      name: "attempts are numbered on, and keys of tasks differ, but expressions and retry rules count from one",
    },
  },
  {
    name: "generations-run-away",
    bug: "generations that never wait follow each other at once",
    breaks: "H10",
    patches: [
      {
        file: "internal/workflow/continuing.ts",
        find: "return facts.nowMs < continuesAtMs(state) ?",
        replace: "return facts.nowMs < 0 ?",
      },
    ],
    caughtBy: {
      file: "internal/workflow/continuing.test.ts",
      name: "generations begin CONTINUE_MS_MIN apart, however soon each is done, and the moment is awaited",
    },
  },
];
