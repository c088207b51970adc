// Where each record of the journal lies: the keys of all rows, and the parser that takes them apart again. docs/journal-format.md draws it.
// 1. The first byte is the row's kind, an ASCII letter; numbers are big-endian, so that LevelDB's order is the numbers' order.
// 2. A stream is 16 bytes: a workflow's UUIDv7 (so by time of submission), or zeros for the guard.
// 3. Texts carry their length in front, so that no text is a prefix of another one's range.

import { assert } from "../base/assert.ts";
import { GUARD_STREAM, seq, WorkflowId, workflowStream } from "../base/ids.ts";
import type { Seq, StreamId } from "../base/ids.ts";

/** The format that this code writes; it reads every format up to it. */
export const JOURNAL_FORMAT = 1;

/** The letters of the kinds of rows. */
export const ROW = {
  header: "b",
  chain: "c",
  detail: "d",
  frame: "f",
  head: "h",
  key: "k",
  latest: "l",
  meta: "m",
  namespace: "n",
  openHead: "o",
  request: "q",
  record: "r",
} as const;

/** One kind of row. */
export type RowLetter = (typeof ROW)[keyof typeof ROW];

/** A key taken apart. */
export type RowKey =
  | { readonly kind: "meta" | "chain" }
  | { readonly kind: "header"; readonly number: number }
  | { readonly kind: "frame"; readonly stream: StreamId; readonly firstSeq: Seq }
  | { readonly kind: "head"; readonly stream: StreamId; readonly isOpen: boolean }
  | { readonly kind: "detail"; readonly id: WorkflowId; readonly task: number; readonly attempt: number }
  | { readonly kind: "latest"; readonly id: WorkflowId; readonly task: number }
  | { readonly kind: "record"; readonly id: WorkflowId }
  | { readonly kind: "namespace"; readonly namespace: string; readonly id: WorkflowId }
  | { readonly kind: "key" | "request"; readonly namespace: string; readonly text: string };

/** A range of keys, in LevelDB's words. */
export interface KeyRange {
  readonly gte: Uint8Array;
  readonly lt: Uint8Array;
}

const STREAM_BYTES = 16;
const GUARD_HEX = "0".repeat(2 * STREAM_BYTES);

/** The row that says what the journal is. */
export const META_KEY: Uint8Array = Buffer.from(ROW.meta);
/** The row that says where the chain of headers ends. */
export const CHAIN_KEY: Uint8Array = Buffer.from(ROW.chain);

/** A batch's header. */
export function headerKey(number: number): Uint8Array {
  return writeU64(newKey(ROW.header, 8), 1, number);
}

/** A frame, by its stream and first event. */
export function frameKey(stream: StreamId, firstSeq: number): Uint8Array {
  return writeU64(writeStream(newKey(ROW.frame, STREAM_BYTES + 8), 1, stream), 1 + STREAM_BYTES, firstSeq);
}

/** A stream's end: under another letter while the workflow is open, so that the open ones are one short range. */
export function headKey(stream: StreamId, options: { readonly isOpen: boolean }): Uint8Array {
  return writeStream(newKey(options.isOpen ? ROW.openHead : ROW.head, STREAM_BYTES), 1, stream);
}

/** The detail of one attempt. */
export function detailKey(id: WorkflowId, task: number, attempt: number): Uint8Array {
  const key = writeStream(newKey(ROW.detail, STREAM_BYTES + 8), 1, workflowStream(id));
  key.writeUInt32BE(task, 1 + STREAM_BYTES);
  key.writeUInt32BE(attempt, 5 + STREAM_BYTES);
  return key;
}

/** Which attempt of a task is its latest. */
export function latestKey(id: WorkflowId, task: number): Uint8Array {
  const key = writeStream(newKey(ROW.latest, STREAM_BYTES + 4), 1, workflowStream(id));
  key.writeUInt32BE(task, 1 + STREAM_BYTES);
  return key;
}

/** A workflow's record. */
export function recordKey(id: WorkflowId): Uint8Array {
  return writeStream(newKey(ROW.record, STREAM_BYTES), 1, workflowStream(id));
}

/** A workflow in its namespace's list. */
export function namespaceKey(namespace: string, id: WorkflowId): Uint8Array {
  const prefix = textPrefix(ROW.namespace, namespace);
  return writeStream(Buffer.concat([prefix, Buffer.alloc(STREAM_BYTES)]), prefix.length, workflowStream(id));
}

/** The key of the record that a row of a namespace's list leads to: the workflow's bytes as they are. */
export function recordKeyOf(namespaceKey: Uint8Array): Uint8Array {
  const key = newKey(ROW.record, STREAM_BYTES);
  key.set(namespaceKey.subarray(-STREAM_BYTES), 1);
  return key;
}

/** The workflow that last bore a key. */
export function keyKey(namespace: string, key: string): Uint8Array {
  return Buffer.concat([textPrefix(ROW.key, namespace), Buffer.from(key)]);
}

/** The workflow that a request ID led to. */
export function requestKey(namespace: string, requestId: string): Uint8Array {
  return Buffer.concat([textPrefix(ROW.request, namespace), Buffer.from(requestId)]);
}

/** All rows of a kind. */
export function rangeOf(letter: RowLetter): KeyRange {
  return prefixRange(Buffer.from(letter));
}

/** All rows of a kind that begin with a stream: frames, details, latest. */
export function streamRange(letter: RowLetter, stream: StreamId): KeyRange {
  return prefixRange(writeStream(newKey(letter, STREAM_BYTES), 1, stream));
}

/** A namespace's list. */
export function namespaceRange(namespace: string): KeyRange {
  return prefixRange(textPrefix(ROW.namespace, namespace));
}

/** Takes a key apart; undefined for a key that no row of this format has. */
export function parseKey(bytes: Uint8Array): RowKey | undefined {
  const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const letter = key.toString("latin1", 0, 1);
  const fixed = FIXED_LENGTHS.get(letter);
  if (fixed !== undefined) return key.length === fixed ? parseFixed(letter, key) : undefined;
  const textStart = 2 + (key[1] ?? 0);
  if (key.length < textStart) return undefined;
  const namespace = key.toString("utf8", 2, textStart);
  if (letter === ROW.key || letter === ROW.request) {
    return { kind: letter === ROW.key ? "key" : "request", namespace, text: key.toString("utf8", textStart) };
  }
  if (letter !== ROW.namespace || key.length !== textStart + STREAM_BYTES) return undefined;
  const id = readStream(key, textStart);
  return WorkflowId.is(id) ? { kind: "namespace", namespace, id } : undefined;
}

const FIXED_LENGTHS: ReadonlyMap<string, number> = new Map([
  [ROW.meta, 1],
  [ROW.chain, 1],
  [ROW.header, 9],
  [ROW.frame, 25],
  [ROW.head, 17],
  [ROW.openHead, 17],
  [ROW.detail, 25],
  [ROW.latest, 21],
  [ROW.record, 17],
]);

function parseFixed(letter: string, key: Buffer): RowKey | undefined {
  if (letter === ROW.meta) return { kind: "meta" };
  if (letter === ROW.chain) return { kind: "chain" };
  if (letter === ROW.header) return { kind: "header", number: readU64(key, 1) };
  const stream = readStream(key, 1);
  if (letter === ROW.frame) return { kind: "frame", stream, firstSeq: seq(readU64(key, 1 + STREAM_BYTES)) };
  if (letter === ROW.head || letter === ROW.openHead) return { kind: "head", stream, isOpen: letter === ROW.openHead };
  const id: string = stream;
  if (!WorkflowId.is(id)) return undefined;
  if (letter === ROW.record) return { kind: "record", id };
  const task = key.readUInt32BE(1 + STREAM_BYTES);
  return letter === ROW.latest ? { kind: "latest", id, task } : { kind: "detail", id, task, attempt: key.readUInt32BE(5 + STREAM_BYTES) };
}

function newKey(letter: RowLetter, bodyBytes: number): Buffer {
  const key = Buffer.alloc(1 + bodyBytes);
  key.write(letter, 0, "latin1");
  return key;
}

function textPrefix(letter: RowLetter, text: string): Buffer {
  const bytes = Buffer.from(text);
  assert(bytes.length <= 0xff, "a namespace has at most 255 bytes");
  return Buffer.concat([Buffer.from(letter), Buffer.from([bytes.length]), bytes]);
}

/** Everything that begins with the prefix: up to the prefix plus one in its last byte (which is never 0xff everywhere: a letter leads). */
function prefixRange(prefix: Uint8Array): KeyRange {
  const lt = Buffer.from(prefix);
  let at = lt.length - 1;
  while (lt[at] === 0xff) at--;
  lt[at] = (lt[at] ?? 0) + 1;
  return { gte: prefix, lt: lt.subarray(0, at + 1) };
}

function writeStream(key: Buffer, at: number, stream: StreamId): Buffer {
  const written = stream === GUARD_STREAM ? key.write(GUARD_HEX, at, "hex") : key.write(stream.replaceAll("-", ""), at, "hex");
  assert(written === STREAM_BYTES, "a stream is a UUID or the guard's");
  return key;
}

function readStream(key: Buffer, at: number): StreamId {
  const hex = key.toString("hex", at, at + STREAM_BYTES);
  if (hex === GUARD_HEX) return GUARD_STREAM;
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}` as StreamId;
}

function writeU64(key: Buffer, at: number, value: number): Buffer {
  assert(Number.isSafeInteger(value) && value >= 0, "a number in a key is a whole number");
  key.writeUInt32BE(Math.floor(value / 2 ** 32), at);
  key.writeUInt32BE(value % 2 ** 32, at + 4);
  return key;
}

function readU64(key: Buffer, at: number): number {
  return key.readUInt32BE(at) * 2 ** 32 + key.readUInt32BE(at + 4);
}
