// A declared request made and judged: its arguments to bytes, its answer to an output, its status and body against what was expected.
// 1. Headers and bodies that are sent never enter a message or an output. 2. Of the answer's headers only a harmless few are kept.
// 3. 408, 425, 429 and 5xx may be tried again; what else is not expected would be answered the same way again.

import { Buffer } from "node:buffer";
import type { JsonValue } from "@bufbuild/protobuf";
import { HoldfastError } from "../base/errors.ts";
import { isJsonObject } from "../base/json.ts";
import type { JsonValue as PlainValue } from "../base/json.ts";
import { HTTP_BODY_BYTES_MAX, HTTP_REDIRECTS_MAX } from "../base/limits.ts";
import type { AttemptContext, Clock, Failure, Pace } from "../engine/ports.ts";
import { celProgram, celValue } from "./cel-argument.ts";
import { exchange } from "./http-exchange.ts";
import type { HttpEnd, HttpRequest } from "./http-exchange.ts";
import { decodeText, readJson } from "./output.ts";

/** What requests need of the outside. */
export interface HttpPorts {
  readonly clock: Clock;
  /** Every request, a redirect's too, waits for its turn toward its origin. */
  readonly pace: Pace;
}

/** A request as the arguments declare it. */
export interface Call {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly json: PlainValue | undefined;
  readonly body: string | undefined;
  /** Absent: any of 200 to 299. */
  readonly expect_status: readonly number[] | undefined;
  readonly expect: string | undefined;
  readonly follow_redirects: boolean;
  /** Sent as `Idempotency-Key`; undefined for what only reads. */
  readonly key: string | undefined;
}

/** An answer as expressions see it. */
export interface Answer {
  readonly status: number;
  readonly headers: { [key: string]: string };
  readonly body: JsonValue;
}

/** How a call ended: a wanted answer, an answer that was not expected, or none. */
export type CallEnd =
  | { readonly kind: "expected"; readonly answer: Answer }
  | { readonly kind: "refused"; readonly failure: Failure }
  /** Expected by its status, but `expect` is false: for a check, the state is another one. */
  | { readonly kind: "unlike"; readonly failure: Failure; readonly answer: Answer }
  | { readonly kind: "unsent" | "lost"; readonly reason: string; readonly isTimedOut: boolean }
  /** Its turn came, and it was not let go. */
  | { readonly kind: "unbegun" };

const HEADERS_KEPT = ["content-type", "content-length", "location", "etag", "last-modified", "retry-after", "date", "x-request-id"];
const RETRYABLE = new Set([408, 425, 429]);
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Makes the call. */
export async function makeCall(ports: HttpPorts, context: AttemptContext, call: Call): Promise<CallEnd> {
  const untilMs = ports.clock.monotonicMs() + context.timeoutMs;
  let request = requestOf(call);
  for (let hops = 0; ; hops++) {
    const end = await exchangeInTurn(ports, request, { untilMs, context });
    if (end.kind !== "answered") return end;
    const next = call.follow_redirects ? redirectOf(request, end) : undefined;
    if (next === undefined) return judge(context, call, end);
    if (hops >= HTTP_REDIRECTS_MAX) return refuse({ message: `more than ${HTTP_REDIRECTS_MAX} redirects` });
    request = next;
  }
}

/** Waits for the origin's turn, which is part of the attempt's time; what never had one was not sent. */
async function exchangeInTurn(
  { clock, pace }: HttpPorts,
  request: HttpRequest,
  { untilMs, context }: { readonly untilMs: number; readonly context: AttemptContext },
): Promise<HttpEnd | { readonly kind: "unbegun" }> {
  const { signal } = context;
  const timeLeftMs = (): number => Math.max(1, untilMs - clock.monotonicMs());
  const late = new AbortController();
  const stopClock = clock.after(timeLeftMs(), () => late.abort());
  const begin = async (): Promise<HttpEnd | { readonly kind: "unbegun" }> => {
    stopClock();
    if (!context.mayBegin()) return { kind: "unbegun" };
    return exchange(clock, request, { timeoutMs: timeLeftMs(), heartbeatMs: context.heartbeatMs, signal });
  };
  try {
    return await pace.run(request.url.origin, begin, AbortSignal.any([signal, late.signal]));
  } catch (cause) {
    if (!(cause instanceof HoldfastError) || cause.code !== "CANCELLED") throw cause;
    const reason = signal.aborted ? "cancelled" : "its turn toward the origin did not come in time";
    return { kind: "unsent", reason, isTimedOut: !signal.aborted };
  } finally {
    stopClock();
  }
}

/** The value of an expression over an answer, or the reason why it has none. */
export function valueOver(context: AttemptContext, answer: Answer, source: string): ReturnType<typeof celValue> {
  const own: Readonly<Record<string, unknown>> = { body: answer.body, status: answer.status, headers: answer.headers };
  return celValue(celProgram(source, "expect"), (name) => (Object.hasOwn(own, name) ? own[name] : context.scope(name)));
}

/** An answer as an action's output. */
export function outputOf(answer: Answer): JsonValue {
  return { status: answer.status, headers: answer.headers, body: answer.body };
}

/** Why a text is no URL for a request, or undefined. Templates are looked at when they have a value. */
export function urlFault(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) return "must be a whole URL such as https://example.com/path";
  if (url.protocol !== "http:" && url.protocol !== "https:") return "must begin with http:// or https://";
  return url.username === "" && url.password === ""
    ? undefined
    : "must not hold a user or a password; use `headers` with ${{ secret('name') }}";
}

function requestOf(call: Call): HttpRequest {
  const fault = urlFault(call.url);
  if (fault !== undefined) throw new HoldfastError("INVALID_ARGUMENT", `url: ${fault}`, { details: [{ place: "url", reason: fault }] });
  const headers: { [name: string]: string } = {};
  if (call.key !== undefined) headers["idempotency-key"] = call.key;
  if (call.json !== undefined) headers["content-type"] = "application/json";
  for (const [name, value] of Object.entries(call.headers)) headers[name.toLowerCase()] = value;
  const text = call.json === undefined ? call.body : JSON.stringify(call.json);
  return { method: call.method, url: new URL(call.url), headers, body: text === undefined ? undefined : Buffer.from(text, "utf8") };
}

/** Only what reads is followed; another origin gets none of the declared headers. */
function redirectOf(request: HttpRequest, end: Extract<HttpEnd, { kind: "answered" }>): HttpRequest | undefined {
  const location = end.headers["location"];
  if (!REDIRECTS.has(end.status) || location === undefined || (request.method !== "GET" && request.method !== "HEAD")) return undefined;
  if (!URL.canParse(location, request.url.href)) return undefined;
  const url = new URL(location, request.url);
  if (urlFault(url.href) !== undefined) return undefined;
  return { ...request, url, headers: url.origin === request.url.origin ? request.headers : {} };
}

function judge(context: AttemptContext, call: Call, end: Extract<HttpEnd, { kind: "answered" }>): CallEnd {
  const answer: Answer = { status: end.status, headers: keptHeaders(end.headers), body: bodyOf(end) };
  const isWanted = call.expect_status === undefined ? end.status >= 200 && end.status <= 299 : call.expect_status.includes(end.status);
  if (!isWanted) return refuse(statusFailure(end), answer);
  if (end.isCut)
    return refuse(
      { message: `answered with ${end.status}, but the body is larger than ${HTTP_BODY_BYTES_MAX} bytes`, isRetryable: false },
      answer,
    );
  if (call.expect === undefined) return { kind: "expected", answer };
  const result = valueOver(context, answer, call.expect);
  if ("fault" in result)
    return refuse({ message: `answered with ${end.status}, but \`expect\` cannot be evaluated: ${result.fault}` }, answer);
  if (result.value === true) return { kind: "expected", answer };
  if (result.value !== false)
    return refuse({ message: "`expect` is neither true nor false; compare its value with something", isRetryable: false }, answer);
  const failure: Failure = {
    kind: "failed",
    message: `answered with ${end.status}, but not as expected: ${call.expect}`,
    output: outputOf(answer),
  };
  return { kind: "unlike", failure, answer };
}

function statusFailure(end: Extract<HttpEnd, { kind: "answered" }>): Omit<Failure, "kind"> {
  const after = end.headers["retry-after"];
  const isRetryable = end.status >= 500 || RETRYABLE.has(end.status);
  const hint = REDIRECTS.has(end.status) ? "; redirects are followed only for GET and HEAD with `follow_redirects: true`" : "";
  return {
    message: `answered with ${end.status}${after === undefined ? "" : ` (Retry-After: ${after.slice(0, 64)})`}${hint}`,
    isRetryable,
  };
}

function refuse(failure: Omit<Failure, "kind">, answer?: Answer): CallEnd {
  return { kind: "refused", failure: { kind: "failed", ...failure, ...(answer === undefined ? {} : { output: outputOf(answer) }) } };
}

function keptHeaders(headers: Readonly<Record<string, string>>): { [key: string]: string } {
  return Object.fromEntries(HEADERS_KEPT.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])));
}

function bodyOf(end: Extract<HttpEnd, { kind: "answered" }>): JsonValue {
  const text = decodeText(end.body);
  if (end.isCut || !/^application\/(?:[^;]+\+)?json\b/i.test(end.headers["content-type"] ?? "")) return text;
  const reading = readJson(text);
  return "fault" in reading ? text : reading.output;
}

/** A value with each `{remote_id}` in its strings replaced. */
export function withRemoteId(value: PlainValue, remoteId: string): PlainValue {
  if (typeof value === "string") return value.replaceAll("{remote_id}", () => remoteId);
  if (Array.isArray(value)) return value.map((item: PlainValue) => withRemoteId(item, remoteId));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withRemoteId(item, remoteId)]));
}
