// status, watch, why, list: looking at workflows.
// 1. All but watch end with 0 whatever the phase.

import { WorkflowStatusSchema } from "../../../internal/gen/holdfast/v1/status_pb.ts";
import { WhyResponseSchema } from "../../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { CLIENT_PAGE_SIZE } from "../../../internal/base/limits.ts";
import { phaseName } from "../../../internal/sdk/wire-json.ts";
import type { Context } from "../context.ts";
import { EXIT_DONE } from "../exit-code.ts";
import { follow } from "../follow.ts";
import type { Options } from "../options.ts";
import { integerOption, textOption } from "../options.ts";
import { gravestFirst, holdHints, holdText, listLine, statusLines } from "../status-text.ts";

/** status ID */
export async function status(context: Context, [id = ""]: readonly string[]): Promise<number> {
  const client = await context.client();
  const found = await client.status({ workflow: context.ref(id) }, context.world.interrupted);
  if (context.out.isJson) await context.out.message(WorkflowStatusSchema, found);
  else for (const line of statusLines(found)) context.out.line(line);
  return EXIT_DONE;
}

/** watch ID */
export async function watch(context: Context, [id = ""]: readonly string[]): Promise<number> {
  return follow(context, context.ref(id), { isEventStream: true });
}

/** why ID [TARGET] */
export async function why(context: Context, [id = "", target = ""]: readonly string[]): Promise<number> {
  const client = await context.client();
  const answer = await client.why({ workflow: context.ref(id), target }, context.world.interrupted);
  if (context.out.isJson) {
    await context.out.message(WhyResponseSchema, answer);
    return EXIT_DONE;
  }
  context.out.line(`${id}${target === "" ? "" : ` ${target}`} ${phaseName(answer.phase)}`);
  for (const hold of gravestFirst(answer.holds)) context.out.line(`  ${holdText(hold)}`);
  if (answer.holds.length === 0) context.out.talk("nothing holds it");
  for (const hint of holdHints(answer.holds, id)) context.out.talk(hint);
  return EXIT_DONE;
}

/** list: all pages, one line a workflow. */
export async function list(context: Context, _args: readonly string[], options: Options): Promise<number> {
  const client = await context.client();
  const limit = integerOption(options, "limit", { min: 1, max: 1_000_000 }) ?? Number.MAX_SAFE_INTEGER;
  const ask = {
    namespace: textOption(options, "namespace") ?? "",
    filter: textOption(options, "filter") ?? "",
    pageSize: Math.min(limit, CLIENT_PAGE_SIZE),
  };
  let shown = 0;
  let pageToken = "";
  do {
    const page = await client.listWorkflows({ ...ask, pageToken }, context.world.interrupted);
    for (const workflow of page.workflows.slice(0, limit - shown)) {
      shown++;
      if (context.out.isJson) await context.out.message(WorkflowStatusSchema, workflow);
      else context.out.line(listLine(workflow));
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && shown < limit && context.out.stdout.isOpen());
  if (shown === 0) context.out.talk("no workflows");
  return EXIT_DONE;
}
