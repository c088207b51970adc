import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { AttemptOutcome, Resolution } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { FreezeScopeSchema } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import { TaskCountsSchema, WorkflowStatusSchema } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { TargetSchema } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import { FakeClock } from "../fakes/fake-clock.ts";
import { someTargets } from "../fakes/world.ts";
import { DiskFirst, WatcherEyes } from "./h3-disk-first.ts";
import { FrozenScope } from "./h6-frozen-scope.ts";
import { GuardWithTurn } from "./h7-guard-with-turn.ts";
import { INVARIANTS } from "./invariants.ts";
import { NothingLost } from "./h1-nothing-lost.ts";
import { NothingTwice } from "./h2-nothing-twice.ts";
import { OneWriter } from "./h5-one-writer.ts";
import { ReplayKept } from "./h4-replay.ts";
import { EntryWriter, ID, applied, hostCall, started, submitted } from "./invariant-entries.ts";

const CHANGED = { case: "attemptEnded", value: { task: 0, attempt: 1, outcome: AttemptOutcome.CHANGED } } as const;
const UNKNOWN = { case: "attemptEnded", value: { task: 0, attempt: 1, outcome: AttemptOutcome.UNKNOWN } } as const;
const EXECUTED = { case: "workflowExecuted", value: {} } as const;

/** Every invariant is found broken under the name that the table has. */
function finds(name: keyof typeof INVARIANTS, work: () => void): void {
  expect(INVARIANTS[name]).toBeDefined();
  expect(work).toThrow(new RegExp(`^${name}: `));
}

/** An event as a watcher sees it. */
test("H1: an answer that tells of what is not durable is found", () => {
  const keeper = new NothingLost();
  const writer = new EntryWriter();
  keeper.durable(writer.entry([submitted()]));
  keeper.answered({ id: ID, seq: 1, promised: { kind: "workflowSubmitted" } });
  finds("H1 lost", () => keeper.answered({ id: ID, seq: 2, promised: undefined }));
  finds("H1 lost", () => keeper.answered({ id: ID, seq: 1, promised: { kind: "workflowExecuted" } }));
});

test("H1: what was acknowledged and did not survive a crash is found", () => {
  const keeper = new NothingLost();
  const writer = new EntryWriter();
  const entries = [writer.entry([submitted()]), writer.entry([EXECUTED])];
  for (const entry of entries) keeper.durable(entry);
  keeper.answered({ id: ID, seq: 2, promised: { kind: "workflowExecuted" } });
  keeper.survived(entries);
  finds("H1 lost", () => keeper.survived(entries.slice(0, 1)));
});

test("H1: a freeze that was answered and is gone is found", () => {
  const keeper = new NothingLost();
  const placed = { case: "freezePlaced", value: { id: "f1", scope: create(FreezeScopeSchema) } } as const;
  const entry = new EntryWriter().entry([], [placed]);
  keeper.durable(entry);
  keeper.answeredFreeze("f1", "placed");
  finds("H1 lost", () => keeper.survived([]));
});

test("H2: a task that succeeded and starts again is found", () => {
  const keeper = new NothingTwice();
  const writer = new EntryWriter();
  keeper.durable(writer.entry([submitted(), EXECUTED, started(0), applied(0), CHANGED]));
  finds("H2 done twice", () => keeper.durable(writer.entry([started(0, 2)])));
});

test("H2: an attempt in doubt that is begun anew instead of looked at is found", () => {
  const keeper = new NothingTwice();
  const writer = new EntryWriter();
  keeper.durable(writer.entry([submitted(), EXECUTED, started(0), applied(0)]));
  finds("H2 done twice", () => keeper.durable(writer.entry([started(0, 2)])));
});

test("H2: a host that is changed twice by one attempt, or by another attempt of the task, is found", () => {
  const keeper = new NothingTwice();
  keeper.changed(hostCall());
  finds("H2 done twice", () => keeper.changed(hostCall()));
  finds("H2 done twice", () => keeper.changed(hostCall({ attempt: 2 })));
});

test("H2: what a person lets run again, what somebody else spoilt, and what may be repeated is no finding", () => {
  const keeper = new NothingTwice();
  const writer = new EntryWriter();
  keeper.changed(hostCall());
  keeper.spoilt("h0");
  keeper.changed(hostCall({ attempt: 2 }));
  keeper.changed(hostCall({ task: 1, uses: "send" }));
  keeper.changed(hostCall({ task: 1, uses: "send" }));
  keeper.durable(writer.entry([submitted(), EXECUTED, started(0), applied(0), UNKNOWN]));
  keeper.durable(writer.entry([{ case: "taskResolved", value: { task: 0, resolution: Resolution.RUN_AGAIN } }, started(0, 2)]));
  keeper.changed(hostCall({ attempt: 3 }));
});

test("H3: a call at a host before its attempt is durable is found", () => {
  const keeper = new DiskFirst();
  const writer = new EntryWriter();
  keeper.durable(writer.entry([submitted(), EXECUTED]));
  finds("H3 ahead of the disk", () => keeper.called(hostCall({ kind: "check" })));
  keeper.durable(writer.entry([started(0)]));
  keeper.called(hostCall({ kind: "check" }));
  finds("H3 ahead of the disk", () => keeper.changed(hostCall()));
  keeper.durable(writer.entry([applied(0)]));
  keeper.changed(hostCall());
});

test("H3: a status or a watcher's event ahead of the disk is found", () => {
  const keeper = new DiskFirst();
  keeper.durable(new EntryWriter().entry([submitted()]));
  keeper.told(create(WorkflowStatusSchema, { id: ID, seq: 1n }));
  finds("H3 ahead of the disk", () => keeper.told(create(WorkflowStatusSchema, { id: ID, seq: 2n })));
  finds("H3 ahead of the disk", () => keeper.shown({ id: ID, seqs: [1, 2], droppedBefore: 0, status: undefined }));
});

test("H3: a watcher that misses an event, or sees one twice, is found", () => {
  const eyes = (before = 0): WatcherEyes => new WatcherEyes(ID, { afterSeq: 3, droppedBefore: () => before });
  finds("H3 ahead of the disk", () => eyes().see([4, 6]));
  finds("H3 ahead of the disk", () => eyes(6).see([4, 7]));
  finds("H3 ahead of the disk", () => eyes().see([3]));
  eyes().see([4, 5]);
  eyes(6).see([4, 6]);
});

test("H4: two statuses after one event are found, but not what is only parked", () => {
  const keeper = new ReplayKept();
  const status = (running: number, message = "") =>
    create(WorkflowStatusSchema, { id: ID, seq: 7n, counts: create(TaskCountsSchema, { running }), waitingFor: [{ message }] });
  keeper.told(status(1));
  keeper.told(status(1, "it waits"));
  finds("H4 decided again", () => keeper.told(status(2)));
});

test("H4: what was told and lost may come another way", () => {
  const keeper = new ReplayKept();
  keeper.told(create(WorkflowStatusSchema, { id: ID, seq: 7n, targetsAtRisk: 1 }));
  keeper.survived(new Map([[ID, 6]]));
  keeper.told(create(WorkflowStatusSchema, { id: ID, seq: 7n, targetsAtRisk: 2 }));
});

test("H5: a gap in a stream, and a life that has ended and appends, are found", () => {
  const writer = new EntryWriter();
  const keeper = new OneWriter();
  keeper.appended(writer.entry([submitted()]), 1);
  writer.skip(1);
  finds("H5 two writers", () => keeper.appended(writer.entry([EXECUTED]), 1));
  const other = new OneWriter();
  other.crashed(1);
  finds("H5 two writers", () => other.appended(new EntryWriter().entry([submitted()]), 1));
});

test("H5: two attempts of a task at a time, and too many turns in flight, are found", () => {
  const keeper = new OneWriter();
  keeper.called(hostCall({ kind: "check" }));
  finds("H5 two writers", () => keeper.called(hostCall({ attempt: 2 })));
  const other = new OneWriter();
  const writer = new EntryWriter();
  finds("H5 two writers", () => {
    for (let turn = 0; turn < 1_000; turn++) other.appended(writer.entry([EXECUTED]), 1);
  });
});

test("H6: targets out of order, from outside the inventory, or none at all are found", () => {
  const [first, second] = someTargets(2);
  const clock = new FakeClock();
  const submit = (targets: NonNullable<typeof first>[], isKnown = true) => {
    const kind = submitted();
    if (kind.case === "workflowSubmitted") kind.value.targets = targets;
    new FrozenScope(clock, () => isKnown).durable(new EntryWriter().entry([kind]));
  };
  if (first === undefined || second === undefined) throw new Error("two targets are needed");
  submit([first, second]);
  finds("H6 scope moved", () => submit([second, first]));
  finds("H6 scope moved", () => submit([]));
  finds("H6 scope moved", () => submit([first], false));
});

test("H6: a call at a target that was not frozen so, and a digest that is another, are found", async () => {
  const keeper = new FrozenScope(new FakeClock(), () => true);
  keeper.durable(new EntryWriter().entry([submitted(1, "sha256:0")]));
  keeper.called(hostCall());
  const moved = create(TargetSchema, { name: "h0", labels: { site: "elsewhere" } });
  finds("H6 scope moved", () => keeper.called(hostCall({ target: moved })));
  await expect(keeper.checkDigests()).rejects.toThrow(/^H6 scope moved: /);
});

test("H7: what is taken for a workflow outside of its turn is found", () => {
  const taken = { case: "limitsTaken", value: { holder: "another", task: 1 } } as const;
  const locked = { case: "lockTaken", value: { key: "target:h0", holder: "another", target: "h0" } } as const;
  const writer = new EntryWriter();
  finds("H7 guard apart", () => new GuardWithTurn().durable(writer.entry([EXECUTED], [taken])));
  finds("H7 guard apart", () => new GuardWithTurn().durable(writer.entry([EXECUTED], [locked])));
});

test("H7: a workflow that ends and keeps something in the same entry is found", () => {
  const keeper = new GuardWithTurn();
  const writer = new EntryWriter();
  const taken = { case: "limitsTaken", value: { holder: ID, task: 0 } } as const;
  keeper.durable(writer.entry([submitted()]));
  keeper.durable(writer.entry([EXECUTED, started(0)], [taken]));
  const end = { case: "workflowEnded", value: {} } as const;
  finds("H7 guard apart", () => keeper.durable(writer.entry([CHANGED, end])));
});

test("H7: a pause that the guard does not know of is found", () => {
  const keeper = new GuardWithTurn();
  const writer = new EntryWriter();
  keeper.durable(writer.entry([submitted()]));
  finds("H7 guard apart", () => keeper.durable(writer.entry([{ case: "waveEnded", value: { pauseMs: 5 } }])));
});
