// How an endless workflow goes on: where it would end SUCCEEDED the next generation begins instead, with nothing done yet.
// 1. One event holds all that is carried over: variables, signals that wait, keys, what was said by tokens, approvals, doubt after a restore,
//    freezes as they were noted. A replay needs nothing from before it (H4).
// 2. Generations begin at least CONTINUE_MS_MIN apart, by the times of events; what fails, finishes early, is cancelled, or only plans ends as any other.
// 3. What is not carried over is asked again: policies at the gate of exec, locks and limits; and whether the freezes still hold (H8).

import { create } from "@bufbuild/protobuf";
import { HoldfastError } from "../base/errors.ts";
import { timeMs } from "../base/ids.ts";
import type { TimeMs } from "../base/ids.ts";
import { CONTINUE_MS_MIN } from "../base/endless-limits.ts";
import { ERROR_MESSAGE_LENGTH_MAX } from "../base/limits.ts";
import { evaluateBoolean } from "../expr/program.ts";
import type { ContinuedAsNew, Event } from "../gen/holdfast/v1/event_pb.ts";
import { KeptSignalSchema, Mode, WorkflowOutcome } from "../gen/holdfast/v1/event_pb.ts";
import { CompletionBox } from "./completion-box.ts";
import { endWorkflow } from "./ending.ts";
import { happened } from "./events.ts";
import { workflowScope } from "./expression-scope.ts";
import type { Facts } from "./facts.ts";
import type { Blueprint } from "./blueprint.ts";
import { freezeNote, notedFreeze } from "./freeze-note.ts";
import type { GenerationStart } from "./generation.ts";
import { doubtAhead, restoreWorkflow } from "./restored-doubt.ts";
import { SignalBox } from "./signal-box.ts";
import type { Approver, WorkflowState } from "./state.ts";
import { initialState } from "./state.ts";
import { jsonToStruct } from "./value-json.ts";

/** The event that follows when nothing is left to do: the end, or the next generation; undefined: it is not time for that yet. */
export function endOrContinue(state: WorkflowState, facts: Facts): Event | undefined {
  const ended = endWorkflow(state, facts);
  const rule = state.blueprint.continueAsNew;
  const hasSucceeded = ended.kind.case === "workflowEnded" && ended.kind.value.outcome === WorkflowOutcome.SUCCEEDED;
  if (rule === undefined || !hasSucceeded || state.finish !== undefined || state.blueprint.mode === Mode.PLAN) return ended;
  try {
    if (!evaluateBoolean(rule.isWanted, workflowScope(state, facts))) return ended;
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    const reason = `continue_as_new.while: ${error.message}`.slice(0, ERROR_MESSAGE_LENGTH_MAX);
    return happened("workflowEnded", { outcome: WorkflowOutcome.FAILED, error: reason });
  }
  return facts.nowMs < continuesAtMs(state) ? undefined : continued(state);
}

/** Before this moment no further generation begins; Infinity: none ever does. */
export function continuesAtMs({ blueprint, generation, executedAtMs }: WorkflowState): number {
  if (blueprint.continueAsNew === undefined) return Infinity;
  return (generation.startedAtMs ?? executedAtMs ?? 0) + CONTINUE_MS_MIN;
}

function continued(state: WorkflowState): Event {
  const { generation, vars, signals, completions, retries, executedAtMs = 0, approvers } = state;
  return happened("continuedAsNew", {
    generation: generation.number + 1,
    seq: BigInt(state.seq + 1),
    vars: jsonToStruct(vars),
    signals: signals.waiting().map(({ name, data }) => create(KeptSignalSchema, { name, data: jsonToStruct(data) })),
    signalKeys: signals.newKeys().map((key) => ({ ...key })),
    completions: completions.newest().map((said) => ({ ...said })),
    attemptBase: generation.attemptLast,
    retries,
    executedMs: BigInt(executedAtMs),
    executedBy: generation.executedBy,
    approvals: lastApprovals(approvers).map(({ by, roles, atMs, reason }) => ({ by, roles: [...roles], atMs: BigInt(atMs), reason })),
    ...doubtAhead(state),
    ...(state.freeze === undefined ? {} : { freeze: freezeNote(state.freeze) }),
  });
}

/** Of each person in the same roles the last one, and the last with a reason: who approves again, since approvals expire, does not fill the list. */
function lastApprovals(approvers: readonly Approver[]): readonly Approver[] {
  return [
    ...new Map(approvers.map((approver) => [`${approver.by}\n${approver.roles.join()}\n${approver.reason === ""}`, approver])).values(),
  ];
}

/** ContinuedAsNew: the state is that of a workflow that was just executed, but for what the event carries over. */
export function continueWorkflow(state: WorkflowState, event: ContinuedAsNew, atMs: TimeMs): void {
  const { generation: number, attemptBase } = event;
  const at = Number(event.seq);
  const keep = keptOf(state);
  const starts = [...state.generation.starts, { number, seq: at }].filter((start) => start.number >= number - keep);
  const generation = { number, startedAtMs: atMs, attemptBase, attemptLast: attemptBase, executedBy: event.executedBy, starts };
  const fresh = initialState(state.submitted, { by: state.submittedBy, atMs: state.submittedAtMs }, generation);
  const carried: Partial<WorkflowState> = {
    seq: at,
    lastAtMs: atMs,
    blueprint: withoutItems(fresh.blueprint, at),
    life: { kind: "executing" },
    executedAtMs: timeMs(Number(event.executedMs)),
    deadlineMs: atMs + state.blueprint.deadlineMs,
    ...(event.freeze === undefined ? {} : { freeze: notedFreeze(event.freeze) }),
    retries: event.retries,
    vars: event.vars ?? {},
    signals: SignalBox.carriedOver(event),
    completions: CompletionBox.carriedOver(event),
    approvers: event.approvals.map(({ by, roles, atMs: givenMs, reason }) => ({ by, roles, atMs: timeMs(Number(givenMs)), reason })),
  };
  Object.assign(state, fresh, carried);
  if (event.restored !== undefined) restoreWorkflow(state, event.restored);
}

/** Lists are evaluated anew in each generation. */
function withoutItems(blueprint: Blueprint, sinceSeq: number): Blueprint {
  const stages = blueprint.stages.map((stage) => (stage.list === undefined ? stage : { ...stage, list: { ...stage.list, sinceSeq } }));
  return { ...blueprint, stages };
}

/** The event that began the oldest generation that is kept: what lies between the Submit and it is not; undefined: all of it is. */
export function oldestKept({ blueprint, generation }: Pick<WorkflowState, "blueprint" | "generation">): GenerationStart | undefined {
  const number = generation.number - keptOf({ blueprint });
  return generation.starts.find((start) => start.number === number);
}

function keptOf({ blueprint }: Pick<WorkflowState, "blueprint">): number {
  return blueprint.continueAsNew?.keep ?? 0;
}
