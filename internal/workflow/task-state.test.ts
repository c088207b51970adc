import fc from "fast-check";
import { expect, test } from "vitest";
import { TaskOutcome } from "../gen/holdfast/v1/status_pb.ts";
import { TaskState, TaskTable, isFailure, isGood, isRetriable, isSettled, outcomeName, outcomeOf } from "./task-state.ts";

const STATES = Object.values(TaskState);

test("counts always equal what a scan of the tasks would give", () => {
  const change = fc.tuple(fc.integer({ min: 0, max: 29 }), fc.constantFrom(...STATES));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 300 }), (changes) => {
      const table = new TaskTable(30, [{ tasks: 10 }, { tasks: 20 }], { stageOf: (task) => (task < 10 ? 0 : 1), attemptBase: 0 });
      for (const [task, state] of changes) table.set(task, state);
      for (const state of STATES) {
        const scanned = [...table.states.keys()].filter((task) => table.get(task) === state);
        expect(table.count(0, state)).toBe(scanned.filter((task) => task < 10).length);
        expect(table.count(1, state)).toBe(scanned.filter((task) => task >= 10).length);
      }
      const counts = table.totalCounts();
      const { succeeded, failed, unknown, unreachable, skipped, running, waiting, cancelled } = counts;
      const present = 30 - table.states.filter((state) => state === TaskState.ABSENT).length;
      expect(counts.tasks).toBe(present);
      expect(succeeded + failed + unknown + unreachable + skipped + running + waiting + cancelled).toBe(present);
      expect(succeeded).toBe(counts.changed + counts.unchanged);
    }),
  );
});

test("a list of failed targets is known to hold until a failure comes or goes", () => {
  const table = new TaskTable(2, [{ tasks: 2 }], { stageOf: () => 0, attemptBase: 0 });
  const versions = [table.failureVersion(0)];
  for (const state of [TaskState.RUNNING, TaskState.FAILED, TaskState.PENDING, TaskState.RUNNING, TaskState.CHANGED]) {
    table.set(0, state);
    versions.push(table.failureVersion(0));
  }
  expect(versions).toEqual([0, 0, 1, 2, 2, 2]);
});

test("each state is settled, good, a failure or open to Retry as its name says", () => {
  const names = (is: (state: number) => boolean): readonly string[] =>
    Object.entries(TaskState).flatMap(([name, state]) => (is(state) ? [name] : []));
  expect(names(isGood)).toEqual(["UNCHANGED", "CHANGED", "SKIPPED", "ABSENT"]);
  expect(names(isFailure)).toEqual(["FAILED", "UNREACHABLE"]);
  expect(names(isSettled)).toEqual([
    "UNCHANGED",
    "CHANGED",
    "FAILED",
    "UNREACHABLE",
    "SKIPPED",
    "SKIPPED_AFTER",
    "CANCELLED",
    "SKIPPED_FINISH",
    "ABSENT",
  ]);
  expect(names((state) => !isRetriable(state))).toEqual(["RUNNING", "UNCHANGED", "CHANGED", "SKIPPED", "ABSENT"]);
  expect(outcomeName(outcomeOf(TaskState.DEFERRED))).toBe("WAITING");
  expect(STATES.map(outcomeOf)).not.toContain(TaskOutcome.UNSPECIFIED);
});
