// Reads protobuf messages of the journal, also those in which a JSON value lies as deep as JSON values may be.
// 1. What was written can be read (H1): whoever reads rows that hold values reads by this.

import { fromBinary } from "@bufbuild/protobuf";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { MESSAGE_DEPTH_MAX } from "../base/message-depth.ts";

/** A message by its bytes. */
export function readMessage<T extends DescMessage>(schema: T, bytes: Uint8Array): MessageShape<T> {
  return fromBinary(schema, bytes, { recursionLimit: MESSAGE_DEPTH_MAX });
}
