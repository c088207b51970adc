import { file_buf_validate_validate as whole } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { expect, test } from "vitest";
import { file_buf_validate_validate as empty } from "./without-rules.ts";

test("what stands for the rules bears their name, and holds none", () => {
  expect(empty?.proto.name).toBe(whole.proto.name);
  expect(empty?.proto.package).toBe(whole.proto.package);
  expect([empty?.messages.length, empty?.extensions.length]).toEqual([0, 0]);
});
