// From a workflow file and flags to the request that is sent.
// 1. Nothing is sent when anything in the file or the flags is wrong.

import { create } from "@bufbuild/protobuf";
import { dirname, resolve } from "node:path";
import { HoldfastError } from "../../internal/base/errors.ts";
import type { JsonValue } from "../../internal/base/json.ts";
import { SOURCE_BYTES_MAX, TARGETS_MAX, WORKFLOW_FILE_BYTES_MAX } from "../../internal/base/limits.ts";
import type { SubmitRequest } from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { SubmitRequestSchema } from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { readWorkflowFile } from "../../internal/sdk/workflow-file.ts";
import { parseParams } from "../../internal/sdk/workflow-params.ts";
import type { Options } from "./options.ts";
import { integerOption, listOption, pairsOption, textOption } from "./options.ts";
import type { World } from "./world.ts";

const PRIORITY_MAX = 100;

/** A request, and the way back from what the service says about it to the file. */
export interface Submission {
  readonly request: SubmitRequest;
  /** Runs a call that sends the request; what the service finds wrong is thrown with line and column of the file. */
  readonly sending: <Answer>(call: () => Promise<Answer>) => Promise<Answer>;
}

/** Reads the file and the flags; throws INVALID_ARGUMENT with all that is wrong, each with its place. */
export async function readSubmission(world: World, file: string, options: Options): Promise<Submission> {
  const bytes = await readOrExplain(world, file);
  const { definition, placed } = await readWorkflowFile(utf8(bytes, file), {
    file,
    readSource: (path) => world.readFile(resolve(dirname(file), path), SOURCE_BYTES_MAX + 1),
  });
  const params = parseParams(definition, listOption(options, "param"));
  const expectTargets = integerOption(options, "expectCount", { min: 1, max: TARGETS_MAX });
  const request = create(SubmitRequestSchema, {
    requestId: world.newRequestId(),
    namespace: textOption(options, "namespace") ?? "",
    key: textOption(options, "key") ?? "",
    definition,
    params: structOf(params),
    ...(expectTargets === undefined ? {} : { expectTargets }),
    annotations: pairsOption(options, "annotation"),
    priority: integerOption(options, "priority", { min: -PRIORITY_MAX, max: PRIORITY_MAX }) ?? 0,
  });
  return {
    request,
    sending: (call) =>
      call().catch((error: unknown) => {
        throw error instanceof HoldfastError ? placed(error) : error;
      }),
  };
}

async function readOrExplain(world: World, file: string): Promise<Uint8Array> {
  const bytes = await world.readFile(file, WORKFLOW_FILE_BYTES_MAX + 1).catch((cause: unknown) => {
    throw new HoldfastError("INVALID_ARGUMENT", `${file}: it cannot be read (${reasonOf(cause)}); write the path of a workflow file`, {
      cause,
    });
  });
  if (bytes !== undefined) return bytes;
  throw new HoldfastError("INVALID_ARGUMENT", `${file}: there is no such file; write the path of a workflow file`);
}

function utf8(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new HoldfastError("INVALID_ARGUMENT", `${file}: not UTF-8 text; write the path of a workflow file`, { cause });
  }
}

/** What the operating system says, without its own form of the path. */
function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message.replace(/, \w+(?: '.*')?$/s, "") : "unknown";
}

/** The wire's Struct has its own name for a JSON object; both are plain JSON. */
function structOf(params: { readonly [name: string]: JsonValue }): NonNullable<SubmitRequest["params"]> {
  const struct: NonNullable<SubmitRequest["params"]> = JSON.parse(JSON.stringify(params));
  return struct;
}
