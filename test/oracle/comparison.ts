// The oracle walks along what the service did, and says where the two part.
// 1. What happens must be among what the rules allow at that instant; before time passes, nothing that they allow may be left.
// 2. In the end both know the same of every task and every workflow.

import { Phase, TaskOutcome } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { nameOf, noteWaiting, startOpensMs, waitForLimits, waitsOutside } from "./admission.ts";
import { movesOf, waveOpensMs } from "./moves.ts";
import type { Plan } from "./plan.ts";
import { isItem } from "./plan.ts";
import type { Rules } from "./rules.ts";
import type { Scene, TaskScene, WorkflowScene } from "./scene.ts";
import { openScene } from "./scene.ts";
import type { Happening, Run } from "./subject.ts";

/** Where they part; undefined: nowhere. */
export function difference(plan: Plan, run: Run, rules: Rules): string | undefined {
  const scene = openScene(plan, rules);
  for (const happening of run.happenings) {
    const found = follow(scene, happening);
    if (found !== undefined) return found;
  }
  const rest = passTo(scene, Infinity);
  if (rest !== undefined) return rest;
  for (const workflow of scene.workflows) {
    const found = compareEnd(scene, workflow, run);
    if (found !== undefined) return found;
  }
  return undefined;
}

function follow(scene: Scene, { atMs, text }: Happening): string | undefined {
  const late = passTo(scene, atMs);
  if (late !== undefined) return `${late}; next it does "${text}" at ${atMs} ms`;
  const moves = movesOf(scene);
  const move = moves.find((other) => other.text === text);
  if (move === undefined) return `at ${atMs} ms the service does "${text}", the rules allow ${list(moves)}`;
  move.make();
  return undefined;
}

/** Lets time pass; on the way nothing may become due. */
function passTo(scene: Scene, atMs: number): string | undefined {
  for (;;) {
    if (scene.nowMs === atMs) return undefined;
    const due = movesOf(scene).filter(({ isOpen }) => isOpen !== true);
    if (due.length > 0) return `at ${scene.nowMs} ms the service stands still, the rules allow ${list(due)}`;
    scene.waiting = waitForLimits(scene);
    noteWaiting(scene);
    const nextMs = nextOf(scene);
    if (nextMs > atMs || nextMs === Infinity) {
      scene.nowMs = atMs;
      return undefined;
    }
    scene.nowMs = nextMs;
  }
}

/** The next moment at which anything can change by itself. */
function nextOf(scene: Scene): number {
  const free: Scene = { ...scene, plan: { ...scene.plan, limits: [] } };
  const times = scene.workflows.flatMap((workflow) => {
    const { execAtMs, cancelAfterMs = 0, retryAfterMs = 0, break: rest } = workflow.plan;
    const breakMs = rest === undefined ? [] : [execAtMs + rest.afterMs, execAtMs + rest.afterMs + rest.forMs];
    const people = [execAtMs, execAtMs + cancelAfterMs, execAtMs + retryAfterMs, ...breakMs];
    if (!workflow.isStageOpen) return people;
    const running = workflow.tasks.flatMap(({ running: attempt }) => (attempt === undefined ? [] : [attempt.dueMs]));
    const open = workflow.tasks.filter((task) => task.stage === workflow.stage && task.ending === undefined);
    return [
      ...people,
      ...running,
      waveOpensMs(scene, workflow),
      ...open.flatMap((task) => [startOpensMs(scene, workflow, task), startOpensMs(free, workflow, task)]),
    ];
  });
  return times.filter((time) => time > scene.nowMs).reduce((least, time) => Math.min(least, time), Infinity);
}

function list(moves: readonly { readonly text: string }[]): string {
  return moves.length === 0 ? "nothing" : moves.map(({ text }) => `"${text}"`).join(" or ");
}

function compareEnd(scene: Scene, workflow: WorkflowScene, run: Run): string | undefined {
  const end = run.ends[workflow.index];
  if (end === undefined) return `w${workflow.index} is lost`;
  const phase = nameIn(Phase, end.status.phase);
  const wanted = workflow.end ?? (waitsOutside(scene, workflow) ? "RUNNING" : "WAITING");
  if (phase !== wanted) return `w${workflow.index} is ${phase} in the end, the rules say ${wanted}`;
  for (const task of workflow.tasks) {
    const found = end.tasks.get(nameOf(task));
    // The names of items are known when the turn of their stage has come.
    if (found === undefined && isItem(task.target) && task.stage > workflow.stage) continue;
    const ending = `${nameIn(TaskOutcome, found?.outcome ?? -1)}${found?.changed === true ? ", changed" : ""}, ${found?.attempts} attempts`;
    const expected = `${outcomeOf(workflow, task)}, ${task.attempts} attempts`;
    if (ending !== expected) return `w${workflow.index} ${nameOf(task)} is ${ending}, the rules say ${expected}`;
  }
  return undefined;
}

function outcomeOf(workflow: WorkflowScene, { stage, target, ending }: TaskScene): string {
  if (ending === "CHANGED") return "SUCCEEDED, changed";
  if (ending !== undefined) return ending === "UNCHANGED" ? "SUCCEEDED" : ending;
  // What failed takes nothing more in the stage.
  const others = workflow.tasks.filter((other) => other.stage === stage && other.target === target);
  const isOver = workflow.end !== undefined || others.some((other) => other.ending === "FAILED" || other.ending === "UNREACHABLE");
  return isOver ? "SKIPPED" : "WAITING";
}

function nameIn(values: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(values).find((name) => values[name] === value) ?? String(value);
}
