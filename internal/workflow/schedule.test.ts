import type { JsonValue } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { AttemptOutcome } from "../gen/holdfast/v1/event_pb.ts";
import { Drill } from "../../test/fakes/drill.ts";
import { nextDueMs } from "./dispatch.ts";
import { Schedule } from "./schedule.ts";

/** Two actions that run once, the second with two seconds from the moment at which it may start to its end. */
const twoSeconds = (rest: { readonly [key: string]: JsonValue }): JsonValue => ({
  name: "packet",
  stages: [
    {
      name: "send",
      actions: [
        { name: "route", uses: "probe", with: { n: 1 } },
        { name: "transmit", uses: "probe", with: { n: 1 }, scheduleTimeout: "2s", retry: { attempts: 11, delay: "5s" }, ...rest },
      ],
    },
  ],
});

test("a delay that would reach past the two seconds from schedule to end is not begun", () => {
  const drill = new Drill({ targets: 0, definition: twoSeconds({}) });
  drill.exec();
  drill.nowMs += 60_000;
  drill.end(0, AttemptOutcome.UNCHANGED);
  expect(drill.state.schedule.endsMs(1)).toBe(drill.nowMs + 2_000);
  expect(drill.end(1, AttemptOutcome.FAILED)).toContain("workflowEnded");
});

test("ten retries at a fixed five seconds are eleven attempts and no more", () => {
  const drill = new Drill({ targets: 0, definition: twoSeconds({ scheduleTimeout: "600s" }) });
  drill.exec();
  drill.end(0, AttemptOutcome.UNCHANGED);
  for (let retry = 1; retry <= 10; retry++) {
    drill.end(1, AttemptOutcome.FAILED);
    expect(nextDueMs(drill.state)).toBe(drill.nowMs + 5_000);
    drill.nowMs += 5_000;
    drill.follow();
  }
  expect(drill.state.tasks.attempts[1]).toBe(11);
  expect(drill.end(1, AttemptOutcome.FAILED)).toContain("workflowEnded");
});

test("what waits past its time fails without a further attempt, and a Retry counts anew", () => {
  const drill = new Drill({
    targets: 1,
    definition: {
      name: "fix",
      targets: { where: "true" },
      stages: [{ name: "fix", over: { targets: true }, actions: [{ name: "apply", uses: "set", scheduleTimeout: "60s" }] }],
    },
  });
  drill.lockedTargets.add("h0");
  drill.exec();
  drill.startApply(0);
  expect(nextDueMs(drill.state)).toBe(drill.nowMs + 60_000);
  drill.nowMs += 59_999;
  expect(drill.take({ kind: "wake" })).toEqual([]);
  drill.nowMs += 1;
  expect(drill.take({ kind: "wake" })).toEqual(["taskRefused h0/apply", "stageEnded", "workflowEnded"]);
  drill.nowMs += 1_000;
  drill.lockedTargets.clear();
  drill.take({ kind: "retry", by: "ann", reason: "", digest: "" });
  expect(drill.state.schedule.endsMs(0)).toBe(drill.nowMs + 60_000);
  expect(drill.change(0)).toContain("workflowEnded");
  expect(drill.state.schedule.peek()).toBeUndefined();
});

test("what is only to be skipped, for a need was not met, is never late", () => {
  const stages = [
    { name: "one", continueOnError: true, actions: [{ name: "x", uses: "probe" }] },
    {
      name: "two",
      actions: [
        { name: "first", uses: "probe" },
        { name: "then", uses: "probe", needs: { actions: ["one.x"] }, scheduleTimeout: "2s" },
      ],
    },
  ];
  const drill = new Drill({ targets: 0, definition: { name: "w", stages } });
  drill.exec();
  drill.isSpent = true;
  expect(drill.end(0, AttemptOutcome.FAILED, { isRetryable: false })).toContain("waveStarted");
  expect(drill.state.schedule.endsMs(2)).toBe(Infinity);
  drill.nowMs += 3_000;
  drill.isSpent = false;
  expect(drill.follow()).toContain("taskSkipped two/then");
});

test("a moment that is known stays, and what runs is not late", () => {
  const schedule = new Schedule();
  schedule.begin(3, 100);
  schedule.begin(3, 200);
  schedule.begin(4, Infinity);
  expect([schedule.endsMs(3), schedule.endsMs(4)]).toEqual([100, Infinity]);
  schedule.run(3);
  expect(schedule.peek()).toBeUndefined();
  schedule.wait(3);
  schedule.wait(4);
  expect(schedule.peek()).toEqual({ task: 3, atMs: 100 });
  schedule.end(3);
  expect([schedule.endsMs(3), schedule.peek()]).toEqual([Infinity, undefined]);
});
