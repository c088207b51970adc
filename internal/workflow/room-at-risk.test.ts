import { expect, test } from "vitest";
import type { JsonValue } from "@bufbuild/protobuf";
import { AttemptOutcome, Resolution } from "../gen/holdfast/v1/event_pb.ts";
import { HoldKind, Phase } from "../gen/holdfast/v1/status_pb.ts";
import { Drill } from "../../test/fakes/drill.ts";
import { workflowHolds } from "./holds.ts";
import { phaseOf } from "./status.ts";

type Json = { [key: string]: JsonValue };
const SET: Json = { name: "apply", uses: "set" };
const fix = (rollout: Json, actions: Json[] = [SET]): JsonValue => ({
  name: "test",
  targets: { where: "true" },
  stages: [{ name: "fix", over: { targets: true }, rollout, actions }],
});

test("max_at_risk bounds the targets that are at risk or may become so: one that ends well makes room for the next", () => {
  const drill = new Drill({ targets: 4, definition: fix({ maxAtRisk: { count: 2 } }) });
  expect(drill.exec().slice(3)).toEqual(["attemptStarted h0/apply", "attemptStarted h1/apply"]);
  expect(drill.hold(2)).toMatchObject({ kind: HoldKind.AT_RISK, message: expect.stringContaining("2 more are in flight, max_at_risk") });
  expect(workflowHolds(drill.state)).toEqual([]);
  expect(drill.startApply(0)).toEqual(["applyStarted h0/apply"]);
  expect(drill.end(1, AttemptOutcome.UNCHANGED)).toContain("attemptStarted h2/apply");
  expect(drill.end(0, AttemptOutcome.CHANGED)).toContain("attemptStarted h3/apply");
});

test.each([AttemptOutcome.UNREACHABLE, AttemptOutcome.FAILED])(
  "max_at_risk holds against targets that end before any apply (%i)",
  (outcome) => {
    const drill = new Drill({ targets: 4, definition: fix({ maxAtRisk: { count: 2 }, maxFailures: { count: 4 } }) });
    drill.exec();
    drill.end(0, outcome);
    expect(drill.state.targetsAtRisk).toBe(1);
    expect(phaseOf(drill.state)).toBe(Phase.RUNNING);
    expect(workflowHolds(drill.state)).toMatchObject([{ kind: HoldKind.AT_RISK, names: ["h0"] }]);
    expect(drill.end(1, outcome)).toHaveLength(1);
    expect(drill.state.targetsAtRisk).toBe(2);
    expect(phaseOf(drill.state)).toBe(Phase.WAITING);
    const [hold] = workflowHolds(drill.state);
    expect(hold).toMatchObject({ kind: HoldKind.AT_RISK, names: ["h0", "h1"] });
    expect(hold?.message).toMatch(/^no further target is begun: 2 targets are at risk, max_at_risk of stage "fix" is 2; "holdfast retry/);
    expect(drill.hold(3)?.kind).toBe(HoldKind.AT_RISK);
  },
);

test("a target whose `when` cannot be evaluated needs room as any other", () => {
  const definition = fix({ maxAtRisk: { count: 1 }, maxFailures: { count: 4 } }, [{ ...SET, when: "target.labels.nothing == 'x'" }]);
  const drill = new Drill({ definition });
  expect(drill.exec().slice(3)).toEqual(["taskRefused h0/apply"]);
  expect(phaseOf(drill.state)).toBe(Phase.WAITING);
});

test("max_at_risk zero begins no target; stages that run once are not bound by it", () => {
  const stages: Json[] = [
    { name: "once", actions: [SET] },
    { name: "fix", over: { targets: true }, rollout: { maxAtRisk: { percent: 40 } }, actions: [SET] },
  ];
  const drill = new Drill({ targets: 2, definition: { name: "test", targets: { where: "true" }, stages } });
  expect(drill.exec()).toContain("attemptStarted once/apply");
  expect(drill.change(0).slice(-2)).toEqual(["stageStarted", "waveStarted"]);
  expect(phaseOf(drill.state)).toBe(Phase.WAITING);
  expect(workflowHolds(drill.state)[0]?.message).toMatch(/max_at_risk of stage "fix" is 0; "holdfast cancel/);
});

test("what is at risk from an earlier stage needs no room and passes those that have none, each target once", () => {
  const stages: Json[] = [
    { name: "one", over: { targets: true }, rollout: { maxFailures: { count: 2 } }, actions: [SET] },
    { name: "two", over: { targets: true }, rollout: { maxAtRisk: { count: 1 } }, actions: [SET] },
  ];
  const drill = new Drill({ targets: 3, definition: { name: "test", targets: { where: "true" }, stages } });
  drill.exec();
  drill.change(0);
  drill.end(1, AttemptOutcome.UNREACHABLE);
  expect(drill.end(2, AttemptOutcome.UNREACHABLE).slice(-2)).toEqual(["attemptStarted h1/apply", "attemptStarted h2/apply"]);
  expect(drill.hold(0)?.kind).toBe(HoldKind.AT_RISK);
  expect(drill.change(4)).not.toContain("attemptStarted h0/apply");
  expect(drill.state.targetsAtRisk).toBe(1);
  expect(drill.end(5, AttemptOutcome.UNCHANGED)).toContain("attemptStarted h0/apply");
  expect(drill.change(3)).toContain("workflowEnded");
  expect(drill.state.targetsAtRisk).toBe(0);
});

test("a target in flight keeps its room while it waits for its back-off or its lock", () => {
  const drill = new Drill({
    definition: fix({ maxAtRisk: { count: 1 }, maxFailures: { count: 1 } }, [{ ...SET, retry: { attempts: 2, delay: "3s" } }]),
  });
  drill.exec();
  expect(drill.end(0, AttemptOutcome.UNREACHABLE)).toHaveLength(1);
  expect(phaseOf(drill.state)).toBe(Phase.RUNNING);
  drill.nowMs += 3_000;
  expect(drill.follow()).toEqual(["attemptStarted h0/apply"]);
  drill.lockedTargets.add("h0");
  expect(drill.startApply(0)).toHaveLength(1);
  expect(phaseOf(drill.state)).toBe(Phase.RUNNING);
  drill.lockedTargets.clear();
  drill.take({ kind: "wake" });
  expect(drill.change(0)).toContain("attemptStarted h1/apply");
});

test("a held target stays at risk, and goes on without asking for room when a person has resolved it", () => {
  const drill = new Drill({
    definition: fix({ maxAtRisk: { count: 1 }, maxFailures: { count: 1 } }, [SET, { name: "b", uses: "set" }]),
  });
  drill.exec();
  drill.startApply(0);
  expect(drill.end(0, AttemptOutcome.UNKNOWN)).toHaveLength(1);
  expect(workflowHolds(drill.state).map(({ kind }) => kind)).toEqual([HoldKind.UNKNOWN, HoldKind.AT_RISK]);
  const resolved = drill.take({ kind: "resolveTask", by: "", task: 0, resolution: Resolution.SUCCEEDED, reason: "x" });
  expect(resolved).toEqual(["taskResolved h0/apply", "attemptStarted h0/b"]);
  expect(drill.end(1, AttemptOutcome.UNCHANGED)).toContain("attemptStarted h1/apply");
});

test("a target that gave up its place while it waits for locks keeps its room, and goes on in it once it has them", () => {
  const drill = new Drill({ targets: 3, definition: fix({ parallel: 1, maxAtRisk: { count: 2 }, maxFailures: { count: 9 } }) });
  drill.exec();
  drill.startApply(0);
  expect(drill.end(0, AttemptOutcome.UNKNOWN)).toContain("attemptStarted h1/apply");
  drill.lockedTargets.add("h1").add("h2");
  drill.startApply(1);
  expect(drill.take({ kind: "resolveTask", by: "ann", task: 0, resolution: Resolution.RUN_AGAIN, reason: "" })).toContain(
    "attemptStarted h0/apply",
  );
  expect(drill.state.stageRun?.yielded).toEqual(new Set([1]));
  drill.startApply(0);
  // h0 is at risk for good; were h2 begun now, it would wait for the lock, and keep the room, that h1 needs.
  expect(drill.end(0, AttemptOutcome.FAILED, { isRetryable: false })).toEqual(["attemptEnded h0/apply 3"]);
  drill.lockedTargets.delete("h1");
  expect(drill.follow()).toEqual(["attemptStarted h1/apply"]);
  drill.lockedTargets.clear();
  expect(drill.change(1)).toContain("attemptStarted h2/apply");
  expect(drill.change(2)).toContain("workflowEnded");
});
