// The journal as JSON lines: one record a line, in the order of the keys, the same keys in the same order every time.
// 1. A damaged row is a line that says so; it does not end the dump.

import { toJson } from "@bufbuild/protobuf";
import type { DescMessage } from "@bufbuild/protobuf";
import { assertNever } from "../base/assert.ts";
import { HoldfastError } from "../base/errors.ts";
import { GUARD_STREAM, WorkflowId, workflowStream } from "../base/ids.ts";
import type { StreamId } from "../base/ids.ts";
import { readMessage } from "./read-message.ts";
import {
  BatchHeaderSchema,
  ChainHeadSchema,
  FrameSchema,
  JournalMetaSchema,
  LatestAttemptSchema,
  StreamHeadSchema,
  SummarySchema,
  WorkflowPointerSchema,
} from "../gen/holdfast/journal/v1/journal_pb.ts";
import { AttemptDetailSchema } from "../gen/holdfast/v1/status_pb.ts";
import { sha256 } from "./batch.ts";
import { parseKey, rangeOf, ROW, streamRange } from "./layout.ts";
import type { KeyRange, RowKey } from "./layout.ts";
import { decodeRecord } from "./record.ts";
import type { Row, Store } from "./store.ts";

const STREAM_ROWS = [ROW.detail, ROW.frame, ROW.head, ROW.latest, ROW.openHead, ROW.record] as const;

/** All rows, or those of one stream, as JSON lines without line ends. Damaged rows are lines too. Throws INVALID_ARGUMENT for no stream. */
export async function* dumpRows(store: Store, stream: string | undefined): AsyncGenerator<string> {
  const ranges: readonly KeyRange[] =
    stream === undefined || stream === ""
      ? Object.values(ROW).toSorted().map(rangeOf)
      : STREAM_ROWS.map((letter) => streamRange(letter, parseStream(stream)));
  for (const range of ranges) {
    for await (const row of store.rows(range)) yield JSON.stringify(describe(row));
  }
}

function parseStream(text: string): StreamId {
  if (text === GUARD_STREAM) return GUARD_STREAM;
  if (!WorkflowId.is(text)) {
    throw new HoldfastError("INVALID_ARGUMENT", `there is no stream "${text.slice(0, 64)}": expected a workflow's ID or "${GUARD_STREAM}"`);
  }
  return workflowStream(text);
}

function describe([key, record]: Row): object {
  const parsed = parseKey(key);
  if (parsed === undefined) return { row: "damaged", key: Buffer.from(key).toString("hex"), reason: "no row has such a key" };
  const schema: DescMessage = schemaOf(parsed);
  const decoded = decodeRecord(key, record, (payload) => toJson(schema, readMessage(schema, payload)));
  if (decoded.kind === "damaged") return { row: "damaged", at: parsed, reason: decoded.reason };
  const { kind, ...place } = parsed;
  const digest = kind === "header" || kind === "frame" ? { sha256: Buffer.from(sha256(record)).toString("hex") } : {};
  return { row: kind, ...place, ...digest, value: decoded.value };
}

/** The message that a row holds. */
export function schemaOf(key: RowKey): DescMessage {
  switch (key.kind) {
    case "meta":
      return JournalMetaSchema;
    case "chain":
      return ChainHeadSchema;
    case "header":
      return BatchHeaderSchema;
    case "frame":
      return FrameSchema;
    case "head":
      return StreamHeadSchema;
    case "detail":
      return AttemptDetailSchema;
    case "latest":
      return LatestAttemptSchema;
    case "record":
      return SummarySchema;
    case "namespace":
    case "key":
    case "request":
      return WorkflowPointerSchema;
    default:
      return assertNever(key);
  }
}
