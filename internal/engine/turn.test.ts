import { expect, test } from "vitest";
import type { JsonValue } from "@bufbuild/protobuf";
import { TURN_EVENTS_MAX } from "../base/limits.ts";
import { AttemptOutcome } from "../gen/holdfast/v1/event_pb.ts";
import { applyGuardEvent, emptyGuard } from "../guard/guard.ts";
import type { GuardState } from "../guard/guard.ts";
import { giveLocks, lockHolder, takeLocks, targetLock, waitingFor } from "../guard/locks.ts";
import type { Command } from "../workflow/commands.ts";
import { anId } from "../../test/fakes/journal-entries.ts";
import { Drill, DRILL_ID } from "../../test/fakes/drill.ts";
import { World } from "../../test/fakes/world.ts";
import { timeMs } from "../base/ids.ts";
import { takeTurn } from "./turn.ts";

const OTHER = { workflow: anId(9), target: "x", keys: [targetLock("h0")], priority: 0 };
const POLICIES = new World().policies;
const NOW_MS = 1_000;
const EXEC: Command = { kind: "exec", by: "ann", digest: "" };

function turn(drill: Drill, guard: GuardState, ...commands: readonly Command[]) {
  const time = { bootId: "boot", monotonicMs: drill.nowMs, wallMs: drill.nowMs };
  const now = { guardMs: drill.nowMs, nowMs: timeMs(drill.nowMs), time, stop: () => ({ kind: "absent" as const }) };
  return takeTurn({ state: drill.state, guard, commands, facts: drill.facts, policies: POLICIES, ...now });
}

const ended = (task: number, outcome: AttemptOutcome): Command => ({
  kind: "endAttempt",
  report: { task, attempt: 1, outcome, before: "", after: "", error: "", isRetryable: false, detail: undefined, detailCrc: 0 },
});
const apply = (task: number): Command => ({ kind: "startApply", task, attempt: 1, before: "" });

test("a lock is taken with ApplyStarted and given back with the target's last end, in the same turns", () => {
  const [drill, guard] = [new Drill({ targets: 1 }), emptyGuard()];
  expect(turn(drill, guard, EXEC).guardEvents.map(({ kind }) => kind.case)).toEqual(["clockAnchored", "targetsReserved"]);
  expect(turn(drill, guard, apply(0)).guardEvents.map(({ kind }) => kind.case)).toEqual(["lockTaken", "targetTouched"]);
  const last = turn(drill, guard, ended(0, AttemptOutcome.CHANGED));
  expect(last.guardEvents.map(({ kind }) => kind.case)).toEqual(["lockReleased", "targetsSettled"]);
  expect(last.events.at(-1)?.kind.case).toBe("workflowEnded");
});

test("an unknown task keeps the lock", () => {
  const [drill, guard] = [new Drill({ targets: 1 }), emptyGuard()];
  for (const command of [EXEC, apply(0), ended(0, AttemptOutcome.UNKNOWN)]) turn(drill, guard, command);
  expect(lockHolder(guard, targetLock("h0"))).toEqual({ workflow: DRILL_ID, target: "h0" });
});

test("a workflow that is done with a target it waited for is not handed the target's lock", () => {
  const actions: JsonValue = ["left", "right"].map((name) => ({ name, uses: "set", needs: {} }));
  const rollout = { maxFailures: { count: 1 } };
  const drill = new Drill({
    targets: 2,
    definition: { name: "x", targets: { where: "true" }, stages: [{ name: "s", over: { targets: true }, rollout, actions }] },
  });
  const guard = emptyGuard();
  for (const event of takeLocks(guard, OTHER, NOW_MS)) applyGuardEvent(guard, event);
  for (const command of [EXEC, apply(0)]) turn(drill, guard, command);
  expect(waitingFor(guard, targetLock("h0"))).toEqual([DRILL_ID]);
  turn(drill, guard, ended(1, AttemptOutcome.FAILED));
  for (const event of giveLocks(guard, OTHER, NOW_MS)) applyGuardEvent(guard, event);
  expect(lockHolder(guard, targetLock("h0"))).toBeUndefined();
});

test("a turn makes a bounded number of events, and says that more will follow", () => {
  const definition: JsonValue = {
    name: "x",
    targets: { where: "true" },
    stages: [{ name: "s", over: { targets: true }, actions: [{ name: "a", uses: "set", when: "false" }] }],
  };
  const [drill, guard] = [new Drill({ targets: TURN_EVENTS_MAX, definition }), emptyGuard()];
  const first = turn(drill, guard, EXEC);
  expect(first.events).toHaveLength(TURN_EVENTS_MAX);
  expect(first.hasMore).toBe(true);
  expect(turn(drill, guard)).toMatchObject({ hasMore: false, events: { length: 6 } });
});

test("a refused command leaves no trace and does not hinder the others of its turn", () => {
  const [drill, guard] = [new Drill(), emptyGuard()];
  const { answers, events } = turn(drill, guard, { kind: "pause", by: "ann", reason: "" }, EXEC);
  expect(answers.map(({ refusal }) => refusal?.code)).toEqual(["FAILED_PRECONDITION", undefined]);
  expect(events[0]?.kind.case).toBe("workflowExecuted");
});
