// How the client reaches the service: an address, a token, TLS; one Connect transport.
// 1. TLS 1.2 at least; no answer is read beyond RESPONSE_BYTES_MAX.

import type { Interceptor, Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { RESPONSE_BYTES_MAX } from "../base/limits.ts";
import { MESSAGE_DEPTH_MAX } from "../base/message-depth.ts";

/** Where the service is and who is asking. */
export interface ClientOptions {
  /** `http://127.0.0.1:7543` */
  readonly address: string;
  /** The bearer token; empty: none is sent. */
  readonly token: string;
  /** The longest that one call may take that is neither a stream nor an Exec that waits. */
  readonly callTimeoutMs: number;
  /** For an address of https. Default: the system's CAs, and no certificate of its own. */
  readonly tls?: ClientTls | undefined;
  /** "2": all calls share one connection, which is cheaper for a program with many in flight, up to 256. Default: "1.1". */
  readonly httpVersion?: "1.1" | "2" | undefined;
}

/** Whom to trust, and by which certificate to be known; all as PEM. */
export interface ClientTls {
  /** The only CAs that may have signed the service's certificate. Default: the system's. */
  readonly ca?: string | undefined;
  /** The client's certificate chain, for a service with --tls-client-ca. */
  readonly cert?: string | undefined;
  /** Its private key. */
  readonly key?: string | undefined;
}

/** A transport to the service. */
export function transportTo({ address, token, tls, httpVersion = "1.1" }: Omit<ClientOptions, "callTimeoutMs">): Transport {
  return createConnectTransport({
    baseUrl: address,
    httpVersion,
    readMaxBytes: RESPONSE_BYTES_MAX,
    binaryOptions: { recursionLimit: MESSAGE_DEPTH_MAX },
    interceptors: token === "" ? [] : [bearing(token)],
    nodeOptions: { minVersion: "TLSv1.2", ca: tls?.ca, cert: tls?.cert, key: tls?.key },
  });
}

function bearing(token: string): Interceptor {
  return (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
}
