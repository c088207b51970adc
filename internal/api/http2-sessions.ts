// The HTTP/2 side of the server, and which of its sessions still have calls to answer.
// 1. A session counts as busy until its answers are written, not until its client has read them: one that never reads cannot hold the service.
// 2. A call that is not there whole within API_REQUEST_MS_MAX is cut, as over HTTP/1.1: it would keep the room that others wait for.

import { constants, createServer } from "node:http2";
import type { Http2Server, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import {
  API_HEADER_BYTES_MAX,
  API_HEADER_PAIRS_MAX,
  API_HTTP2_STREAMS_MAX,
  API_IDLE_MS_MAX,
  API_REQUEST_MS_MAX,
  API_SESSION_MEMORY_MIB_MAX,
} from "../base/limits.ts";
import type { Clock } from "../engine/ports.ts";
import type { NodeListener } from "./request-listener.ts";

/** An HTTP/2 server whose sessions can be ended one by one as they fall idle. */
export interface Http2Sessions {
  readonly server: Http2Server;
  /** Tells all clients to open no further streams. */
  refuseStreams(): void;
  /** Ends the sessions on which nothing is left to answer. */
  endIdle(): void;
}

/** The calls of a session. They are counted and not held: a set whose members come and go keeps the gone ones until the next full collection. */
interface Calls {
  unanswered: number;
}

/** Serves the listener; connections are handed in by `emit("connection")`. */
export function createHttp2Sessions(listener: NodeListener, clock: Pick<Clock, "after">): Http2Sessions {
  const server = createServer(
    {
      maxSessionMemory: API_SESSION_MEMORY_MIB_MAX,
      maxHeaderListPairs: API_HEADER_PAIRS_MAX,
      settings: { maxConcurrentStreams: API_HTTP2_STREAMS_MAX, maxHeaderListSize: API_HEADER_BYTES_MAX },
    },
    listener,
  );
  const open = new Map<ServerHttp2Session, Calls>();
  server.on("session", (session: ServerHttp2Session) => {
    const calls: Calls = { unanswered: 0 };
    open.set(session, calls);
    session.once("close", () => open.delete(session));
    session.on("error", () => session.destroy());
    session.on("stream", (stream) => {
      let isAnswered = false;
      const answered = (): void => {
        if (!isAnswered) calls.unanswered--;
        isAnswered = true;
      };
      calls.unanswered++;
      stream.once("finish", answered);
      stream.once("close", answered);
      stream.once(
        "close",
        clock.after(API_REQUEST_MS_MAX, () => cutUnfinished(stream)),
      );
    });
    // Streams that wait for news are not idle.
    session.setTimeout(API_IDLE_MS_MAX, () => {
      if (calls.unanswered === 0) session.destroy();
    });
  });
  server.on("sessionError", () => undefined);
  return {
    server,
    refuseStreams() {
      for (const session of open.keys()) session.close();
    },
    endIdle() {
      for (const [session, calls] of open) if (calls.unanswered === 0) session.destroy();
    },
  };
}

/** What has come whole may take as long as it likes to be answered. Of a closed stream Node keeps an unread body and an answer that nobody takes. */
function cutUnfinished(stream: ServerHttp2Stream): void {
  if (stream.closed) stream.destroy();
  else if (stream.state.state === constants.NGHTTP2_STREAM_STATE_OPEN) stream.close(constants.NGHTTP2_CANCEL);
}
