// The emergency stop: places and lifts freezes, and gathers the proof of what has stopped and what has not yet.
// 1. A freeze is in force for the process from the moment it is asked for, and answered only when it is on disk and noted by whom it stops.
// 2. The file FREEZE is no freeze that can be lifted by a call: whoever put it there takes it away.

import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { assertNever } from "../base/assert.ts";
import { HoldfastError } from "../base/errors.ts";
import { PROOF_NAMES_MAX } from "../base/limits.ts";
import { FreezeProofSchema, FreezeSchema, FrozenTaskSchema } from "../gen/holdfast/v1/guard_service_pb.ts";
import type { Freeze, FreezeProof, FrozenTask } from "../gen/holdfast/v1/guard_service_pb.ts";
import { FreezeMode } from "../gen/holdfast/v1/policy_pb.ts";
import type { FreezeScope } from "../gen/holdfast/v1/policy_pb.ts";
import type { Target } from "../gen/holdfast/v1/workflow_pb.ts";
import type { FreezeEntry } from "../guard/freeze.ts";
import { freezesOf, freezesOn, hasLabelFreezes } from "../guard/freeze.ts";
import type { GuardState } from "../guard/guard.ts";
import { guardWallMs } from "../guard/guard-time.ts";
import { placeOf, targetAt, unitName } from "../workflow/blueprint.ts";
import type { WorkflowState } from "../workflow/state.ts";
import type { StopLook } from "./ports.ts";

/** What the file is called where freezes have IDs. */
const FILE_ID = "FILE";

/** A freeze as people read it: `f3 (everything, by ann): disk erase on the wrong site`. */
export function freezeName({ id, scope, by, reason }: FreezeEntry): string {
  return `${id} (${scopeText(scope)}, by ${by}): ${reason}`;
}

/** What a freeze stops, for people. */
export function scopeText({ kind }: FreezeScope): string {
  switch (kind.case) {
    case "everything":
    case undefined:
      return "everything";
    case "namespace":
      return `namespace ${kind.value}`;
    case "workflowName":
      return `workflows named ${kind.value}`;
    case "label":
      return `targets with ${kind.value.label}=${kind.value.value}`;
    default:
      return assertNever(kind);
  }
}

/** What the file says, for people; undefined: it is not there. */
export function stopText(stop: StopLook): string | undefined {
  switch (stop.kind) {
    case "absent":
      return undefined;
    case "present":
      return `the file ${stop.path} is there; everything is frozen until somebody removes it`;
    case "unreadable":
      return `the file ${stop.path} cannot be examined (${stop.reason}); everything is frozen until it can`;
    default:
      return assertNever(stop);
  }
}

/** Throws FAILED_PRECONDITION when what is to be submitted or executed is frozen. */
export function refuseFrozen(
  at: { readonly guard: GuardState; readonly stop: StopLook },
  work: { readonly namespace: string; readonly name: string; readonly targets: readonly Target[] },
): void {
  const stopped = stopText(at.stop);
  if (stopped !== undefined) throw new HoldfastError("FAILED_PRECONDITION", `frozen: ${stopped}`);
  const subject = { namespace: work.namespace, workflowName: work.name };
  const [whole] = freezesOn(at.guard, subject);
  const entry = whole ?? firstOfTargets(at.guard, subject, work.targets);
  if (entry === undefined) return;
  throw new HoldfastError("FAILED_PRECONDITION", `frozen by ${freezeName(entry)}; "holdfast thaw ${entry.id}" lifts it`);
}

function firstOfTargets(
  guard: GuardState,
  subject: { readonly namespace: string; readonly workflowName: string },
  targets: readonly Target[],
): FreezeEntry | undefined {
  if (!hasLabelFreezes(guard)) return undefined;
  for (const { labels } of targets) {
    const [found] = freezesOn(guard, { ...subject, labels });
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What is frozen, which open workflows took note of it, and which of their frozen attempts still run. */
export function freezeProof(at: {
  readonly guard: GuardState;
  readonly stop: StopLook;
  readonly states: Iterable<WorkflowState>;
}): FreezeProof {
  const { guard, stop, states } = at;
  const acknowledged: string[] = [];
  const inFlight = new TaskNames();
  const pastReturn = new TaskNames();
  let count = 0;
  for (const state of states) {
    if (state.freeze === undefined) continue;
    count += 1;
    if (acknowledged.length < PROOF_NAMES_MAX) acknowledged.push(state.blueprint.id);
    for (const [task, { before }] of state.running) {
      if (state.awaiting.has(task) || !isTaskFrozen(guard, { stop, state, task })) continue;
      (before === undefined ? inFlight : pastReturn).add(state, task);
    }
  }
  return create(FreezeProofSchema, {
    freezes: freezeList(guard, stop),
    acknowledged,
    acknowledgedCount: count,
    inFlight: inFlight.names,
    inFlightCount: inFlight.count,
    pastReturn: pastReturn.names,
    pastReturnCount: pastReturn.count,
  });
}

/** The freezes by call that stop a task: those of all of its workflow, and those of its target. */
export function freezesOnTask(guard: GuardState, { blueprint }: WorkflowState, task: number): readonly FreezeEntry[] {
  const { stage, ordinal } = placeOf(blueprint, task);
  const labels = targetAt(blueprint, stage, ordinal)?.labels;
  const subject = { namespace: blueprint.namespace, workflowName: blueprint.name };
  return freezesOn(guard, labels === undefined ? subject : { ...subject, labels });
}

/** True when the task is stopped now, by the file or by a freeze. */
export function isTaskFrozen(
  guard: GuardState,
  at: { readonly stop: StopLook; readonly state: WorkflowState; readonly task: number },
): boolean {
  return at.stop.kind !== "absent" || freezesOnTask(guard, at.state, at.task).length > 0;
}

/** True when what runs of the task is to be ended. */
export function isTaskAborted(guard: GuardState, at: { readonly state: WorkflowState; readonly task: number }): boolean {
  return freezesOnTask(guard, at.state, at.task).some(({ mode }) => mode === FreezeMode.ABORT);
}

/** All that is frozen. */
export function freezeList(guard: GuardState, stop: StopLook): Freeze[] {
  const listed = freezesOf(guard).map(({ id, scope, mode, reason, by, atMs }) =>
    create(FreezeSchema, { id, scope, mode, reason, by, at: timestampFromMs(guardWallMs(guard, atMs)) }),
  );
  const file = stopText(stop);
  if (file === undefined) return listed;
  const scope = { kind: { case: "everything" as const, value: true } };
  return [create(FreezeSchema, { id: FILE_ID, scope, mode: FreezeMode.FINISH, reason: file }), ...listed];
}

class TaskNames {
  readonly names: FrozenTask[] = [];
  count = 0;

  add({ blueprint }: WorkflowState, task: number): void {
    this.count += 1;
    if (this.names.length >= PROOF_NAMES_MAX) return;
    const { stage, action, ordinal } = placeOf(blueprint, task);
    const target = unitName(blueprint, stage, ordinal);
    this.names.push(create(FrozenTaskSchema, { workflow: blueprint.id, stage: stage.name, action: action.name, target }));
  }
}
