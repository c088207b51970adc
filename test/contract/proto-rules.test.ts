// Every field of the wire has a rule in its .proto file, so that whoever generates code or forms from it knows the bounds.
// 1. Requests are held to these rules (internal/api/message-guard.ts); in answers and events they say what to expect.

import { create, getOption, hasOption, ScalarType } from "@bufbuild/protobuf";
import type { DescField, DescFile, DescMessage } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import { field as fieldRules } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { expect, test } from "vitest";
import { file_holdfast_v1_error } from "../../internal/gen/holdfast/v1/error_pb.ts";
import { file_holdfast_v1_event, Mode } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { file_holdfast_v1_journal_service } from "../../internal/gen/holdfast/v1/journal_service_pb.ts";
import { file_holdfast_v1_status, HistoryEventSchema, WorkflowStatusSchema } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { file_holdfast_v1_workflow } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import {
  file_holdfast_v1_workflow_service,
  ListTasksRequestSchema,
  ListTasksResponseSchema,
  SubmitResponseSchema,
  WhyResponseSchema,
} from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { aSubmission, aWorkflow, World } from "../fakes/world.ts";
import { TESTER } from "../fakes/principals.ts";

const FILES = [
  file_holdfast_v1_error,
  file_holdfast_v1_event,
  file_holdfast_v1_journal_service,
  file_holdfast_v1_status,
  file_holdfast_v1_workflow,
  file_holdfast_v1_workflow_service,
];

/** A checksum may be any 32 bits, and our subset of the rules has none for this type. */
const BOUNDLESS = ["holdfast.v1.AttemptEnded.detail_crc"];

function messagesOf(holder: DescFile | DescMessage): readonly DescMessage[] {
  const inner = holder.kind === "file" ? holder.messages : holder.nestedMessages;
  return inner.flatMap((message) => [message, ...messagesOf(message)]);
}

const FIELDS = FILES.flatMap(messagesOf).flatMap(({ fields }) => fields);
const nameOf = ({ parent, name }: DescField): string => `${parent.typeName}.${name}`;

function needsRule(field: DescField): boolean {
  if (field.fieldKind === "message") return false;
  return field.fieldKind !== "scalar" || field.scalar !== ScalarType.BOOL;
}

test("every field has a rule, but bools, messages and checksums", () => {
  expect(FIELDS.length).toBeGreaterThan(200);
  const bare = FIELDS.filter((field) => needsRule(field) && !hasOption(field, fieldRules)).map(nameOf);
  expect(bare).toEqual(BOUNDLESS);
});

test("a string, a list and a map say how long they may be", () => {
  const endless = FIELDS.filter((field) => {
    const { type } = getOption(field, fieldRules);
    if (field.fieldKind === "list") return type.case !== "repeated" || type.value.maxItems === 0n;
    if (field.fieldKind === "map") return type.case !== "map" || type.value.maxPairs === 0n;
    if (field.fieldKind !== "scalar" || field.scalar !== ScalarType.STRING) return false;
    return type.case !== "string" || (type.value.maxLen === 0n && type.value.len === 0n && type.value.wellKnown.case !== "uuid");
  });
  expect(endless.map(nameOf)).toEqual([]);
});

test("an enum says that it holds only what is defined", () => {
  const open = FIELDS.filter((field) => {
    const { type } = getOption(field, fieldRules);
    return field.fieldKind === "enum" && !(type.case === "enum" && type.value.definedOnly);
  });
  expect(open.map(nameOf)).toEqual([]);
});

test("a request cannot leave out what it is about", () => {
  const optional = FIELDS.filter(({ parent, message }) => parent.name.endsWith("Request") && message?.name === "WorkflowRef").filter(
    (field) => !getOption(field, fieldRules).required,
  );
  expect(optional.map(nameOf)).toEqual([]);
});

test("what the engine answers keeps the rules", async () => {
  const world = new World({ targets: 3 });
  await world.start();
  world.fleet.trouble("h1", "run", "fail");
  const validator = createValidator();
  const faults: string[] = [];
  const judge = (what: string, result: ReturnType<typeof validator.validate>): void => {
    if (result.kind !== "valid") faults.push(`${what}: ${result.error.message}`);
  };
  const submitted = await world.engine.submit(TESTER, aSubmission(aWorkflow()), Mode.APPLY);
  judge("submit", validator.validate(SubmitResponseSchema, submitted));
  const ref = { id: submitted.id, namespace: "" };
  judge("submitted", validator.validate(WorkflowStatusSchema, await world.engine.status(ref)));
  await world.engine.exec(TESTER, ref, submitted.digest);
  await world.settle();
  judge("status", validator.validate(WorkflowStatusSchema, await world.engine.status(ref)));
  judge("why", validator.validate(WhyResponseSchema, await world.engine.why(ref, "h1")));
  const request = create(ListTasksRequestSchema, { workflow: ref });
  judge("tasks", validator.validate(ListTasksResponseSchema, await world.engine.listTasks(request)));
  for await (const { events } of world.engine.history(ref, { afterSeq: 0, hasDetails: true })) {
    for (const event of events) judge(`event ${event.seq}`, validator.validate(HistoryEventSchema, event));
  }
  expect(faults).toEqual([]);
});
