// One entry of the logbook: what the client knows of one workflow that it asked for.
// 1. Facts only get added: two processes that write one entry at the same time, or in either order, lose nothing that matters,
//    because each step of the handshake may be repeated.
// 2. A file (version 2) ends with a sum: a flipped bit in an ID or in the request is seen. Version 1 had none; the next write makes it a 2.
// 3. The whole request is in the entry until the workflow has ended, so that a cut handshake can be finished from the entry alone.

import { sha256Hex } from "../base/digest.ts";
import { HoldfastError } from "../base/errors.ts";
import { isJsonObject } from "../base/json.ts";
import type { JsonObject } from "../base/json.ts";

const VERSION_WITH_SUM = 2;

/** What the user wanted: a workflow that runs, or one that only is recorded. */
export type Intent = "exec" | "submit";

/** How an entry ended: the workflow's last phase, or REFUSED, UNREACHED or DISCARDED when no workflow came of it. */
export interface EntryEnd {
  readonly phase: string;
  readonly atMs: number;
}

/** What is on the client's disk about one workflow. */
export interface LogbookEntry {
  /** The form of these facts; a file of them with a sum is of version 2. */
  readonly version: 1;
  /** Chosen by the client before anything was sent; names the entry's file. */
  readonly requestId: string;
  /** SHA-256 of the request's canonical JSON; empty in an entry that was rebuilt from the service. */
  readonly requestDigest: string;
  readonly intent: Intent;
  readonly createdAtMs: number;
  /** Where the service was, and a fingerprint of the credential that was shown to it: a request is never sent to another one. */
  readonly service: { readonly address: string; readonly credential: string };
  /** The workflow file's path as the user gave it. */
  readonly file: string;
  readonly name: string;
  readonly namespace: string;
  readonly key: string;
  /** The SubmitRequest as JSON; null once the workflow has ended, or when it is not known. */
  readonly request: JsonObject | null;
  /** The workflow's ID, once Submit has answered. */
  readonly id: string | null;
  /** The workflow's digest, once Submit has answered. */
  readonly digest: string | null;
  /** When the client learnt that Exec was accepted. */
  readonly executedAtMs: number | null;
  readonly end: EntryEnd | null;
}

/** What both versions of an entry know, together. */
export function mergeEntries(older: LogbookEntry, newer: LogbookEntry): LogbookEntry {
  const end = older.end ?? newer.end;
  return {
    ...newer,
    intent: older.intent === "exec" ? "exec" : newer.intent,
    request: end === null ? (newer.request ?? older.request) : null,
    id: older.id ?? newer.id,
    digest: older.digest ?? newer.digest,
    executedAtMs: older.executedAtMs ?? newer.executedAtMs,
    end,
  };
}

/** An entry's text, with the sum of its facts. */
export function writeEntry(entry: LogbookEntry): string {
  const facts = { ...entry, version: VERSION_WITH_SUM };
  return `${JSON.stringify({ ...facts, sum: sumOf(facts) }, undefined, 1)}\n`;
}

function sumOf(facts: unknown): string {
  return sha256Hex(JSON.stringify(facts));
}

/** Reads an entry's text; throws INVALID_ARGUMENT for one that is torn, foreign, or of a later format. */
export function parseEntry(text: string): LogbookEntry {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new HoldfastError("INVALID_ARGUMENT", "not JSON: the file was cut off or edited", { cause });
  }
  if (!isJsonObject(json)) throw wrong("the file", "is not an object");
  const { version, sum, ...rest } = json;
  if (version !== 1 && version !== VERSION_WITH_SUM)
    throw wrong("version", "is neither 1 nor 2: a later version of holdfast wrote it, or another program");
  const entry = factsOf(json);
  if (version === VERSION_WITH_SUM ? sum !== sumOf({ version, ...rest }) : sum !== undefined)
    throw wrong("sum", "is not that of the entry: it was damaged, or edited by hand");
  return entry;
}

function factsOf(json: JsonObject): LogbookEntry {
  const service = json["service"];
  if (!isJsonObject(service)) throw wrong("service", "is not an object");
  return {
    version: 1,
    requestId: textAt(json, "requestId"),
    requestDigest: textAt(json, "requestDigest"),
    intent: textAt(json, "intent") === "exec" ? "exec" : "submit",
    createdAtMs: numberAt(json, "createdAtMs"),
    service: { address: textAt(service, "address"), credential: textAt(service, "credential") },
    file: textAt(json, "file"),
    name: textAt(json, "name"),
    namespace: textAt(json, "namespace"),
    key: textAt(json, "key"),
    request: objectOrNullAt(json, "request"),
    id: textOrNullAt(json, "id"),
    digest: textOrNullAt(json, "digest"),
    executedAtMs: json["executedAtMs"] === null ? null : numberAt(json, "executedAtMs"),
    end: endAt(json),
  };
}

function endAt(json: JsonObject): EntryEnd | null {
  const end = objectOrNullAt(json, "end");
  return end === null ? null : { phase: textAt(end, "phase"), atMs: numberAt(end, "atMs") };
}

function objectOrNullAt(json: JsonObject, key: string): JsonObject | null {
  const value = json[key];
  if (value === null || isJsonObject(value)) return value;
  throw wrong(key, "is neither an object nor null");
}

function textOrNullAt(json: JsonObject, key: string): string | null {
  return json[key] === null ? null : textAt(json, key);
}

function textAt(json: JsonObject, key: string): string {
  const value = json[key];
  if (typeof value !== "string") throw wrong(key, "is not text");
  return value;
}

function numberAt(json: JsonObject, key: string): number {
  const value = json[key];
  if (typeof value !== "number" || !Number.isFinite(value)) throw wrong(key, "is not a number");
  return value;
}

function wrong(what: string, found: string): HoldfastError {
  return new HoldfastError("INVALID_ARGUMENT", `not a logbook entry: ${what} ${found}`);
}
