// run, submit, exec: the handshake, with the logbook written at each step.
// 1. Nothing is sent before the logbook holds it.

import type { WorkflowStatus } from "../../../internal/gen/holdfast/v1/status_pb.ts";
import { Phase, WorkflowStatusSchema } from "../../../internal/gen/holdfast/v1/status_pb.ts";
import type { SubmitRequest, SubmitResponse } from "../../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { SubmitResponseSchema } from "../../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { execEntry, newEntry, noteEnd, submitEntry } from "../../../internal/sdk/handshake.ts";
import type { HandshakePorts } from "../../../internal/sdk/handshake.ts";
import type { Intent, LogbookEntry } from "../../../internal/sdk/logbook-entry.ts";
import { persist } from "../../../internal/sdk/persistence.ts";
import type { Context } from "../context.ts";
import { lastLine } from "../display.ts";
import { EXIT_DONE } from "../exit-code.ts";
import { follow, report } from "../follow.ts";
import type { Options } from "../options.ts";
import { flag, textOption } from "../options.ts";
import { readSubmission } from "../submission.ts";
import { submissionNotes } from "../verdict-text.ts";

/** run FILE: Submit, write the ID down, Exec, follow. */
export async function run(context: Context, [file = ""]: readonly string[], options: Options): Promise<number> {
  const { request, sending } = await readSubmission(context.world, file, options);
  const { entry, answer } = await sending(() => submitted(context, { file, request, intent: "exec" }));
  if (!context.out.isJson) context.out.line(submittedLine(entry, answer));
  for (const note of submissionNotes(answer.verdict, answer)) context.out.talk(note);
  context.resumeHint = `the workflow goes on as ${answer.id}; go on with "holdfast resume ${answer.id}"`;
  const ports = await context.handshake();
  context.submittedId = answer.id;
  const executed = await execEntry(ports, entry);
  context.submittedId = "";
  if (options["wait"] === false) {
    await noteEnd(ports, executed.entry, executed.status);
    await printExecuted(context, ports, executed.status);
    return EXIT_DONE;
  }
  return follow(context, { id: answer.id, namespace: "" }, { isEventStream: false });
}

/** submit FILE: records, and says how to execute. */
export async function submit(context: Context, [file = ""]: readonly string[], options: Options): Promise<number> {
  const { request, sending } = await readSubmission(context.world, file, options);
  const { entry, answer } = await sending(() => submitted(context, { file, request, intent: "submit" }));
  for (const note of submissionNotes(answer.verdict, answer)) context.out.talk(note);
  if (context.out.isJson) {
    await context.out.message(SubmitResponseSchema, answer);
    return EXIT_DONE;
  }
  context.out.line(submittedLine(entry, answer));
  context.out.line(`digest ${answer.digest}`);
  context.out.talk(`nothing runs yet; start it with "holdfast exec ${answer.id} --digest ${answer.digest}"`);
  return EXIT_DONE;
}

/** exec ID: what was asked for is noted before it is sent, so that a crash in between is finished by resume. */
export async function exec(context: Context, [id = ""]: readonly string[], options: Options): Promise<number> {
  const ports = await context.handshake();
  const { client, logbook, patience } = ports;
  const known = await logbook.find(id);
  const digest = textOption(options, "digest") ?? "";
  if (known !== undefined && known.id !== null && known.end === null && known.intent !== "exec")
    await logbook.save({ ...known, intent: "exec" });
  context.resumeHint = `the workflow goes on; follow it again with "holdfast watch ${id}"`;
  const ask = { workflow: context.ref(id), digest };
  const status = await persist(patience, { isFirstContact: true }, () => client.exec(ask, patience.signal));
  if (known?.id === status.id) await logbook.save({ ...known, intent: "exec", executedAtMs: context.world.clock.nowMs() });
  if (flag(options, "wait")) return follow(context, { id: status.id, namespace: "" }, { isEventStream: false });
  await printExecuted(context, ports, status);
  return EXIT_DONE;
}

/** One that stands still says why, and what to do. */
async function printExecuted(context: Context, ports: HandshakePorts, status: WorkflowStatus): Promise<void> {
  if (status.phase === Phase.WAITING || status.phase === Phase.FROZEN) await report(context, ports, status);
  else if (context.out.isJson) await context.out.message(WorkflowStatusSchema, status);
  else context.out.line(lastLine(status));
}

async function submitted(
  context: Context,
  what: { file: string; request: SubmitRequest; intent: Intent },
): Promise<{ entry: LogbookEntry; answer: SubmitResponse }> {
  const ports = await context.handshake();
  const fresh = newEntry(what.request, {
    intent: what.intent,
    file: what.file,
    service: await context.serviceMark(),
    nowMs: context.world.clock.nowMs(),
  });
  context.resumeHint = `it may have been submitted; go on with "holdfast resume ${fresh.requestId}"`;
  try {
    const result = await submitEntry(ports, fresh, what.request, { isFirstTry: true });
    await ports.logbook.prune();
    return result;
  } catch (error) {
    const entry = await ports.logbook.find(fresh.requestId);
    if (entry?.end !== null) context.resumeHint = ""; // it never left, or was refused: there is nothing to go on with
    throw error;
  }
}

function submittedLine(entry: LogbookEntry, answer: SubmitResponse): string {
  const { targets = 0, tasks = 0 } = answer.scope ?? {};
  return `${answer.id} SUBMITTED ${entry.name} targets=${targets} tasks=${tasks}`;
}
