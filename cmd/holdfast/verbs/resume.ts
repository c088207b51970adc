// resume: through the logbook. Cut handshakes are finished first, all of them, so that nothing waits for the following of something else;
// then what runs is followed, one after the other, and what ended is reported.
// 1. Nothing is started that its user asked for too long ago, or of another service, unless told so.
// 2. An entry that cannot be read keeps nothing else from being resumed, and the command ends as a failure: nobody knows what it asked for.

import { assertNever } from "../../../internal/base/assert.ts";
import { HoldfastError } from "../../../internal/base/errors.ts";
import type { WorkflowStatus } from "../../../internal/gen/holdfast/v1/status_pb.ts";
import { Phase } from "../../../internal/gen/holdfast/v1/status_pb.ts";
import { formatDurationMs } from "../../../internal/sdk/duration.ts";
import { completeEntry } from "../../../internal/sdk/handshake.ts";
import type { Completion, HandshakePorts } from "../../../internal/sdk/handshake.ts";
import type { LogbookContent, UnreadFile } from "../../../internal/sdk/logbook.ts";
import type { LogbookEntry } from "../../../internal/sdk/logbook-entry.ts";
import { hasEnded, persist } from "../../../internal/sdk/persistence.ts";
import { phaseName } from "../../../internal/sdk/wire-json.ts";
import type { Context } from "../context.ts";
import { EXIT_DONE, EXIT_FAILED, EXIT_NOT_FOUND, exitCodeOfError, exitCodeOfPhase } from "../exit-code.ts";
import { follow, report } from "../follow.ts";
import type { Options } from "../options.ts";
import { flag } from "../options.ts";

const PAGE_SIZE = 1_000;
const UNREAD_NEXT =
  'it was left alone, and the others are resumed; move it away, then "holdfast resume --remote" goes on with what the service knows';

/** resume [ID]: resolves to the gravest exit code of what it took up. */
export async function resume(context: Context, [id]: readonly string[], options: Options): Promise<number> {
  if (flag(options, "discard")) return discard(context, id);
  const ports = await context.handshake();
  context.resumeHint = 'the workflows go on; go on following with "holdfast resume"';
  const remote = flag(options, "remote") ? await rebuild(context, ports) : [];
  const { open, unread } = await openEntries(context, id, remote);
  if (open.length === 0) {
    const found = unread === 0 ? "holds no open workflow" : "holds no open workflow that can be read";
    context.out.talk(`nothing to resume: the logbook ${found}; see "holdfast list", or rebuild it with "holdfast resume --remote"`);
    return unread === 0 ? EXIT_DONE : EXIT_FAILED;
  }
  const isSingle = id !== undefined;
  const codes: number[] = unread === 0 ? [] : [EXIT_FAILED];
  const running: WorkflowStatus[] = [];
  for (const entry of open) {
    const completion = await complete(context, ports, entry, { isForced: flag(options, "force"), isSingle });
    if (typeof completion === "number") codes.push(completion);
    else if (isMoving(completion) && options["wait"] !== false) running.push(completion);
    else {
      await report(context, ports, completion);
      codes.push(exitCodeOfPhase(phaseName(completion.phase)));
    }
  }
  for (const status of running) codes.push(await follow(context, { id: status.id, namespace: "" }, { isEventStream: false }));
  await ports.logbook.prune();
  return gravest(codes);
}

/** Takes one entry as far as its user asked for; a number is the exit code of one that cannot be taken further. */
async function complete(
  context: Context,
  ports: HandshakePorts,
  entry: LogbookEntry,
  options: { readonly isForced: boolean; readonly isSingle: boolean },
): Promise<WorkflowStatus | number> {
  try {
    const completion = await completeEntry(ports, entry, { ...(await context.serviceMark()), isForced: options.isForced });
    if (completion.kind === "known") {
      if (completion.wasExecuted) context.out.talk(`${completion.status.id}: the handshake was cut before Exec; executed now`);
      return completion.status;
    }
    return explain(context, completion);
  } catch (error) {
    // One workflow that is refused must not keep the others from being resumed; a service that is away keeps all of them.
    if (options.isSingle || !(error instanceof HoldfastError) || error.code === "UNAVAILABLE" || error.code === "UNAUTHENTICATED")
      throw error;
    context.out.error(error, `"${entry.name}" (${entry.id ?? entry.requestId}) was not resumed; see "holdfast resume ${entry.requestId}"`);
    return exitCodeOfError(error.code);
  }
}

function explain(context: Context, completion: Exclude<Completion, { kind: "known" }>): number {
  const { entry } = completion;
  const { requestId, name, service } = entry;
  switch (completion.kind) {
    case "stale": {
      const age = formatDurationMs(completion.ageMs);
      const found = new HoldfastError(
        "FAILED_PRECONDITION",
        `"${name}" was asked for ${age} ago and never reached the service; nothing was started`,
      );
      context.out.error(
        found,
        `start it with "holdfast resume ${requestId} --force", or drop it with "holdfast resume ${requestId} --discard"`,
      );
      return EXIT_FAILED;
    }
    case "elsewhere": {
      const found = new HoldfastError(
        "FAILED_PRECONDITION",
        `"${name}" was meant for the service at ${service.address}, not for this one; nothing was started`,
      );
      context.out.error(found, `name that one with "holdfast resume ${requestId} --addr ${service.address}", or use this one with --force`);
      return EXIT_FAILED;
    }
    case "lost": {
      const found = new HoldfastError(
        "NOT_FOUND",
        `"${name}" (${entry.id ?? requestId}) is in the logbook, but this service does not know it`,
      );
      context.out.error(
        found,
        `it was submitted to ${service.address}: name that service with --addr, or drop the entry with "holdfast resume ${requestId} --discard"`,
      );
      return EXIT_NOT_FOUND;
    }
    default:
      return assertNever(completion);
  }
}

interface OpenEntries {
  readonly open: readonly LogbookEntry[];
  /** How many entries could not be read. */
  readonly unread: number;
}

/** The entries to take up: the one that is named, or all without an end that were to run or whose Submit was cut. Damaged files are named. */
async function openEntries(context: Context, id: string | undefined, remote: readonly LogbookEntry[]): Promise<OpenEntries> {
  if (id !== undefined) {
    const named = await context.logbook.find(id);
    if (named !== undefined && (named.end === null || named.id !== null)) return { open: [named], unread: 0 };
    if (named !== undefined) {
      const found = `"${named.name}" never became a workflow (${named.end?.phase ?? ""})`;
      throw new HoldfastError("FAILED_PRECONDITION", `${found}; submit it again with "holdfast run ${named.file}"`);
    }
    for (const file of (await context.logbook.read()).damaged) tellSkipped(context, file); // it may be among these
    throw new HoldfastError(
      "NOT_FOUND",
      `the logbook in ${context.logbook.directory} holds no workflow of that name; follow one that it does not hold with "holdfast watch ID"`,
    );
  }
  const { entries, damaged } = await context.logbook.read();
  const remoteIds = new Set(remote.map(({ requestId }) => requestId));
  const open = entries.filter(
    (entry) => entry.end === null && (entry.intent === "exec" || entry.id === null || remoteIds.has(entry.requestId)),
  );
  return { open, unread: nameUnread(context, damaged) };
}

/** Names what could not be read; returns how many of it were entries. */
function nameUnread(context: Context, damaged: LogbookContent["damaged"]): number {
  for (const file of damaged) {
    if (file.isEntry) context.out.error(new HoldfastError("DATA_LOSS", `${file.path}: ${file.reason}`), UNREAD_NEXT);
    else tellSkipped(context, file);
  }
  return damaged.filter(({ isEntry }) => isEntry).length;
}

function tellSkipped({ out }: Context, { path, reason }: UnreadFile): void {
  out.talk(`skipped ${path}: ${reason}`);
}

/** Writes an entry for each open workflow of the service that the logbook does not hold. */
async function rebuild(context: Context, ports: HandshakePorts): Promise<readonly LogbookEntry[]> {
  const { entries } = await ports.logbook.read();
  const known = new Set(entries.map((entry) => entry.id));
  const service = await context.serviceMark();
  const added: LogbookEntry[] = [];
  let pageToken = "";
  do {
    const ask = { namespace: "*", pageSize: PAGE_SIZE, pageToken };
    const page = await persist(ports.patience, { isFirstContact: true }, () => ports.client.listWorkflows(ask, ports.patience.signal));
    for (const status of page.workflows) {
      if (hasEnded(status.phase) || known.has(status.id)) continue;
      added.push(await ports.logbook.save(remoteEntry(status, service, context.world.clock.nowMs())));
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  context.out.talk(`the logbook in ${ports.logbook.directory} has ${added.length} new entries from the service`);
  return added;
}

/** What the service knows, as an entry. Whether a submitted one is to run is its user's secret: it is not executed. */
function remoteEntry(status: WorkflowStatus, service: LogbookEntry["service"], nowMs: number): LogbookEntry {
  const isExecuted = status.phase !== Phase.SUBMITTED;
  return {
    version: 1,
    requestId: status.id,
    requestDigest: "",
    intent: isExecuted ? "exec" : "submit",
    createdAtMs: nowMs,
    service,
    file: "",
    name: status.name,
    namespace: status.namespace,
    key: status.key,
    request: null,
    id: status.id,
    digest: status.digest,
    executedAtMs: isExecuted ? nowMs : null,
    end: null,
  };
}

async function discard(context: Context, id: string | undefined): Promise<number> {
  const entry = id === undefined ? undefined : await context.logbook.find(id);
  if (entry === undefined)
    throw new HoldfastError("INVALID_ARGUMENT", '--discard needs the ID of an entry of the logbook; see what "holdfast resume" says');
  await context.logbook.save({ ...entry, end: { phase: "DISCARDED", atMs: context.world.clock.nowMs() } });
  context.out.talk(`dropped "${entry.name}" (${entry.id ?? entry.requestId}) from the logbook; what the service knows of it is untouched`);
  return EXIT_DONE;
}

function isMoving({ phase }: WorkflowStatus): boolean {
  return phase === Phase.RUNNING || phase === Phase.PAUSED || phase === Phase.FROZEN;
}

/** Failure before waiting before the rest: what needs somebody comes first. */
function gravest(codes: readonly number[]): number {
  const order = [1, 7, 6, 3, 4, 5, 2];
  return order.find((code) => codes.includes(code)) ?? codes.find((code) => code !== EXIT_DONE) ?? EXIT_DONE;
}
