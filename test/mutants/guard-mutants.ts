// Bugs of the guard: limits, and its time.

import type { Mutant } from "./mutant.ts";

/** The list. */
export const GUARD_MUTANTS: readonly Mutant[] = [
  {
    name: "slot-leaked-at-the-end",
    bug: "slots of tasks that are unknown or frozen are not given back at the end",
    breaks: "H7",
    patches: [{ file: "internal/guard/guard.ts", find: "  foldLimitsOfHolder(guard.limits, workflow, atMs);\n", replace: "" }],
    caughtBy: {
      file: "internal/guard/guard.test.ts",
      name: "a workflow's end gives back all it holds: locks, slots, its pause, reservations; and hands its locks over",
    },
  },
  {
    name: "slot-leaked-at-cancel",
    bug: "a cancelled workflow gives nothing back at its end",
    breaks: "H7",
    patches: [
      {
        file: "internal/engine/guard-moves.ts",
        find: "    this.#move(releaseHolder(this.#guard, this.#id, this.#nowMs));",
        replace: "    if (!this.#state.isCancelRequested) this.#move(releaseHolder(this.#guard, this.#id, this.#nowMs));",
      },
    ],
    caughtBy: {
      file: "internal/engine/cancel-returns.test.ts",
      name: "a workflow that is cancelled while a task of it is held gives back its slot and its locks, and others go on",
    },
  },
  {
    name: "slots-off-by-one",
    bug: "one task more than concurrency holds a slot",
    breaks: "H7",
    patches: [
      {
        file: "internal/guard/limits.ts",
        find: "(state?.slots ?? 0) >= limit.concurrency",
        replace: "(state?.slots ?? 0) > limit.concurrency",
      },
    ],
    caughtBy: {
      file: "internal/guard/limits.test.ts",
      name: "slots are held until they are returned, over restarts, and not one too many is given",
    },
  },
  {
    name: "slot-given-back-in-doubt",
    bug: "an unknown task gives its slot back",
    breaks: "H7",
    patches: [
      {
        file: "internal/engine/guard-moves.ts",
        find: "if (repeatAfterMs !== undefined || isSettled(this.#state.tasks.get(task))) this.#returnLimits(task, isUnused);",
        replace: "this.#returnLimits(task, isUnused);",
      },
    ],
    caughtBy: {
      file: "internal/engine/limits.test.ts",
      name: "an unknown task keeps its slot until a person settles it, over a crash too",
    },
  },
  {
    name: "tokens-refilled-at-restart",
    bug: "a restart fills the buckets",
    breaks: "H7",
    patches: [
      {
        file: "internal/engine/registry.ts",
        find: "        for (const event of frame.guardEvents) applyGuardEvent(this.guard, event);\n      }",
        replace:
          "        for (const event of frame.guardEvents) applyGuardEvent(this.guard, event);\n      }\n      for (const key of this.guard.limits.keys.values()) key.backAt = { ms: 0, part: 0 };",
      },
    ],
    caughtBy: {
      file: "internal/engine/limits.test.ts",
      name: "tokens in a period hold through crash, steps of the wall clock, and reboots: backward holds, forward is trusted",
    },
  },
  {
    name: "token-used-twice",
    bug: "a token that was used is given back",
    breaks: "H7",
    patches: [
      {
        file: "internal/guard/limit-state.ts",
        find: "if (end.isUnused && key.backAt === token?.after)",
        replace: "if (key.backAt === token?.after)",
      },
    ],
    caughtBy: {
      file: "internal/engine/limits.test.ts",
      name: "tokens in a period hold through crash, steps of the wall clock, and reboots: backward holds, forward is trusted",
    },
  },
  {
    name: "token-of-a-second-attempt-given-back",
    bug: "the token of a task that was changed by an earlier attempt is given back",
    breaks: "H7",
    patches: [
      {
        file: "internal/engine/guard-moves.ts",
        find: "isUnused = isFirst && outcome === AttemptOutcome.UNCHANGED",
        replace: "isUnused = outcome === AttemptOutcome.UNCHANGED",
      },
    ],
    caughtBy: {
      file: "internal/engine/token-spent.test.ts",
      name: "a token is spent where a failed attempt may have changed something, though the next one finds nothing to do",
    },
  },
  {
    name: "token-of-an-attempt-put-off-later-given-back",
    bug: "the token of a task that was changed by an earlier attempt is given back when a later one is put off",
    breaks: "H7",
    patches: [
      {
        file: "internal/engine/guard-moves.ts",
        find: "this.#returnLimits(task, isFirst);",
        replace: "this.#returnLimits(task, true);",
      },
    ],
    caughtBy: {
      file: "internal/engine/token-spent.test.ts",
      name: "a token is spent where a failed attempt may have changed something, though the next one is put off",
    },
  },
  {
    name: "token-of-a-reading-given-back",
    bug: "the token of an action that only reads is given back",
    breaks: "H7",
    patches: [{ file: "internal/engine/guard-moves.ts", find: ' && before !== "";', replace: ";" }],
    caughtBy: { file: "internal/engine/token-spent.test.ts", name: "an action that only reads has used its token, whatever it found" },
  },
  {
    name: "later-attempt-gives-back",
    bug: "what a start took goes back where a later attempt of it finds nothing to do, though an earlier one may have changed something",
    breaks: "rule: limits",
    patches: [
      {
        file: "internal/engine/guard-moves.ts",
        find: "return attempt === (takerOf(",
        replace: "return attempt >= (takerOf(",
      },
    ],
    caughtBy: {
      file: "internal/engine/token-spent.test.ts",
      name: "a token is spent in every iteration where a failed attempt may have changed something, over a restart too",
    },
  },
  {
    name: "first-attempt-of-the-generation",
    bug: "only the very first attempt at a task gives back what it did not use, not that of a later iteration or round",
    breaks: "rule: limits",
    patches: [
      {
        file: "internal/engine/guard-moves.ts",
        find: "takerOf(this.#guard, { workflow: this.#id, task }) ?? this.#state",
        replace: "this.#state",
      },
    ],
    caughtBy: {
      file: "internal/engine/token-spent.test.ts",
      name: "a token goes back where the first attempt after a Retry found nothing to do",
    },
  },
  {
    name: "failed-item-keeps-slots",
    bug: "an item that failed keeps the slots of its tasks that were between two attempts",
    breaks: "rule: limits",
    patches: [
      {
        file: "internal/engine/guard-moves.ts",
        find: "if (isSettled(this.#state.tasks.get(other)))",
        replace: "if (stage.isOverTargets && isSettled(this.#state.tasks.get(other)))",
      },
    ],
    caughtBy: {
      file: "internal/engine/item-limits.test.ts",
      name: "an item that failed gives back the slots of its other tasks, which were between two attempts: the next item goes on",
    },
  },
  {
    name: "closed-task-keeps-slots",
    bug: "what handles a target's failure waits for ever for slots of the target's own tasks that were between two attempts",
    breaks: "rule: limits",
    patches: [
      {
        file: "internal/engine/guard-moves.ts",
        find: "if (isSettled(this.#state.tasks.get(other)))",
        replace: "if (isTargetDone(this.#state, stage, ordinal) && isSettled(this.#state.tasks.get(other)))",
      },
    ],
    caughtBy: {
      file: "internal/engine/closed-limits.test.ts",
      name: "what a target's failure closes between two attempts keeps no limit from what handles the failure",
    },
  },
  {
    name: "round-keeps-what-it-held",
    bug: "a Retry keeps the slots of unknown tasks, and goes past those who wait for them",
    breaks: "rule: limits",
    patches: [
      {
        file: "internal/engine/guard-moves.ts",
        find: "  retried(): void {\n    this.ended();",
        replace: "  retried(): void {\n    this.flush();",
      },
    ],
    caughtBy: {
      file: "test/oracle/half-sentences.test.ts",
      name: "a Retry gives back what unknown tasks held: whoever waits for it is served before the round",
    },
  },
  {
    name: "cancelled-and-begun",
    bug: "an attempt that looked while its workflow was cancelled begins to change something",
    breaks: "rule: cancel",
    patches: [
      {
        file: "internal/workflow/decide.ts",
        find: "  if (state.isCancelRequested) return ended(AttemptOutcome.CANCELLED, DeferReason.UNSPECIFIED);\n",
        replace: "",
      },
    ],
    caughtBy: {
      file: "test/oracle/half-sentences.test.ts",
      name: "what looked while its workflow was cancelled changes nothing any more",
    },
  },
  {
    name: "limits-not-taken",
    bug: "limits are asked and never taken",
    breaks: "H7",
    patches: [
      {
        file: "internal/engine/guard-moves.ts",
        find: "    this.#move(takeLimits(this.#guard, { ...who, task, limits: asked.limits }, this.#nowMs));",
        replace: "    takeLimits(this.#guard, { ...who, task, limits: asked.limits }, this.#nowMs);",
      },
    ],
    caughtBy: {
      file: "internal/engine/limits.test.ts",
      name: "a limit of concurrency holds across two workflows and a crash, and both come to their end",
    },
  },
  {
    name: "burst-one-more",
    bug: "one token more than burst is given at once",
    breaks: "rule: limits",
    patches: [
      {
        file: "internal/guard/token-rate.ts",
        find: "plus(backAt, -(burst - 1) * intervalMs)",
        replace: "plus(backAt, -burst * intervalMs)",
      },
    ],
    caughtBy: {
      file: "internal/guard/token-rate.test.ts",
      name: "no window of w ms ever sees more than burst + floor(w / interval) tokens (seed 6)",
    },
  },
  {
    name: "spacing-ignored",
    bug: "starts keep no distance",
    breaks: "rule: limits",
    patches: [
      {
        file: "internal/guard/limits.ts",
        find: "return Math.max(spacedMs, isFree",
        replace: "return Math.max(Math.min(0, spacedMs), isFree",
      },
    ],
    caughtBy: { file: "internal/engine/limits.test.ts", name: "spacing keeps starts apart, over a crash too" },
  },
  {
    name: "line-passed",
    bug: "who comes late passes those who wait for a limit",
    breaks: "rule: limits",
    patches: [
      {
        file: "internal/guard/limits.ts",
        find: '    if (isBehind(limits.queues, key, ask)) return { kind: "blocked", key, untilMs: undefined };\n',
        replace: '    if (isBehind(limits.queues, key, ask) && nowMs < 0) return { kind: "blocked", key, untilMs: undefined };\n',
      },
    ],
    caughtBy: {
      file: "internal/guard/limits.test.ts",
      name: "those who wait go by priority, then in the order in which they came; who was served goes to the back",
    },
  },
  {
    name: "wall-clock-for-limits",
    bug: "the guard's time follows the wall clock",
    breaks: "H7",
    patches: [
      {
        file: "internal/guard/guard-time.ts",
        find: "anchor.atMs + Math.floor(time.monotonicMs - anchor.monotonicMs)",
        replace: "anchor.atMs + Math.floor(time.wallMs - anchor.wallMs)",
      },
    ],
    caughtBy: {
      file: "internal/guard/guard-time.test.ts",
      name: "a wall clock that is set by 86400000 ms changes nothing while the machine runs, nor over a restart",
    },
  },
  {
    name: "guard-time-stands-after-a-reboot",
    bug: "after a reboot the time before it counts again",
    breaks: "H7",
    patches: [
      {
        file: "internal/guard/guard-time.ts",
        find: "return Math.max(1, lastMs + Math.max(0, Math.floor(time.wallMs - wallAt(clock, lastMs))));",
        replace: "return Math.max(1, lastMs + 0 * Math.max(0, Math.floor(time.wallMs - wallAt(clock, lastMs))));",
      },
    ],
    caughtBy: {
      file: "internal/guard/guard-time.test.ts",
      name: "after a reboot with the wall clock 60000 ms on, the guard's time is 60000 ms on",
    },
  },
  {
    name: "own-unknown-lock-moves",
    bug: "what waits for the locks of an unknown target of its own workflow counts as what goes on by itself",
    breaks: "rule: WAITING",
    patches: [
      {
        file: "internal/workflow/stall.ts",
        find: "if (keys.some((key) => kept.has(key))) keep(kept, keys);\n    else count += 1;",
        replace: "if (keys.length > 0) count += 1;",
      },
    ],
    caughtBy: {
      file: "internal/engine/stage-locks.test.ts",
      name: "where all that is left waits for a target of the workflow itself that is unknown, it waits for a person; for another's it does not",
    },
  },
  {
    name: "line-behind-unknown-moves",
    bug: "what stands in line behind one that waits for an unknown target of its own workflow counts as what goes on by itself",
    breaks: "rule: WAITING",
    patches: [
      {
        file: "internal/workflow/stall.ts",
        find: "if (keys.some((key) => kept.has(key))) keep(kept, keys);",
        replace: "if (keys.every((key) => kept.has(key))) keep(kept, []);",
      },
    ],
    caughtBy: {
      file: "internal/workflow/stall.test.ts",
      name: "who stands in line behind one that waits for an unknown target waits for a person too, as far as they share a key",
    },
  },
];
