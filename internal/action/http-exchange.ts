// One HTTP request and its answer, over a connection of its own, so that it is known whether anything of the request was sent.
// 1. Before the connection (and TLS) stands, nothing was sent: `unsent`. After that, without an answer, it is `lost`: it may have been done.
// 2. The answer's body is bounded; no proxy, no cookie, no redirect, no compression.

import { Buffer } from "node:buffer";
import { Agent, request as requestPlain } from "node:http";
import type { ClientRequest, IncomingMessage } from "node:http";
import { Agent as SecureAgent, request as requestSecure } from "node:https";
import type { Clock } from "../engine/ports.ts";
import { HTTP_BODY_BYTES_MAX } from "../base/limits.ts";
import { watchPulse } from "./pulse.ts";

/** What to send. */
export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
}

/** How it ended. */
export type HttpEnd =
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: Uint8Array;
      readonly isCut: boolean;
    }
  /** Nothing was sent: no address, no connection, no TLS. */
  | { readonly kind: "unsent"; readonly reason: string; readonly isTimedOut: boolean }
  /** The request, or a part of it, was sent, and no whole answer came. */
  | { readonly kind: "lost"; readonly reason: string; readonly isTimedOut: boolean };

const LATE = "no answer in time";

/** Sends one request; never rejects. Ends by the timeout and the abort as `unsent` or `lost`. */
export function exchange(
  clock: Clock,
  request: HttpRequest,
  limits: { readonly timeoutMs: number; readonly heartbeatMs: number; readonly signal: AbortSignal },
): Promise<HttpEnd> {
  return new Promise((resolve) => {
    const sending = open(request);
    let wasSent = false;
    let endReason: string | undefined;
    let isLate = false;
    const give = (end: HttpEnd): void => {
      stopClock();
      pulse.stop();
      limits.signal.removeEventListener("abort", onAbort);
      resolve(end);
    };
    const giveUp = (reason: string): void => {
      endReason = reason;
      sending.destroy(new Error(reason));
    };
    const failed = (error: Error): void =>
      give({ kind: wasSent ? "lost" : "unsent", reason: endReason ?? reasonOf(error), isTimedOut: isLate });
    const onAbort = (): void => giveUp("cancelled");
    const giveUpLate = (reason: string): void => {
      isLate = true;
      giveUp(reason);
    };
    const stopClock = clock.after(limits.timeoutMs, () => giveUpLate(LATE));
    const pulse = watchPulse(clock, { heartbeatMs: limits.heartbeatMs, onSilent: (heardMs) => giveUpLate(silenceText(heardMs)) });
    sending.on("socket", (socket) => socket.once(request.url.protocol === "https:" ? "secureConnect" : "connect", () => (wasSent = true)));
    sending.on("error", failed);
    sending.on("response", (response) => {
      pulse.beat();
      response.on("data", () => pulse.beat());
      readAnswer(response, give, failed);
    });
    if (limits.signal.aborted) onAbort();
    else limits.signal.addEventListener("abort", onAbort, { once: true });
    sending.end(request.body);
  });
}

function silenceText(heardAfterMs: number | undefined): string {
  const heard =
    heardAfterMs === undefined
      ? "nothing of an answer came"
      : `the last of it came ${(heardAfterMs / 1_000).toFixed(1)} s after it was asked for`;
  return `no sign of life for its \`heartbeat\`: ${heard}`;
}

function open({ method, url, headers, body }: HttpRequest): ClientRequest {
  const length = body === undefined ? {} : { "content-length": String(body.length) };
  const options = { method, headers: { "accept-encoding": "identity", ...headers, ...length } };
  if (url.protocol === "https:") return requestSecure(url, { ...options, agent: new SecureAgent({ keepAlive: false }) });
  return requestPlain(url, { ...options, agent: new Agent({ keepAlive: false }) });
}

function readAnswer(response: IncomingMessage, give: (end: HttpEnd) => void, failed: (error: Error) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  const done = (isCut: boolean): void => {
    const body = Buffer.concat(chunks).subarray(0, HTTP_BODY_BYTES_MAX);
    give({ kind: "answered", status: response.statusCode ?? 0, headers: flat(response), body, isCut });
  };
  response.on("error", failed);
  response.on("data", (chunk: Buffer) => {
    if (size > HTTP_BODY_BYTES_MAX) return;
    chunks.push(chunk);
    size += chunk.length;
    if (size <= HTTP_BODY_BYTES_MAX) return;
    done(true); // the status is known, and what follows is of no use
    response.destroy();
  });
  response.on("end", () => done(size > HTTP_BODY_BYTES_MAX));
}

function flat(response: IncomingMessage): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(response.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : (value ?? "")]),
  );
}

/** Node's messages name addresses, which is what people need; those of its parser may quote the answer, so only their code is told. */
function reasonOf(error: Error): string {
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return code.startsWith("HPE_")
    ? `the answer is no HTTP (${code})`
    : `${error.message}${code === "" || error.message.includes(code) ? "" : ` (${code})`}`;
}
