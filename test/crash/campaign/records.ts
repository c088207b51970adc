// What the service says in the end of every workflow and every task, through the typed client, page by page.

import { connectClient } from "../../../internal/sdk/client.ts";
import type { HoldfastClient } from "../../../internal/sdk/client.ts";
import { outcomeName, phaseName } from "../../../internal/sdk/wire-json.ts";
import type { Scene, ShownStatus, ShownTask } from "../scene.ts";

const CALL_MS_MAX = 30_000;
const PAGE_SIZE = 500;

/** Everything that is recorded. */
export interface Records {
  readonly workflows: readonly ShownStatus[];
  readonly tasks: ReadonlyMap<string, readonly ShownTask[]>;
}

/** A client of the scene's service, wherever it is now. */
export function clientOf({ daemon }: Scene): HoldfastClient {
  return connectClient({ address: daemon.address, token: daemon.token, callTimeoutMs: CALL_MS_MAX });
}

/** Reads all of it. */
export async function readRecords(scene: Scene): Promise<Records> {
  const client = clientOf(scene);
  const workflows: ShownStatus[] = [];
  let pageToken = "";
  do {
    const page = await client.listWorkflows({ namespace: "*", pageSize: PAGE_SIZE, pageToken });
    workflows.push(...page.workflows.map(({ id, phase }) => ({ id, phase: phaseName(phase), counts: {} })));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  const tasks = new Map<string, readonly ShownTask[]>();
  for (const { id } of workflows) tasks.set(id, await tasksOf(client, id));
  return { workflows, tasks };
}

async function tasksOf(client: HoldfastClient, id: string): Promise<readonly ShownTask[]> {
  const found: ShownTask[] = [];
  let pageToken = "";
  do {
    const page = await client.listTasks({ workflow: { id, namespace: "" }, pageSize: PAGE_SIZE, pageToken });
    for (const { stage, action, target, outcome, attempts, changed, error } of page.tasks)
      found.push({ stage, action, target, outcome: outcomeName(outcome), attempts, changed, error });
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return found;
}
