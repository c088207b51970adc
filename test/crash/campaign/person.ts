// The person beside a run: as long as anybody waits, resolves what is held by looking at the host. What one workflow holds another may wait for.
// 1. Nothing is guessed: done is what the host's log says, and run again is only what never began or failed before its change.

import { setTimeout as sleep } from "node:timers/promises";
import { HoldfastError } from "../../../internal/base/errors.ts";
import type { HoldfastClient } from "../../../internal/sdk/client.ts";
import { TaskOutcome } from "../../../internal/gen/holdfast/v1/status_pb.ts";
import type { Task } from "../../../internal/gen/holdfast/v1/status_pb.ts";
import type { Scene } from "../scene.ts";
import type { ClientCrew } from "./client-crew.ts";
import { lastWord, readHostLog } from "./host-log.ts";
import { clientOf } from "./records.ts";
import { CHANGES_FILE } from "./work.ts";

const LOOK_MS = 300;
const RESUMES_MAX = 3;

/** Until every client has ended; tells how many held tasks it resolved, and resolves to their sum. */
export async function attend(scene: Scene, crew: ClientCrew, tell: (resolved: number) => void = () => undefined): Promise<number> {
  let held = 0;
  while (!crew.isDone) {
    await sleep(LOOK_MS);
    const resolved = await resolveAll(scene, crew);
    held += resolved;
    tell(resolved);
  }
  return held;
}

/** Resumes until nothing is left to follow; resolves to how many tasks were held. */
export async function bringToEnd(scene: Scene, crew: ClientCrew): Promise<number> {
  let held = 0;
  for (let resumes = 0; resumes < RESUMES_MAX; resumes++) {
    const before = held;
    const resumed = crew.resume();
    held += await attend(scene, crew);
    held += await resolveAll(scene, crew);
    if ((await resumed).code === 0 && held === before) return held;
  }
  return held;
}

interface Held {
  readonly id: string;
  readonly task: Task;
}

async function resolveAll(scene: Scene, crew: ClientCrew): Promise<number> {
  let resolved = 0;
  for (const held of await heldTasks(scene)) if (await resolve(scene, crew, held)) resolved += 1;
  return resolved;
}

/** None while nobody answers. */
async function heldTasks(scene: Scene): Promise<readonly Held[]> {
  const client = clientOf(scene);
  try {
    const { workflows } = await client.listWorkflows({ namespace: "*", pageSize: 100 });
    const found: Held[] = [];
    for (const { id, counts } of workflows) if ((counts?.unknown ?? 0) > 0) found.push(...(await unknownOf(client, id)));
    return found;
  } catch (error) {
    if (error instanceof HoldfastError) return [];
    throw error;
  }
}

async function unknownOf(client: HoldfastClient, id: string): Promise<readonly Held[]> {
  const { tasks } = await client.listTasks({ workflow: { id, namespace: "" }, outcomes: [TaskOutcome.UNKNOWN], pageSize: 100 });
  return tasks.map((task) => ({ id, task }));
}

/** False: not yet, or it could not be said. */
async function resolve(scene: Scene, crew: ClientCrew, { id, task }: Held): Promise<boolean> {
  const { stage, action, target } = task;
  const word = lastWord(readHostLog(scene.read(target, CHANGES_FILE)), { workflow: id, stage, action });
  if (word === "begun") return false; // it still runs: whoever looks later knows more
  const resolution = word === "done" ? "succeeded" : "run-again";
  const said = await crew.run("resolve", id, `${stage}/${action}@${target}`, resolution, "--reason", `the host says ${word ?? "nothing"}`);
  return said.code === 0;
}
