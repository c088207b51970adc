import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { HoldKind, Phase, TaskCountsSchema, WorkflowStatusSchema } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { frameLines } from "./frame.ts";

const COUNTS = create(TaskCountsSchema, { tasks: 10, succeeded: 4, waiting: 6 });

function frame(status: MessageInitShape<typeof WorkflowStatusSchema>, size: { columns?: number; rows?: number } = {}) {
  return frameLines({
    status: create(WorkflowStatusSchema, { name: "erase", id: "019a", ...status, counts: COUNTS }),
    problems: [],
    note: "",
    nowMs: 0,
    rate: 0,
    columns: size.columns ?? 100,
    rows: size.rows ?? 30,
    isColourful: false,
  });
}

test("a frozen workflow says FROZEN and by what, in one line, before anything else that it waits for", () => {
  const lines = frame({
    phase: Phase.FROZEN,
    waitingFor: [
      { kind: HoldKind.LIMIT, message: "disk/five is used up" },
      { kind: HoldKind.POLICY, message: "window/hours: opens Mon 09:00" },
      { kind: HoldKind.FREEZE, message: "f1 (everything, by ann): wrong site" },
    ],
  });
  expect(lines[0]).toBe("erase  FROZEN  019a");
  expect(lines.filter((line) => /FROZEN:|waits:/.test(line))).toEqual(["  FROZEN: f1 (everything, by ann): wrong site; and for 2 more"]);
  expect(frame({ phase: Phase.FROZEN })).toContain('  FROZEN; see "holdfast freeze --status"');
});

test("what a workflow waits for is one line, cut to the terminal", () => {
  const until = { seconds: 1_800_000_000n, nanos: 0 };
  const waitingFor = [{ kind: HoldKind.LIMIT, message: "the rate 30/m of stage fix", names: ["web-01"], until }];
  const wanted = "  waits: the rate 30/m of stage fix (web-01), until 2027-01-15T08:00:00.000Z";
  expect(frame({ phase: Phase.RUNNING, waitingFor })).toContain(wanted);
  expect(frame({ phase: Phase.RUNNING, waitingFor }, { columns: 40 })).toContain(`${wanted.slice(0, 38)}…`);
});

test("failed and unknown are in view at zero too, and a frame fits its rows", () => {
  expect(frame({ phase: Phase.RUNNING })).toContain("failed 0 · unknown 0 · changed 0 · unchanged 0 · running 0 · waiting 6");
  expect(frame({ phase: Phase.RUNNING }, { rows: 3 })).toHaveLength(2);
});
