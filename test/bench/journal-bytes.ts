// Where the bytes of a journal go: every row read back, and the events in its frames measured as they lie there.
// 1. Rows that each batch writes anew (ends of streams, end of the chain) count as often as they were written.

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { toBinary } from "@bufbuild/protobuf";
import { GUARD_STREAM } from "../../internal/base/ids.ts";
import { GuardEventSchema } from "../../internal/gen/holdfast/journal/v1/journal_pb.ts";
import { EventSchema } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { endOfRows } from "../../internal/journal/chain.ts";
import { decodeFrame } from "../../internal/journal/frame.ts";
import { parseKey, rangeOf, ROW } from "../../internal/journal/layout.ts";
import { decodeRecord } from "../../internal/journal/record.ts";
import { Store } from "../../internal/journal/store.ts";

/** The bytes of a journal. */
export interface JournalBytes {
  /** Keys and records, by what they are. */
  readonly parts: ReadonlyMap<Part, number>;
  readonly batches: number;
  /** Of LevelDB's files, after it was closed. */
  readonly onDisk: number;
}

/** What bytes are spent on. */
export type Part =
  | "attempts' starts"
  | "attempts' ends"
  | "the workflow's other events"
  | "the guard's events"
  | "frames around events"
  | "headers, heads, indexes";

const TAG_AND_LENGTH_BYTES = 2;
const SHORT_MAX = 127;

/** Measures a journal that nobody has open. */
export async function measureJournal(dataDirectory: string): Promise<JournalBytes> {
  const directory = join(dataDirectory, "journal");
  const store = await Store.open(directory, { isCreated: false });
  const parts = new Map<Part, number>();
  const add = (part: Part, bytes: number): void => void parts.set(part, (parts.get(part) ?? 0) + bytes);
  const { number: batches } = await endOfRows(store);
  for (const letter of Object.values(ROW)) {
    const isWrittenAnew = letter === ROW.chain || letter === ROW.head;
    for await (const [key, record] of store.rows(rangeOf(letter))) {
      if (letter === ROW.frame) addFrame(key, record, add);
      else add("headers, heads, indexes", (key.length + record.length) * (isWrittenAnew ? batches : 1));
    }
  }
  await store.close();
  return { parts, batches, onDisk: sizeOf(directory) };
}

function addFrame(key: Uint8Array, record: Uint8Array, add: (part: Part, bytes: number) => void): void {
  const decoded = decodeRecord(key, record, decodeFrame);
  const parsed = parseKey(key);
  if (decoded.kind === "damaged" || parsed?.kind !== "frame") throw new Error("a frame of the measured journal cannot be read");
  let left = key.length + record.length;
  const addEvent = (part: Part, bytes: number): void => {
    const framed = TAG_AND_LENGTH_BYTES + (bytes > SHORT_MAX ? 1 : 0) + bytes;
    left -= framed;
    add(part, framed);
  };
  for (const event of decoded.value.guardEvents) addEvent("the guard's events", toBinary(GuardEventSchema, event).length);
  for (const event of decoded.value.events) addEvent(partOf(event.kind.case), toBinary(EventSchema, event).length);
  if (parsed.stream === GUARD_STREAM && decoded.value.events.length > 0) throw new Error("the guard's stream holds a workflow's events");
  add("frames around events", left);
}

function partOf(name: string | undefined): Part {
  if (name === "attemptStarted") return "attempts' starts";
  return name === "attemptEnded" ? "attempts' ends" : "the workflow's other events";
}

function sizeOf(directory: string): number {
  return readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
}
