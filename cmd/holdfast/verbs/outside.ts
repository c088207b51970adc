// signal, complete, fail, query: what comes to a workflow from outside while it goes on, and what can be asked of it.
// 1. A signal is on the service's disk when the command ends with 0. Without --key the command makes one, so that its own tries send one signal.

import { create, toJson } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { HoldfastError } from "../../../internal/base/errors.ts";
import { isJsonObject } from "../../../internal/base/json.ts";
import type { JsonObject, JsonValue } from "../../../internal/base/json.ts";
import { CompleteByTokenResponseSchema } from "../../../internal/gen/holdfast/v1/completion_service_pb.ts";
import type { WorkflowStatus } from "../../../internal/gen/holdfast/v1/status_pb.ts";
import { WorkflowStatusSchema } from "../../../internal/gen/holdfast/v1/status_pb.ts";
import { QueryResponseSchema } from "../../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import type { SignalRequest } from "../../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import type { Context } from "../context.ts";
import { lastLine } from "../display.ts";
import { EXIT_DONE } from "../exit-code.ts";
import { noteInLogbook } from "../follow.ts";
import type { Options } from "../options.ts";
import { textOption } from "../options.ts";
import { plainJson } from "../plain-text.ts";
import { parseTask } from "./steer.ts";

const TOKEN_PREFIX = "hfc1.";

/** signal ID NAME */
export async function signal(context: Context, [id = "", name = ""]: readonly string[], options: Options): Promise<number> {
  const data = dataOption(options);
  const key = textOption(options, "key") ?? context.world.newRequestId();
  const client = await context.client();
  return said(context, await client.signal({ workflow: context.ref(id), name, key, data }, context.world.interrupted));
}

/** complete ID TASK, or complete TOKEN */
export async function complete(context: Context, [id = "", task]: readonly string[], options: Options): Promise<number> {
  if (isToken(id, task)) {
    await (await context.client()).completeByToken({ token: id, data: dataOption(options) }, context.world.interrupted);
    return saidByToken(context);
  }
  const ask = { workflow: context.ref(id), ...parseTask(task), data: dataOption(options), reason: textOption(options, "reason") ?? "" };
  return said(context, await (await context.client()).complete(ask, context.world.interrupted));
}

/** fail ID TASK, or fail TOKEN */
export async function fail(context: Context, [id = "", task]: readonly string[], options: Options): Promise<number> {
  if (isToken(id, task)) {
    await (await context.client()).failByToken({ token: id, reason: textOption(options, "reason") ?? "" }, context.world.interrupted);
    return saidByToken(context);
  }
  const ask = { workflow: context.ref(id), ...parseTask(task), reason: textOption(options, "reason") ?? "" };
  return said(context, await (await context.client()).fail(ask, context.world.interrupted));
}

/** A completion token stands alone. */
function isToken(id: string, task: string | undefined): task is undefined {
  if (id.startsWith(TOKEN_PREFIX) && task === undefined) return true;
  if (task === undefined)
    throw new HoldfastError("INVALID_ARGUMENT", "say which task: STAGE/ACTION[@TARGET]; only a completion token stands alone");
  return false;
}

async function saidByToken(context: Context): Promise<number> {
  if (context.out.isJson) await context.out.message(CompleteByTokenResponseSchema, create(CompleteByTokenResponseSchema));
  else context.out.line("it is on the service's disk");
  return EXIT_DONE;
}

/** query ID NAME */
export async function query(context: Context, [id = "", name = ""]: readonly string[]): Promise<number> {
  const client = await context.client();
  const answer = await client.query({ workflow: context.ref(id), name }, context.world.interrupted);
  if (context.out.isJson) await context.out.message(QueryResponseSchema, answer);
  else if (answer.value !== undefined) context.out.line(plainJson(toJson(ValueSchema, answer.value)));
  return EXIT_DONE;
}

async function said(context: Context, status: WorkflowStatus): Promise<number> {
  await noteInLogbook(await context.handshake(), status);
  if (context.out.isJson) await context.out.message(WorkflowStatusSchema, status);
  else context.out.line(lastLine(status));
  return EXIT_DONE;
}

/** `--data`: a JSON object; nothing where it was not given. */
function dataOption(options: Options): NonNullable<SignalRequest["data"]> {
  const text = textOption(options, "data");
  if (text === undefined) return {};
  const data = parsed(text);
  if (data !== undefined && isJsonObject(data)) return copied(data);
  throw new HoldfastError("INVALID_ARGUMENT", `--data must be a JSON object, such as --data '{"amount": 12.5}'`);
}

function parsed(text: string): JsonValue | undefined {
  try {
    const value: JsonValue = JSON.parse(text);
    return value;
  } catch {
    return undefined; // the caller says what form is right
  }
}

/** The wire's Struct has its own name for a JSON object, one that may be changed. */
function copied(data: JsonObject): NonNullable<SignalRequest["data"]> {
  const struct: NonNullable<SignalRequest["data"]> = JSON.parse(JSON.stringify(data));
  return struct;
}
