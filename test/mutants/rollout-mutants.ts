// Bugs of rollouts: waves, budgets, room at risk.

import type { Mutant } from "./mutant.ts";

/** The list. */
export const ROLLOUT_MUTANTS: readonly Mutant[] = [
  {
    name: "room-goes-with-the-place",
    bug: "a target that gives up its place while it waits for locks gives up its room at risk as well, and may wait for it for ever once it has the locks",
    breaks: "progress",
    patches: [
      {
        file: "internal/workflow/target-run.ts",
        find: "  run.inFlight.delete(ordinal);\n  run.yielded.add(ordinal);",
        replace: "  leaveFlight(state, run, ordinal);",
      },
    ],
    caughtBy: {
      file: "internal/workflow/room-at-risk.test.ts",
      name: "a target that gave up its place while it waits for locks keeps its room, and goes on in it once it has them",
    },
  },
  {
    name: "at-risk-off-by-one",
    bug: "one target more than max_at_risk is begun",
    breaks: "rule: max_at_risk",
    patches: [{ file: "internal/workflow/room-at-risk.ts", find: "< run.stage.atRiskMax", replace: "<= run.stage.atRiskMax" }],
    caughtBy: { file: "test/golden/golden.test.ts", name: "max-at-risk goes as its transcript says" },
  },
  {
    name: "at-risk-not-reserved",
    bug: "targets in flight keep no room",
    breaks: "rule: max_at_risk",
    patches: [
      {
        file: "internal/workflow/room-at-risk.ts",
        find: "return state.targetsAtRisk + run.roomKept <",
        replace: "return state.targetsAtRisk <",
      },
    ],
    caughtBy: { file: "internal/workflow/room-at-risk.test.ts", name: "max_at_risk holds against targets that end before any apply (3)" },
  },
  {
    name: "at-risk-forgets-unknown",
    bug: "a target whose outcome is unknown is not at risk",
    breaks: "rule: max_at_risk",
    patches: [
      {
        file: "internal/workflow/apply-task.ts",
        find: "  if (to === TaskState.UNKNOWN && stage.isOverTargets) setRisk(state, ordinal, { set: Risk.UNKNOWN });\n",
        replace: "  if (to === TaskState.UNKNOWN && stage.isOverTargets) setRisk(state, ordinal, { clear: Risk.BEGUN });\n",
      },
    ],
    caughtBy: {
      file: "internal/workflow/room-at-risk.test.ts",
      name: "a held target stays at risk, and goes on without asking for room when a person has resolved it",
    },
  },
  {
    name: "failures-off-by-one",
    bug: "a stage goes on past its budget of failures",
    breaks: "rule: max_failures",
    patches: [
      {
        file: "internal/workflow/budget.ts",
        find: "return run.isOverdue || run.failed.size > run.stage.failuresMax;",
        replace: "return run.isOverdue || run.failed.size > run.stage.failuresMax + 1;",
      },
    ],
    caughtBy: { file: "test/golden/golden.test.ts", name: "max-failures-count goes as its transcript says" },
  },
  {
    name: "failures-rounded-up",
    bug: "a percentage of failures is rounded up",
    breaks: "rule: max_failures",
    patches: [
      {
        file: "internal/workflow/rollout.ts",
        find: 'return rounding === "up" ? Math.ceil(exact) : Math.floor(exact);',
        replace: 'return rounding === "up" || exact > 0 ? Math.ceil(exact) : Math.floor(exact);',
      },
    ],
    caughtBy: { file: "internal/workflow/rollout.test.ts", name: "budgets are rounded down: { …(2) } of 99" },
  },
  {
    name: "failures-forget-unknown",
    bug: "unknown targets do not keep further ones from being begun",
    breaks: "rule: max_failures",
    patches: [
      {
        file: "internal/workflow/budget.ts",
        find: "run.failed.size + state.tasks.count(run.stage.index, TaskState.UNKNOWN) >",
        replace: "run.failed.size + 0 * state.tasks.count(run.stage.index, TaskState.UNKNOWN) >",
      },
    ],
    caughtBy: {
      file: "internal/workflow/dispatch.test.ts",
      name: "while failed and unknown targets are more than max_failures no new target is begun, and one that was resolved goes on",
    },
  },
  {
    name: "wave-tail-forgotten",
    bug: "the last targets, fewer than a wave, are never taken",
    breaks: "rule: waves",
    patches: [
      {
        file: "internal/workflow/rollout.ts",
        find: "  for (let first = 0; first < targets;) {\n",
        replace: "  for (let first = 0; first + 1 < targets;) {\n",
      },
    ],
    caughtBy: { file: "internal/workflow/rollout.test.ts", name: "percentages of waves are rounded up" },
  },
  {
    name: "wave-begins-before-the-last-ends",
    bug: "a wave ends while targets of it are open",
    breaks: "rule: waves",
    patches: [
      {
        file: "internal/workflow/dispatch.ts",
        find: "  if (run.openInWave > 0) return undefined;",
        replace: "  if (run.openInWave > 1) return undefined;",
      },
    ],
    caughtBy: { file: "test/golden/golden.test.ts", name: "waves-and-pause goes as its transcript says" },
  },
  {
    name: "wave-pause-skipped",
    bug: "the pause between waves is not kept",
    breaks: "rule: pause",
    patches: [
      {
        file: "internal/workflow/dispatch.ts",
        find: "if (!facts.isPauseOver() || isWaveGated(run, facts)) return undefined;",
        replace: "if (isWaveGated(run, facts)) return undefined;",
      },
    ],
    caughtBy: { file: "test/golden/golden.test.ts", name: "waves-and-pause goes as its transcript says" },
  },
  {
    name: "parallel-off-by-one",
    bug: "one target more than parallel is in flight",
    breaks: "rule: parallel",
    patches: [
      {
        file: "internal/workflow/dispatch.ts",
        find: "const isFull = run.inFlight.size >= run.stage.parallel;",
        replace: "const isFull = run.inFlight.size > run.stage.parallel;",
      },
    ],
    caughtBy: { file: "test/golden/golden.test.ts", name: "parallel goes as its transcript says" },
  },
  {
    name: "stopped-alternative-cuts-short",
    bug: "a target that was stopped while an alternative ran counts as stopped half-way, though that one succeeded",
    breaks: "H2",
    patches: [
      {
        file: "internal/workflow/target-parts.ts",
        find: "const wasStopped = isGood(to) && now === TaskState.SKIPPED_AFTER;",
        replace: "const wasStopped = false;",
      },
    ],
    caughtBy: {
      file: "internal/workflow/alternatives.test.ts",
      name: "a target that is stopped while an alternative runs is whole when that one succeeds: not undone, not at risk, nothing to retry",
    },
  },
];
