// tasks: what became of each task, page by page.
// 1. It streams, page by page.

import { HoldfastError } from "../../../internal/base/errors.ts";
import { CLIENT_PAGE_SIZE } from "../../../internal/base/limits.ts";
import { didYouMean } from "../../../internal/base/nearest.ts";
import type { Task } from "../../../internal/gen/holdfast/v1/status_pb.ts";
import { TaskOutcome, TaskSchema } from "../../../internal/gen/holdfast/v1/status_pb.ts";
import type { Context } from "../context.ts";
import { EXIT_DONE } from "../exit-code.ts";
import type { Options } from "../options.ts";
import { flag, integerOption, listOption, textOption } from "../options.ts";
import { cut } from "../plain-text.ts";
import { taskLines } from "../status-text.ts";

const OUTCOMES: ReadonlyMap<string, TaskOutcome> = new Map<string, TaskOutcome>(
  Object.entries(TaskOutcome).flatMap(([name, outcome]) => (outcome === TaskOutcome.UNSPECIFIED ? [] : [[name.toLowerCase(), outcome]])),
);

/** tasks ID */
export async function tasks(context: Context, [id = ""]: readonly string[], options: Options): Promise<number> {
  const limit = integerOption(options, "limit", { min: 1, max: 10_000_000 }) ?? Number.MAX_SAFE_INTEGER;
  const ask = {
    stage: textOption(options, "stage") ?? "",
    target: textOption(options, "target") ?? "",
    filter: textOption(options, "filter") ?? "",
    outcomes: listOption(options, "outcome")
      .flatMap((item) => item.split(","))
      .map(parseOutcome),
  };
  const isBrief = flag(options, "brief");
  let shown = 0;
  for await (const task of allTasks(context, context.ref(id), { ...ask, pageSize: Math.min(limit, CLIENT_PAGE_SIZE) })) {
    if (shown++ >= limit || !context.out.stdout.isOpen()) break;
    if (context.out.isJson) await context.out.message(TaskSchema, task);
    else for (const line of taskLines(task, { isBrief })) context.out.line(line);
    await context.out.stdout.drained();
  }
  if (shown === 0) context.out.talk("no tasks");
  return EXIT_DONE;
}

/** What to ask ListTasks for. */
export interface TaskQuery {
  readonly stage: string;
  readonly target: string;
  readonly filter: string;
  readonly outcomes: TaskOutcome[];
  readonly pageSize: number;
}

/** All tasks of a query, whatever the number of pages. */
export async function* allTasks(
  context: Context,
  workflow: { id: string; namespace: string },
  query: TaskQuery,
): AsyncGenerator<Task, void> {
  const client = await context.client();
  let pageToken = "";
  do {
    const page = await client.listTasks({ workflow, ...query, pageToken }, context.world.interrupted);
    yield* page.tasks;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}

function parseOutcome(text: string): TaskOutcome {
  const found = OUTCOMES.get(text.toLowerCase());
  if (found !== undefined) return found;
  const known = [...OUTCOMES.keys()];
  throw new HoldfastError(
    "INVALID_ARGUMENT",
    `--outcome: there is no outcome "${cut(text, 32)}"${didYouMean(text, known)}; use ${known.join(", ")}`,
  );
}
