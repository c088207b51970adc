import { create, fromBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { crc32c } from "../base/crc32c.ts";
import { AttemptDetailSchema } from "../gen/holdfast/v1/status_pb.ts";
import { encodeDetail } from "./detail-codec.ts";

test("a detail's CRC is that of its bytes, the same each time", () => {
  const detail = create(AttemptDetailSchema, { task: 7, attempt: 2, outputTail: "done", exitStatus: 0 });
  const { bytes, crc } = encodeDetail(detail);
  expect(crc).toBe(crc32c(bytes));
  expect(encodeDetail(detail)).toEqual({ bytes, crc });
  expect(fromBinary(AttemptDetailSchema, bytes)).toEqual(detail);
});
