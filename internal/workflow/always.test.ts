import { expect, test } from "vitest";
import type { JsonValue } from "@bufbuild/protobuf";
import { AttemptOutcome } from "../gen/holdfast/v1/event_pb.ts";
import { Phase } from "../gen/holdfast/v1/status_pb.ts";
import { Drill } from "../../test/fakes/drill.ts";
import { placeOf } from "./blueprint.ts";
import { phaseOf } from "./status.ts";
import { TaskState, isRetriable } from "./task-state.ts";

const cancel = { kind: "cancel", by: "ann", reason: "" } as const;
const retry = { kind: "retry", by: "ann", reason: "", digest: "" } as const;
type Json = { readonly [key: string]: JsonValue };
const set = (name: string, rest: Json = {}): Json => ({ name, uses: "set", ...rest });
const stage = (name: string, rest: Json = {}): Json => ({ name, actions: [set("a"), set("b")], ...rest });

const HANDLED: JsonValue = {
  name: "test",
  targets: { where: "true" },
  stages: [
    {
      name: "main",
      over: { targets: true },
      rollout: { parallel: 1, waves: [{ count: 1 }], maxFailures: { count: 9 } },
      actions: [set("a", { undo: { uses: "set" } }), set("b")],
      onSuccess: [set("good"), set("better")],
      onFailure: [set("bad"), set("worse")],
      always: [set("last"), set("very-last")],
    },
    stage("second"),
  ],
  onSuccess: [stage("won"), stage("won-too")],
  onFailure: [stage("lost"), stage("lost-too")],
  always: [stage("end"), stage("very-end")],
};

/** Ends what runs, one at a time, so many times; `failing` names the actions that fail. */
function go(drill: Drill, steps: number, failing: readonly string[]): number {
  for (let step = 0; step < steps; step++) {
    const [task] = drill.state.running.keys();
    if (task === undefined) return step;
    const { action, stage: at } = placeOf(drill.state.blueprint, task);
    if (failing.includes(`${at.name}/${action.name}`)) drill.end(task, AttemptOutcome.FAILED, { isRetryable: false });
    else drill.change(task);
  }
  return steps;
}

/** What runs is ended, or had just come to its end. */
function stop(drill: Drill, outcome: AttemptOutcome): void {
  drill.take(cancel);
  for (const task of drill.state.running.keys()) drill.end(task, outcome);
}

function left(drill: Drill): readonly string[] {
  return [...drill.state.tasks.states.keys()].flatMap((task) => {
    const { stage: at, action, ordinal } = placeOf(drill.state.blueprint, task);
    return [`${at.name}/${action.name}@${ordinal}=${drill.state.tasks.get(task)}`];
  });
}

function hasAnythingLeft(drill: Drill): boolean {
  return drill.state.tasks.states.some((now) => isRetriable(now));
}

/** Cancelled after so many steps, retried, cancelled again after so many more (-1: before anything of it has begun), retried, and gone on with to the end. */
function cancelledTwice(
  first: number,
  second: number,
  failing: { readonly before: readonly string[]; readonly after: readonly string[] },
  outcome: AttemptOutcome,
): Drill | undefined {
  const drill = new Drill({ targets: 2, definition: HANDLED });
  drill.exec();
  go(drill, first, failing.before);
  stop(drill, outcome);
  if (phaseOf(drill.state) !== Phase.CANCELLED || !hasAnythingLeft(drill)) return undefined;
  drill.isGated = second < 0;
  drill.take(retry);
  go(drill, second, failing.after);
  stop(drill, outcome);
  drill.isGated = false;
  if (phaseOf(drill.state) !== Phase.CANCELLED || !hasAnythingLeft(drill)) return undefined;
  drill.take(retry);
  go(drill, 1_000, failing.after);
  return drill;
}

const MOMENTS = [-1, 0, 2, 5];
/** When the second cancel comes, and how what runs then ends. */
const SECONDS = MOMENTS.flatMap((at) => [[at, AttemptOutcome.CANCELLED] as const, [at, AttemptOutcome.CHANGED] as const]);
const FAILING = [[], ["second/a"], ["main/a"], ["main/b"], ["main/good"], ["main/last"], ["end/a"], ["lost/a", "main/b"]];

test.each(FAILING.map((failing) => ({ failing })))(
  "cancelled and retried at any two moments, it ends as one that was not: $failing",
  ({ failing }) => {
    const whole = new Drill({ targets: 2, definition: HANDLED });
    whole.exec();
    const steps = go(whole, 1_000, failing);
    for (let first = 0; first < steps; first++)
      for (const second of MOMENTS) {
        const drill = cancelledTwice(first, second, { before: failing, after: failing }, AttemptOutcome.CANCELLED);
        if (drill !== undefined)
          expect([phaseOf(drill.state), left(drill)], `${first}, ${second}`).toEqual([phaseOf(whole.state), left(whole)]);
      }
  },
);

test.each(FAILING.map((failing) => ({ failing })))(
  "what is always to run has run, also where what had failed ends well after a Retry: $failing",
  ({ failing }) => {
    for (let first = 0; first < 24; first++)
      for (const [second, outcome] of SECONDS) {
        const drill = cancelledTwice(first, second, { before: failing, after: [] }, outcome);
        if (drill === undefined) continue;
        expect(phaseOf(drill.state), `${first}, ${second}`).toBe(Phase.SUCCEEDED);
        const always = left(drill).filter((text) => /^(end|very-end)\/|last@/.test(text));
        expect([always.length, always.filter((text) => !text.endsWith(`=${TaskState.CHANGED}`))], `${first}, ${second}`).toEqual([8, []]);
      }
  },
);
