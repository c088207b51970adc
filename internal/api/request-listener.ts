// From Node's requests to Connect's handlers, over HTTP/1.1 and HTTP/2.
// 1. Nothing that a client sends throws out of here: what cannot be a call is answered with 400 or 404, or its connection is cut.
// 2. A request whose answer came before its body was read does not hold its connection for ever.
// 3. A request with two authorization headers is refused: a proxy before us and we could each believe another one.

import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { constants } from "node:http2";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { Code, ConnectError, createContextValues } from "@connectrpc/connect";
import type { UniversalHandler, UniversalServerRequest } from "@connectrpc/connect/protocol";
import { universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { Clock } from "../engine/ports.ts";
import { wireKey } from "./call-gate.ts";
import { TimedBody } from "./timed-body.ts";
import { certificateOf } from "./tls.ts";
import { isWhole, writeWhole } from "./whole-answer.ts";

/** Node's two kinds of requests. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;
/** Node's two kinds of responses. */
export type NodeResponse = ServerResponse | Http2ServerResponse;
/** Serves both. */
export type NodeListener = (request: NodeRequest, response: NodeResponse) => void;

/** Why a call ends whose client closes its stream or its connection; made once, for every call that was answered ends so too. */
const LEFT = new ConnectError("the client has left", Code.Canceled);
const PLAIN_TEXT = { "content-type": "text/plain; charset=utf-8" };

/** Serves the handlers; `log` hears of calls that broke on the way, `nowMs` is the wall clock's. */
export function createRequestListener(
  handlers: readonly UniversalHandler[],
  { log, clock, nowMs }: { readonly log: (message: string) => void; readonly clock: Pick<Clock, "after">; readonly nowMs: () => number },
): NodeListener {
  const byPath = new Map(handlers.map((handler) => [handler.requestPath, handler]));
  return (request, response) => {
    // Both may fail at any time, also after the call; without a listener that would be an uncaught exception.
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    const handler = byPath.get((request.url ?? "").split("?", 1)[0] ?? "");
    if (handler === undefined) {
      refuse(request, response, 404, "no such path; calls are POST /PACKAGE.SERVICE/METHOD, and reflection lists the services");
      return;
    }
    if (authorizations(request) > 1) {
      refuse(request, response, 400, "the request has more than one authorization header; send one");
      return;
    }
    const call = universalRequest({ request, response }, clock, nowMs());
    if (call === undefined) {
      refuse(request, response, 400, "the request names no host, or one that is not a host");
      return;
    }
    serve(handler, call, { request, response, clock }).catch((error: unknown) => {
      log(`${handler.requestPath}: the call broke on the way: ${error instanceof Error ? error.message : "unknown"}`);
      response.destroy();
    });
  };
}

/** A stream may last for days: nothing is held meanwhile but its answer. */
function serve(
  handler: UniversalHandler,
  call: UniversalServerRequest,
  { request, response, clock }: { request: NodeRequest; response: NodeResponse; clock: Pick<Clock, "after"> },
): Promise<void> {
  return handler(call).then((answer) => {
    if (isWhole(answer)) return writeWhole(answer, response).then(() => letGo(request));
    whenSaid(response, clock, () => letGo(request));
    return universalResponseToNodeResponse(answer, response);
  });
}

/** Calls back when an answer is said. Over HTTP/2 Node's response finishes no sooner than its stream is closed, and that waits for the body. */
function whenSaid(response: NodeResponse, clock: Pick<Clock, "after">, then: () => void): void {
  if (!("stream" in response)) response.once("finish", then);
  else if (response.stream.closed) then();
  else response.stream.once("aborted", then).once("wantTrailers", () => clock.after(0, then)); // a close at once would overtake the trailers
}

function authorizations({ rawHeaders }: NodeRequest): number {
  return rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === "authorization").length;
}

/** Undefined for what no URL can be made of. The call can be ended from inside: its one signal aborts with the client's leaving and with `end`. */
function universalRequest(
  { request, response }: { request: NodeRequest; response: NodeResponse },
  clock: Pick<Clock, "after">,
  nowMs: number,
): UniversalServerRequest | undefined {
  const head = headOf(request);
  if (head === undefined) return undefined;
  const ending = new AbortController();
  const end = (reason: Error): void => ending.abort(reason);
  response.once("close", () => ending.abort(LEFT));
  const body = new TimedBody(request);
  const bodyWithin = (ms: number): void => void response.once("close", body.within(ms, clock, end));
  return {
    ...head,
    httpVersion: request.httpVersion,
    method: request.method ?? "",
    body,
    signal: ending.signal,
    contextValues: createContextValues().set(wireKey, {
      certificate: certificateOf(request.socket, nowMs),
      address: request.socket.remoteAddress ?? "",
      end,
      bodyWithin,
    }),
  };
}

function headOf(request: NodeRequest): { readonly url: string; readonly header: Headers } | undefined {
  const host = "authority" in request ? request.authority : request.headers.host;
  if (host === undefined) return undefined;
  try {
    const url = new URL(request.url ?? "", `${"encrypted" in request.socket ? "https" : "http"}://${host}`).toString();
    return { url, header: headerOf(request) };
  } catch {
    return undefined; // `authority`, `host` and all other headers are the client's; the parsers say no more than that they are wrong
  }
}

function headerOf({ headers }: NodeRequest): Headers {
  const header = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(":")) continue;
    for (const each of typeof value === "string" ? [value] : value) header.append(name, each);
  }
  return header;
}

function refuse(request: NodeRequest, response: NodeResponse, status: number, message: string): void {
  response.once("finish", () => letGo(request));
  response.statusCode = status;
  for (const [name, value] of Object.entries(PLAIN_TEXT)) response.setHeader(name, value);
  response.end(`${message}\n`);
}

/** Reads a body to its end that nobody reads any more: in the time that the server gives it, and over HTTP/2 no more of it than has come. */
function letGo(request: NodeRequest): void {
  if (request.readableEnded || request.destroyed) return;
  request.removeAllListeners("readable"); // whoever was reading and left: while he listens nothing flows
  request.resume();
  if ("stream" in request) request.stream.close(constants.NGHTTP2_NO_ERROR);
}

/** The listener as node:http wants it. */
export function asHttp1(listener: NodeListener): RequestListener {
  return (request, response) => listener(request, response);
}
