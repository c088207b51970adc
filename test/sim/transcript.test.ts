import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { GuardEventSchema } from "../../internal/gen/holdfast/journal/v1/journal_pb.ts";
import { AttemptOutcome, EventSchema, Mode, WorkflowSubmittedSchema } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { eventText, guardText, readableLines } from "./transcript.ts";

const ID = "019b7713-ccfc-74c7-9d6b-97a3ba3912c1";
const SUBMITTED = create(WorkflowSubmittedSchema, {
  id: ID,
  mode: Mode.PLAN,
  definition: {
    name: "random",
    stages: [
      { name: "s0", actions: [{ name: "a0", uses: "probe" }] },
      {
        name: "s1",
        over: { kind: { case: "targets", value: true } },
        actions: [
          { name: "a0", uses: "set" },
          { name: "a1", uses: "touch" },
        ],
      },
    ],
  },
  targets: [{ name: "h0" }, { name: "h1" }],
});
const WORKFLOW = { id: ID, submitted: SUBMITTED };

test("a transcript names workflows, tasks and enums as people do, and leaves out what is a default", () => {
  const submitted = create(EventSchema, { kind: { case: "workflowSubmitted", value: SUBMITTED }, by: "bob" });
  const end = { task: 4, attempt: 2, outcome: AttemptOutcome.CHANGED };
  const taken = { key: "target:h1", holder: ID, target: "h1" };
  const lines = [
    `0 ${eventText(submitted, WORKFLOW)}`,
    `2500 ${eventText(create(EventSchema, { kind: { case: "attemptEnded", value: end } }), WORKFLOW)}`,
    `2500 ${guardText(create(GuardEventSchema, { kind: { case: "lockTaken", value: taken } }), () => WORKFLOW)}`,
    "3000 the service is killed",
  ];
  expect(readableLines(lines)).toEqual([
    '       0.000  w1 workflowSubmitted plan "random": s0 (a0:probe); s1 over 2 (a0:set, a1:touch) by bob',
    "       2.500  w1 attemptEnded s1.a1@h1 attempt=2 outcome=changed",
    "       2.500  guard lockTaken key=target:h1 holder=w1 target=h1",
    "       3.000  the service is killed",
  ]);
});
