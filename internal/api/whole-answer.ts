// An answer whose length its headers tell, as every unary one of Connect's own protocol has: written in one piece, past Node's compatibility layer.
// 1. Over HTTP/2 its last byte ends the stream. Node's response would wait for trailers first, and then for the next turn of the event loop, and
//    send an empty frame after them: a second write here, a second read at the client.

import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";
import type { UniversalServerResponse } from "@connectrpc/connect/protocol";
import { assert } from "../base/assert.ts";

/** An answer that comes whole. */
export interface WholeAnswer extends UniversalServerResponse {
  readonly header: Headers;
  readonly body: AsyncIterable<Uint8Array>;
}

/** True for an answer that has no trailers and is all of its first chunk. */
export function isWhole(answer: UniversalServerResponse): answer is WholeAnswer {
  return answer.header?.has("content-length") === true && answer.body !== undefined && answer.trailer === undefined;
}

/** Writes it; a client that has left by then gets nothing. */
export async function writeWhole({ status, header, body }: WholeAnswer, response: ServerResponse | Http2ServerResponse): Promise<void> {
  const first = await body[Symbol.asyncIterator]().next();
  const bytes = first.done === true ? new Uint8Array(0) : first.value;
  assert(bytes.length === Number(header.get("content-length")), "Connect gives an answer of a known length in one chunk");
  const headers = Object.fromEntries(header);
  if (!("stream" in response)) {
    response.writeHead(status, headers).end(bytes);
    return;
  }
  const { stream } = response;
  if (stream.destroyed || stream.closed) return;
  stream.respond({ ...headers, ":status": status });
  stream.end(bytes);
}
