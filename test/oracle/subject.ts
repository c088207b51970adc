// The service itself on a plan: the real core and engine on fakes, time moved from event to event, and what it did as lines of text.
// 1. Each step of an action takes the time that the plan says, by the fake clock; nothing else takes time.

import { create } from "@bufbuild/protobuf";
import { HoldfastError } from "../../internal/base/errors.ts";
import { assertNever } from "../../internal/base/assert.ts";
import { AttemptOutcome, Mode, WorkflowOutcome } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { Event } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { Task, WorkflowStatus } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { ListTasksRequestSchema } from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { TESTER } from "../fakes/principals.ts";
import { retryOf } from "../fakes/retry-request.ts";
import { World, aSubmission, requestId } from "../fakes/world.ts";
import { definitionOf, policyOf, valueName } from "./definition.ts";
import type { ActionPlan, Plan, WorkflowPlan } from "./plan.ts";
import { ITEM_FIRST, isDoneBefore, targetName, turnOf } from "./plan.ts";

/** Something that happened, and when. */
export interface Happening {
  readonly atMs: number;
  readonly text: string;
}

/** A run as it was: what happened, and where each workflow and each of its tasks stood in the end. */
export interface Run {
  readonly happenings: readonly Happening[];
  readonly ends: readonly { readonly status: WorkflowStatus; readonly tasks: ReadonlyMap<string, Task> }[];
}

/** More entries than any plan needs. */
const ENTRIES_MAX = 5_000;

/** After so long without an event nothing comes any more: no delay of a plan is half as long. */
const QUIET_MS = 120_000;

/** Tasks of a workflow by position: their names, and what they are. */
interface Known {
  readonly id: string;
  readonly names: ReadonlyMap<number, string>;
}

/** Runs the plan to its end. */
export async function runPlan(plan: Plan): Promise<Run> {
  const world = new World({ targets: plan.targets });
  if (plan.limits.length > 0) world.policies = world.policiesOf([policyOf(plan.limits)]);
  await world.start();
  const known: Known[] = [];
  for (const [index, workflow] of plan.workflows.entries()) {
    const parts = { requestId: requestId(index + 1), priority: workflow.priority };
    const { id } = await world.engine.submit(TESTER, aSubmission(definitionOf(workflow, index), parts), Mode.APPLY);
    known.push({ id, names: namesAtSubmit(workflow, await tasksOf(world, id)) });
  }
  world.fleet.onStep = takeTime(world, plan, known);
  prepareHosts(world, plan);
  const startMs = world.clock.nowMs();
  for (const [index, workflow] of plan.workflows.entries()) planPeople(world, known[index]?.id ?? "", workflow);
  await runToTheEnd(world);
  const happenings = world.journal.entries.flatMap(({ id, events, timeMs }) => {
    const index = known.findIndex((workflow) => workflow.id === id);
    return events.flatMap(({ kind }) =>
      tell(kind, known[index]?.names ?? new Map()).map((text) => ({ atMs: timeMs - startMs, text: `w${index} ${text}` })),
    );
  });
  const ends = await Promise.all(
    known.map(async ({ id }) => ({
      status: await world.status(id),
      tasks: new Map((await tasksOf(world, id)).map((task) => [nameOf(task), task])),
    })),
  );
  return { happenings, ends };
}

async function tasksOf(world: World, id: string): Promise<readonly Task[]> {
  const request = create(ListTasksRequestSchema, { workflow: { id, namespace: "" }, pageSize: 1_000 });
  return (await world.engine.listTasks(request)).tasks;
}

/** Items of lists are not known yet, but their order is. */
function namesAtSubmit({ stages }: WorkflowPlan, tasks: readonly Task[]): ReadonlyMap<number, string> {
  const seen = new Map<string, number>();
  return new Map(
    tasks.map((task) => {
      const name = nameOf(task);
      if (stages[Number(task.stage.slice(1))]?.list === undefined) return [task.index, name];
      const at = seen.get(name) ?? 0;
      seen.set(name, at + 1);
      return [task.index, `${name}@${targetName(ITEM_FIRST + at)}`];
    }),
  );
}

function nameOf({ stage, action, target }: Task): string {
  return `${stage}/${action}${target === "" ? "" : `@${target}`}`;
}

/** Who executes, pauses and lets go on, at the times of the plan. A workflow that has ended refuses, and that is an answer. */
function planPeople(world: World, id: string, { execAtMs, cancelAfterMs, retryAfterMs, break: rest }: WorkflowPlan): void {
  const ref = { id, namespace: "" };
  const at = (ms: number, act: () => Promise<unknown>): void => {
    world.clock.after(ms, () => {
      act().catch((error: unknown) => {
        if (!(error instanceof HoldfastError)) world.fatal ??= error instanceof Error ? error : new Error(String(error));
      });
    });
  };
  at(execAtMs, () => world.engine.exec(TESTER, ref, ""));
  if (cancelAfterMs !== undefined) at(execAtMs + cancelAfterMs, () => world.engine.cancel(TESTER, ref, "enough"));
  if (retryAfterMs !== undefined) at(execAtMs + retryAfterMs, () => world.engine.retry(TESTER, retryOf(ref, "again")));
  if (rest === undefined) return;
  at(execAtMs + rest.afterMs, () => world.engine.pause(TESTER, ref, ""));
  at(execAtMs + rest.afterMs + rest.forMs, () => world.engine.unpause(TESTER, ref));
}

/** What is there before anybody comes. */
function prepareHosts(world: World, plan: Plan): void {
  for (const [w, workflow] of plan.workflows.entries())
    for (const [s, { isOver, list, actions }] of workflow.stages.entries())
      for (const [a, action] of actions.entries()) {
        const name = valueName({ w, s, a });
        for (let item = ITEM_FIRST; item < ITEM_FIRST + (list?.items ?? 0); item++)
          if (isDoneBefore(action, item)) world.fleet.host("service").values.set(`${name} ${targetName(item)}`, "1");
        if (list !== undefined) continue;
        for (let target = isOver ? 0 : -1; target < (isOver ? plan.targets : 0); target++)
          if (isDoneBefore(action, target)) world.fleet.host(target < 0 ? "service" : targetName(target)).values.set(name, "1");
      }
}

/** Makes each step of an action take its time, and go wrong where the plan says so. */
function takeTime(world: World, plan: Plan, known: readonly Known[]): World["fleet"]["onStep"] {
  const changed = new Set<string>();
  return async ({ host, kind, context }) => {
    const w = known.findIndex(({ id }) => context.taskKey.startsWith(id));
    const name = known[w]?.names.get(Number.parseInt(context.taskKey.split(".").at(-1) ?? "", 10)) ?? "";
    const [, s, a, item] = /^s(\d+)\/a(\d+)(?:@i(\d+))?/.exec(name) ?? [];
    const action = plan.workflows[w]?.stages[Number(s)]?.actions[Number(a)];
    if (action === undefined) throw new Error(`no such task: ${context.taskKey}`);
    const service = item === undefined ? -1 : ITEM_FIRST + Number(item);
    const target = context.target === undefined ? service : Number(context.target.name.slice(1));
    const turn = turnOf(action, { target, attempt: context.attempt });
    const key = `${context.taskKey}.${context.attempt}`;
    if (kind === "applied") changed.add(key);
    if (kind === "applied" || (kind === "check" && changed.has(key))) return;
    await new Promise<void>((resolve) => world.clock.after(kind === "check" ? turn.lookMs : turn.workMs, resolve));
    const trouble = troubleOf(action, { kind, ending: turn.ending });
    if (trouble !== undefined) world.fleet.trouble(host.name, kind, trouble);
  };
}

type Ending = ActionPlan["turns"][number]["ending"];

function troubleOf(
  { uses }: ActionPlan,
  at: { readonly kind: "check" | "apply" | "run"; readonly ending: Ending },
): "fail" | "unreachable" | "lost-answer" | undefined {
  const { kind, ending } = at;
  switch (ending) {
    case "good":
      return undefined;
    case "fail":
      return kind === "check" ? undefined : "fail";
    case "fail-look":
      if (uses === "touch") return "fail";
      return (kind === "check") === (uses === "set") ? "unreachable" : undefined;
    case "unknown":
      return uses === "touch" ? "lost-answer" : undefined;
    default:
      return assertNever(ending);
  }
}

/** Moves from timer to timer until nothing has happened for long. */
async function runToTheEnd(world: World): Promise<void> {
  let quietMs = 0;
  let count = world.journal.entries.length;
  while (quietMs < QUIET_MS) {
    const nextMs = Math.min(world.clock.nextInMs ?? QUIET_MS, QUIET_MS);
    await world.clock.advanceAsync(nextMs);
    await world.settle(4);
    if (world.journal.entries.length > ENTRIES_MAX) throw new Error(`it never ends: ${tail(world)}`);
    quietMs = world.journal.entries.length === count ? quietMs + Math.max(1, nextMs) : 0;
    count = world.journal.entries.length;
  }
}

function tail(world: World): string {
  const events = world.journal.entries
    .slice(-20)
    .flatMap(({ id, timeMs, events: all }) => all.map(({ kind }) => `${id?.slice(-4)} ${timeMs} ${kind.case}`));
  return events.join(", ");
}

/** An event in the oracle's words; none: it is no business of the schedule. */
function tell(kind: Event["kind"], names: ReadonlyMap<number, string>): readonly string[] {
  switch (kind.case) {
    case "workflowExecuted":
      return ["exec"];
    case "workflowPaused":
      return ["pause"];
    case "cancelRequested":
      return ["cancel"];
    case "workflowRetried":
      return ["retry"];
    case "workflowUnpaused":
      return ["unpause"];
    case "stageStarted":
      return [`stage s${kind.value.stage}`];
    case "waveStarted":
      return [`wave ${kind.value.wave} of s${kind.value.stage} with ${kind.value.count}`];
    case "waveEnded":
      return [`wave ${kind.value.wave} of s${kind.value.stage} ends`];
    case "stageEnded":
      return kind.value.succeeded ? [`stage s${kind.value.stage} ends`] : [];
    case "stageRepeated":
      return [`stage s${kind.value.stage} begins again in ${kind.value.afterMs}`];
    case "attemptStarted":
      return [`${names.get(kind.value.task)} starts`];
    case "applyStarted":
      return [`${names.get(kind.value.task)} changes`];
    case "attemptEnded": {
      const again = kind.value.retryAfterMs === undefined ? "" : `, again in ${kind.value.retryAfterMs}`;
      const next = kind.value.repeatAfterMs === undefined ? "" : `, the next iteration in ${kind.value.repeatAfterMs}`;
      return [`${names.get(kind.value.task)} ends ${enumName(AttemptOutcome, kind.value.outcome)}${again}${next}`];
    }
    case "taskSkipped":
      return [`${names.get(kind.value.task)} is skipped`];
    case "workflowEnded":
      return [`ends ${enumName(WorkflowOutcome, kind.value.outcome)}`];
    case "workflowSubmitted":
    case "verdictGiven":
    case "listExpanded":
    case "finishDecided":
      return [];
    default:
      return [`${kind.case}`];
  }
}

function enumName(values: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(values).find((name) => values[name] === value) ?? String(value);
}
