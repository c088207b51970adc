import { create, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { SummarySchema } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { decodeWorkflowRecord } from "./workflow-record.ts";

const ID = "019b7713-ccfc-74c7-9d6b-97a3ba3912c1";
const bytes = (id: string): Uint8Array => toBinary(SummarySchema, create(SummarySchema, { status: { id, name: "w" } }));

test("a record is of a workflow; one that names none does not decode, and so is damage", () => {
  expect(decodeWorkflowRecord(bytes(ID)).status.id).toBe(ID);
  for (const id of ["", "../x", ID.slice(1)]) expect(() => decodeWorkflowRecord(bytes(id))).toThrow("the record is of no workflow");
  expect(() => decodeWorkflowRecord(new Uint8Array(0))).toThrow("the record is of no workflow");
});
