// A record: what every row of the journal holds. One format byte, the CRC32C, then protobuf bytes.
// 1. The CRC covers the protobuf bytes and after them the row's key: a record that turns up under another key is damage too.
// 2. The codec that takes it apart never throws: damage is a value, and its reader knows which stream to name.

import { crc32c } from "../base/crc32c.ts";
import { JOURNAL_FORMAT } from "./layout.ts";

/** Format byte and CRC. */
const RECORD_PREFIX_BYTES = 5;

/** A record taken apart, or why it cannot be. */
export type Unsealed = { readonly kind: "whole"; readonly payload: Uint8Array } | { readonly kind: "damaged"; readonly reason: string };

/** Makes the record of a payload, which may come in pieces. */
export function seal(key: Uint8Array, pieces: readonly Uint8Array[]): Uint8Array {
  let length = RECORD_PREFIX_BYTES;
  for (const piece of pieces) length += piece.length;
  const record = Buffer.allocUnsafe(length);
  record[0] = JOURNAL_FORMAT;
  let at = RECORD_PREFIX_BYTES;
  for (const piece of pieces) {
    record.set(piece, at);
    at += piece.length;
  }
  record.writeUInt32BE(crc32c(key, crc32c(record.subarray(RECORD_PREFIX_BYTES))), 1);
  return record;
}

/** Takes a record apart after checking its format and CRC. */
export function unseal(key: Uint8Array, record: Uint8Array): Unsealed {
  const format = record[0];
  if (format === undefined || record.length < RECORD_PREFIX_BYTES) return { kind: "damaged", reason: "the record is cut short" };
  if (format !== JOURNAL_FORMAT) return { kind: "damaged", reason: `the record has format ${format}, which is not known` };
  const payload = record.subarray(RECORD_PREFIX_BYTES);
  const stored = Buffer.from(record.buffer, record.byteOffset, record.byteLength).readUInt32BE(1);
  if (crc32c(key, crc32c(payload)) !== stored) return { kind: "damaged", reason: "the record's checksum does not match" };
  return { kind: "whole", payload };
}

/** Takes a record apart and decodes it; what does not decode is damage as well. */
export function decodeRecord<T>(key: Uint8Array, record: Uint8Array, decode: (payload: Uint8Array) => T): Decoded<T> {
  const unsealed = unseal(key, record);
  if (unsealed.kind === "damaged") return unsealed;
  try {
    return { kind: "whole", value: decode(unsealed.payload) };
  } catch (cause) {
    return { kind: "damaged", reason: `the record does not decode: ${cause instanceof Error ? cause.message : String(cause)}` };
  }
}

/** A decoded record, or why there is none. */
export type Decoded<T> = { readonly kind: "whole"; readonly value: T } | { readonly kind: "damaged"; readonly reason: string };
