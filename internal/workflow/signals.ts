// Signals: what is sent to a workflow while it goes on. Received once, in the journal before they are acknowledged (H1), kept until awaited.
// 1. A key is received once; with other data it is refused. What a signal sets is computed in the turn that receives it, and journaled (H4).
// 2. One attempt ends with one signal, and with the oldest of its name.

import { digestJson } from "../base/digest.ts";
import { HoldfastError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { SIGNALS_QUEUED_BYTES_MAX, SIGNALS_QUEUED_MAX, SIGNAL_BYTES_MAX, SIGNAL_KEYS_MAX } from "../base/limits.ts";
import { didYouMean } from "../base/nearest.ts";
import type { Event, SignalReceived } from "../gen/holdfast/v1/event_pb.ts";
import type { Command } from "./commands.ts";
import { caused } from "./events.ts";
import { workflowScope } from "./expression-scope.ts";
import type { Facts } from "./facts.ts";
import { FaultList } from "./fault-list.ts";
import { expressionParams, resolveParams } from "./params.ts";
import type { SignalPlan } from "./signal-plan.ts";
import { signalBytes } from "./signal-box.ts";
import type { WorkflowState } from "./state.ts";
import { computeSet } from "./vars.ts";

/** The events of a signal; none where it was received before. */
export function decideSignal(
  state: WorkflowState,
  command: Extract<Command, { kind: "signal" }>,
  facts: Pick<Facts, "detail">,
): readonly Event[] {
  const { by, name, key } = command;
  const { id, signals } = state.blueprint;
  const plan = signals.get(name);
  if (plan === undefined) {
    const known = signals.size === 0 ? "it declares none" : `it declares ${[...signals.keys()].join(", ")}`;
    throw new HoldfastError("NOT_FOUND", `workflow ${id} has no signal "${name}"${didYouMean(name, signals.keys())}; ${known}`);
  }
  const data = judged(plan, command);
  const seen = state.signals.seen(name, key);
  if (seen === digestJson(data)) return [];
  if (seen !== undefined)
    throw new HoldfastError(
      "ALREADY_EXISTS",
      `workflow ${id} received a signal "${name}" with the key "${key}" and other data; use another key`,
    );
  checkOpen(state, name);
  checkRoom(state, { plan, key, bytes: signalBytes(data) });
  const scope = workflowScope(state, facts);
  const seenData = expressionParams(plan.fields, data);
  const set = plan.set.length === 0 ? {} : { set: computeSet(state, plan.set, (root) => (root === "signal" ? seenData : scope(root))) };
  return [caused(by, "signalReceived", { name, key, data, ...set })];
}

/** SignalReceived. */
export function receiveSignal(state: WorkflowState, received: SignalReceived): void {
  const plan = state.blueprint.signals.get(received.name);
  state.signals.receive(received, plan?.isAwaited === true);
  if (received.set !== undefined) state.vars = { ...state.vars, ...received.set };
}

function judged({ fields }: SignalPlan, { name, data }: { readonly name: string; readonly data: JsonObject }) {
  const bytes = signalBytes(data);
  if (bytes > SIGNAL_BYTES_MAX)
    throw new HoldfastError(
      "INVALID_ARGUMENT",
      `signal "${name}": its data has ${bytes} bytes as JSON, at most ${SIGNAL_BYTES_MAX} are taken`,
    );
  const faults = new FaultList();
  const values = resolveParams(fields, data, faults, { place: "data", noun: "field" });
  faults.throwIfAny(`signal "${name}" is not as the workflow declares it`);
  return values;
}

function checkOpen({ blueprint: { id }, life, isCancelRequested }: WorkflowState, name: string): void {
  if ((life.kind === "submitted" || life.kind === "executing") && !isCancelRequested) return;
  const found = isCancelRequested && life.kind === "executing" ? "is being cancelled" : "has ended";
  throw new HoldfastError("FAILED_PRECONDITION", `workflow ${id} ${found}; signal "${name}" comes too late and was not received`);
}

function checkRoom(
  { blueprint: { id }, signals }: WorkflowState,
  { plan, key, bytes }: { readonly plan: SignalPlan; readonly key: string; readonly bytes: number },
): void {
  if (key !== "" && signals.keys >= SIGNAL_KEYS_MAX)
    throw new HoldfastError(
      "RESOURCE_EXHAUSTED",
      `workflow ${id} has received ${SIGNAL_KEYS_MAX} keys, and remembers no more; go on with a new workflow`,
    );
  if (!plan.isAwaited) return;
  if (signals.queued < SIGNALS_QUEUED_MAX && signals.queuedBytes + bytes <= SIGNALS_QUEUED_BYTES_MAX) return;
  const found = `${signals.queued} signals of ${signals.queuedBytes} bytes wait in workflow ${id}`;
  throw new HoldfastError(
    "RESOURCE_EXHAUSTED",
    `${found}, at most ${SIGNALS_QUEUED_MAX} of ${SIGNALS_QUEUED_BYTES_MAX} bytes are kept; send it again when some were awaited`,
  );
}
