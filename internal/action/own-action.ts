// How an action without code runs: its check argv looks, its apply argv changes, both at the target through the Transport port.
// 1. A word of argv that renders to null is left out, a list becomes several words, numbers and bools are text: no shell anywhere.
// 2. Check's stdout is the state: its SHA-256 is the checksum, its text the diff. So it must be the same when the state is the same.

import { Buffer } from "node:buffer";
import { sha256Hex } from "../base/digest.ts";
import { HoldfastError } from "../base/errors.ts";
import { isJsonObject } from "../base/json.ts";
import type { JsonObject, JsonValue } from "../base/json.ts";
import type { ApplyResult, AttemptContext, CheckResult, Failure, PreparedAction, Transport } from "../engine/ports.ts";
import { revealRendered } from "../expr/rendered.ts";
import type { Template } from "../expr/template.ts";
import { commandResult, statusMessage } from "./command-result.ts";
import { defineAction } from "./definition.ts";
import type { DocumentedAction } from "./definition.ts";
import { lookAtHost, runAtHost } from "./host-run.ts";
import type { Exited, HostRequest } from "./host-run.ts";
import { decodeText, tailOf } from "./output.ts";
import type { OwnDefinition } from "./own-action-file.ts";
import { bounded } from "./text-diff.ts";
import { Effects } from "../gen/holdfast/v1/event_pb.ts";

/** The action of a definition. */
export function ownAction(transport: Transport, definition: OwnDefinition): DocumentedAction {
  const { name, effects, schema, digest } = definition;
  return defineAction({
    uses: name,
    hasPulse: true,
    effects,
    schema,
    digest,
    prepare: (args) => prepareOwn(transport, definition, withNulls(args)),
  });
}

/** What was not given is null in templates, so that they can ask for it. */
function withNulls(args: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  return Object.fromEntries(Object.entries(args).map(([name, value]) => [name, value ?? null]));
}

function prepareOwn(
  transport: Transport,
  definition: OwnDefinition,
  given: Readonly<Record<string, JsonValue | undefined>>,
): PreparedAction {
  const { effects, isAtomic, isSensitive, apply, schema } = definition;
  const args = withNulls(Object.fromEntries(Object.keys(schema).map((name) => [name, given[name]])));
  const isReadOnly = effects === Effects.NONE;
  const result = (exited: Exited): ApplyResult => commandResult({ output: apply.output, ok_status: apply.okStatus }, exited);
  const prepared: PreparedAction = {
    effects,
    isAtomic,
    isSensitive,
    check: (context) => checkOwn(transport, capped(context, definition), { definition, args }),
    apply: async (context) => {
      const request = renderCommand(apply.template, args, context);
      if ("kind" in request) return request;
      const found = await runAtHost(transport, capped(context, definition), { ...request, isReadOnly });
      return found.kind === "exited" ? result(found) : found;
    },
  };
  if (isReadOnly) return prepared;
  return {
    ...prepared,
    look: async (context) => {
      const found = await lookAtHost(transport, capped(context, definition));
      return found.kind === "exited" ? result(found) : found;
    },
  };
}

async function checkOwn(
  transport: Transport,
  context: AttemptContext,
  { definition, args }: { readonly definition: OwnDefinition; readonly args: JsonObject },
): Promise<CheckResult> {
  const { check } = definition;
  if (check === undefined) return { kind: "unknowable" };
  const request = renderCommand(check.template, args, context);
  if ("kind" in request) return request;
  const found = await runAtHost(transport, context, { ...request, isReadOnly: true });
  if (found.kind !== "exited") return found;
  const checksum = sha256Hex(found.stdout);
  if (check.convergedStatus.includes(found.status)) return { kind: "converged", checksum };
  if (check.differentStatus.includes(found.status)) {
    return { kind: "different", checksum, diff: definition.isSensitive ? "" : bounded(decodeText(found.stdout)) };
  }
  return { kind: "failed", message: `check: ${statusMessage(found)}`, outputTail: tailOf(found), exitStatus: found.status };
}

function capped(context: AttemptContext, { timeoutMs }: OwnDefinition): AttemptContext {
  return timeoutMs === undefined ? context : { ...context, timeoutMs: Math.min(context.timeoutMs, timeoutMs) };
}

function renderCommand(template: Template, args: JsonObject, context: AttemptContext): Omit<HostRequest, "isReadOnly"> | Failure {
  try {
    const { target } = context;
    const scope = { args, target: { name: target?.name ?? "", labels: target?.labels ?? {} } };
    const rendered = revealRendered(template.render(scope), noSecret);
    if (!isJsonObject(rendered)) throw new HoldfastError("INVALID_ARGUMENT", "the command of the action file is no map");
    return {
      argv: wordsOf(rendered["argv"] ?? []),
      env: envOf(rendered["env"] ?? {}),
      stdin: Buffer.from(textOf(rendered["stdin"] ?? ""), "utf8"),
    };
  } catch (cause) {
    if (cause instanceof HoldfastError) return { kind: "failed", message: cause.message, isRetryable: false };
    throw cause;
  }
}

function wordsOf(argv: JsonValue): readonly string[] {
  if (!isList(argv)) return [textOf(argv)];
  const words = argv.flatMap((item) => (item === null ? [] : isList(item) ? item.map(textOf) : [textOf(item)]));
  if (words.length === 0) throw new HoldfastError("INVALID_ARGUMENT", "argv rendered to nothing; see the action's file");
  return words;
}

function envOf(env: JsonValue): Readonly<Record<string, string>> {
  if (!isJsonObject(env)) return {};
  return Object.fromEntries(Object.entries(env).flatMap(([name, value]) => (value === null ? [] : [[name, textOf(value)]])));
}

function textOf(value: JsonValue): string {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    const text = String(value);
    if (!text.includes("\0")) return text;
  }
  throw new HoldfastError(
    "INVALID_ARGUMENT",
    "a word of a command must be text, a number or a bool without NUL; pass the fields of an object one by one",
  );
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function noSecret(): string {
  throw new HoldfastError("INVALID_ARGUMENT", "secret() is not for action files");
}
