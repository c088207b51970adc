// Stands for the schema of the rules of protovalidate, for the bundle: the service checks them, and the client would only pay for reading 50 KiB.
// 1. scripts/ensure.mjs puts it in place in dist/cli, and nowhere else. Rules then are options of fields that nobody knows, as the wire allows.

import { create, createFileRegistry } from "@bufbuild/protobuf";
import type { DescFile } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

const NAME = "buf/validate/validate.proto";

/** A schema of that name, with nothing in it. */
export const file_buf_validate_validate: DescFile | undefined = createFileRegistry(
  create(FileDescriptorProtoSchema, { name: NAME, package: "buf.validate", syntax: "proto3" }),
  () => undefined,
).getFile(NAME);
