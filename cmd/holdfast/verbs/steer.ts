// cancel, pause, unpause, retry, resolve: what a person may say to a workflow. Each may be repeated.
// 1. What was said is on the service's disk when the command ends with 0.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { HoldfastError } from "../../../internal/base/errors.ts";
import { Resolution } from "../../../internal/gen/holdfast/v1/event_pb.ts";
import type { WorkflowStatus } from "../../../internal/gen/holdfast/v1/status_pb.ts";
import { WorkflowStatusSchema } from "../../../internal/gen/holdfast/v1/status_pb.ts";
import type { RunAgainSchema } from "../../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import type { Context } from "../context.ts";
import { lastLine } from "../display.ts";
import { EXIT_DONE } from "../exit-code.ts";
import { follow, noteInLogbook } from "../follow.ts";
import type { Options } from "../options.ts";
import { flag, textOption } from "../options.ts";

const RESOLUTIONS: ReadonlyMap<string, Resolution> = new Map<string, Resolution>([
  ["succeeded", Resolution.SUCCEEDED],
  ["failed", Resolution.FAILED],
  ["run-again", Resolution.RUN_AGAIN],
]);

/** cancel ID */
export async function cancel(context: Context, [id = ""]: readonly string[], options: Options): Promise<number> {
  const client = await context.client();
  return said(context, options, await client.cancel({ workflow: context.ref(id), reason: reasonOf(options) }, context.world.interrupted));
}

/** pause ID */
export async function pause(context: Context, [id = ""]: readonly string[], options: Options): Promise<number> {
  const client = await context.client();
  return said(context, options, await client.pause({ workflow: context.ref(id), reason: reasonOf(options) }, context.world.interrupted));
}

/** unpause ID */
export async function unpause(context: Context, [id = ""]: readonly string[], options: Options): Promise<number> {
  const client = await context.client();
  return said(context, options, await client.unpause({ workflow: context.ref(id) }, context.world.interrupted));
}

/** retry ID */
export async function retry(context: Context, [id = ""]: readonly string[], options: Options): Promise<number> {
  const client = await context.client();
  const again = runAgain(options);
  const reason = reasonOf(options);
  const workflow = context.ref(id);
  const ask = { workflow, reason, digest: textOption(options, "digest") ?? "" };
  if (again === undefined) return said(context, options, await client.retry(ask, context.world.interrupted));
  if (reason === "")
    throw new HoldfastError("INVALID_ARGUMENT", "--reason is missing: what succeeded runs again, and the history keeps why");
  // By its number: should the answer be lost and the call be made again, no second round begins.
  const { retries } = await client.status({ workflow }, context.world.interrupted);
  return said(context, options, await client.retry({ ...ask, again, round: retries + 2 }, context.world.interrupted));
}

/** What had succeeded and is to run again; undefined: nothing. */
function runAgain(options: Options): MessageInitShape<typeof RunAgainSchema> | undefined {
  const task = textOption(options, "task");
  const stage = textOption(options, "stage");
  const isAll = flag(options, "all");
  if ([task !== undefined, stage !== undefined, isAll].filter(Boolean).length > 1)
    throw new HoldfastError("INVALID_ARGUMENT", "--task, --stage and --all: say one of them");
  if (task !== undefined) return { kind: { case: "task", value: parseTask(task) } };
  if (stage !== undefined) return { kind: { case: "stage", value: stage } };
  return isAll ? { kind: { case: "all", value: true } } : undefined;
}

/** resolve ID STAGE/ACTION[@TARGET] succeeded|failed|run-again --reason TEXT */
export async function resolve(context: Context, [id = "", task = "", word = ""]: readonly string[], options: Options): Promise<number> {
  const named = parseTask(task);
  const resolution = RESOLUTIONS.get(word);
  if (resolution === undefined)
    throw new HoldfastError(
      "INVALID_ARGUMENT",
      `the resolution must be one of ${[...RESOLUTIONS.keys()].join(", ")}; write it after the task`,
    );
  const client = await context.client();
  const ask = { workflow: context.ref(id), ...named, resolution, reason: reasonOf(options) };
  return said(context, options, await client.resolveTask(ask, context.world.interrupted));
}

/** `fix/apply@web-01`, or `report/notify` for an action that runs once. Names of stages and actions hold neither `/` nor `@`. */
export function parseTask(text: string): { stage: string; action: string; target: string } {
  const match = /^([a-z][a-z0-9_-]*)\/([a-z][a-z0-9_-]*)(?:@(.+))?$/s.exec(text);
  if (match === null)
    throw new HoldfastError(
      "INVALID_ARGUMENT",
      'a task is written STAGE/ACTION@TARGET, or STAGE/ACTION in a stage that runs once; see "holdfast tasks ID"',
    );
  return { stage: match[1] ?? "", action: match[2] ?? "", target: match[3] ?? "" };
}

async function said(context: Context, options: Options, status: WorkflowStatus): Promise<number> {
  if (flag(options, "wait")) return follow(context, { id: status.id, namespace: "" }, { isEventStream: false });
  await noteInLogbook(await context.handshake(), status);
  if (context.out.isJson) await context.out.message(WorkflowStatusSchema, status);
  else context.out.line(lastLine(status));
  return EXIT_DONE;
}

function reasonOf(options: Options): string {
  return textOption(options, "reason") ?? "";
}
