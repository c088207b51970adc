// Writes test/testdata/journal-v1: a small journal of format 1 with every event and every field, and expected.jsonl, its dump.
// Run `npx node test/testdata/make-journal-v1.ts` only before format 1 is released; afterwards the directory is what proves that old
// journals replay, and a newer format gets a directory of its own.

import { create, ScalarType } from "@bufbuild/protobuf";
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seq, timeMs } from "../../internal/base/ids.ts";
import { GuardEventSchema } from "../../internal/gen/holdfast/journal/v1/journal_pb.ts";
import { EventSchema } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { AttemptDetailSchema, WorkflowStatusSchema } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { openJournal } from "../../internal/journal/open-journal.ts";
import { encodeDetail } from "../../internal/workflow/detail-codec.ts";
import { anEntry, anId, aRecord, attemptEnded, NOON_MS } from "../fakes/journal-entries.ts";

const DIRECTORY = join(import.meta.dirname, "journal-v1");
const DEPTH_MAX = 6;

/** A message with a telling value in every field; of a oneof, in its last one. */
function filled(desc: DescMessage, depth = 0): Record<string, unknown> {
  const init: Record<string, unknown> = {};
  if (desc.typeName === "google.protobuf.Timestamp") return { seconds: 1_767_268_800n, nanos: 5 };
  if (desc.typeName === "google.protobuf.Value") return { kind: { case: "stringValue", value: "a value" } };
  for (const field of desc.fields) {
    const value = sample(field, depth);
    if (value === undefined) continue;
    if (field.oneof === undefined) init[field.localName] = value;
    else init[field.oneof.localName] = { case: field.localName, value };
  }
  return init;
}

function sample(field: DescField, depth: number): unknown {
  switch (field.fieldKind) {
    case "scalar":
      return scalar(field.scalar, field);
    case "enum":
      return field.enum.values.at(-1)?.number;
    case "message":
      // google.protobuf.Struct is a plain JSON object in generated code
      if (field.message.typeName === "google.protobuf.Struct") return { a: [1, "two", null, { b: true }] };
      return depth < DEPTH_MAX ? create(field.message, filled(field.message, depth + 1)) : undefined;
    case "list":
      if (field.listKind === "message") return depth < DEPTH_MAX ? [create(field.message, filled(field.message, depth + 1))] : undefined;
      return [field.listKind === "enum" ? field.enum.values.at(-1)?.number : scalar(field.scalar, field)];
    case "map":
      if (field.mapKind === "message") return depth < DEPTH_MAX ? { key: create(field.message, filled(field.message, depth + 1)) } : undefined;
      return { key: field.mapKind === "enum" ? field.enum.values.at(-1)?.number : scalar(field.scalar, field) };
    default:
      return undefined;
  }
}

function scalar(type: ScalarType, field: DescField): unknown {
  if (type === ScalarType.STRING) return `${field.localName} ü`;
  if (type === ScalarType.BOOL) return true;
  if (type === ScalarType.BYTES) return Uint8Array.of(0, 1, 255);
  if (type === ScalarType.INT64 || type === ScalarType.UINT64) return BigInt(field.number) * 1_000_003n;
  if (type === ScalarType.DOUBLE || type === ScalarType.FLOAT) return field.number + 0.5;
  return field.number * 101;
}

/** One message for each case of a oneof named `kind`. */
function everyKind<T extends typeof EventSchema | typeof GuardEventSchema>(schema: T): DescField[] {
  return schema.oneofs.flatMap(({ fields }) => [...fields]);
}

async function main(): Promise<void> {
  rmSync(DIRECTORY, { recursive: true, force: true });
  const open = () =>
    openJournal(DIRECTORY, {
      onFatal: (error) => {
        throw error;
      },
      nowMs: () => NOON_MS,
      isReadOnly: false,
    });
  let journal = await open();
  const events = everyKind(EventSchema).map((field) =>
    create(EventSchema, { by: "ann", kind: { case: field.localName, value: sample(field, 0) } } as never),
  );
  const sampled = create(AttemptDetailSchema, { ...filled(AttemptDetailSchema), task: 101, attempt: 202 }); // what sample() says of uint32s 1 and 2
  for (const { kind } of events) if (kind.case === "attemptEnded") kind.value.detailCrc = encodeDetail(sampled).crc;
  const guardEvents = everyKind(GuardEventSchema).map((field) =>
    create(GuardEventSchema, { kind: { case: field.localName, value: sample(field, 0) } } as never),
  );
  const status = create(WorkflowStatusSchema, { ...filled(WorkflowStatusSchema), id: anId(1), namespace: "ops", key: "k/1" });
  const record = { status, requestId: "r-1", requestDigest: "sha256:11", isOpen: true };
  await journal.append(anEntry({ events: events.slice(0, 3), guardEvents, index: { kind: "opened", record } }));
  const second = anEntry({ id: anId(2), events: events.slice(0, 1), index: { kind: "opened", record: aRecord(anId(2), { key: "k/2" }) } });
  await Promise.all([journal.append({ ...second, timeMs: timeMs(NOON_MS + 7) }), ...chunks(events.slice(3), 4, 4).map((entry) => journal.append(entry))]);
  const latest = [1, 2].map((attempt) => create(AttemptDetailSchema, { ...filled(AttemptDetailSchema), task: 6, attempt }));
  const ended = latest.map((detail) => attemptEnded(6, { attempt: detail.attempt, detailCrc: encodeDetail(detail).crc }));
  const last = { details: [sampled, ...latest], events: ended, firstSeq: seq(events.length + 1) };
  await journal.append({ ...anEntry({ atMs: NOON_MS + 100 }), ...last });
  const closed = aRecord(anId(2), { key: "k/2", isOpen: false });
  await journal.append(anEntry({ id: anId(2), firstSeq: 2, events: events.slice(1, 2), index: { kind: "ended", record: closed } }));
  await journal.close();

  journal = await open(); // moves the log, which git ignores, into a table
  const lines: string[] = [];
  for await (const line of journal.dump({})) lines.push(line);
  writeFileSync(join(DIRECTORY, "expected.jsonl"), `${lines.join("\n")}\n`);
  const { head, damage } = await journal.verify({});
  await journal.close();
  for (const name of ["LOCK", "LOG", "LOG.old", "000006.log"]) rmSync(join(DIRECTORY, "journal", name), { force: true });
  console.log(`${lines.length} rows, ${events.length} kinds of events, head ${head}, damage ${JSON.stringify(damage)}`);
}

/** The events in entries of so many, a millisecond apart. */
function chunks(events: Parameters<typeof anEntry>[0]["events"] & object, firstSeq: number, size: number): ReturnType<typeof anEntry>[] {
  const entries: ReturnType<typeof anEntry>[] = [];
  for (let at = 0; at < events.length; at += size) {
    entries.push(anEntry({ firstSeq: firstSeq + at, atMs: NOON_MS + 10 + at, events: events.slice(at, at + size) }));
  }
  return entries;
}

await main();
