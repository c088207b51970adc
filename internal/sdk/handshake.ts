// The handshake: write the request down, Submit, write the ID down, Exec, write that down; and its completion from the logbook by another
// process. A crash falls into one of five windows: 1 before the entry is on disk (nothing was asked), 2 before Submit is answered, 3 before the
// ID is on disk (Submit again, the same request ID), 4 before Exec is answered, 5 before that is on disk (Exec again).
// 1. Each step may be repeated, by any number of processes at once; exactly one workflow comes of one request ID.
// 2. A request that never reached the service and is older than START_AGE_MS_MAX is not sent unless somebody says so.

import { fromJsonString, toJson } from "@bufbuild/protobuf";
import { digestJson, sha256Hex } from "../base/digest.ts";
import { HoldfastError } from "../base/errors.ts";
import { isJsonObject } from "../base/json.ts";
import type { JsonObject } from "../base/json.ts";
import { START_AGE_MS_MAX } from "../base/limits.ts";
import type { WorkflowStatus } from "../gen/holdfast/v1/status_pb.ts";
import { Phase } from "../gen/holdfast/v1/status_pb.ts";
import type { SubmitRequest, SubmitResponse } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { SubmitRequestSchema } from "../gen/holdfast/v1/workflow_service_pb.ts";
import type { HoldfastClient } from "./client.ts";
import type { Logbook } from "./logbook.ts";
import type { Intent, LogbookEntry } from "./logbook-entry.ts";
import { hasEnded, persist } from "./persistence.ts";
import type { Patience } from "./persistence.ts";
import { isNotConnected, isPassing } from "./wire-error.ts";
import { phaseName } from "./wire-json.ts";

/** What the handshake works with. */
export interface HandshakePorts {
  readonly client: HoldfastClient;
  readonly logbook: Logbook;
  readonly patience: Patience;
}

/** Which service a request is meant for. */
export interface ServiceMark {
  readonly address: string;
  /** A fingerprint of the credential, from `credentialMark`. */
  readonly credential: string;
}

/** What became of an entry that `completeEntry` took up. */
export type Completion =
  /** The service knows the workflow; this is where it stands. `wasExecuted`: Exec was repeated just now. */
  | { readonly kind: "known"; readonly entry: LogbookEntry; readonly status: WorkflowStatus; readonly wasExecuted: boolean }
  /** It never reached the service, and is too old to be started without being asked for again. */
  | { readonly kind: "stale"; readonly entry: LogbookEntry; readonly ageMs: number }
  /** It was meant for another service than the one that is asked now. */
  | { readonly kind: "elsewhere"; readonly entry: LogbookEntry }
  /** The service does not know the workflow. */
  | { readonly kind: "lost"; readonly entry: LogbookEntry };

/** A fingerprint by which the same credential is recognized, and from which it cannot be told. */
export function credentialMark(token: string): string {
  return token === "" ? "" : sha256Hex(`holdfast-credential:${token}`).slice(0, 16);
}

/** The entry for a request that is about to be sent. */
export function newEntry(
  request: SubmitRequest,
  about: { intent: Intent; file: string; service: ServiceMark; nowMs: number },
): LogbookEntry {
  const json = requestJson(request);
  return {
    version: 1,
    requestId: request.requestId,
    requestDigest: digestJson(json),
    intent: about.intent,
    createdAtMs: about.nowMs,
    service: about.service,
    file: about.file,
    name: request.definition?.name ?? "",
    namespace: request.namespace,
    key: request.key,
    request: json,
    id: null,
    digest: null,
    executedAtMs: null,
    end: null,
  };
}

/** Windows 1 to 3: resolves when the workflow's ID is on this disk. A refusal, or a first try that never left, is noted and thrown. */
export async function submitEntry(
  ports: HandshakePorts,
  fresh: LogbookEntry,
  request: SubmitRequest,
  options: { isFirstTry: boolean },
): Promise<{ entry: LogbookEntry; answer: SubmitResponse }> {
  const { client, logbook, patience } = ports;
  const entry = await logbook.save(fresh);
  let calls = 0;
  const submit = () => {
    calls++;
    return client.submit(request, patience.signal);
  };
  try {
    const answer = await persist(patience, { isFirstContact: true }, submit);
    return { entry: await logbook.save({ ...entry, id: answer.id, digest: answer.digest }), answer };
  } catch (error) {
    const hasNeverLeft = options.isFirstTry && calls === 1 && isNotConnected(error);
    const phase = hasNeverLeft ? "UNREACHED" : isRefusal(error) ? "REFUSED" : undefined;
    if (phase !== undefined) await logbook.save({ ...entry, end: { phase, atMs: patience.clock.nowMs() } });
    throw error;
  }
}

/** Windows 4 and 5: resolves when this disk knows that Exec was accepted. */
export async function execEntry(ports: HandshakePorts, known: LogbookEntry): Promise<{ entry: LogbookEntry; status: WorkflowStatus }> {
  const { client, logbook, patience } = ports;
  const workflow = { id: idOf(known), namespace: "" };
  const entry = known.intent === "exec" ? known : await logbook.save({ ...known, intent: "exec" });
  const exec = () => client.exec({ workflow, digest: entry.digest ?? "" }, patience.signal);
  const status = await persist(patience, { isFirstContact: false }, exec);
  return { entry: await logbook.save({ ...entry, executedAtMs: patience.clock.nowMs() }), status };
}

/** Notes how a workflow ended, if it has. */
export async function noteEnd(ports: HandshakePorts, entry: LogbookEntry, status: WorkflowStatus): Promise<LogbookEntry> {
  if (!hasEnded(status.phase) || entry.end?.phase === phaseName(status.phase)) return entry;
  return ports.logbook.save({ ...entry, end: { phase: phaseName(status.phase), atMs: ports.patience.clock.nowMs() } });
}

/** Takes an entry that has no end as far as its user had asked for, and says where its workflow stands. */
export async function completeEntry(
  ports: HandshakePorts,
  entry: LogbookEntry,
  service: ServiceMark & { isForced: boolean },
): Promise<Completion> {
  const { logbook, patience } = ports;
  let known = entry;
  if (known.id === null) {
    if (!isMeantFor(entry, service) && !service.isForced) return { kind: "elsewhere", entry };
    const found = await findByRequestId(ports, entry);
    const ageMs = patience.clock.nowMs() - entry.createdAtMs;
    if (found !== undefined) {
      known = await logbook.save({ ...entry, id: found.id, digest: found.digest });
    } else {
      if (entry.request === null) return { kind: "lost", entry };
      if (ageMs > START_AGE_MS_MAX && !service.isForced) return { kind: "stale", entry, ageMs };
      known = (await submitEntry(ports, entry, requestOf(entry), { isFirstTry: false })).entry;
    }
  }
  return settleKnown(ports, known);
}

/** The request inside an entry. */
export function requestOf(entry: LogbookEntry): SubmitRequest {
  if (entry.request === null) throw new HoldfastError("FAILED_PRECONDITION", `the logbook holds no request for ${entry.requestId}`);
  return fromJsonString(SubmitRequestSchema, JSON.stringify(entry.request));
}

async function settleKnown(ports: HandshakePorts, entry: LogbookEntry): Promise<Completion> {
  const { client, patience } = ports;
  const workflow = { id: idOf(entry), namespace: "" };
  try {
    const status = await persist(patience, { isFirstContact: true }, () => client.status({ workflow }, patience.signal));
    if (entry.intent === "exec" && status.phase === Phase.SUBMITTED) {
      const executed = await execEntry(ports, entry);
      return { kind: "known", entry: await noteEnd(ports, executed.entry, executed.status), status: executed.status, wasExecuted: true };
    }
    return { kind: "known", entry: await noteEnd(ports, entry, status), status, wasExecuted: false };
  } catch (error) {
    if (error instanceof HoldfastError && error.code === "NOT_FOUND") return { kind: "lost", entry };
    throw error;
  }
}

/** Whether Submit had reached the service although its answer never reached this disk. */
async function findByRequestId(ports: HandshakePorts, entry: LogbookEntry): Promise<WorkflowStatus | undefined> {
  const { client, patience } = ports;
  const filter = `workflow.request_id == ${JSON.stringify(entry.requestId)}`;
  let pageToken = "";
  do {
    const ask = { namespace: entry.namespace, filter, pageToken, pageSize: 1_000 };
    const page = await persist(patience, { isFirstContact: true }, () => client.listWorkflows(ask, patience.signal));
    if (page.workflows[0] !== undefined) return page.workflows[0];
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return undefined;
}

/** The same address, or the same credential (a service that came back on another port). */
function isMeantFor(entry: LogbookEntry, service: ServiceMark): boolean {
  return entry.service.address === service.address || (service.credential !== "" && entry.service.credential === service.credential);
}

/** A refusal is the service's last word on this request. */
function isRefusal(error: unknown): boolean {
  return error instanceof HoldfastError && error.code !== "CANCELLED" && !isPassing(error);
}

function idOf(entry: LogbookEntry): string {
  if (entry.id === null) throw new HoldfastError("FAILED_PRECONDITION", `the logbook holds no workflow ID for ${entry.requestId}`);
  return entry.id;
}

function requestJson(request: SubmitRequest): JsonObject {
  const json: unknown = toJson(SubmitRequestSchema, request);
  if (!isJsonObject(json)) throw new HoldfastError("INVALID_ARGUMENT", "the request has no JSON form");
  return json;
}
