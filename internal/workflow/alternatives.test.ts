import { expect, test } from "vitest";
import type { JsonValue } from "@bufbuild/protobuf";
import { AttemptOutcome } from "../gen/holdfast/v1/event_pb.ts";
import { Phase } from "../gen/holdfast/v1/status_pb.ts";
import { Drill } from "../../test/fakes/drill.ts";
import { taskScope } from "./expression-scope.ts";
import { phaseOf, statusOf } from "./status.ts";

const { CHANGED, UNCHANGED, FAILED, UNKNOWN } = AttemptOutcome;
const final = { isRetryable: false };
const retry = { kind: "retry", by: "ann", reason: "", digest: "" } as const;
/** Tasks: send.1 0, send.2 1, send.3 2, after 3. */
const sending = (rest: { [key: string]: JsonValue } = {}): JsonValue => ({
  name: "test",
  targets: { where: "true" },
  stages: [
    {
      name: "go",
      over: { targets: true },
      actions: [
        { name: "send", try: [{ uses: "set" }, { uses: "touch", onUnknown: "ON_UNKNOWN_NEXT" }, { uses: "send" }], ...rest },
        { name: "after", uses: "set", when: "send.alternative > 0" },
      ],
    },
  ],
});

function drillOf(definition: JsonValue): Drill {
  const drill = new Drill({ targets: 1, definition });
  drill.exec();
  return drill;
}

test("alternatives are tried until one succeeds; expressions see that one, and a Retry has nothing to do", () => {
  const drill = drillOf(sending());
  expect(drill.end(0, FAILED, final)).toEqual(["attemptEnded h0/send.1 3", "attemptStarted h0/send.2"]);
  drill.startApply(1);
  expect(drill.end(1, CHANGED)).toEqual(["attemptEnded h0/send.2 2", "attemptStarted h0/after"]);
  expect(taskScope(drill.state, 3, drill.facts)("send")).toMatchObject({
    outcome: "SUCCEEDED",
    changed: true,
    alternative: 2,
    attempts: 1,
  });
  drill.end(3, UNCHANGED);
  expect(statusOf(drill.state)).toMatchObject({ phase: Phase.SUCCEEDED, targetsAtRisk: 0, counts: { failed: 1, skipped: 1 } });
  expect(() => drill.take(retry)).toThrow("nothing to retry");
});

test("when none succeeds the action has failed; a Retry begins with the first again", () => {
  const drill = drillOf(sending());
  for (const task of [0, 1, 2]) drill.end(task, FAILED, final);
  expect(statusOf(drill.state)).toMatchObject({ phase: Phase.FAILED, error: expect.stringContaining("1 of 1 targets failed") });
  expect(drill.take(retry)).toContain("attemptStarted h0/send.1");
  expect(drill.end(0, UNCHANGED)).toContain("attemptStarted h0/after");
});

test("a Retry tries none again of an action that succeeded while its target failed by another", () => {
  const other = { name: "other", uses: "set", needs: { actions: [] } };
  const stage = {
    name: "go",
    over: { targets: true },
    actions: [{ name: "send", try: [{ uses: "set" }, { uses: "send" }, { uses: "touch" }] }, other],
  };
  const drill = drillOf({ name: "test", targets: { where: "true" }, stages: [stage] });
  drill.end(0, FAILED, final);
  drill.end(3, FAILED, final);
  drill.end(1, CHANGED);
  expect(phaseOf(drill.state)).toBe(Phase.FAILED);
  expect(drill.take(retry)).toContain("attemptStarted h0/other");
  drill.end(3, CHANGED);
  expect(phaseOf(drill.state)).toBe(Phase.SUCCEEDED);
});

test("with continue_on_error what needs it goes on after the last one failed", () => {
  const drill = drillOf(sending({ continueOnError: true }));
  drill.end(0, FAILED, final);
  drill.end(1, FAILED, final);
  expect(drill.end(2, FAILED, final)).toContain("attemptStarted h0/after");
  expect(taskScope(drill.state, 3, drill.facts)("send")).toMatchObject({ outcome: "FAILED", alternative: 3 });
});

test("an unknown alternative is held; one whose author allows to move on counts as failed, and its history says unknown", () => {
  const drill = drillOf(sending());
  drill.startApply(0);
  drill.end(0, UNKNOWN);
  expect(phaseOf(drill.state)).toBe(Phase.WAITING);
  const other = drillOf(sending());
  other.end(0, FAILED, final);
  other.startApply(1);
  expect(other.end(1, UNKNOWN)).toEqual(["attemptEnded h0/send.2 5", "attemptStarted h0/send.3"]);
});

test("an action that is skipped by its `when` tries none", () => {
  const drill = new Drill({ targets: 1, definition: sending({ when: "false" }) });
  expect(drill.exec().slice(3)).toEqual(["taskSkipped h0/send.1", "attemptStarted h0/after"]);
  expect(statusOf(drill.state).counts).toMatchObject({ skipped: 3 });
});

test("a target that is stopped while an alternative runs is whole when that one succeeds: not undone, not at risk, nothing to retry", () => {
  const stage = {
    name: "go",
    over: { targets: true },
    deadline: "60s",
    actions: [{ name: "send", try: [{ uses: "set" }, { uses: "touch" }], undo: { uses: "set" } }],
    onSuccess: [{ name: "good", uses: "set" }],
    onFailure: [{ name: "bad", uses: "set" }],
  };
  const drill = drillOf({ name: "test", targets: { where: "true" }, stages: [stage] });
  drill.startApply(0);
  drill.nowMs += 60_000;
  expect(drill.follow()).toEqual(["deadlinePassed"]);
  expect(drill.end(0, CHANGED)).toEqual(["attemptEnded h0/send.1 2", "attemptStarted h0/good"]);
  drill.end(3, UNCHANGED);
  expect(statusOf(drill.state)).toMatchObject({ phase: Phase.FAILED, targetsAtRisk: 0 });
  expect(() => drill.take(retry)).toThrow("nothing to retry");
});
