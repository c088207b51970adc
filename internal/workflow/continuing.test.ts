import { create, fromJson } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { Drill } from "../../test/fakes/drill.ts";
import { CONTINUE_MS_MIN, SIGNAL_KEYS_CARRIED_MAX } from "../base/endless-limits.ts";
import { timeMs } from "../base/ids.ts";
import { AttemptOutcome, AwaitedSchema, CompletionReceivedSchema, EventSchema, Mode } from "../gen/holdfast/v1/event_pb.ts";
import { WorkflowDefinitionSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import { applyEvent, foldFirst } from "./apply.ts";
import { checkDefinition } from "./blueprint.ts";
import { CompletionBox } from "./completion-box.ts";
import { oldestKept } from "./continuing.ts";
import { nextDueMs } from "./dispatch.ts";
import { taskScope, workflowScope } from "./expression-scope.ts";
import { FaultList } from "./fault-list.ts";
import { statusOf } from "./status.ts";
import type { WorkflowState } from "./state.ts";

const NUMBER = "PARAM_TYPE_NUMBER";
const { CHANGED, FAILED, UNCHANGED } = AttemptOutcome;

/** One action a generation, which adds 1 to `n`; it goes on while there are fewer than `most`. */
function endless(parts: { readonly [key: string]: JsonValue } = {}): JsonValue {
  return {
    name: "endless",
    vars: { n: { type: NUMBER } },
    stages: [{ name: "s", actions: [{ name: "a", uses: "set", with: { name: "x", value: "1" }, set: { n: "vars.n + 1.0" } }] }],
    continueAsNew: { while: "vars.n < 3.0", keep: 1 },
    ...parts,
  };
}

function aDrill(parts: { readonly [key: string]: JsonValue } = {}, mode: Mode = Mode.APPLY): Drill {
  const drill = new Drill({ definition: endless(parts), mode });
  drill.exec();
  return drill;
}

/** The task comes to an end, and time passes until the next generation may begin. */
function endOf(drill: Drill, outcome: AttemptOutcome = CHANGED): readonly string[] {
  const texts = drill.end(0, outcome);
  drill.nowMs += CONTINUE_MS_MIN;
  return [...texts, ...drill.follow()];
}

function lifeOf({ state }: Drill): string {
  return state.life.kind === "ended" ? state.life.error : state.life.kind;
}

test("where it would end SUCCEEDED and `while` is true, the next generation begins with nothing done; where it is false, it ends", () => {
  const drill = aDrill();
  expect(endOf(drill)).toEqual([
    `attemptEnded s/a ${CHANGED}`,
    "waveEnded",
    "stageEnded",
    "continuedAsNew",
    "stageStarted",
    "waveStarted",
    "attemptStarted s/a",
  ]);
  expect(drill.state).toMatchObject({ vars: { n: 1 }, generation: { number: 2, executedBy: "ann" }, stageResults: ["running"] });
  expect(statusOf(drill.state)).toMatchObject({ generation: 2, counts: { succeeded: 0, running: 1 } });
  endOf(drill);
  expect(endOf(drill).at(-1)).toBe("workflowEnded");
  expect(drill.state).toMatchObject({ vars: { n: 3 }, generation: { number: 3 }, life: { kind: "ended", error: "" } });
});

test("generations begin CONTINUE_MS_MIN apart, however soon each is done, and the moment is awaited", () => {
  const drill = aDrill();
  drill.nowMs += CONTINUE_MS_MIN - 1;
  expect(drill.end(0, CHANGED)).not.toContain("continuedAsNew");
  expect(nextDueMs(drill.state)).toBe(drill.nowMs + 1);
  expect(drill.follow()).toEqual([]);
  drill.nowMs += 1;
  expect(drill.follow()[0]).toBe("continuedAsNew");
  expect(nextDueMs(drill.state)).toBeUndefined();
});

test("attempts are numbered on, and keys of tasks differ, but expressions and retry rules count from one", () => {
  const drill = aDrill({
    stages: [
      {
        name: "s",
        actions: [
          { name: "a", uses: "set", with: { name: "x", value: "1" }, retry: { attempts: 2, delay: "1s" }, set: { n: "vars.n + 1.0" } },
        ],
      },
    ],
  });
  const seen = (): unknown => {
    const scope = taskScope(drill.state, 0, drill.facts);
    const task = scope("task");
    return [scope("attempt"), task instanceof Object && "key" in task ? String(task.key).split(".").slice(1).join(".") : ""];
  };
  expect(seen()).toEqual([1, "0"]);
  drill.end(0, FAILED);
  drill.nowMs += 1_000;
  expect(drill.follow()).toEqual(["attemptStarted s/a"]);
  expect(endOf(drill)).toContain("attemptStarted s/a");
  expect([seen(), drill.state.tasks.attempts[0]]).toEqual([[1, "0.g2"], 3]);
  expect(workflowScope(drill.state, drill.facts)("workflow")).toMatchObject({ generation: 2 });
  expect(drill.end(0, FAILED)).toEqual([`attemptEnded s/a ${FAILED}`]);
  drill.nowMs += 1_000;
  expect(drill.follow()).toEqual(["attemptStarted s/a"]);
  expect(drill.end(0, FAILED).at(-1)).toBe("workflowEnded");
});

test("what failed, was cancelled, passed its deadline or only plans ends as any other; a Retry goes on within the generation", () => {
  const failed = aDrill();
  endOf(failed);
  expect(endOf(failed, FAILED).at(-1)).toBe("workflowEnded");
  expect(failed.take({ kind: "retry", by: "ann", reason: "", digest: "" })).toContain("attemptStarted s/a");
  expect(failed.state).toMatchObject({ generation: { number: 2 } });
  expect(endOf(failed)).toContain("continuedAsNew");
  expect(failed.state).toMatchObject({ retries: 1, generation: { number: 3 } });

  const cancelled = aDrill();
  cancelled.take({ kind: "cancel", by: "ann", reason: "" });
  expect(endOf(cancelled)).not.toContain("continuedAsNew");

  const late = aDrill({ deadline: "5s" });
  late.nowMs += 4_900;
  endOf(late);
  expect(late.state).toMatchObject({ generation: { number: 2 } });
  late.nowMs += 5_000;
  expect(late.follow()).toEqual(["deadlinePassed"]);
  expect(endOf(late).at(-1)).toBe("workflowEnded");
  expect(lifeOf(late)).toMatch(/deadline has passed/);

  const plan = aDrill({}, Mode.PLAN);
  expect(endOf(plan)).not.toContain("continuedAsNew");
});

test("an error in `while` is a failure", () => {
  const drill = aDrill({ continueAsNew: { while: "1.0 / vars.n > 0.0 && int(vars.n) / 0 == 1" } });
  endOf(drill);
  expect(lifeOf(drill)).toMatch(/continue_as_new.while/);
});

test("approvals are carried over, of each person the last, and the last with a reason", () => {
  const drill = aDrill();
  const { digest } = drill.state.submitted;
  const approve = (by: string, reason: string): readonly string[] =>
    drill.take({ kind: "approve", by, roles: ["approver:sre"], digest, reason });
  for (const by of ["bob", "cid", "bob"]) approve(by, drill.state.approvers.length < 2 ? "" : "looked again");
  expect(drill.state.approvers).toHaveLength(3);
  endOf(drill);
  expect(drill.state.approvers.map(({ by, reason }) => `${by} ${reason}`.trim())).toEqual(["bob", "cid", "bob looked again"]);
});

test("signals that wait are carried over, and so are the keys of the generation before, no older ones", () => {
  const await_: JsonValue = { name: "paid", uses: "signal", with: { name: "paid" } };
  const drill = aDrill({
    stages: [{ name: "s", actions: [await_] }],
    signals: { paid: { fields: { n: {} } } },
    continueAsNew: { while: "true", keep: 0 },
  });
  const send = (n: string): readonly string[] => drill.take({ kind: "signal", by: "shop", name: "paid", key: n, data: { n } });
  const awaited = create(AwaitedSchema, { kind: { case: "signal", value: { name: "paid" } } });
  drill.end(0, UNCHANGED, { awaited });
  for (const n of ["1", "2", "3"]) send(n);
  drill.nowMs += CONTINUE_MS_MIN;
  expect(drill.follow()[0]).toBe("continuedAsNew");
  expect([drill.state.signals.queued, drill.state.signals.keys]).toEqual([2, 3]);
  expect(send("1")).toEqual([]);
  drill.end(0, UNCHANGED, { awaited });
  drill.nowMs += CONTINUE_MS_MIN;
  drill.follow();
  expect(drill.state).toMatchObject({ generation: { number: 3 } });
  expect([drill.state.signals.queued, drill.state.signals.keys]).toEqual([1, 0]);
});

test("a generation knows the last keys of the one before, of many", () => {
  const drill = aDrill({ signals: { spend: { fields: {}, set: { n: "vars.n" } } } });
  for (let n = 0; n <= SIGNAL_KEYS_CARRIED_MAX; n++) drill.take({ kind: "signal", by: "shop", name: "spend", key: `k${n}`, data: {} });
  endOf(drill);
  expect(drill.state.signals.keys).toBe(SIGNAL_KEYS_CARRIED_MAX);
  expect(drill.state.signals.seen("spend", "k0")).toBeUndefined();
});

test("a fold that begins with the Submit and goes on with the oldest generation that is kept comes to the same state", () => {
  const drill = aDrill({ continueAsNew: { while: "vars.n < 9.0", keep: 2 } });
  for (let n = 0; n < 5; n++) endOf(drill);
  const { state, events } = drill;
  const kept = oldestKept(state);
  expect([state.generation.number, kept?.number]).toEqual([6, 4]);
  const first = create(EventSchema, { by: state.submittedBy, kind: { case: "workflowSubmitted", value: state.submitted } });
  const again = foldFirst(first, state.submittedAtMs);
  for (const { seq, atMs, event } of events.filter((each) => each.seq >= (kept?.seq ?? 0))) {
    if (seq === kept?.seq) expect(event.kind.case).toBe("continuedAsNew");
    applyEvent(again, event, timeMs(atMs));
  }
  expect(shown(again)).toEqual(shown(state));
  expect(oldestKept(again)).toEqual(kept);
});

function shown(state: WorkflowState): unknown {
  const { vars, generation, seq, deadlineMs, approvers } = state;
  const { starts, ...now } = generation;
  const kept = starts.filter(({ number }) => number >= generation.number - 2);
  return { vars, now, kept, seq, deadlineMs, approvers, status: statusOf(state), attempts: [...state.tasks.attempts] };
}

test("what is wrong with it is found at Submit, with the place", () => {
  const faults = new FaultList();
  const definition = fromJson(WorkflowDefinitionSchema, endless({ continueAsNew: { while: "vars.m < 3.0" } }));
  checkDefinition(definition, Mode.APPLY, faults);
  expect(() => faults.throwIfAny("it")).toThrow(/continue_as_new.while:1:6: no such field "m"/);
});

test("what was said by a token in the generation before is known: the same again is no error, another answer is refused", () => {
  const post = { name: "a", uses: "touch", completion: { within: "10s" }, set: { n: "vars.n + 1.0" } };
  const drill = aDrill({ stages: [{ name: "s", actions: [post] }], continueAsNew: { while: "true" } });
  const say = (attempt: number, data = {}): readonly string[] =>
    drill.take({ kind: "completion", said: { task: 0, attempt, failed: false, reason: "", data } });
  for (let attempt = 1; attempt <= 2; attempt++) {
    drill.startApply(0);
    endOf(drill);
    expect(say(attempt, { attempt })).toContain("continuedAsNew");
    expect(say(attempt, { attempt })).toEqual([]);
    expect(() => say(attempt)).toThrow(/it was completed before, with other data/);
  }
  expect(() => say(1, { attempt: 1 })).toThrow(/this comes too late/);
});

test("attempts of late generations are told apart by their whole numbers", () => {
  const box = new CompletionBox();
  box.receive(create(CompletionReceivedSchema, { task: 0, attempt: 65_541 }), true);
  expect(box.of({ task: 1, attempt: 5 })).toBeUndefined();
  expect(box.of({ task: 0, attempt: 65_541 })).toMatchObject({ failed: false });
});

test("a generation that was done in its time goes on, however late the next one may begin, as after a time in which the service was down", () => {
  const drill = aDrill({ deadline: "1s" });
  drill.end(0, CHANGED);
  expect(nextDueMs(drill.state)).toBe(drill.nowMs + CONTINUE_MS_MIN);
  drill.nowMs += 3_600_000;
  expect(drill.follow()[0]).toBe("continuedAsNew");
  drill.nowMs += 1_000;
  expect(drill.follow()).toEqual(["deadlinePassed"]);
});
