// TLS of the one port: what it is made of, which of the two protocols a connection chose, and whom a client certificate names.
// 1. TLS 1.2 at least. Sessions are not resumed: who was shut out by a new client CA does not come back on an old ticket.
// 2. With a client CA no connection comes about without a certificate of it.

import { constants } from "node:crypto";
import type { Socket } from "node:net";
import type { SecureContextOptions } from "node:tls";
import { TLSSocket, createSecureContext } from "node:tls";
import { HoldfastError } from "../base/errors.ts";
import type { Certificate } from "./authentication.ts";

/** Certificate chain, key and client CAs as PEM. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  /** CAs of client certificates, which are then required; undefined: none are asked for. */
  readonly clientCa: string | undefined;
}

/** What Node makes a secure context of; throws FAILED_PRECONDITION for what it cannot use. */
export function secureContextOptions({ cert, key, clientCa }: TlsMaterial): SecureContextOptions {
  const options: SecureContextOptions = {
    cert,
    key,
    minVersion: "TLSv1.2",
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
    ...(clientCa === undefined ? {} : { ca: clientCa }),
  };
  try {
    createSecureContext(options);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HoldfastError("FAILED_PRECONDITION", `certificate, key and client CA cannot be used together: ${reason}`, { cause });
  }
  return options;
}

/** Whom the client certificate of a connection names; undefined when the connection did not ask for one. */
export function certificateOf(socket: Socket, nowMs: number): Certificate | undefined {
  // `authorized` is true only where a certificate was asked for, shown and verified. Over HTTP/2 this is a proxy, which passes for its socket.
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const peer = socket.getPeerX509Certificate();
  if (peer === undefined) return { commonName: undefined, isInTime: false };
  const commonName: unknown = peer.toLegacyObject().subject?.CN; // a list when there are several
  return { commonName: typeof commonName === "string" ? commonName : undefined, isInTime: nowMs <= peer.validToDate.getTime() };
}
