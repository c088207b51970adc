import { expect, test } from "vitest";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { COMPLETIONS_REMEMBERED_MAX } from "../base/limits.ts";
import { AttemptOutcome, CompletionReceivedSchema } from "../gen/holdfast/v1/event_pb.ts";
import { AttemptDetailSchema } from "../gen/holdfast/v1/status_pb.ts";
import { create } from "@bufbuild/protobuf";
import { Drill } from "../../test/fakes/drill.ts";
import { CompletionBox } from "./completion-box.ts";
import { TaskState } from "./task-state.ts";
import { jsonToValue, valueToJson } from "./value-json.ts";
import { refusal } from "../../test/fakes/refusal.ts";

const WITHIN_MS = 10_000;

function aDrill(action: { readonly [field: string]: JsonValue } = {}, completion: { readonly [field: string]: JsonValue } = {}): Drill {
  const post = { name: "post", uses: "touch", completion: { within: "10s", ...completion }, ...action };
  const drill = new Drill({ definition: { name: "w", stages: [{ name: "s", actions: [post] }] } });
  drill.exec();
  return drill;
}

function say(drill: Drill, data: JsonObject, attempt = 1): readonly string[] {
  return drill.take({ kind: "completion", said: { task: 0, attempt, failed: false, reason: "", data } });
}

function sayFailed(drill: Drill, reason = "lost", attempt = 1): readonly string[] {
  return drill.take({ kind: "completion", said: { task: 0, attempt, failed: true, reason, data: {} } });
}

function ownWork(drill: Drill, outcome: AttemptOutcome = AttemptOutcome.CHANGED, output?: JsonValue): readonly string[] {
  const attempt = drill.state.tasks.attempts[0] ?? 0;
  const detail = output === undefined ? undefined : create(AttemptDetailSchema, { task: 0, attempt, output: jsonToValue(output) });
  return [...drill.startApply(0), ...drill.end(0, outcome, { detail })];
}

function output(drill: Drill): unknown {
  const value = drill.details.get(0)?.output;
  return value === undefined ? undefined : valueToJson(value);
}

const ENDS = ["waveEnded", "stageEnded", "workflowEnded"];

test("an attempt whose own work is done awaits its completion, and ends with it as its own work did", () => {
  const drill = aDrill();
  expect(ownWork(drill, AttemptOutcome.CHANGED, { status: 202 })).toEqual(["applyStarted s/post", "attemptAwaits s/post"]);
  expect(say(drill, { by: "a" })).toEqual(["completionReceived s/post", "attemptEnded s/post 2", ...ENDS]);
  expect(drill.state.tasks.get(0)).toBe(TaskState.CHANGED);
  expect(output(drill)).toEqual({ own: { status: 202 }, completion: { by: "a" } });
});

test("what only reads awaits its completion too; what was found as wanted already handed out nothing, and ends", () => {
  const reading = aDrill();
  expect(reading.end(0, AttemptOutcome.UNCHANGED, { isRead: true })).toEqual(["attemptAwaits s/post"]);
  expect(say(reading, {})).toContain("workflowEnded");
  expect(reading.state.tasks.get(0)).toBe(TaskState.UNCHANGED);
  expect(aDrill().end(0, AttemptOutcome.UNCHANGED, { before: "c", after: "c" })).toEqual(["attemptEnded s/post 1", ...ENDS]);
});

test("a completion that comes before its own work has ended is kept, and ends the attempt with it", () => {
  const drill = aDrill();
  drill.startApply(0);
  expect(say(drill, { by: "a" })).toEqual(["completionReceived s/post"]);
  expect(drill.end(0, AttemptOutcome.CHANGED)).toEqual(["attemptEnded s/post 2", ...ENDS]);
  expect(output(drill)).toEqual({ completion: { by: "a" } });
});

for (const outcome of [AttemptOutcome.UNKNOWN, AttemptOutcome.FAILED, AttemptOutcome.DEFERRED, AttemptOutcome.CANCELLED])
  test(`what was said counts for more than what its own work came to: outcome ${outcome}`, () => {
    const drill = aDrill();
    drill.startApply(0);
    say(drill, {});
    expect(drill.end(0, outcome)).toEqual(["attemptEnded s/post 2", ...ENDS]);
    expect(drill.state.tasks.get(0)).toBe(TaskState.CHANGED);
  });

test("work that was said to be done before it began is not begun", () => {
  const drill = aDrill();
  say(drill, {});
  expect(drill.startApply(0)).toEqual(["attemptEnded s/post 1", ...ENDS]);
});

test("an attempt of which nobody knows whether it handed out its work awaits what is said of it; without a word it stays unknown", () => {
  const drill = aDrill({}, { missing: "COMPLETION_MISSING_FAILED" });
  expect(ownWork(drill, AttemptOutcome.UNKNOWN)).toEqual(["applyStarted s/post", "attemptAwaits s/post"]);
  drill.nowMs += WITHIN_MS;
  drill.follow();
  expect(drill.state.tasks.get(0)).toBe(TaskState.UNKNOWN);
});

test("without a completion in time the attempt is unknown, or where the author says so failed and tried again", () => {
  const held = aDrill();
  ownWork(held);
  held.nowMs += WITHIN_MS - 1;
  expect(held.follow()).toEqual([]);
  held.nowMs += 1;
  expect(held.follow()).toEqual(["attemptEnded s/post 5"]);
  expect(held.state.tasks.get(0)).toBe(TaskState.UNKNOWN);
  expect(held.details.get(0)?.error).toBe("no completion came within 10s");
  const failed = aDrill({ retry: { attempts: 2, delay: "1s" } }, { missing: "COMPLETION_MISSING_FAILED" });
  ownWork(failed);
  failed.nowMs += WITHIN_MS;
  failed.follow();
  expect(failed.state.tasks.get(0)).toBe(TaskState.BACKOFF);
});

test("`within` counts from the end of its own work; total_timeout and schedule_timeout hold beside it", () => {
  const drill = aDrill({ timeout: "5s" });
  drill.nowMs += 4_000;
  ownWork(drill);
  drill.nowMs += WITHIN_MS - 1;
  expect(drill.follow()).toEqual([]);
  for (const bound of ["totalTimeout", "scheduleTimeout"]) {
    const bounded = aDrill({ [bound]: "3s" });
    ownWork(bounded);
    bounded.nowMs += 3_000;
    bounded.follow();
    expect(bounded.details.get(0)?.error).toMatch(/^no completion came within its `(total|schedule)_timeout`$/);
  }
});

test("it failed outside: the reason is the error, and the retry rule tries it again with another token", () => {
  const drill = aDrill({ retry: { attempts: 2, delay: "1s" } });
  ownWork(drill);
  expect(sayFailed(drill, "no road")).toEqual(["completionReceived s/post", "attemptEnded s/post 3"]);
  expect(drill.details.get(0)?.error).toBe("it failed outside: no road");
  drill.nowMs += 1_000;
  expect(drill.follow()).toEqual(["attemptStarted s/post"]);
  ownWork(drill);
  expect(refusal(() => say(drill, {}))).toMatch(/^ALREADY_EXISTS: attempt 1 of s\/post: it was said before that it failed/);
  expect(sayFailed(drill, "no road")).toEqual([]);
  expect(say(drill, {}, 2)).toContain("workflowEnded");
});

test("the same answer again changes nothing, before and after the end; another one is refused", () => {
  const drill = aDrill();
  drill.startApply(0);
  say(drill, { a: 1, b: 2 });
  expect(say(drill, { b: 2, a: 1 })).toEqual([]);
  expect(refusal(() => say(drill, { a: 2 }))).toMatch(/^ALREADY_EXISTS: .*completed before, with other data; the first answer stands/);
  drill.end(0, AttemptOutcome.CHANGED);
  expect(say(drill, { a: 1, b: 2 })).toEqual([]);
  expect(refusal(() => sayFailed(drill))).toMatch(/^ALREADY_EXISTS/);
});

test("too late is said with what became of the attempt", () => {
  const drill = aDrill();
  ownWork(drill);
  drill.nowMs += WITHIN_MS;
  drill.follow();
  expect(refusal(() => say(drill, {}))).toBe(
    "FAILED_PRECONDITION: attempt 1 of s/post is over: no completion came within 10s; the task is unknown and waits for a person; this comes too late and changes nothing",
  );
  drill.take({ kind: "resolveTask", by: "ann", task: 0, resolution: 3, reason: "" });
  expect(refusal(() => say(drill, {}))).toMatch(/^FAILED_PRECONDITION: attempt 1 of s\/post is over: attempt 2 came after it/);
  expect(refusal(() => say(drill, {}, 3))).toMatch(/^FAILED_PRECONDITION: attempt 3 of s\/post has not begun/);
});

test("a cancel and a deadline end what awaits a completion: as unknown, for it may be done outside", () => {
  const drill = aDrill();
  ownWork(drill);
  expect(drill.take({ kind: "cancel", by: "ann", reason: "" })).toContain("workflowEnded");
  expect(drill.details.get(0)?.error).toBe("its completion was awaited no longer: it was cancelled");
  expect(refusal(() => say(drill, {}))).toMatch(/^FAILED_PRECONDITION: .*it was cancelled/);
  const sure = aDrill({}, { missing: "COMPLETION_MISSING_FAILED" });
  ownWork(sure);
  sure.take({ kind: "cancel", by: "ann", reason: "" });
  expect(sure.state.tasks.get(0)).toBe(TaskState.CANCELLED);
});

test("too much data, and too much that waits, is refused", () => {
  const drill = aDrill();
  expect(refusal(() => say(drill, { text: "x".repeat(65_536) }))).toMatch(/^INVALID_ARGUMENT: data: it has 65547 bytes/);
  const post = { name: "post", uses: "touch", completion: { within: "10s" } };
  const stage = { name: "s", over: { targets: true }, rollout: { parallel: 80 }, actions: [post] };
  const many = new Drill({ definition: { name: "w", targets: { where: "true" }, stages: [stage] }, targets: 80 });
  many.exec();
  const sayOf = (task: number): readonly string[] =>
    many.take({ kind: "completion", said: { task, attempt: 1, failed: false, reason: "", data: { text: "x".repeat(65_000) } } });
  for (let task = 0; task < 64; task++) sayOf(task);
  expect(refusal(() => sayOf(64))).toMatch(/^RESOURCE_EXHAUSTED: .*send it again in a moment/);
  many.change(0);
  expect(sayOf(64)).toHaveLength(1);
});

test("the newest answers are remembered, so many", () => {
  const box = new CompletionBox();
  for (let attempt = 1; attempt <= COMPLETIONS_REMEMBERED_MAX + 1; attempt++)
    box.receive(create(CompletionReceivedSchema, { task: 7, attempt, data: {} }), false);
  expect(box.remembered).toBe(COMPLETIONS_REMEMBERED_MAX);
  expect(box.of({ task: 7, attempt: 1 })).toBeUndefined();
  expect(box.of({ task: 7, attempt: 2 })?.failed).toBe(false);
});

test("what is kept whole is known however much was said since, and no attempt is taken for another one", () => {
  const box = new CompletionBox();
  box.receive(create(CompletionReceivedSchema, { task: 1, attempt: 1, data: {} }), false);
  for (let attempt = 1; attempt <= COMPLETIONS_REMEMBERED_MAX; attempt++)
    box.receive(create(CompletionReceivedSchema, { task: 0, attempt: 65_536 + attempt, data: {} }), true);
  expect(box.of({ task: 1, attempt: 1 })?.attempt).toBe(1);
  expect(box.of({ task: 1, attempt: 2 })).toBeUndefined();
});

test("alternatives each await their own; one that is unknown for want of a completion lets the next be tried", () => {
  const way = { uses: "touch", onUnknown: "ON_UNKNOWN_NEXT" };
  const drill = aDrill({ uses: "", try: [way, way] });
  expect(ownWork(drill)).toContain("attemptAwaits s/post.1");
  drill.nowMs += WITHIN_MS;
  expect(drill.follow()).toEqual(["attemptEnded s/post.1 5", "attemptStarted s/post.2"]);
  drill.change(1);
  drill.take({ kind: "completion", said: { task: 1, attempt: 1, failed: false, reason: "", data: {} } });
  expect(drill.state.life).toMatchObject({ kind: "ended", outcome: 1 });
});
