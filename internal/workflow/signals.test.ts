import { expect, test } from "vitest";
import { create } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { SIGNALS_QUEUED_MAX, SIGNAL_KEYS_MAX } from "../base/limits.ts";
import { AttemptOutcome, AwaitedSchema } from "../gen/holdfast/v1/event_pb.ts";
import { AttemptDetailSchema } from "../gen/holdfast/v1/status_pb.ts";
import { Drill } from "../../test/fakes/drill.ts";
import { answerQuery } from "./queries.ts";
import { jsonToValue, valueToJson } from "./value-json.ts";
import { refusal } from "../../test/fakes/refusal.ts";

const AWAIT: JsonValue = { name: "paid", uses: "signal", with: { name: "paid" } };
const NUMBER = "PARAM_TYPE_NUMBER";

function aDrill(parts: { readonly actions?: JsonValue[]; readonly vars?: JsonValue; readonly signals?: JsonValue } = {}): Drill {
  const { actions = [AWAIT], vars = { total: { type: NUMBER } } } = parts;
  const spend = { fields: { amount: { type: NUMBER, required: true } }, set: { total: "vars.total + signal.amount" } };
  const { signals = { paid: { fields: { by: {} } }, spend } } = parts;
  const queries = { tier: 'vars.total < 100.0 ? "member" : "gold"' };
  const drill = new Drill({ definition: { name: "w", stages: [{ name: "s", actions }], vars, signals, queries } });
  drill.exec();
  return drill;
}

function awaits(drill: Drill, task: number): readonly string[] {
  const awaited = create(AwaitedSchema, { kind: { case: "signal", value: { name: "paid" } } });
  return drill.end(task, AttemptOutcome.UNCHANGED, { awaited });
}

function send(drill: Drill, name: string, data: { readonly [field: string]: string | number }, key = ""): readonly string[] {
  return drill.take({ kind: "signal", by: "shop", name, key, data });
}

test("a signal ends the attempt that awaits it, and its data is the output", () => {
  const drill = aDrill();
  awaits(drill, 0);
  expect(send(drill, "paid", { by: "ann" })).toEqual([
    "signalReceived",
    "attemptEnded s/paid 1",
    "waveEnded",
    "stageEnded",
    "workflowEnded",
  ]);
  const output = drill.details.get(0)?.output;
  expect(output === undefined ? undefined : valueToJson(output)).toEqual({ by: "ann" });
});

test("a signal that comes before it is awaited is kept, also one before Exec; one signal ends one attempt, the oldest first", () => {
  const second: JsonValue = { name: "again", uses: "signal", with: { name: "paid" } };
  const drill = aDrill({ actions: [AWAIT, second] });
  send(drill, "paid", { by: "1" });
  send(drill, "paid", { by: "2" });
  expect(drill.state.signals.queued).toBe(2);
  awaits(drill, 0);
  expect(drill.state.signals.oldest("paid")).toEqual({ by: "2" });
  awaits(drill, 1);
  expect(drill.state.signals.queued).toBe(0);
  expect(drill.state.life.kind).toBe("ended");
});

test("a key is received once: the same again changes nothing, other data is refused", () => {
  const drill = aDrill();
  send(drill, "spend", { amount: 5 }, "bill-1");
  expect(send(drill, "spend", { amount: 5 }, "bill-1")).toEqual([]);
  expect(refusal(() => send(drill, "spend", { amount: 6 }, "bill-1"))).toMatch(/^ALREADY_EXISTS: .*other data/);
  expect(send(drill, "spend", { amount: 5 }, "bill-2")).toEqual(["signalReceived"]);
  expect(drill.state.vars).toEqual({ total: 10 });
});

test("a signal that nothing awaits sets its variables there and then, and is not kept; a query sees them", () => {
  const drill = aDrill();
  for (let count = 0; count < 3; count++) send(drill, "spend", { amount: 50 });
  expect(drill.state.vars).toEqual({ total: 150 });
  expect(drill.state.signals.queued).toBe(0);
  expect(answerQuery(drill.state, "tier", drill.facts)).toBe("gold");
  expect(refusal(() => answerQuery(drill.state, "teir", drill.facts))).toMatch(/^NOT_FOUND: .*"tier"/);
});

test("data is judged against the declaration when it comes", () => {
  const drill = aDrill();
  expect(refusal(() => send(drill, "spend", { amount: "much" }))).toMatch(/^INVALID_ARGUMENT: .*data\.amount: expected a number/s);
  expect(refusal(() => send(drill, "spend", {}))).toMatch(/data\.amount: it is required/);
  expect(refusal(() => send(drill, "spend", { amount: 1, sum: 1 }))).toMatch(/data\.sum: no such field/);
  expect(refusal(() => send(drill, "spent", { amount: 1 }))).toMatch(/^NOT_FOUND: .*"spend"/);
  expect(drill.state.vars).toEqual({ total: 0 });
});

test("an ended workflow refuses a signal, but answers one that it had received", () => {
  const drill = aDrill();
  send(drill, "spend", { amount: 1 }, "k");
  drill.take({ kind: "cancel", by: "ann", reason: "" });
  drill.end(0, AttemptOutcome.CANCELLED);
  expect(send(drill, "spend", { amount: 1 }, "k")).toEqual([]);
  expect(refusal(() => send(drill, "spend", { amount: 1 }, "l"))).toMatch(
    /^FAILED_PRECONDITION: .*has ended; signal "spend" comes too late/,
  );
});

test("signals that wait, and keys that are remembered, have bounds", () => {
  const drill = aDrill();
  for (let count = 0; count < SIGNALS_QUEUED_MAX; count++) send(drill, "paid", {});
  expect(refusal(() => send(drill, "paid", {}))).toMatch(/^RESOURCE_EXHAUSTED/);
  for (let count = 0; count < SIGNAL_KEYS_MAX; count++) send(drill, "spend", { amount: 1 }, `k${count}`);
  expect(refusal(() => send(drill, "spend", { amount: 1 }, "more"))).toMatch(/^RESOURCE_EXHAUSTED/);
  expect(send(drill, "spend", { amount: 1 })).toEqual(["signalReceived"]);
});

test("an action sets variables from its output when it ends well; what cannot be computed fails it", () => {
  const buy: JsonValue = { name: "buy", uses: "probe", set: { total: "vars.total + buy.output.price" } };
  const drill = aDrill({ actions: [buy, { ...buy, name: "more", set: { total: "more.output.price" } }, AWAIT] });
  const output = (price: string | number, task: number) => ({
    detail: create(AttemptDetailSchema, { task, attempt: 1, output: jsonToValue({ price }) }),
  });
  drill.end(0, AttemptOutcome.UNCHANGED, output(12.5, 0));
  expect(drill.state.vars).toEqual({ total: 12.5 });
  expect(drill.end(1, AttemptOutcome.UNCHANGED, output("dear", 1))).toContain("attemptEnded s/more 3");
  expect(drill.state.vars).toEqual({ total: 12.5 });
  expect(drill.details.get(1)?.error).toMatch(/set\.total: expected a number/);
});

test.each([
  [{ signals: { paid: {}, idle: {} } }, "signals.idle: no action awaits it"],
  [{ signals: { paid: { set: { sum: "1" } } } }, 'signals.paid.set.sum: no variable "sum"'],
  [{ signals: {} }, "no signal of that name is declared"],
  [{ vars: { total: { type: NUMBER, required: true } } }, "vars.total.required"],
  [{ vars: { total: { type: NUMBER, default_value: "x" } } }, "vars.total: expected a number"],
])("refuses %j", (parts, reason) => {
  expect(refusal(() => aDrill(parts))).toContain(reason);
});
