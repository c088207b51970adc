// The bytes of an attempt's detail, and their CRC32C: AttemptEnded carries the CRC, so that a detail that is lost or damaged is seen.
// 1. The journal stores exactly these bytes. Encoding is deterministic for one message object.

import { toBinary } from "@bufbuild/protobuf";
import { crc32cOrOne } from "../base/crc32c.ts";
import { AttemptDetailSchema } from "../gen/holdfast/v1/status_pb.ts";
import type { AttemptDetail } from "../gen/holdfast/v1/status_pb.ts";

/** A detail's protobuf bytes and their CRC32C for `AttemptEnded.detailCrc`; never 0, which means "no detail" there. */
export function encodeDetail(detail: AttemptDetail): { readonly bytes: Uint8Array; readonly crc: number } {
  const bytes = toBinary(AttemptDetailSchema, detail);
  return { bytes, crc: crc32cOrOne(bytes) };
}
