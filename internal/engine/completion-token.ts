// The token of an attempt: whoever has it may say once how the attempt's work came out, and nothing else.
// 1. It is made of the workflow, the task and the attempt by a key of the data directory: nothing of it is journaled, and every life of the
//    service makes the same one. Nobody guesses its 128 bits.

import { timingSafeEqual } from "node:crypto";
import { HoldfastError } from "../base/errors.ts";
import { WorkflowId } from "../base/ids.ts";
import type { Seal } from "./ports.ts";

const PREFIX = "hfc1.";
const ID_BYTES = 16;
const BODY_BYTES = ID_BYTES + 4 + 4;
const MAC_BYTES = 16;

/** What a token looks like: these bytes in base64url. */
export const TOKEN_FORM = /hfc1\.[A-Za-z0-9_-]{54}/g;

/** What a token is about. */
export interface TokenSubject {
  readonly id: WorkflowId;
  readonly task: number;
  readonly attempt: number;
}

/** The token of an attempt. */
export function completionToken(seal: Seal, subject: TokenSubject): string {
  const body = bodyOf(subject);
  return `${PREFIX}${Buffer.concat([body, macOf(seal, body)]).toString("base64url")}`;
}

/** What a token is about; throws PERMISSION_DENIED for one that this service did not make, and says nothing of workflows then. */
export function readToken(seal: Seal, token: string): TokenSubject {
  const bytes = Buffer.from(token.slice(PREFIX.length), "base64url");
  const body = bytes.subarray(0, BODY_BYTES);
  // Told apart to the letter: a text that decodes to the same bytes is no token.
  const isOurs =
    bytes.length === BODY_BYTES + MAC_BYTES &&
    timingSafeEqual(bytes.subarray(BODY_BYTES), macOf(seal, body)) &&
    token === `${PREFIX}${bytes.toString("base64url")}`;
  const hex = body.subarray(0, ID_BYTES).toString("hex");
  const id = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  if (isOurs && WorkflowId.is(id)) return { id, task: body.readUInt32BE(ID_BYTES), attempt: body.readUInt32BE(ID_BYTES + 4) };
  throw new HoldfastError(
    "PERMISSION_DENIED",
    "this service made no such token; show the one that the work came with, whole and as it was",
  );
}

function bodyOf({ id, task, attempt }: TokenSubject): Buffer {
  const body = Buffer.alloc(BODY_BYTES);
  Buffer.from(id.replaceAll("-", ""), "hex").copy(body);
  body.writeUInt32BE(task, ID_BYTES);
  body.writeUInt32BE(attempt, ID_BYTES + 4);
  return body;
}

function macOf(seal: Seal, body: Uint8Array): Buffer {
  return Buffer.from(seal.mac(`completion ${Buffer.from(body).toString("hex")}`)).subarray(0, MAC_BYTES);
}
