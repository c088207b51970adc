// Bugs of what is done again: rounds, iterations, and the bounds of both.

import type { Mutant } from "./mutant.ts";

/** The list. */
export const AGAIN_MUTANTS: readonly Mutant[] = [
  {
    name: "round-under-the-old-key",
    bug: "a task that runs again in a round keeps its key, so that whoever remembers it answers with the run before",
    breaks: "H2",
    patches: [{ file: "internal/workflow/reopen.ts", find: "state.tasks.beginRun(task);", replace: "state.tasks.runOf(task);" }],
    caughtBy: {
      file: "internal/workflow/reopen.test.ts",
      name: "a round with a task runs again these tasks and no other, each under a key of its own",
    },
  },
  {
    name: "undo-left-open-by-a-retry",
    bug: "what was to be undone and never began to be stays open in the next round, and nobody begins or ends it",
    breaks: "progress",
    patches: [
      {
        file: "internal/workflow/reopen.ts",
        find: "if (isLeft) closeTask(state, task, TaskState.SKIPPED);",
        replace: "if (isLeft && task < 0) closeTask(state, task, TaskState.SKIPPED);",
      },
    ],
    caughtBy: {
      file: "internal/workflow/undoing.test.ts",
      name: "a Retry does not do again what was to be undone and never was begun to be, and undoes it when the wave fails once more",
    },
  },
  {
    name: "undone-is-no-reason",
    bug: "a Retry is refused where all was taken back and nothing but the time was wrong",
    breaks: "progress",
    patches: [
      {
        file: "internal/workflow/reopen.ts",
        find: 'return action.part === "main" && isDoneAgain(state, { stage, ordinal, action });',
        replace: "return false;",
      },
    ],
    caughtBy: { file: "test/walk/walk.test.ts", name: "the core keeps every rule, and comes to an end, on the seeds that stay" },
  },
  {
    name: "half-undone-is-done",
    bug: "an undo that a freeze ended half-way never began, for a Retry",
    breaks: "rule: undo",
    patches: [{ file: "internal/workflow/undoing.ts", find: " || state.tasks.halfDone.has(undo));", replace: ");" }],
    caughtBy: { file: "internal/workflow/undoing.test.ts", name: "a Retry does again what a freeze found half undone" },
  },
  {
    name: "repeat-without-end",
    bug: "an action goes on after the last iteration of its repeat",
    breaks: "rule: repeat.max",
    patches: [
      {
        file: "internal/workflow/repeat.ts",
        find: 'if (iteration < max) return { kind: "again" };',
        replace: 'if (iteration <= max) return { kind: "again" };',
      },
    ],
    caughtBy: {
      file: "internal/workflow/repeat.test.ts",
      name: "after its last iteration it has failed, the error says so, and the detail with it",
    },
  },
  {
    name: "iteration-without-limits",
    bug: "an iteration keeps the limits of the one before, and is no start of its own",
    breaks: "limits",
    patches: [{ file: "internal/engine/guard-moves.ts", find: "if (repeatAfterMs !== undefined || isSettled", replace: "if (isSettled" }],
    caughtBy: { file: "internal/engine/repeat-limits.test.ts", name: "each iteration takes its limits anew" },
  },
  {
    name: "schedule-timeout-forgotten",
    bug: "a task that waits between two attempts has no bound from its schedule to its end",
    breaks: "rule: schedule_timeout",
    patches: [
      {
        file: "internal/workflow/apply-task.ts",
        find: "  state.schedule.wait(ended.task);",
        replace: "",
      },
    ],
    caughtBy: { file: "test/golden/golden.test.ts", name: "schedule-timeout goes as its transcript says" },
  },
  {
    name: "attempts-past-their-bound",
    bug: "a task begins one attempt more than can be counted",
    breaks: "H10",
    patches: [
      {
        file: "internal/workflow/dispatch.ts",
        find: "begunOf(task) >= ATTEMPT_NUMBER_MAX)",
        replace: "begunOf(task) > ATTEMPT_NUMBER_MAX)",
      },
    ],
    caughtBy: {
      file: "internal/workflow/repeat.test.ts",
      name: "a task begins no more attempts than can be counted: past them it is refused, in whatever round",
    },
  },
  {
    name: "iteration-takes-from-the-rate",
    bug: "each iteration of an action takes from its stage's rate, as the beginning of a target does",
    breaks: "rule: rate",
    patches: [{ file: "internal/engine/outside.ts", find: " || iterations.has(task)", replace: "" }],
    caughtBy: {
      file: "internal/engine/repeat-limits.test.ts",
      name: "a target takes its share of the stage's rate once, however often its action is repeated",
    },
  },
  {
    name: "deadline-anew-with-each-iteration",
    bug: "a stage's deadline counts from the beginning of each iteration",
    breaks: "rule: deadline",
    patches: [
      {
        file: "internal/workflow/reopen.ts",
        find: "  const { deadlineMs } = stageRunOf(state);",
        replace: "  const deadlineMs = stageRunOf(state) === undefined ? 0 : atMs + stage.deadlineMs;",
      },
    ],
    caughtBy: { file: "internal/workflow/repeat.test.ts", name: "the deadline of a stage is one for all of its iterations" },
  },
  {
    name: "round-undoes-what-was-not-done",
    bug: "a round runs what undoes an action that changed nothing",
    breaks: "H2",
    patches: [{ file: "internal/workflow/decide.ts", find: "  checkNamed(state, again);", replace: "" }],
    caughtBy: {
      file: "internal/workflow/reopen.test.ts",
      name: "what handles an end runs again where a round names it, but not what was never to be run",
    },
  },
  {
    name: "cancel-skips-what-handles-the-end",
    bug: "what handles an end and was kept from running by a cancel counts as skipped, and a Retry does not bring it",
    breaks: "rule: always",
    patches: [
      {
        file: "internal/workflow/ended-well.ts",
        find: "  if (state.blueprint.mode === Mode.PLAN) return false;",
        replace: "  if (state.blueprint.mode === Mode.PLAN || state.isCancelRequested) return false;",
      },
    ],
    caughtBy: {
      file: "internal/workflow/target-parts.test.ts",
      name: "what handles an end and was kept from running by a cancel runs when the workflow is retried",
    },
  },
];
