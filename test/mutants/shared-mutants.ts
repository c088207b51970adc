// Bugs of what workflows share: the ledger, and locks.

import type { Mutant } from "./mutant.ts";

/** The list. */
export const SHARED_MUTANTS: readonly Mutant[] = [
  {
    name: "ledger-not-reserved",
    bug: "a wave that begins is not counted until it changes something",
    breaks: "H7",
    patches: [
      {
        file: "internal/engine/guard-moves.ts",
        find: "    this.#move(reserveTargets(this.#guard,",
        replace: "    void (reserveTargets(this.#guard,",
      },
    ],
    caughtBy: {
      file: "internal/engine/ledger-counts.test.ts",
      name: "a Retry of a failed workflow does not count its own targets twice, and others count them",
    },
  },
  {
    name: "ledger-not-given-back",
    bug: "targets of which nothing was changed stay counted",
    breaks: "rule: ledger",
    patches: [{ file: "internal/guard/ledger-state.ts", find: "  if (touched.length > 0) {\n", replace: "  if (touched.length >= 0) {\n" }],
    caughtBy: {
      file: "internal/guard/ledger.test.ts",
      name: "labels count as of the latest touch or reservation, and go back with a reservation that is given back",
    },
  },
  {
    name: "ledger-forgets-at-the-end",
    bug: "what was changed is not counted once its wave has ended",
    breaks: "rule: ledger",
    patches: [{ file: "internal/guard/ledger-state.ts", find: "  if (touched.length > 0) {\n", replace: "  if (touched.length > 99) {\n" }],
    caughtBy: {
      file: "internal/guard/ledger-chance.test.ts",
      name: "the ledger's counts equal those worked out from all events, at any time (seed 12)",
    },
  },
  {
    name: "ledger-counts-who-asks",
    bug: "the targets that ask are counted",
    breaks: "rule: ledger",
    patches: [
      {
        file: "internal/guard/ledger.ts",
        find: "return { count: count === 0 ? 0 : count - (ownOf(window, dimension).get(cellKey(dimension)) ?? 0), version };",
        replace: "return { count: count - 0 * (ownOf(window, dimension).get(cellKey(dimension)) ?? 0), version };",
      },
    ],
    caughtBy: {
      file: "internal/guard/ledger-chance.test.ts",
      name: "the ledger's counts equal those worked out from all events, at any time (seed 14)",
    },
  },
  {
    name: "lock-granted-twice",
    bug: "two targets of one workflow hold the lock of a stage",
    breaks: "rule: locks",
    patches: [
      {
        file: "internal/guard/locks.ts",
        find: "if (holder !== undefined) return holder.workflow === ask.workflow && holder.target === ask.target;",
        replace: "if (holder !== undefined) return holder.workflow === ask.workflow;",
      },
    ],
    caughtBy: {
      file: "internal/guard/locks.test.ts",
      name: "whatever is asked in whatever order, no lock has two holders, nobody is forgotten, and a replay holds the same (seed 39)",
    },
  },
  {
    name: "lock-not-asked",
    bug: "a target is changed without asking for its lock",
    breaks: "rule: locks",
    patches: [
      {
        file: "internal/workflow/decide.ts",
        find: "  if (!facts.canLock(task)) return ended(AttemptOutcome.DEFERRED, DeferReason.LOCK);\n",
        replace: "",
      },
    ],
    caughtBy: {
      file: "internal/engine/stage-locks.test.ts",
      name: "two targets of one workflow with one key are never both between their first change and their last action",
    },
  },
  {
    name: "lock-released-too-early",
    bug: "locks are given back after the first action of a target",
    breaks: "rule: locks",
    patches: [
      {
        file: "internal/engine/guard-moves.ts",
        find: "    if (!isTargetDone(this.#state, stage, ordinal)) return;\n",
        replace: "",
      },
    ],
    caughtBy: {
      file: "internal/engine/stage-locks.test.ts",
      name: "an unknown target keeps its stage's locks until a person settles it, over a crash",
    },
  },
  {
    name: "lock-order-lost",
    bug: "who came last is served first",
    breaks: "rule: locks",
    patches: [{ file: "internal/guard/wait-queue.ts", find: "a.arrival < b.arrival", replace: "a.arrival > b.arrival" }],
    caughtBy: { file: "internal/guard/locks.test.ts", name: "nobody passes who wants one of the same keys and came later" },
  },
  {
    name: "lock-waiters-forgotten-at-restart",
    bug: "who waited for a lock does not ask again after a restart",
    breaks: "rule: locks",
    patches: [{ file: "internal/engine/registry.ts", find: "    await this.#askForLocks(states);\n", replace: "" }],
    caughtBy: {
      file: "internal/engine/stage-locks.test.ts",
      name: "targets of two workflows with one key wait for each other, over a crash; why names the holder",
    },
  },
  {
    name: "lock-not-handed-over-at-restart",
    bug: "who can take its locks after a restart stands in line for ever",
    breaks: "rule: locks",
    patches: [{ file: "internal/engine/registry.ts", find: "handOverFree(guard, this.guardMs())", replace: "[]" }],
    caughtBy: {
      file: "internal/engine/stage-locks.test.ts",
      name: "after a restart the older one goes on whose place in line was behind the younger, though its own locks are free",
    },
  },
  {
    name: "parked-later-one-counts",
    bug: "a task that is parked takes the place of an earlier one's moment to look again",
    breaks: "rule: limits",
    patches: [
      {
        file: "internal/workflow/parking.ts",
        find: "lot.lookAtMs = Math.min(lot.lookAtMs, held.lookAtMs ?? Infinity);",
        replace: "lot.lookAtMs = held.lookAtMs ?? Infinity;",
      },
    ],
    caughtBy: {
      file: "test/oracle/half-sentences.test.ts",
      name: "a task is not late where another of its workflow, parked after it under the same key of a limit, has to wait for longer",
    },
  },
  {
    name: "lock-kept-after-the-end",
    bug: "a workflow that has ended keeps its locks",
    breaks: "rule: locks",
    patches: [{ file: "internal/guard/guard.ts", find: "  foldLocksOfHolder(guard.locks, workflow);\n", replace: "" }],
    caughtBy: {
      file: "internal/guard/locks.test.ts",
      name: "whatever is asked in whatever order, no lock has two holders, nobody is forgotten, and a replay holds the same (seed 30)",
    },
  },
];
