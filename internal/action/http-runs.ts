// How `http` runs: a single request, or the handshake. Both settle a lost answer by looking where they were told how.
// 1. A handshake's `prepare` does nothing lasting by contract, so it may be repeated; its key differs from the commit's.

import { HoldfastError } from "../base/errors.ts";
import { assert } from "../base/assert.ts";
import { sha256Hex } from "../base/digest.ts";
import { canonicalJson } from "../base/json.ts";
import { REMOTE_ID_LENGTH_MAX } from "../base/limits.ts";
import type { ApplyResult, AttemptContext, CheckResult, Failure, PreparedAction } from "../engine/ports.ts";
import { Effects } from "../gen/holdfast/v1/event_pb.ts";
import type { HttpArgs } from "./http-args.ts";
import { makeCall, outputOf, valueOver, withRemoteId } from "./http-call.ts";
import type { Call, CallEnd, HttpPorts } from "./http-call.ts";

type Look = NonNullable<HttpArgs["check"]>;
type Commit = NonNullable<HttpArgs["commit"]>;
type Settle = (context: AttemptContext) => Promise<CheckResult>;

/** A single request. */
export function prepareRequest(ports: HttpPorts, args: HttpArgs): PreparedAction {
  const { method, url = "", check, idempotent } = args;
  const isReading = method === "GET" || method === "HEAD";
  const effects = isReading ? Effects.NONE : check !== undefined || idempotent ? Effects.IDEMPOTENT : Effects.UNSAFE;
  const settle: Settle | undefined = check && ((context) => lookBy(ports, context, check));
  return {
    effects,
    isAtomic: false,
    isSensitive: false,
    check: async (context) => settle?.(context) ?? { kind: "unknowable" },
    apply: async (context) => {
      const call: Call = { ...args, method, url, json: args.json, key: isReading ? undefined : context.taskKey };
      return finish(context, await attempt(ports, context, call), { effects, settle });
    },
  };
}

/** A handshake: prepare, then (with the ID on disk) commit. */
export function prepareHandshake(ports: HttpPorts, args: HttpArgs): PreparedAction {
  const { prepare, commit, status } = args;
  assert(prepare !== undefined && commit !== undefined, "the rules let no half handshake through");
  const effects = status === undefined ? Effects.UNSAFE : Effects.IDEMPOTENT;
  const settle: Settle | undefined = status && ((context) => lookBy(ports, context, lookFor(status, context.remoteId)));
  return {
    effects,
    isAtomic: false,
    isSensitive: false,
    check: async (context) => {
      if (settle === undefined) return { kind: "unknowable" };
      if (context.remoteId === "")
        return { kind: "different", checksum: "not prepared", diff: "the other service would be asked to prepare, then to commit\n" };
      return settle(context);
    },
    prepare: async (context) => {
      const call: Call = { ...prepare, json: prepare.json, expect: undefined, follow_redirects: false, key: `${context.taskKey}-prepare` };
      const end = await attempt(ports, context, call);
      return end.kind === "expected" ? remoteIdOf(context, end, prepare.id) : failureOf(end, Effects.IDEMPOTENT, context);
    },
    apply: async (context) => {
      if (context.remoteId === "")
        return { kind: "failed", message: "commit without a prepared ID; this is a bug of the service", isRetryable: false };
      const call: Call = { ...commitFor(commit, context.remoteId), follow_redirects: false, key: context.taskKey };
      return finish(context, await attempt(ports, context, call), { effects, settle });
    },
  };
}

/** A call whose rendered URL or header is refused is a failure like any other, before anything was sent. */
async function attempt(ports: HttpPorts, context: AttemptContext, call: Call): Promise<CallEnd> {
  try {
    return await makeCall(ports, context, call);
  } catch (cause) {
    const message =
      cause instanceof HoldfastError ? cause.message : isHeaderError(cause) ? "a header's name or value cannot be sent" : undefined;
    if (message === undefined) throw cause;
    return { kind: "refused", failure: { kind: "failed", message, isRetryable: false } };
  }
}

function isHeaderError(cause: unknown): boolean {
  return cause instanceof TypeError && "code" in cause && (cause.code === "ERR_INVALID_CHAR" || cause.code === "ERR_INVALID_HTTP_TOKEN");
}

async function finish(
  context: AttemptContext,
  end: CallEnd,
  { effects, settle }: { readonly effects: Effects; readonly settle: Settle | undefined },
): Promise<ApplyResult> {
  if (end.kind === "expected") return { kind: "applied", output: outputOf(end.answer) };
  if (end.kind !== "lost" || settle === undefined || context.signal.aborted) return failureOf(end, effects, context);
  const found = await settle(context);
  if (found.kind === "converged") return { kind: "applied", ...(found.output === undefined ? {} : { output: found.output }) };
  if (found.kind === "different") return failureOf(end, effects, context);
  return { kind: "unknown", message: `the answer was lost (${end.reason}), and looking did not tell whether it was done` };
}

function failureOf(end: Exclude<CallEnd, { kind: "expected" }>, effects: Effects, { signal }: AttemptContext): Failure {
  if (end.kind === "refused" || end.kind === "unlike") return end.failure;
  if (end.kind === "unbegun") return { kind: "unbegun", message: "not let go when its turn came: nothing was sent" };
  if (end.kind === "unsent")
    return signal.aborted
      ? { kind: "unbegun", message: "cancelled before anything was sent" }
      : { kind: "unreachable", message: `nothing was sent: ${end.reason}`, isTimedOut: end.isTimedOut };
  if (effects === Effects.UNSAFE) {
    return {
      kind: "unknown",
      message: `the request was sent and the answer was lost (${end.reason}): nobody here knows whether it was done; look at the other side, then resolve the task`,
    };
  }
  if (signal.aborted) return { kind: "cancelled", message: "cancelled while waiting for the answer" };
  return { kind: "failed", message: `the answer was lost: ${end.reason}`, isTimedOut: end.isTimedOut };
}

/** GETs what the author said, and judges by `expect`. */
async function lookBy(ports: HttpPorts, context: AttemptContext, look: Look): Promise<CheckResult> {
  const call: Call = { ...look, method: "GET", json: undefined, body: undefined, follow_redirects: false, key: undefined };
  const end = await attempt(ports, { ...context, mayBegin: () => true, heartbeatMs: Infinity }, call);
  if (end.kind === "expected") return { kind: "converged", checksum: checksumOf(end.answer), output: outputOf(end.answer) };
  if (end.kind === "unlike") return { kind: "different", checksum: checksumOf(end.answer), diff: `not so yet: ${look.expect}\n` };
  return failureOf(end, Effects.NONE, context);
}

function checksumOf({ status, body }: { readonly status: number; readonly body: Parameters<typeof canonicalJson>[0] }): string {
  return sha256Hex(canonicalJson({ status, body }));
}

function remoteIdOf(
  context: AttemptContext,
  end: Extract<CallEnd, { kind: "expected" }>,
  source: string,
): { readonly kind: "prepared"; readonly remoteId: string } | Failure {
  const result = valueOver(context, end.answer, source);
  if ("fault" in result) return { kind: "failed", message: `prepared, but \`id\` cannot be evaluated: ${result.fault}` };
  const remoteId = typeof result.value === "number" ? String(result.value) : result.value;
  if (typeof remoteId === "string" && remoteId !== "" && remoteId.length <= REMOTE_ID_LENGTH_MAX) return { kind: "prepared", remoteId };
  return { kind: "failed", message: `prepared, but \`id\` is no text of 1 to ${REMOTE_ID_LENGTH_MAX} characters`, isRetryable: false };
}

/** The commit with the ID in the place of `{remote_id}`; in the URL it is escaped. */
function commitFor(commit: Commit, remoteId: string): Omit<Call, "follow_redirects" | "key"> {
  const { json, body, ...rest } = commit;
  return {
    ...rest,
    url: urlFor(commit.url, remoteId),
    headers: headersFor(commit.headers, remoteId),
    json: json === undefined ? undefined : withRemoteId(json, remoteId),
    body: body?.replaceAll("{remote_id}", () => remoteId),
  };
}

function lookFor(look: Look, remoteId: string): Look {
  return { ...look, url: urlFor(look.url, remoteId), headers: headersFor(look.headers, remoteId) };
}

function urlFor(url: string, remoteId: string): string {
  return url.replaceAll("{remote_id}", () => encodeURIComponent(remoteId));
}

function headersFor(headers: Readonly<Record<string, string>>, remoteId: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.replaceAll("{remote_id}", () => remoteId)]));
}
