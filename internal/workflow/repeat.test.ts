import { create } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { Drill } from "../../test/fakes/drill.ts";
import { timeMs } from "../base/ids.ts";
import { ATTEMPT_NUMBER_MAX } from "../base/limits.ts";
import { AttemptOutcome, AwaitedSchema, Mode, Resolution } from "../gen/holdfast/v1/event_pb.ts";
import { AttemptDetailSchema } from "../gen/holdfast/v1/status_pb.ts";
import type { AttemptReport } from "./commands.ts";
import { judgeIteration } from "./repeat.ts";
import { TaskState } from "./task-state.ts";
import { jsonToValue } from "./value-json.ts";

const by = "ann";

function repeated(repeat: { readonly [key: string]: JsonValue }, rest: { readonly [key: string]: JsonValue } = {}): Drill {
  const actions = [
    { name: "ask", uses: "probe", repeat, ...rest },
    { name: "after", uses: "set" },
  ];
  const stages = [{ name: "fix", over: { targets: true }, actions }];
  const drill = new Drill({ targets: 1, definition: { name: "w", targets: { where: "true" }, stages } });
  drill.exec();
  return drill;
}

/** The report of an attempt at the first task that put something out. */
function aReport(drill: Drill, output: JsonValue, outcome: AttemptOutcome = AttemptOutcome.UNCHANGED): AttemptReport {
  const attempt = drill.state.tasks.attempts[0] ?? 0;
  const detail = create(AttemptDetailSchema, { task: 0, attempt, output: jsonToValue(output) });
  return { task: 0, attempt, outcome, before: "", after: "", error: "", isRetryable: false, detail, detailCrc: 7 };
}

/** Ends an iteration. */
function end(drill: Drill, output: JsonValue, outcome?: AttemptOutcome): readonly string[] {
  return drill.take({ kind: "endAttempt", report: aReport(drill, output, outcome) });
}

test("an action runs again after `every` until its own output says that it is done", () => {
  const drill = repeated({ until: "ask.output.open == 0", max: 3, every: "60s" });
  expect(end(drill, { open: 2 })).toEqual([`attemptEnded h0/ask ${AttemptOutcome.UNCHANGED}`]);
  expect([drill.state.tasks.get(0), drill.state.backoff.dueAtMs(0), drill.state.tasks.runOf(0)]).toEqual([
    TaskState.BACKOFF,
    drill.nowMs + 60_000,
    2,
  ]);
  drill.nowMs += 60_000;
  expect(drill.follow()).toEqual(["attemptStarted h0/ask"]);
  expect(end(drill, { open: 0 })).toContain("attemptStarted h0/after");
  expect(drill.state.iterations.size).toBe(0);
});

test("after its last iteration it has failed, the error says so, and the detail with it", () => {
  const drill = repeated({ until: "ask.output.open == 0", max: 2 });
  end(drill, { open: 2 });
  const error = "repeat: after 2 iterations `until` is not true: ask.output.open == 0";
  const report = aReport(drill, { open: 1 }, AttemptOutcome.CHANGED);
  expect(judgeIteration(drill.state, { report, set: undefined }, drill.facts)).toEqual({ iteration: 2, error });
  expect(end(drill, { open: 1 }, AttemptOutcome.CHANGED)).toContain("workflowEnded");
  expect(drill.details.get(0)).toMatchObject({ error });
  // The last iteration was a good end of its run: what a Retry begins is another one, and its iterations count from 1.
  expect(drill.state.tasks.runOf(0)).toBe(3);
  drill.take({ kind: "retry", by, reason: "", digest: "" });
  end(drill, { open: 1 });
  expect(drill.state.tasks.get(0)).not.toBe(TaskState.FAILED);
});

test("an `until` that cannot be evaluated is a failure", () => {
  const drill = repeated({ until: "ask.output.open == 0", max: 9 });
  expect(end(drill, {})).toContain(`attemptEnded h0/ask ${AttemptOutcome.FAILED}`);
  expect(drill.details.get(0)?.error).toMatch(/^repeat\.until cannot be evaluated: .*open/);
});

test("each iteration has its own retries, total time and time from its schedule", () => {
  const drill = repeated(
    { until: "false", max: 9, every: "30s" },
    { retry: { attempts: 2, delay: "1s" }, scheduleTimeout: "10s", totalTimeout: "9s" },
  );
  drill.end(0, AttemptOutcome.FAILED);
  drill.nowMs += 1_000;
  drill.follow();
  end(drill, {});
  expect(drill.state.schedule.endsMs(0)).toBe(drill.nowMs + 40_000);
  drill.nowMs += 30_000;
  drill.follow();
  expect(drill.state.firstStartMs.get(0)).toBe(drill.nowMs);
  expect(drill.end(0, AttemptOutcome.FAILED)).toEqual([`attemptEnded h0/ask ${AttemptOutcome.FAILED}`]);
  expect(drill.state.tasks.get(0)).toBe(TaskState.BACKOFF);
});

test("what is unknown is a person's: resolved as succeeded it is done, and nothing judges `until`", () => {
  const drill = repeated({ until: "false", max: 9 });
  drill.startApply(0);
  drill.end(0, AttemptOutcome.UNKNOWN);
  const events = drill.take({ kind: "resolveTask", by, task: 0, resolution: Resolution.SUCCEEDED, reason: "looked" });
  expect(events).toContain("attemptStarted h0/after");
});

test("a cancel ends a repetition between two iterations, and a plan runs one", () => {
  const drill = repeated({ until: "false", max: 9, every: "30s" });
  end(drill, {});
  expect(drill.take({ kind: "cancel", by, reason: "" })).toContain("workflowEnded");
  expect(drill.state.tasks.get(0)).toBe(TaskState.CANCELLED);
  const stages = [
    { name: "fix", actions: [{ name: "ask", uses: "probe", repeat: { until: "false", max: 9 } }], repeat: { until: "false", max: 2 } },
  ];
  const plan = new Drill({ targets: 0, mode: Mode.PLAN, definition: { name: "w", stages } });
  plan.exec();
  expect(end(plan, {})).toContain("workflowEnded");
});

test("a target on which another action failed is not asked again", () => {
  const actions = [
    { name: "ask", uses: "probe", repeat: { until: "false", max: 9, every: "30s" }, needs: {} },
    { name: "other", uses: "set", needs: {} },
  ];
  const stages = [{ name: "fix", over: { targets: true }, rollout: { maxFailures: { count: 1 } }, actions }];
  const drill = new Drill({ targets: 1, definition: { name: "w", targets: { where: "true" }, stages } });
  drill.exec();
  drill.end(1, AttemptOutcome.FAILED, { isRetryable: false });
  expect(end(drill, {})).toContain("workflowEnded");
  expect(drill.state.tasks.get(0)).toBe(TaskState.SKIPPED_AFTER);
});

test("a stage is run again as a whole, with what failed within its budget, until its condition is true", () => {
  const actions = [{ name: "apply", uses: "set" }];
  const repeat = { until: "stage('fix').failed == 0", max: 3, every: "60s" };
  const stages = [
    { name: "fix", over: { targets: true }, rollout: { maxFailures: { count: 1 } }, actions, repeat },
    { name: "done", actions: [{ name: "tell", uses: "probe" }] },
  ];
  const drill = new Drill({ targets: 2, definition: { name: "w", targets: { where: "true" }, stages } });
  drill.exec();
  drill.end(0, AttemptOutcome.FAILED, { isRetryable: false });
  expect(drill.end(1, AttemptOutcome.UNCHANGED)).toEqual([
    `attemptEnded h1/apply ${AttemptOutcome.UNCHANGED}`,
    "waveEnded",
    "stageRepeated",
  ]);
  expect(drill.state.stageRun).toMatchObject({ iteration: 2, resumeAtMs: drill.nowMs + 60_000 });
  expect([drill.state.tasks.runOf(0), drill.state.tasks.runOf(1)]).toEqual([1, 2]);
  drill.nowMs += 60_000;
  expect(drill.follow()).toEqual(["waveStarted", "attemptStarted h0/apply", "attemptStarted h1/apply"]);
  drill.end(0, AttemptOutcome.UNCHANGED);
  expect(drill.end(1, AttemptOutcome.UNCHANGED)).toEqual([
    `attemptEnded h1/apply ${AttemptOutcome.UNCHANGED}`,
    "waveEnded",
    "stageEnded",
    "stageStarted",
    "waveStarted",
    "attemptStarted done/tell",
  ]);
});

test("a stage that fails past its budget is not run again, and one without an end in sight is after `max`; a Retry runs all of it", () => {
  const stages = [{ name: "fix", actions: [{ name: "apply", uses: "set" }], repeat: { until: "false", max: 2 } }];
  const drill = new Drill({ targets: 0, definition: { name: "w", stages } });
  drill.exec();
  expect(drill.end(0, AttemptOutcome.UNCHANGED)).toContain("stageRepeated");
  expect(drill.end(0, AttemptOutcome.UNCHANGED)).toContain("workflowEnded");
  expect(drill.state.life).toMatchObject({
    kind: "ended",
    error: 'stage "fix": repeat: after 2 iterations `until` is not true: false',
  });
  expect(drill.take({ kind: "retry", by, reason: "", digest: "" })).toContain("attemptStarted fix/apply");
  expect(drill.end(0, AttemptOutcome.FAILED, { isRetryable: false })).toContain("workflowEnded");
});

test("each iteration sets what it sets, `until` sees it, and what the last one has set stays though it has failed", () => {
  const repeat = { until: "vars.n == 9", max: 2 };
  const actions = [{ name: "ask", uses: "probe", repeat, set: { n: "vars.n + 1" } }];
  const drill = new Drill({
    targets: 0,
    definition: { name: "w", vars: { n: { type: "PARAM_TYPE_INT" } }, stages: [{ name: "s", actions }] },
  });
  drill.exec();
  end(drill, {});
  expect(drill.state.vars).toEqual({ n: 1 });
  expect(end(drill, {})).toContain("workflowEnded");
  expect([drill.state.vars, drill.state.tasks.get(0)]).toEqual([{ n: 2 }, TaskState.FAILED]);
  const report = aReport(drill, {});
  expect(judgeIteration(drill.state, { report, set: { n: 9 } }, drill.facts)).toEqual({ iteration: 1 });
});

test("a wait for a signal that is repeated has one signal in each iteration", () => {
  const ask = { name: "ask", uses: "signal", with: { name: "more" }, repeat: { until: "ask.output.n == 2", max: 2 } };
  const signals = { more: { fields: { n: { type: "PARAM_TYPE_INT" } } } };
  const drill = new Drill({ targets: 0, definition: { name: "w", signals, stages: [{ name: "s", actions: [ask] }] } });
  drill.exec();
  const awaited = create(AwaitedSchema, { kind: { case: "signal", value: { name: "more" } } });
  const wait = (): readonly string[] =>
    drill.take({ kind: "endAttempt", report: { ...aReport(drill, {}), detail: undefined, detailCrc: 0, awaited } });
  const send = (n: number): readonly string[] => drill.take({ kind: "signal", by, name: "more", key: `k${n}`, data: { n } });
  for (const n of [0, 1, 2]) send(n);
  expect(wait()).toContain("attemptStarted s/ask");
  expect(wait()).toContain("workflowEnded");
  expect([drill.state.tasks.get(0), drill.state.signals.oldest("more")]).toEqual([TaskState.FAILED, { n: 2 }]);
});

test("the deadline of a stage is one for all of its iterations", () => {
  const stages = [
    { name: "fix", actions: [{ name: "apply", uses: "set" }], repeat: { until: "false", max: 9, every: "60s" }, deadline: "100s" },
  ];
  const drill = new Drill({ targets: 0, definition: { name: "w", stages } });
  drill.exec();
  drill.nowMs += 30_000;
  expect(drill.end(0, AttemptOutcome.UNCHANGED)).toContain("stageRepeated");
  drill.nowMs += 69_999;
  expect(drill.follow()).toContain("attemptStarted fix/apply");
  drill.nowMs += 1;
  expect(drill.follow()).toEqual(["deadlinePassed"]);
});

test("a task begins no more attempts than can be counted: past them it is refused, in whatever round", () => {
  const drill = repeated({ until: "false", max: 9 });
  drill.state.tasks.attempts[0] = ATTEMPT_NUMBER_MAX - 1;
  drill.state.running.set(0, { attempt: ATTEMPT_NUMBER_MAX - 1, startedAtMs: timeMs(0), startSeq: 1, remoteId: "" });
  expect(end(drill, {})).toContain("attemptStarted h0/ask");
  expect(drill.state.tasks.attempts[0]).toBe(ATTEMPT_NUMBER_MAX);
  expect(end(drill, {})).toContain("taskRefused h0/ask");
  expect(drill.state.tasks.get(0)).toBe(TaskState.FAILED);
  expect(drill.take({ kind: "retry", by, reason: "", digest: "" })).toContain("taskRefused h0/ask");
});
