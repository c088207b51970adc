// One port for Connect, gRPC and gRPC-Web, over HTTP/1.1 and HTTP/2, with TLS or without.
// 1. Without TLS it listens on loopback only.
// 2. Connections, header sizes and the times of every step are bounded; a client that stalls is cut, others do not notice.
// 3. close() takes API_SHUTDOWN_MS_MAX at most: what is in flight by then is cut.

import { createServer as createHttp1Server } from "node:http";
import type { Server as Http1Server, ServerOptions } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { Server as HttpsServer } from "node:https";
import { isIP } from "node:net";
import type { Socket } from "node:net";
import { HoldfastError } from "../base/errors.ts";
import * as limits from "../base/limits.ts";
import type { Clock } from "../engine/ports.ts";
import { dispatchConnections, dispatchTlsConnections } from "./connection-dispatch.ts";
import { createHttp2Sessions } from "./http2-sessions.ts";
import type { Http2Sessions } from "./http2-sessions.ts";
import { parseListen } from "./listen-address.ts";
import type { NodeListener } from "./request-listener.ts";
import { asHttp1 } from "./request-listener.ts";
import type { TlsMaterial } from "./tls.ts";
import { secureContextOptions } from "./tls.ts";

/** A server that listens. */
export interface ApiServer {
  /** `http://127.0.0.1:7543`; with TLS https, and `localhost` where it listens on every address. */
  readonly address: string;
  /** New connections get this certificate; throws FAILED_PRECONDITION, and keeps the one there is, when it cannot be used. */
  renewTls(material: TlsMaterial): void;
  /** Takes no more connections, waits for calls in flight as long as the bound allows, then cuts what is left. */
  close(): Promise<void>;
}

/** Where to listen, and whom to call. */
export interface ServeOptions {
  /** `127.0.0.1:7543`, `[::1]:0`, `localhost:7543`; with TLS any address. */
  readonly listen: string;
  /** Undefined: no TLS. */
  readonly tls: TlsMaterial | undefined;
  /** Hears of connections that came to nothing; no secrets. */
  readonly log: (message: string) => void;
  readonly listener: NodeListener;
  readonly clock: Clock;
}

const SWEEP_MS = 50;

/** Listens; rejects with FAILED_PRECONDITION when the address is taken, and with INVALID_ARGUMENT when it is not loopback and there is no TLS. */
export async function serve({ listen, listener, clock, tls, log }: ServeOptions): Promise<ApiServer> {
  const { host, port } = parseListen(listen, { hasTls: tls !== undefined });
  const sessions = createHttp2Sessions(listener, clock);
  const sockets = new Set<Socket>();
  const undecided = new Set<Socket>();
  const parts = { http2: sessions.server, sockets, undecided };
  const https = tls === undefined ? undefined : httpsServer(listener, tls);
  const http1 = https ?? createHttp1Server(HTTP1, asHttp1(listener));
  http1.maxConnections = limits.API_CONNECTIONS_MAX;
  if (https === undefined) dispatchConnections({ http1, ...parts });
  else dispatchTlsConnections({ http1: https, ...parts }, log);
  await startListening(http1, { host, port });
  const bound = http1.address();
  const boundPort = typeof bound === "object" && bound !== null ? bound.port : port;
  return {
    address: addressOf({ scheme: https === undefined ? "http" : "https", host, port: boundPort }),
    renewTls: (material) => https?.setSecureContext(secureContextOptions(material)),
    close: () => closeServer({ http1, sessions, sockets, undecided, clock }),
  };
}

const HTTP1: ServerOptions = {
  headersTimeout: limits.API_HEADERS_MS_MAX,
  requestTimeout: limits.API_REQUEST_MS_MAX,
  keepAliveTimeout: limits.API_IDLE_MS_MAX,
  maxHeaderSize: limits.API_HEADER_BYTES_MAX,
  connectionsCheckingInterval: 5_000,
};

function httpsServer(listener: NodeListener, tls: TlsMaterial): HttpsServer {
  return createHttpsServer(
    {
      ...HTTP1,
      ...secureContextOptions(tls),
      ALPNProtocols: ["h2", "http/1.1"],
      handshakeTimeout: limits.API_PREFACE_MS_MAX,
      requestCert: tls.clientCa !== undefined,
      rejectUnauthorized: true,
    },
    asHttp1(listener),
  );
}

function addressOf({ scheme, host, port }: { scheme: string; host: string; port: number }): string {
  if (host === "0.0.0.0" || host === "::") return `${scheme}://localhost:${port}`;
  return `${scheme}://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

function startListening(server: Http1Server, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (cause: Error): void => {
      const isTaken = "code" in cause && cause.code === "EADDRINUSE";
      const reason = isTaken ? "another program listens there; end it, or choose another --listen" : cause.message;
      reject(new HoldfastError("FAILED_PRECONDITION", `cannot listen on ${host}:${port}: ${reason}`, { cause }));
    };
    server.once("error", refuse);
    server.listen({ host, port }, () => {
      server.off("error", refuse);
      resolve();
    });
  });
}

interface Closing {
  readonly http1: Http1Server;
  readonly sessions: Http2Sessions;
  readonly sockets: ReadonlySet<Socket>;
  readonly undecided: ReadonlySet<Socket>;
  readonly clock: Clock;
}

function closeServer({ http1, sessions, sockets, undecided, clock }: Closing): Promise<void> {
  return new Promise((resolve) => {
    // After an over-limit HTTP/1.1 body the server never says that it closed, so the clock decides too.
    const cancel = clock.after(limits.API_SHUTDOWN_MS_MAX, () => {
      cancelSweep();
      for (const socket of sockets) socket.destroy();
      resolve();
    });
    let cancelSweep = (): void => undefined;
    // A connection whose last answer went out after the close began is idle then, and nobody else would end it.
    const sweep = (): void => {
      http1.closeIdleConnections();
      sessions.endIdle();
      // Everything was said to this one, and it has not hung up.
      for (const socket of sockets) if (socket.writableFinished) socket.destroy();
      cancelSweep = clock.after(SWEEP_MS, sweep);
    };
    http1.close(() => {
      cancel();
      cancelSweep();
      resolve();
    });
    sessions.refuseStreams();
    for (const socket of undecided) socket.destroy();
    cancelSweep = clock.after(SWEEP_MS, sweep);
  });
}
