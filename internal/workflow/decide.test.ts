import { expect, test } from "vitest";
import type { JsonValue } from "@bufbuild/protobuf";
import { AttemptOutcome, DeferReason, Resolution } from "../gen/holdfast/v1/event_pb.ts";
import { Phase } from "../gen/holdfast/v1/status_pb.ts";
import { Drill } from "../../test/fakes/drill.ts";
import { nextDueMs } from "./dispatch.ts";
import { phaseOf } from "./status.ts";

const fix = (rollout: { [key: string]: JsonValue }, actions: JsonValue[] = [{ name: "apply", uses: "set" }]): JsonValue => ({
  name: "test",
  targets: { where: "true" },
  stages: [{ name: "fix", over: { targets: true }, rollout, actions }],
});
const by = "ann";
const reason = "";

test("Exec starts a submitted workflow once; again it changes nothing, and another digest is refused", () => {
  const drill = new Drill();
  expect(() => drill.take({ kind: "exec", by, digest: `sha256:${"1".repeat(64)}` })).toThrow(/another one was quoted/);
  expect(drill.exec().slice(0, 3)).toEqual(["workflowExecuted", "stageStarted", "waveStarted"]);
  expect(drill.exec()).toEqual([]);
});

test("Exec is refused at the very moment at which the workflow expires", () => {
  const [early, late] = [new Drill(), new Drill()];
  early.nowMs = 3_599_999;
  expect(early.exec()).toContain("workflowExecuted");
  late.nowMs = 3_600_000;
  expect(() => late.exec()).toThrow(/has expired/);
  expect(late.follow()).toEqual(["workflowExpired"]);
});

test("a submitted workflow is cancelled at once, one that runs when its attempts have ended, one that has ended not at all", () => {
  const submitted = new Drill();
  expect(submitted.take({ kind: "cancel", by, reason })).toEqual(["cancelRequested", "workflowEnded"]);
  const drill = new Drill();
  drill.exec();
  expect(drill.take({ kind: "cancel", by, reason })).toEqual(["cancelRequested"]);
  expect(drill.take({ kind: "cancel", by, reason })).toEqual([]);
  for (const task of [0, 1]) expect(drill.end(task, AttemptOutcome.CANCELLED)).toHaveLength(1);
  expect(drill.end(2, AttemptOutcome.CHANGED)).toContain("workflowEnded");
  expect(phaseOf(drill.state)).toBe(Phase.CANCELLED);
  expect(drill.take({ kind: "cancel", by, reason })).toEqual([]);
});

test("no apply begins in a workflow that is being cancelled", () => {
  const drill = new Drill();
  drill.exec();
  drill.take({ kind: "cancel", by, reason });
  expect(drill.startApply(0)).toEqual([`attemptEnded h0/apply ${AttemptOutcome.CANCELLED}`]);
});

test("an attempt that says it was cancelled, and nobody had asked, has failed: what needs it must not wait for ever", () => {
  const drill = new Drill({ targets: 1 });
  drill.exec();
  expect(drill.end(0, AttemptOutcome.CANCELLED)[0]).toBe(`attemptEnded h0/apply ${AttemptOutcome.FAILED}`);
  expect(phaseOf(drill.state)).toBe(Phase.FAILED);
});

test("a late or repeated report of an attempt is dropped", () => {
  const drill = new Drill({ targets: 1, definition: fix({}, [{ name: "apply", uses: "set", retry: { attempts: 2, delay: "5s" } }]) });
  drill.exec();
  drill.end(0, AttemptOutcome.FAILED);
  expect(drill.end(0, AttemptOutcome.CHANGED)).toEqual([]);
  drill.nowMs += 5_000;
  expect(drill.follow()).toEqual(["attemptStarted h0/apply"]);
  const late = {
    task: 0,
    attempt: 1,
    outcome: AttemptOutcome.CHANGED,
    before: "",
    after: "",
    error: "",
    isRetryable: true,
    detail: undefined,
    detailCrc: 0,
  };
  expect(drill.take({ kind: "endAttempt", report: late })).toEqual([]);
  expect(drill.take({ kind: "startApply", task: 0, attempt: 1, before: "" })).toEqual([]);
  expect(drill.take({ kind: "recordPrepared", task: 0, attempt: 1, remoteId: "x" })).toEqual([]);
});

test("past max_failures no apply begins, and what runs comes to its end before the workflow does", () => {
  const drill = new Drill({ definition: fix({ parallel: 3 }) });
  drill.exec();
  expect(drill.end(0, AttemptOutcome.FAILED)).toHaveLength(1);
  expect(drill.startApply(1)).toEqual([`attemptEnded h1/apply deferred ${DeferReason.STOPPED}`]);
  expect(drill.end(2, AttemptOutcome.UNCHANGED).slice(1)).toEqual(["stageEnded", "workflowEnded"]);
  expect(drill.state.tasks.totalCounts()).toMatchObject({ failed: 1, unchanged: 1, skipped: 1 });
});

test("past max_failures an attempt that waits for its back-off is not made, and the workflow waits only for what is unknown", () => {
  const retried = { name: "apply", uses: "set", retry: { attempts: 3, delay: "5s" } };
  const drill = new Drill({ definition: fix({ parallel: 3 }, [retried]) });
  drill.exec();
  drill.startApply(0);
  drill.end(0, AttemptOutcome.UNKNOWN);
  drill.end(1, AttemptOutcome.FAILED);
  drill.end(2, AttemptOutcome.FAILED, { isRetryable: false });
  expect(phaseOf(drill.state)).toBe(Phase.WAITING);
  expect(nextDueMs(drill.state)).toBeUndefined();
  drill.nowMs += 60_000;
  expect(drill.follow()).toEqual([]);
  expect(drill.take({ kind: "resolveTask", by, task: 0, resolution: Resolution.SUCCEEDED, reason: "x" })).toContain("workflowEnded");
});

test("a target that failed begins no further apply and gets no further attempt", () => {
  const both = ["left", "right"].map((name) => ({ name, uses: "set", needs: {}, retry: { attempts: 3, delay: "5s" } }));
  const drill = new Drill({ targets: 1, definition: fix({ maxFailures: { count: 1 } }, both) });
  drill.exec();
  drill.end(0, AttemptOutcome.FAILED, { isRetryable: false });
  expect(drill.end(1, AttemptOutcome.FAILED)).toContain("workflowEnded");
  expect(drill.state.tasks.totalCounts()).toMatchObject({ failed: 2 });
});

test("another workflow's lock puts an apply off; it is begun again when the lock is free, and its total time begins anew", () => {
  const drill = new Drill({ targets: 1, definition: fix({}, [{ name: "apply", uses: "set", totalTimeout: "60s" }]) });
  drill.lockedTargets.add("h0");
  drill.exec();
  expect(drill.startApply(0)).toEqual([`attemptEnded h0/apply deferred ${DeferReason.LOCK}`]);
  drill.nowMs += 3_600_000;
  expect(drill.take({ kind: "wake" })).toEqual([]);
  drill.lockedTargets.clear();
  expect(drill.take({ kind: "wake" })).toEqual(["attemptStarted h0/apply"]);
  expect(drill.state.firstStartMs.get(0)).toBe(drill.nowMs);
});

test("Pause and Unpause are for executing workflows, and repeat without effect", () => {
  const drill = new Drill({ definition: fix({ parallel: 1 }) });
  expect(() => drill.take({ kind: "pause", by, reason })).toThrow(/was not executed yet/);
  drill.exec();
  expect(drill.take({ kind: "pause", by, reason })).toEqual(["workflowPaused"]);
  expect(drill.take({ kind: "pause", by, reason })).toEqual([]);
  expect(drill.end(0, AttemptOutcome.UNCHANGED)).toHaveLength(1);
  expect(drill.take({ kind: "unpause", by })).toEqual(["workflowUnpaused", "attemptStarted h1/apply"]);
  expect(drill.take({ kind: "unpause", by })).toEqual([]);
});

test("Retry is refused before Exec, after expiry, under way, and when there is nothing to run", () => {
  const drill = new Drill({ targets: 1 });
  const retry = { kind: "retry", by, reason, digest: "" } as const;
  expect(() => drill.take(retry)).toThrow(/was not executed yet/);
  drill.exec();
  expect(() => drill.take(retry)).toThrow(/is still under way/);
  drill.change(0);
  expect(() => drill.take(retry)).toThrow(/has nothing to retry/);
  const expired = new Drill();
  expired.nowMs = 3_600_000;
  expired.follow();
  expect(() => expired.take(retry)).toThrow(/never ran/);
});

test("Retry starts what failed, was unknown or never started, gives a fresh count of attempts, and keeps what succeeded", () => {
  const drill = new Drill({ definition: fix({ parallel: 1 }, [{ name: "apply", uses: "set", retry: { attempts: 2, delay: "1s" } }]) });
  drill.exec();
  drill.change(0);
  drill.end(1, AttemptOutcome.FAILED);
  drill.nowMs += 1_000;
  drill.follow();
  expect(drill.end(1, AttemptOutcome.FAILED)).toContain("workflowEnded");
  expect(drill.take({ kind: "retry", by, reason, digest: "" })).toEqual([
    "workflowRetried",
    "stageStarted",
    "waveStarted",
    "attemptStarted h1/apply",
  ]);
  expect(drill.state.tasks.attempts[1]).toBe(3);
  drill.end(1, AttemptOutcome.FAILED);
  expect(drill.state.backoff.size).toBe(1);
  drill.nowMs += 1_000;
  drill.follow();
  expect(drill.change(1)).toContain("attemptStarted h2/apply");
});

test("a workflow that waits for room at risk can be retried: that is how what failed is repaired", () => {
  const drill = new Drill({ targets: 2, definition: fix({ maxAtRisk: { count: 1 }, maxFailures: { count: 2 }, parallel: 1 }) });
  drill.exec();
  drill.startApply(0);
  drill.end(0, AttemptOutcome.FAILED);
  expect(phaseOf(drill.state)).toBe(Phase.WAITING);
  drill.take({ kind: "retry", by, reason, digest: "" });
  expect(drill.change(0)).toContain("attemptStarted h1/apply");
  expect(drill.change(1)).toContain("workflowEnded");
});

test("only an unknown task of an executing workflow can be resolved, and only with a word", () => {
  const drill = new Drill({ targets: 1 });
  const resolve = { kind: "resolveTask", by, task: 0, resolution: Resolution.SUCCEEDED, reason: "looked" } as const;
  drill.exec();
  expect(() => drill.take(resolve)).toThrow(/is not held/);
  drill.startApply(0);
  drill.end(0, AttemptOutcome.UNKNOWN);
  expect(() => drill.take({ ...resolve, resolution: Resolution.UNSPECIFIED })).toThrow(/say succeeded, failed or run-again/);
  drill.take({ kind: "cancel", by, reason });
  expect(() => drill.take(resolve)).toThrow(/has ended/);
  expect(drill.state.tasks.totalCounts().unknown).toBe(1);
});

test("after a restart only what had begun to apply is in doubt", () => {
  const drill = new Drill();
  drill.exec();
  drill.startApply(1);
  expect(drill.take({ kind: "recover" })).toEqual(["attemptInDoubt h1/apply"]);
});
