// Records of the journal, one at a time: decoded as the journal decodes them, after their bytes or their key were changed. It parses inputs.
// 1. A record that differs from what was sealed under its key is damage, always; one that was sealed anew is read, or is damage.
// 2. No key and no record makes the decoders throw: damage is a value.

import { fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { assertNever } from "../../../internal/base/assert.ts";
import { schemaOf } from "../../../internal/journal/dump.ts";
import { decodeFrame, eventCount, journalFrame } from "../../../internal/journal/frame.ts";
import { parseKey } from "../../../internal/journal/layout.ts";
import type { RowKey } from "../../../internal/journal/layout.ts";
import { decodeRecord, seal } from "../../../internal/journal/record.ts";
import type { Row } from "../../../internal/journal/store.ts";
import { decodePointer, decodeWorkflowRecord } from "../../../internal/journal/workflow-record.ts";
import { assertNoInsides } from "../clean-error.ts";
import { journalRows } from "../journal-rows.ts";
import { byteMutations, bytesOf, latin1, mutated } from "../mutation.ts";
import type { Mutation } from "../mutation.ts";
import { encodeFields, oddMessages } from "../odd-messages.ts";
import type { WireField } from "../odd-messages.ts";
import type { FuzzTarget } from "../target.ts";

const RECORD_PREFIX_BYTES = 5;
const WORDS = { known: ["019a9f1e-5c3a-7d10-8f00-0123456789ab", "guard", "default", "fix"] };

/** What an input says: a row, how its record and its key are changed, and whether the record is sealed anew after it. */
interface RecordInput {
  readonly row: number;
  readonly record: readonly Mutation[];
  readonly key: readonly Mutation[];
  readonly isSealed: boolean;
  /** A payload in place of the row's own. */
  readonly fields: readonly WireField[] | undefined;
}

/** The target. */
export const journalRecordTarget: FuzzTarget = {
  name: "journal-record",
  about: "records and keys of the journal's rows, each through its decoder",
  open: async () => {
    const rows = await journalRows();
    const keyMutations = fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: byteMutations });
    const inputs = fc.nat({ max: rows.length - 1 }).chain((row) =>
      fc.record({
        row: fc.constant(row),
        record: byteMutations,
        key: keyMutations,
        isSealed: fc.boolean(),
        fields: fc.option(oddMessages(schemaOf(rowKey(rows[row])), WORDS), { nil: undefined }),
      }),
    );
    return {
      inputs: inputs.map((input) => JSON.stringify(input)),
      attempt: (input) => tryRecord(rows, JSON.parse(input) as RecordInput),
      settle: async () => undefined,
      close: async () => undefined,
    };
  },
};

function tryRecord(rows: readonly Row[], { row, record: changes, key: keyChanges, isSealed, fields }: RecordInput): void {
  const [key, original] = rows[row] ?? [];
  if (key === undefined || original === undefined) throw new Error("the input names no row");
  const kind = rowKey([key, original]);
  const changedKey = bytesOf(mutated(latin1(key), keyChanges));
  parseKey(changedKey);
  const isOwnKey = Buffer.compare(changedKey, key) === 0;
  if (!isSealed && fields === undefined) {
    const record = bytesOf(mutated(latin1(original), changes));
    const isWhole = decodedIsWhole(kind, changedKey, record);
    const isSame = isOwnKey && Buffer.compare(record, original) === 0;
    if (isWhole !== isSame)
      throw new Error(isSame ? "the record as it was written is damage" : "a record that was changed is taken for whole");
    return;
  }
  const payload = fields === undefined ? Buffer.from(original.subarray(RECORD_PREFIX_BYTES)) : encodeFields(fields, (text) => text);
  const resealed = seal(key, [bytesOf(mutated(latin1(payload), changes))]);
  const isWhole = decodedIsWhole(kind, changedKey, resealed);
  if (isWhole && !isOwnKey) throw new Error("a record that was sealed under another key is taken for whole");
}

function decodedIsWhole(kind: RowKey, key: Uint8Array, record: Uint8Array): boolean {
  const decoded = decodeRecord<unknown>(key, record, (payload) => decode(kind, payload));
  if (decoded.kind === "whole") return true;
  if (decoded.reason === "") throw new Error("damage without a reason");
  // A message of the decoder is named, but not where in the program it arose.
  assertNoInsides(decoded.reason.replace(/^the record does not decode: /, ""), decoded.reason.includes("\n") ? "" : decoded.reason);
  return false;
}

function decode(kind: RowKey, payload: Uint8Array): unknown {
  switch (kind.kind) {
    case "frame": {
      const frame = decodeFrame(payload);
      for (const afterSeq of [0, Number(frame.firstSeq), eventCount(frame)]) journalFrame(frame, afterSeq);
      return frame;
    }
    case "record":
      return decodeWorkflowRecord(payload);
    case "key":
    case "request":
      return decodePointer(payload);
    case "meta":
    case "chain":
    case "header":
    case "head":
    case "detail":
    case "latest":
    case "namespace":
      return fromBinary(schemaOf(kind), payload);
    default:
      return assertNever(kind);
  }
}

function rowKey(row: Row | undefined): RowKey {
  const parsed = row === undefined ? undefined : parseKey(row[0]);
  if (parsed === undefined) throw new Error("every row of the store has a key that is known");
  return parsed;
}
