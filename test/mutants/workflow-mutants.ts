// Bugs of the other rules of one workflow: needs, stages, retries, pauses.

import type { Mutant } from "./mutant.ts";

/** The list. */
export const WORKFLOW_MUTANTS: readonly Mutant[] = [
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
        find: "return action.needs.every((needed) => isGood(state.tasks.get(taskAt(stage, ordinal, needed))));",
        replace: "return true;",
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
        file: "internal/workflow/target-run.ts",
        find: "  if (run.failed.has(ordinal)) skipRest(state, run, ordinal);\n  else if",
        replace: "  if",
      },
      {
        file: "internal/workflow/target-run.ts",
        find: "isGood(state.tasks.get(taskAt(stage, ordinal, needed)))",
        replace: "isSettled(state.tasks.get(taskAt(stage, ordinal, needed)))",
      },
    ],
    caughtBy: { file: "test/golden/golden.test.ts", name: "max-failures-percent goes as its transcript says" },
  },
  {
    name: "stage-begins-after-a-failed-one",
    bug: "the next stage runs after a stage has failed",
    breaks: "rule: stages",
    patches: [
      {
        file: "internal/workflow/dispatch.ts",
        find: '  if (state.stageResults.includes("failed")) return endWorkflow(state, facts);\n',
        replace: "",
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
        find: "if (!isRetriable(state.tasks.get(task))) continue;",
        replace: "if (!isRetriable(state.tasks.get(task)) && task < 0) continue;",
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
        file: "internal/workflow/decide.ts",
        find: "if (failed >= action.retry.attempts) return undefined;",
        replace: "if (failed > action.retry.attempts) return undefined;",
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
        file: "internal/workflow/decide.ts",
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
        file: "internal/workflow/decide.ts",
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
