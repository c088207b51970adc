// A person does a task, or refuses it: who may, what it leaves, and what a second word of it means.
// 1. Only who has the role; where the task says so, not whoever submitted the workflow.
// 2. Who, why and what was filled in are in the journal: the event names the person, its detail holds the rest.

import { HoldfastError } from "../base/errors.ts";
import { canonicalJson, isJsonObject } from "../base/json.ts";
import type { JsonObject, JsonValue } from "../base/json.ts";
import { ERROR_MESSAGE_LENGTH_MAX, SIGNAL_BYTES_MAX } from "../base/limits.ts";
import type { AwaitedPerson } from "../gen/holdfast/v1/event_pb.ts";
import { AttemptOutcome } from "../gen/holdfast/v1/event_pb.ts";
import { awaitedReport } from "./awaiting.ts";
import { placeOf } from "./blueprint.ts";
import type { AttemptReport, Command } from "./commands.ts";
import type { Facts } from "./facts.ts";
import { FaultList } from "./fault-list.ts";
import { taskName } from "./outside-holds.ts";
import { resolveParams } from "./params.ts";
import { signalBytes } from "./signal-box.ts";
import type { WorkflowState } from "./state.ts";
import { isGood } from "./task-state.ts";
import { valueToJson } from "./value-json.ts";

/** The report of a task that a person has done; undefined when the same person has said the same before. */
export function completeReport(
  state: WorkflowState,
  command: Extract<Command, { kind: "complete" }>,
  facts: Facts,
): AttemptReport | undefined {
  const { by, task, reason, data } = command;
  const person = state.awaiting.personOf(task);
  if (person === undefined) return completedBefore(state, command, facts);
  checkPerson(state, { task, person, command });
  const output = { by, reason, data: judged(state, { task, person, data }) };
  return awaitedReport(state, { task, facts }, { outcome: AttemptOutcome.UNCHANGED, output });
}

/** The report of a task that a person refuses. */
export function failReport(state: WorkflowState, command: Extract<Command, { kind: "fail" }>, facts: Facts): AttemptReport {
  const { by, task, reason } = command;
  const person = state.awaiting.personOf(task);
  if (person === undefined) throw awaitsNobody(state, task);
  checkPerson(state, { task, person, command });
  const error = `${by} refused it: ${reason}`.slice(0, ERROR_MESSAGE_LENGTH_MAX);
  return { ...awaitedReport(state, { task, facts }, { outcome: AttemptOutcome.FAILED, error }), isRetryable: false };
}

interface Asked {
  readonly task: number;
  readonly person: AwaitedPerson;
  readonly command: { readonly by: string; readonly roles: readonly string[] };
}

function checkPerson(state: WorkflowState, { task, person, command: { by, roles } }: Asked): void {
  const name = taskName(state, task);
  if (!roles.includes(`approver:${person.role}`))
    throw new HoldfastError(
      "PERMISSION_DENIED",
      `${name} is for a person of role ${person.role}, and ${by} has it not; an administrator gives it: --role approver:${person.role}`,
    );
  if (person.other && by === state.submittedBy)
    throw new HoldfastError("PERMISSION_DENIED", `${by} submitted the workflow; ${name} is for somebody else of role ${person.role}`);
}

function judged(
  state: WorkflowState,
  at: { readonly task: number; readonly person: AwaitedPerson; readonly data: JsonObject },
): JsonObject {
  const { task, person, data } = at;
  const name = taskName(state, task);
  const bytes = signalBytes(data);
  if (bytes > SIGNAL_BYTES_MAX)
    throw new HoldfastError("INVALID_ARGUMENT", `${name}: the data has ${bytes} bytes as JSON, at most ${SIGNAL_BYTES_MAX} are taken`);
  const faults = new FaultList();
  const values = resolveParams(person.fields, data, faults, { place: "data", noun: "field" });
  faults.throwIfAny(`what was filled in for ${name} is not as it declares`);
  return values;
}

/** A second word is no error when it is the first one again. */
function completedBefore(state: WorkflowState, { by, task, data }: Extract<Command, { kind: "complete" }>, facts: Facts): undefined {
  const output = state.tasks.begunOf(task) === 0 ? undefined : facts.detail(task)?.output;
  const before = output === undefined ? undefined : valueToJson(output);
  const isPersons = placeOf(state.blueprint, task).action.uses === "person" && isGood(state.tasks.get(task));
  if (!isPersons || !isJsonObject(before)) throw awaitsNobody(state, task);
  const isSame =
    before["by"] === by &&
    isJsonObject(before["data"]) &&
    Object.entries(data).every(([name, value]) => isEqual(before["data"], name, value));
  if (isSame) return undefined;
  throw new HoldfastError(
    "FAILED_PRECONDITION",
    `${taskName(state, task)} was completed before, by ${typeof before["by"] === "string" ? before["by"] : "somebody"}; what was said stands`,
  );
}

function isEqual(before: JsonValue | undefined, name: string, value: JsonValue): boolean {
  const known = isJsonObject(before) ? before[name] : undefined;
  return known !== undefined && canonicalJson(known) === canonicalJson(value);
}

function awaitsNobody(state: WorkflowState, task: number): HoldfastError {
  const next = `see "holdfast why ${state.blueprint.id}"`;
  return new HoldfastError("FAILED_PRECONDITION", `${taskName(state, task)} does not await a person now; ${next}`);
}
