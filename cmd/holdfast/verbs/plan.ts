// plan and validate: looking before leaping.
// 1. Neither changes anything at a target.

import type { JsonObject } from "../../../internal/base/json.ts";
import { HoldfastError } from "../../../internal/base/errors.ts";
import type { WorkflowStatus } from "../../../internal/gen/holdfast/v1/status_pb.ts";
import { TaskSchema, WorkflowStatusSchema } from "../../../internal/gen/holdfast/v1/status_pb.ts";
import { VerdictSchema } from "../../../internal/gen/holdfast/v1/policy_pb.ts";
import { ScopeSchema } from "../../../internal/gen/holdfast/v1/workflow_pb.ts";
import { CLIENT_PAGE_SIZE } from "../../../internal/base/limits.ts";
import { persist } from "../../../internal/sdk/persistence.ts";
import { phaseName, wireJson } from "../../../internal/sdk/wire-json.ts";
import type { Context } from "../context.ts";
import { EXIT_DONE, exitCodeOfPhase } from "../exit-code.ts";
import { followToEnd, report } from "../follow.ts";
import type { Options } from "../options.ts";
import { textOption } from "../options.ts";
import { taskLines } from "../status-text.ts";
import { readSubmission } from "../submission.ts";
import { submissionNotes } from "../verdict-text.ts";
import { allTasks } from "./tasks.ts";

/** plan FILE: runs the checks, then says how many tasks would change something; with --target what, on that target. */
export async function plan(context: Context, [file = ""]: readonly string[], options: Options): Promise<number> {
  const { request: submission, sending } = await readSubmission(context.world, file, options);
  const client = await context.client();
  const patience = context.patience();
  const { id } = await sending(() => persist(patience, { isFirstContact: true }, () => client.plan({ submission }, patience.signal)));
  context.resumeHint = `the plan goes on as ${id}; follow it with "holdfast watch ${id}"`;
  const status = await followToEnd(context, { id, namespace: "" });
  const target = textOption(options, "target");
  if (context.out.isJson) await context.out.message(WorkflowStatusSchema, status);
  if (target !== undefined) await showTarget(context, status, target);
  if (!context.out.isJson) {
    for (const line of planLines(status)) context.out.line(line);
    await report(context, await context.handshake(), status);
  }
  return exitCodeOfPhase(phaseName(status.phase));
}

/** validate FILE: here first; then, when a service answers, by it. */
export async function validate(context: Context, [file = ""]: readonly string[], options: Options): Promise<number> {
  const { request, sending } = await readSubmission(context.world, file, options);
  const { address } = await context.connection();
  const client = await context.client();
  try {
    const answer = await sending(() => client.submit({ ...request, validateOnly: true }, context.world.interrupted));
    const scope = answer.scope === undefined ? null : wireJson(ScopeSchema, answer.scope);
    const verdict = answer.verdict === undefined ? null : wireJson(VerdictSchema, answer.verdict);
    for (const note of submissionNotes(answer.verdict, answer)) context.out.talk(note);
    if (context.out.isJson) context.out.json({ valid: true, checkedBy: ["client", "service"], scope, verdict });
    else context.out.line(`${file} is valid: targets=${answer.scope?.targets ?? 0} tasks=${answer.scope?.tasks ?? 0}`);
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== "UNAVAILABLE") throw error;
    const found: JsonObject = { valid: true, checkedBy: ["client"], scope: null, verdict: null };
    if (context.out.isJson) context.out.json(found);
    else context.out.line(`${file} is valid as far as can be told without a service`);
    context.out.talk(
      `no service answers at ${address}: targets, arguments of actions and policies were not checked; repeat when holdfastd runs`,
    );
  }
  return EXIT_DONE;
}

async function showTarget(context: Context, status: WorkflowStatus, target: string): Promise<void> {
  const query = { stage: "", target, filter: "", outcomes: [], pageSize: CLIENT_PAGE_SIZE };
  let count = 0;
  for await (const task of allTasks(context, { id: status.id, namespace: "" }, query)) {
    count++;
    if (context.out.isJson) await context.out.message(TaskSchema, task);
    else for (const line of taskLines(task, { isBrief: false })) context.out.line(line);
  }
  if (count === 0) context.out.talk(`the plan has no tasks on a target of that name; see "holdfast tasks ${status.id}"`);
}

function planLines(status: WorkflowStatus): readonly string[] {
  const { tasks = 0, changed = 0, unchanged = 0, skipped = 0, failed = 0, unreachable = 0 } = status.counts ?? {};
  const lines = [`${changed} of ${tasks} tasks would change something; ${unchanged} would change nothing`];
  if (skipped > 0) lines.push(`${skipped} were not checked: their condition is false, or something before them would change first`);
  if (failed + unreachable > 0) lines.push(`${failed} checks failed, ${unreachable} targets could not be reached`);
  return lines;
}
