import { create } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { AttemptOutcome, AwaitedSchema } from "../gen/holdfast/v1/event_pb.ts";
import { HoldKind, Phase } from "../gen/holdfast/v1/status_pb.ts";
import { ParamType } from "../gen/holdfast/v1/workflow_pb.ts";
import { Drill } from "../../test/fakes/drill.ts";
import { workflowHolds } from "./holds.ts";
import { phaseOf } from "./status.ts";
import { valueToJson } from "./value-json.ts";
import { refusal } from "../../test/fakes/refusal.ts";

const RIDER = { by: "bob", roles: ["approver:rider"] };

/** A workflow whose one task awaits a person of role `rider`. */
function aDrill(person: { readonly other?: boolean } = {}, rest: { readonly [name: string]: JsonValue } = {}): Drill {
  const drill = new Drill({ definition: { name: "w", stages: [{ name: "s", actions: [{ name: "ride", uses: "person", ...rest }] }] } });
  drill.exec();
  const fields = { km: { type: ParamType.INT, required: true } };
  const awaited = create(AwaitedSchema, { kind: { case: "person", value: { role: "rider", title: "Deliver", fields, ...person } } });
  drill.end(0, AttemptOutcome.UNCHANGED, { awaited });
  return drill;
}

function complete(
  drill: Drill,
  data: { readonly [name: string]: number },
  who: { readonly by: string; readonly roles: readonly string[] } = RIDER,
) {
  return drill.take({ kind: "complete", ...who, task: 0, data, reason: "rang twice" });
}

test("a person of the role completes the task: who, why and what was filled in are its output", () => {
  const drill = aDrill();
  expect(complete(drill, { km: 3 })).toContain("attemptEnded s/ride 1");
  const output = drill.details.get(0)?.output;
  expect(output === undefined ? undefined : valueToJson(output)).toEqual({ by: "bob", reason: "rang twice", data: { km: 3 } });
  expect(drill.state.life.kind).toBe("ended");
});

test("a person who has not the role may neither complete nor refuse; nor, where the task says so, who submitted the workflow", () => {
  const drill = aDrill({ other: true });
  const nobody = { by: "eve", roles: ["approver:cook", "admin", "rider"] };
  expect(refusal(() => complete(drill, { km: 1 }, nobody))).toMatch(/^PERMISSION_DENIED: s\/ride is for a person of role rider/);
  expect(refusal(() => drill.take({ kind: "fail", ...nobody, task: 0, reason: "no" }))).toMatch(/^PERMISSION_DENIED/);
  expect(refusal(() => complete(drill, { km: 1 }, { ...RIDER, by: "ann" }))).toMatch(/somebody else of role rider/);
  expect(complete(drill, { km: 1 })).toContain("workflowEnded");
});

test("what is filled in is judged, and the task goes on awaiting when it is refused", () => {
  const drill = aDrill();
  expect(refusal(() => complete(drill, {}))).toMatch(/^INVALID_ARGUMENT: .*data\.km: it is required/s);
  expect(refusal(() => complete(drill, { km: 1, tip: 2 }))).toMatch(/data\.tip: no such field/);
  expect(drill.state.awaiting.people).toBe(1);
});

test("the same word again changes nothing, another one is refused", () => {
  const drill = aDrill();
  complete(drill, { km: 3 });
  expect(complete(drill, { km: 3 })).toEqual([]);
  expect(refusal(() => complete(drill, { km: 4 }))).toMatch(/^FAILED_PRECONDITION: s\/ride was completed before, by bob/);
  expect(refusal(() => drill.take({ kind: "fail", ...RIDER, task: 0, reason: "no" }))).toMatch(/does not await a person/);
});

test("a refusal fails the task with its reason, and is not tried again", () => {
  const drill = aDrill({}, { retry: { attempts: 3 } });
  expect(drill.take({ kind: "fail", ...RIDER, task: 0, reason: "nobody home" })).toContain("attemptEnded s/ride 3");
  expect(drill.details.get(0)?.error).toBe("bob refused it: nobody home");
  expect(drill.state.backoff.size).toBe(0);
});

test("a workflow that awaits nothing but people is WAITING and says for whom; it cannot be retried meanwhile", () => {
  const drill = aDrill();
  expect(phaseOf(drill.state)).toBe(Phase.WAITING);
  expect(workflowHolds(drill.state)[0]?.message).toContain('s/ride awaits a person of role rider: Deliver; "holdfast complete');
  expect(refusal(() => drill.take({ kind: "retry", by: "ann", reason: "", digest: "" }))).toMatch(/still under way/);
});

test("its timeout ends it, as it ends everything that is awaited", () => {
  const drill = aDrill({}, { timeout: "60s" });
  drill.nowMs += 60_000;
  expect(drill.follow()).toContain("attemptEnded s/ride 3");
});

test("a workflow that awaits a person while a freeze holds others of its tasks does not wait for people alone", () => {
  const drill = aDrill();
  expect(phaseOf(drill.state)).toBe(Phase.WAITING);
  drill.state.parking.park(1, { key: "freeze", kind: HoldKind.FREEZE, message: "", isShared: false, isFinal: true });
  expect(phaseOf(drill.state)).toBe(Phase.RUNNING);
});
