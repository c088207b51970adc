// Following a workflow to where it has ended or waits for a person, over restarts of the service, and saying how it stands then.
// A frozen workflow is followed on: it goes on by itself after the thaw.
// 1. The end is noted in the logbook. 2. The exit code is that of the phase in which the following ended.

import type { Task, WorkflowStatus } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { HoldKind, Phase, TaskOutcome, WorkflowStatusSchema } from "../../internal/gen/holdfast/v1/status_pb.ts";
import type { RuleVerdict } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import { Decision, Enforcement } from "../../internal/gen/holdfast/v1/policy_pb.ts";
import { WatchResponseSchema } from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { PROBLEMS_SHOWN_MAX } from "../../internal/base/limits.ts";
import { noteEnd } from "../../internal/sdk/handshake.ts";
import type { HandshakePorts } from "../../internal/sdk/handshake.ts";
import { followWorkflow, hasEnded } from "../../internal/sdk/persistence.ts";
import { phaseName, wireJson } from "../../internal/sdk/wire-json.ts";
import { missing } from "../../internal/sdk/wire-error.ts";
import type { Context } from "./context.ts";
import { lastLine, openDisplay } from "./display.ts";
import type { Display } from "./display.ts";
import { exitCodeOfPhase } from "./exit-code.ts";
import { problemLine } from "./frame.ts";
import { waitsText } from "./status-text.ts";
import { needsApproval, ruleText } from "./verdict-text.ts";

/** A workflow's ID, or its key and the key's namespace. */
export interface WorkflowName {
  readonly id: string;
  readonly namespace: string;
}

const TROUBLED = [TaskOutcome.FAILED, TaskOutcome.UNKNOWN, TaskOutcome.UNREACHABLE];

/** Follows a workflow; resolves to the exit code. `isEventStream`: with `-o json` each answer of Watch is a line. */
export async function follow(context: Context, ref: WorkflowName, options: { readonly isEventStream: boolean }): Promise<number> {
  const isEventStream = options.isEventStream && context.out.isJson;
  const last = await followToEnd(context, ref, { isEventStream });
  const ports = await context.handshake();
  await noteInLogbook(ports, last);
  if (!isEventStream) await report(context, ports, last);
  return exitCodeOfPhase(phaseName(last.phase));
}

/** Follows a workflow to where it has ended or waits for a person; resolves to where it stands then. */
export async function followToEnd(context: Context, ref: WorkflowName, options = { isEventStream: false }): Promise<WorkflowStatus> {
  const ports = await context.handshake();
  context.resumeHint ||= `the workflow goes on; follow it again with "holdfast watch ${ref.id}"`;
  const display = openDisplay(context);
  context.notify = (text) => display.note(text);
  try {
    return await followWith(context, ports, { ref, display, isEventStream: options.isEventStream });
  } finally {
    display.close();
    context.notify = (text) => context.out.talk(text);
  }
}

/** Prints where a workflow stands at the end of a command: problems on stderr, the last line (or the status as JSON) on stdout. */
export async function report(context: Context, ports: HandshakePorts, status: WorkflowStatus): Promise<void> {
  if (context.out.isJson) {
    await context.out.message(WorkflowStatusSchema, status);
    return;
  }
  const problems = context.isLive ? [] : await troubledTasks(context, ports, status); // a live view has shown them
  for (const task of problems) context.out.talk(problemLine(task));
  const { failed = 0, unknown = 0, unreachable = 0 } = status.counts ?? {};
  const more = failed + unknown + unreachable - problems.length;
  if (more > 0 && problems.length > 0) context.out.talk(`  and ${more} more`);
  if (status.error !== "") context.out.talk(`  ${status.error}`);
  for (const hold of status.waitingFor) context.out.talk(`  ${waitsText(hold)}`);
  for (const rule of unsaidRules(status)) context.out.talk(`  ${ruleText(rule)}`);
  const next = nextStep(status);
  if (next !== "" && !status.error.includes("holdfast retry")) context.out.talk(next);
  context.out.line(lastLine(status));
}

/** Notes the end of a workflow that the logbook holds. */
export async function noteInLogbook(ports: HandshakePorts, status: WorkflowStatus): Promise<void> {
  if (!hasEnded(status.phase)) return;
  const entry = await ports.logbook.find(status.id);
  if (entry !== undefined) await noteEnd(ports, entry, status);
}

interface Watching {
  readonly ref: WorkflowName;
  readonly display: Display;
  readonly isEventStream: boolean;
}

async function followWith(context: Context, ports: HandshakePorts, { ref, display, isEventStream }: Watching): Promise<WorkflowStatus> {
  let last: WorkflowStatus | undefined;
  let troubleCount = 0;
  const following = { workflow: ref, afterSeq: 0n, isStatusOnly: !isEventStream };
  for await (const answer of followWorkflow(ports.client, following, ports.patience)) {
    if (isEventStream) context.out.json(wireJson(WatchResponseSchema, answer));
    if (answer.status === undefined) continue;
    last = answer.status;
    display.update(last);
    if (hasEnded(last.phase) || last.phase === Phase.WAITING) break;
    const count = (last.counts?.failed ?? 0) + (last.counts?.unknown ?? 0) + (last.counts?.unreachable ?? 0);
    if (context.isLive && count !== troubleCount) {
      troubleCount = count;
      display.problems(await troubledTasks(context, ports, last));
    }
  }
  if (last === undefined) throw missing("a status");
  return last;
}

/** Some tasks that did not succeed. They are shown for convenience: not to get them is no error. */
async function troubledTasks(context: Context, { client }: HandshakePorts, status: WorkflowStatus): Promise<readonly Task[]> {
  const { failed = 0, unknown = 0, unreachable = 0 } = status.counts ?? {};
  if (failed + unknown + unreachable === 0) return [];
  const workflow = { id: status.id, namespace: "" };
  try {
    const page = await client.listTasks({ workflow, outcomes: TROUBLED, pageSize: PROBLEMS_SHOWN_MAX }, context.world.interrupted);
    return page.tasks;
  } catch {
    return [];
  }
}

/** Rules that keep it where it stands, where no hold has said so. */
function unsaidRules({ phase, waitingFor, verdict }: WorkflowStatus): readonly RuleVerdict[] {
  const isSaid = waitingFor.some(({ kind }) => kind === HoldKind.POLICY || kind === HoldKind.APPROVAL);
  if (isSaid || (phase !== Phase.WAITING && phase !== Phase.SUBMITTED)) return [];
  return (verdict?.rules ?? []).filter(({ enforcement }) => enforcement !== Enforcement.WARN && enforcement !== Enforcement.AUDIT);
}

function nextStep({ id, phase, verdict, waitingFor }: WorkflowStatus): string {
  const approve = `show what it would do, and approve it, with "holdfast approve ${id}"`;
  switch (phase) {
    case Phase.FAILED:
      return `see "holdfast tasks ${id} --outcome failed"; run again what did not succeed with "holdfast retry ${id} --wait"`;
    case Phase.WAITING:
      if (needsApproval(verdict)) return `${approve}; then follow with "holdfast watch ${id}"`;
      if (!waitingFor.some(({ kind }) => kind === HoldKind.UNKNOWN) && verdict?.decision === Decision.DENY)
        return `a policy denies it; see "holdfast why ${id}", change what the rule asks for, or end it with "holdfast cancel ${id}"`;
      return `see "holdfast why ${id}"; settle held tasks with "holdfast resolve", then follow with "holdfast watch ${id}"`;
    case Phase.PAUSED:
      return `let it go on with "holdfast unpause ${id}"`;
    case Phase.FROZEN:
      return 'it goes on by itself after the thaw; see "holdfast freeze --status"';
    case Phase.SUBMITTED:
      return needsApproval(verdict) ? `${approve}; start it with "holdfast exec ${id}"` : `start it with "holdfast exec ${id}"`;
    case Phase.EXPIRED:
      return "it was not executed in time; submit it again";
    default:
      return "";
  }
}
