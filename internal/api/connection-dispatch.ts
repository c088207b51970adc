// Hands each connection of the one port to the server of its protocol: with TLS as ALPN chose, without it by the first bytes.
// 1. No byte is lost: what was read to decide is given back to the socket first.
// 2. A connection that does not say what it speaks is cut after a bounded time.
// 3. Over TLS HTTP/2 is spoken only where ALPN chose it (RFC 9113, 3.2): without ALPN it is HTTP/1.1, whatever the first bytes are.

import type { Server as Http1Server } from "node:http";
import type { Http2Server } from "node:http2";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { API_IDLE_MS_MAX, API_PREFACE_MS_MAX } from "../base/limits.ts";

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** Two servers and the connections they share. */
export interface Dispatching {
  readonly http1: Http1Server;
  readonly http2: Http2Server;
  readonly sockets: Set<Socket>;
  /** Those that have not said yet which protocol they speak. */
  readonly undecided: Set<Socket>;
}

/** Puts itself before the HTTP/1.1 server's own taking of connections: that one keeps what is not HTTP/2. */
export function dispatchConnections({ http1, http2, sockets, undecided }: Dispatching): void {
  const takeHttp1 = http1.listeners("connection");
  http1.removeAllListeners("connection");
  refuseBadRequests(http1);
  http1.on("connection", (socket: Socket) => {
    enter(socket, { sockets, undecided });
    sniff(socket, (isHttp2) => {
      undecided.delete(socket);
      if (isHttp2) http2.emit("connection", socket);
      else for (const take of takeHttp1) take.call(http1, socket);
    });
  });
}

/** The same for a server of HTTP/1.1 over TLS; `log` hears of connections that came to nothing. */
export function dispatchTlsConnections({ http1, http2, sockets, undecided }: Dispatching, log: (message: string) => void): void {
  const takeHttp1 = http1.listeners("secureConnection");
  http1.removeAllListeners("secureConnection");
  refuseBadRequests(http1);
  // What TLS runs on and the TLS socket are two objects with one remote end.
  const handshaking = new Map<string, Socket>();
  http1.on("connection", (socket: Socket) => {
    const end = remoteEnd(socket);
    handshaking.set(end, socket);
    socket.once("close", () => handshaking.delete(end));
    enter(socket, { sockets, undecided });
  });
  http1.on("secureConnection", (socket: TLSSocket) => {
    const raw = handshaking.get(remoteEnd(socket));
    if (raw !== undefined) undecided.delete(raw);
    sockets.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      undecided.delete(socket);
    });
    if (socket.alpnProtocol === "h2") {
      http2.emit("connection", socket);
      return;
    }
    undecided.add(socket); // until it asks something: to Node's server it is not idle before
    for (const take of takeHttp1) take.call(http1, socket);
  });
  http1.on("request", ({ socket }) => undecided.delete(socket));
  http1.on("tlsClientError", (error: Error, socket: TLSSocket) => {
    log(`a connection ended before it was secure: ${"code" in error ? String(error.code) : error.name}`);
    socket.destroy();
  });
}

function remoteEnd({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function enter(socket: Socket, { sockets, undecided }: Pick<Dispatching, "sockets" | "undecided">): void {
  sockets.add(socket);
  undecided.add(socket);
  socket.once("close", () => {
    sockets.delete(socket);
    undecided.delete(socket);
  });
  socket.setNoDelay(true);
  socket.setKeepAlive(true, API_IDLE_MS_MAX);
}

function refuseBadRequests(http1: Http1Server): void {
  http1.on("clientError", (_error, socket) => {
    if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    else socket.destroy();
  });
}

/** Decides as soon as the bytes differ from HTTP/2's preface, or are all of it; gives them back to the socket first. */
function sniff(socket: Socket, decide: (isHttp2: boolean) => void): void {
  let seen = Buffer.alloc(0);
  const giveUp = (): void => void socket.destroy();
  const onReadable = (): void => {
    const chunk: unknown = socket.read();
    if (!(chunk instanceof Buffer)) return;
    seen = Buffer.concat([seen, chunk]);
    const length = Math.min(seen.length, PREFACE.length);
    const isLike = seen.subarray(0, length).equals(PREFACE.subarray(0, length));
    if (isLike && length < PREFACE.length) return;
    socket.off("readable", onReadable);
    socket.off("timeout", giveUp);
    socket.off("error", giveUp);
    socket.off("end", giveUp);
    socket.setTimeout(0);
    socket.unshift(seen);
    decide(isLike);
  };
  socket.setTimeout(API_PREFACE_MS_MAX, giveUp);
  socket.on("error", giveUp);
  socket.on("end", giveUp);
  socket.on("readable", onReadable);
}
