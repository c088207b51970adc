// Bugs of the other rules of one workflow: needs, stages, retries, pauses.

import type { Mutant } from "./mutant.ts";

/** The list. */
export const WORKFLOW_MUTANTS: readonly Mutant[] = [
  {
    name: "signal-had-twice",
    bug: "a signal that an attempt ended with is there for the next one too",
    breaks: "rule: signals",
    patches: [
      {
        file: "internal/workflow/awaiting.ts",
        find: 'if (kind.case === "signal" && hasCome) state.signals.take(kind.value.name);',
        replace: "",
      },
    ],
    caughtBy: {
      file: "internal/workflow/signals.test.ts",
      name: "a signal that comes before it is awaited is kept, also one before Exec; one signal ends one attempt, the oldest first",
    },
  },
  {
    name: "signal-key-forgotten",
    bug: "a signal that is sent again is received again",
    breaks: "rule: signals",
    patches: [
      {
        file: "internal/workflow/signal-box.ts",
        find: 'if (key !== "") this.#keys.set(keyOf(name, key), { name, key, digest: digestJson(data) });',
        replace: "",
      },
    ],
    caughtBy: {
      file: "internal/workflow/signals.test.ts",
      name: "a key is received once: the same again changes nothing, other data is refused",
    },
  },
  {
    name: "deadline-begins-more",
    bug: "targets are begun past their stage's deadline",
    breaks: "rule: deadlines",
    patches: [
      {
        file: "internal/workflow/budget.ts",
        find: "return run.isOverdue || run.failed.size + state",
        replace: "return run.failed.size + state",
      },
    ],
    caughtBy: {
      file: "internal/workflow/deadlines.test.ts",
      name: "past its deadline no further target is begun while what handles the end of others is still done",
    },
  },
  {
    name: "plan-of-other-targets",
    bug: "a workflow is planned for as many targets as the last one of its definition",
    breaks: "H6",
    patches: [
      {
        file: "internal/workflow/last-plans.ts",
        find: "canonicalJson([targets, mode, annotations])",
        replace: "canonicalJson([mode, annotations])",
      },
    ],
    caughtBy: {
      file: "internal/workflow/blueprint.test.ts",
      name: "workflows that share their definition share its plan, unless targets, mode or annotations differ",
    },
  },
  {
    name: "wave-pause-lost-at-restart",
    bug: "a pause between waves is in memory alone",
    breaks: "H4",
    patches: [
      {
        file: "internal/engine/guard-moves.ts",
        find: "if (pauseMs > 0) this.#move(beginPause(this.#guard, this.#id, pauseMs, this.#nowMs));",
        replace:
          "if (pauseMs > 0 && beginPause(this.#guard, this.#id, pauseMs, this.#nowMs).length > 0) this.#guard.pauses.set(this.#id, this.#nowMs + pauseMs);",
      },
    ],
    caughtBy: {
      file: "internal/engine/wave-pause.test.ts",
      name: "over a reboot the pause holds where the wall clock went backward, and trusts it where it went forward",
    },
  },
  {
    name: "pause-ignored",
    bug: "a paused workflow starts tasks",
    breaks: "rule: pause",
    patches: [
      {
        file: "internal/workflow/dispatch.ts",
        find: "  if (state.isPaused) return undefined;\n  return nextInStage",
        replace: "  return nextInStage",
      },
    ],
    caughtBy: { file: "test/golden/golden.test.ts", name: "pause goes as its transcript says" },
  },
  {
    name: "needs-ignored",
    bug: "a task starts before what it needs has ended",
    breaks: "rule: needs",
    patches: [
      {
        file: "internal/workflow/target-run.ts",
        find: ' && answerNeeds(state, place) !== "wait";',
        replace: ";",
      },
    ],
    caughtBy: {
      file: "internal/workflow/dispatch.test.ts",
      name: "needs make a graph: what needs two waits for both, what needs nothing starts at once, what failed stops the rest",
    },
  },
  {
    name: "needs-after-a-failure",
    bug: "what needs a failed task is started",
    breaks: "rule: needs",
    patches: [
      {
        file: "internal/workflow/target-parts.ts",
        find: 'if (part.part === "main" ? isOver : isHandlingOver(state, at)) closeRest',
        replace: 'if (part.part === "main" ? false : isHandlingOver(state, at)) closeRest',
      },
      {
        file: "internal/workflow/needs.ts",
        find: "(isContinued && isFailure(now))",
        replace: "isFailure(now)",
      },
    ],
    caughtBy: { file: "test/golden/golden.test.ts", name: "max-failures-percent goes as its transcript says" },
  },
  {
    name: "handlers-of-the-other-end",
    bug: "after a failure on_success is run, and on_failure is not",
    breaks: "rule: what handles an end",
    patches: [
      {
        file: "internal/workflow/target-parts.ts",
        find: '? "on_success" : "on_failure")',
        replace: '? "on_failure" : "on_success")',
      },
    ],
    caughtBy: {
      file: "internal/workflow/target-parts.test.ts",
      name: "after a good end on_success and always run, after a failure on_failure and always",
    },
  },
  {
    name: "past-the-budget-nothing-is-handled",
    bug: "a stage past its budget ends before what handles the end of targets that had begun is done",
    breaks: "rule: what handles an end",
    patches: [
      {
        file: "internal/workflow/budget.ts",
        find: "return isPastBudget(run) && (",
        replace: "return isPastBudget(run) || (run.failed.size < 0 && ",
      },
    ],
    caughtBy: {
      file: "internal/workflow/target-parts.test.ts",
      name: "past the budget no target is begun and none goes on, but what handles the end of those that had begun is done",
    },
  },
  {
    name: "alternative-beside-another",
    bug: "the next alternative is tried before the one before it has failed",
    breaks: "rule: try",
    patches: [
      {
        file: "internal/workflow/needs.ts",
        find: "isFailure(state.tasks.get(taskAt(stage, ordinal, action.index - 1))) ? ",
        replace: "action.index > 0 ? ",
      },
    ],
    caughtBy: {
      file: "internal/workflow/alternatives.test.ts",
      name: "alternatives are tried until one succeeds; expressions see that one, and a Retry has nothing to do",
    },
  },
  {
    name: "unknown-alternative-moves-on",
    bug: "an unknown alternative counts as failed although its author did not say so",
    breaks: "H2",
    patches: [
      {
        file: "internal/workflow/apply-task.ts",
        find: "placeOf(state.blueprint, task).action.movesOnUnknown ? ",
        replace: "placeOf(state.blueprint, task).action.index >= 0 ? ",
      },
    ],
    caughtBy: {
      file: "internal/workflow/alternatives.test.ts",
      name: "an unknown alternative is held; one whose author allows to move on counts as failed, and its history says unknown",
    },
  },
  {
    name: "undo-in-order-of-doing",
    bug: "what was done first is undone first",
    breaks: "rule: undo",
    patches: [
      {
        file: "internal/expr/workflow-parts.ts",
        find: "rank(right) - rank(left) || right - left",
        replace: "rank(left) - rank(right) || left - right",
      },
    ],
    caughtBy: {
      file: "internal/workflow/undoing.test.ts",
      name: "what changed on a target that failed is taken back, the last first; undone well it is not at risk",
    },
  },
  {
    name: "undo-order-by-neighbour",
    bug: "an undo waits only for the one before it, which may have nothing to take back",
    breaks: "rule: undo",
    patches: [{ file: "internal/expr/workflow-parts.ts", find: "sorted.slice(0, at)", replace: "sorted.slice(Math.max(0, at - 1), at)" }],
    caughtBy: {
      file: "internal/workflow/undoing.test.ts",
      name: "the order in which actions are taken back holds also past one that has nothing to take back",
    },
  },
  {
    name: "undo-beside-a-handler",
    bug: "a target is undone with its wave beside what handles an end and runs",
    breaks: "rule: undo",
    patches: [
      {
        file: "internal/workflow/target-parts.ts",
        find: 'if (action.part === "undo" && isHandlerRunning(state, { stage, ordinal })) return false;',
        replace: "",
      },
    ],
    caughtBy: {
      file: "internal/workflow/undoing.test.ts",
      name: "what handles an end waits while its target is undone with its wave, and what is for a good end is not run on",
    },
  },
  {
    name: "handlers-beside-the-undo",
    bug: "what handles an end goes on while its target is undone with its wave",
    breaks: "rule: undo",
    patches: [
      {
        file: "internal/workflow/target-parts.ts",
        find: "  closeTask(state, task, TaskState.PENDING);\n  return true;",
        replace: "  return false;",
      },
    ],
    caughtBy: {
      file: "internal/workflow/undoing.test.ts",
      name: "what handles an end waits while its target is undone with its wave, and what is for a good end is not run on",
    },
  },
  {
    name: "undo-of-a-wave-that-ended",
    bug: "a deadline between two waves undoes the one that ended well",
    breaks: "rule: undo",
    patches: [{ file: "internal/workflow/target-run.ts", find: "if (run.isRecalled || !run.isInWave", replace: "if (run.isRecalled" }],
    caughtBy: {
      file: "internal/workflow/undoing.test.ts",
      name: "a deadline that passes between two waves undoes none: the one before it has ended, the next has not begun",
    },
  },
  {
    name: "undone-is-still-done",
    bug: "a Retry leaves what was undone as it is",
    breaks: "H1",
    patches: [
      {
        file: "internal/workflow/reopen.ts",
        find: 'if (action.part === "main" && isDoneAgain(',
        replace: 'if (action.part === "main" && task < 0 && isDoneAgain(',
      },
    ],
    caughtBy: {
      file: "internal/workflow/undoing.test.ts",
      name: "what changed on a target that failed is taken back, the last first; undone well it is not at risk",
    },
  },
  {
    name: "undo-past-max-at-risk",
    bug: "a wave is undone without regard to max_at_risk",
    breaks: "rule: max_at_risk",
    patches: [
      {
        file: "internal/workflow/dispatch.ts",
        find: "if (run.isRecalled && !hasRoomFor(state, run, ordinal)) continue;",
        replace: "",
      },
    ],
    caughtBy: {
      file: "internal/workflow/undoing.test.ts",
      name: "undoing a wave never puts more targets at risk than max_at_risk: it waits for a person where there is no room",
    },
  },
  {
    name: "missed-need-starts",
    bug: "an action is started although what it needs in an earlier stage failed",
    breaks: "rule: needs",
    patches: [{ file: "internal/workflow/dispatch.ts", find: 'answerNeeds(state, place) === "skip")', replace: "false)" }],
    caughtBy: {
      file: "internal/workflow/needs.test.ts",
      name: "a need across stages is asked on the same target, and what it keeps from starting is skipped with what needs that",
    },
  },
  {
    name: "continued-failure-fails-the-target",
    bug: "a failure with continue_on_error counts against the budget all the same",
    breaks: "rule: continue_on_error",
    patches: [{ file: "internal/workflow/apply-task.ts", find: "if (isFailure(to) && action.failsTarget)", replace: "if (isFailure(to))" }],
    caughtBy: {
      file: "internal/workflow/needs.test.ts",
      name: "a failure with continue_on_error is kept and shown, and neither fails the target nor puts it at risk",
    },
  },
  {
    name: "stage-begins-after-a-failed-one",
    bug: "the next stage runs after a stage has failed",
    breaks: "rule: stages",
    patches: [
      {
        file: "internal/workflow/stage-order.ts",
        find: 'return result === "pending" || stageNeedAnswer(result, continuesOnError) === "skip";',
        replace: "return false;",
      },
    ],
    caughtBy: {
      file: "internal/workflow/dispatch.test.ts",
      name: "stages run strictly in order, once stages among them; a stage past its budget is the last",
    },
  },
  {
    name: "retry-runs-what-succeeded",
    bug: "Retry opens tasks again that had succeeded",
    breaks: "H2",
    patches: [
      {
        file: "internal/workflow/reopen.ts",
        find: "isReopened(state, task) || isNamed(task);",
        replace: "task >= 0 || isNamed(task);",
      },
    ],
    caughtBy: {
      file: "internal/workflow/decide.test.ts",
      name: "Retry starts what failed, was unknown or never started, gives a fresh count of attempts, and keeps what succeeded",
    },
  },
  {
    name: "retry-one-attempt-more",
    bug: "a task is tried once more than its rule says",
    breaks: "H2",
    patches: [
      {
        file: "internal/workflow/attempt-end.ts",
        find: "if (failed >= action.retry.attempts || ",
        replace: "if (failed > action.retry.attempts || ",
      },
    ],
    caughtBy: { file: "test/golden/golden.test.ts", name: "retry-after-failure goes as its transcript says" },
  },
  {
    name: "retry-of-what-is-not-retriable",
    bug: "a failure that must not be repeated is",
    breaks: "H2",
    patches: [
      {
        file: "internal/workflow/attempt-end.ts",
        find: "if (!report.isRetryable || isStopped) return undefined;",
        replace: "if (isStopped) return undefined;",
      },
    ],
    caughtBy: {
      file: "internal/workflow/decide.test.ts",
      name: "a target that failed begins no further apply and gets no further attempt",
    },
  },
  {
    name: "total-timeout-ignored",
    bug: "attempts go on after total_timeout",
    breaks: "rule: total_timeout",
    patches: [
      {
        file: "internal/workflow/attempt-end.ts",
        find: "return facts.nowMs + delayMs >= endsMs ? undefined : delayMs;",
        replace: "return facts.nowMs + delayMs >= endsMs ? delayMs : delayMs;",
      },
    ],
    caughtBy: { file: "test/golden/golden.test.ts", name: "total-timeout goes as its transcript says" },
  },
  {
    name: "resolved-without-being-held",
    bug: "a task that is not held can be resolved",
    breaks: "H2",
    patches: [
      {
        file: "internal/workflow/decide.ts",
        find: "  if (state.tasks.get(task) !== TaskState.UNKNOWN)\n",
        replace: "  if (state.tasks.get(task) === TaskState.PENDING)\n",
      },
    ],
    caughtBy: {
      file: "internal/workflow/decide.test.ts",
      name: "only an unknown task of an executing workflow can be resolved, and only with a word",
    },
  },
  {
    name: "output-error-is-success",
    bug: "a workflow whose result fails succeeds",
    breaks: "H8",
    patches: [
      {
        file: "internal/workflow/ending.ts",
        find: "  if (result.error !== undefined) return happened",
        replace: '  if (result.error === "never") return happened',
      },
    ],
    caughtBy: {
      file: "internal/workflow/dispatch.test.ts",
      name: "a result that JSON cannot say, 0.0 / 0.0, fails the workflow and not the service",
    },
  },
];
